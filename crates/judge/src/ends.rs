//! Every acknowledged task ends, and is known at the end.

use crate::{
    Kind, Life, Violation,
    story::{Stories, Story},
};

pub(crate) fn check(stories: &Stories<'_>) -> Vec<Violation> {
    let of = |(task, story): (&&str, &Story<'_>)| check_one(task, story);
    stories.iter().filter_map(of).collect()
}

fn check_one(task: &str, story: &Story<'_>) -> Option<Violation> {
    let acknowledged = story.acknowledged;
    let shown = story.asked.into_iter().chain(acknowledged);
    if let Some((found, recorded)) = story.found {
        if found.life.is_end() {
            return None;
        }
        let said = format!(
            "it is still {} although all the work was to be done",
            found.life
        );
        let never = Violation::new(Kind::NeverEnded, task, said);
        return Some(never.showing(shown.chain([recorded])));
    }
    acknowledged?;
    let (said, shown_last) = match story.not_found {
        Some(recorded) => (
            "the hub said that it has it, and does not know it at the end",
            Some(recorded),
        ),
        None => (
            "the hub said that it has it, and nobody could find out what became of it",
            None,
        ),
    };
    let lost = Violation::new(Kind::Lost, task, said);
    let last = story.starts.last().map(|start| start.recorded);
    Some(lost.showing(shown.chain(last).chain(shown_last)))
}

/// Of how many tasks the end is this one.
pub(crate) fn count(stories: &Stories<'_>, life: Life) -> u64 {
    let is = |story: &&Story<'_>| story.found.is_some_and(|(found, _)| found.life == life);
    stories.values().filter(is).count() as u64
}
