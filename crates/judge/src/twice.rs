//! Tasks that were sent twice: the second time they are acknowledged as the ones that they are. That
//! they end once is looked at for every task.

use crate::{
    Answer, History, Kind, Life, LogLine, Outcome, Recorded, Violation, What,
    story::{Stories, Story, Told},
};

pub(crate) fn check(history: &History, stories: &Stories<'_>) -> Vec<Violation> {
    let of = |(task, story): (&&str, &Story<'_>)| check_one(task, story, history);
    stories.iter().filter_map(of).collect()
}

fn check_one(task: &str, story: &Story<'_>, history: &History) -> Option<Violation> {
    let again = story.asked_again.first()?;
    let later = story.told_again.iter();
    let mut later = later.filter(|told| told.entry.at_us >= again.entry.at_us);
    let (said, told) = later.find_map(|told| Some((wrong(task, story, told, history)?, *told)))?;
    let first = story.asked.into_iter().chain(story.acknowledged);
    let violation = Violation::new(Kind::SentTwice, task, said);
    Some(violation.showing(first.chain([*again, told])))
}

/// What is wrong with the answer to the second.
fn wrong(task: &str, story: &Story<'_>, told: &Recorded, history: &History) -> Option<String> {
    if let What::EnqueueRefused { why, .. } = &told.entry.what {
        return Some(format!("the second was refused: {why}"));
    }
    let What::Acknowledged { known_as, .. } = &told.entry.what else {
        return None;
    };
    let Some(life) = *known_as else {
        let was_taken_anew = !is_forgotten(task, history);
        return was_taken_anew.then(|| "the second was taken for a new task".to_owned());
    };
    let asked_at = asked_before(story, told)?;
    let mut completions = story.taken().filter(|told| is_completion(told));
    let was_completed = completions.any(|told| told.at_us < asked_at);
    (was_completed && life != Life::Completed)
        .then(|| format!("it was completed, and the answer to the second was that it is {life}"))
}

fn is_completion(told: &Told<'_>) -> bool {
    told.outcome == Outcome::Complete && *told.answer == Answer::Taken
}

/// When it was sent to which that is the answer.
fn asked_before(story: &Story<'_>, told: &Recorded) -> Option<u64> {
    let asked = story.asked_again.iter().map(|asked| asked.entry.at_us);
    asked.filter(|at| *at <= told.entry.at_us).max()
}

/// Whether the hub has said that it knows it no longer, as it may once it has ended.
fn is_forgotten(task: &str, history: &History) -> bool {
    let mut lines = history.logs.iter().flatten();
    lines.any(|logged| matches!(&logged.line, LogLine::Forgotten { task: of } if of == task))
}

/// How often something was sent again: with the hub as it was, and after it had been killed.
pub(crate) fn count(history: &History, stories: &Stories<'_>) -> (u64, u64) {
    let of_hub = history.entries.iter().filter(|of| is_death_of_hub(of));
    let deaths: Vec<u64> = of_hub.map(|of| of.entry.at_us).collect();
    let (mut at_once, mut over_a_death) = (0, 0);
    for story in stories.values() {
        let Some(first) = story.acknowledged.map(|of| of.entry.at_us) else {
            continue;
        };
        for again in &story.asked_again {
            let mut deaths = deaths.iter();
            if deaths.any(|at| first <= *at && *at <= again.entry.at_us) {
                over_a_death += 1;
            } else {
                at_once += 1;
            }
        }
    }
    (at_once, over_a_death)
}

fn is_death_of_hub(recorded: &Recorded) -> bool {
    matches!(&recorded.entry.what, What::Down { who, .. } if who == "hub")
}
