//! A run in figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Answer, History, How, Kind, Life, Violation, What,
    ends::count,
    replay::changes,
    requeue::{Requeues, began},
    story::{Stories, Story},
    twice,
};

/// A run in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// What was played.
    pub scene: String,
    /// Of its schedule.
    pub seed: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Faults that were injected, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Tasks that somebody wanted to enqueue.
    pub tasks: u64,
    /// Of these, acknowledged.
    pub acknowledged: u64,
    /// Of these, refused with an answer.
    pub refused: u64,
    /// Tasks that are completed at the end.
    pub completed: u64,
    /// Tasks that are dead at the end.
    pub dead: u64,
    /// Acknowledged tasks without an end.
    pub lost: u64,
    /// Tasks that were completed twice, or under a stale lease.
    pub completed_twice: u64,
    /// Answers under stale leases, all of them refused.
    pub stale_refused: u64,
    /// Tasks of dead nodes that ran again while nothing else was wrong.
    pub moved: u64,
    /// The longest that such a task took, in milliseconds.
    pub longest_requeue_ms: Option<u64>,
    /// Changes of tasks that the hub's log tells.
    pub changes: u64,
    /// Grants while another task was ready, which were compared with it.
    pub compared: u64,
    /// Broken promises.
    pub violations: u64,
}

impl Summary {
    pub(crate) fn of(
        history: &History,
        stories: &Stories<'_>,
        requeues: &Requeues,
        violations: &[Violation],
    ) -> Self {
        let began = began(history);
        let many = |kinds: &[Kind]| {
            let of = |violation: &&Violation| kinds.contains(&violation.kind);
            violations.iter().filter(of).count() as u64
        };
        Self {
            scene: began.map_or_else(|| "?".to_owned(), |began| began.scene.clone()),
            seed: began.map_or(0, |began| began.seed),
            took_ms: took_ms(history),
            faults: faults(history, stories),
            tasks: tasks(stories, |story| story.asked.is_some()),
            acknowledged: tasks(stories, |story| story.acknowledged.is_some()),
            refused: refused(history),
            completed: count(stories, Life::Completed),
            dead: count(stories, Life::Dead),
            lost: many(&[Kind::Lost, Kind::NeverEnded]),
            completed_twice: many(&[Kind::CompletedTwice, Kind::StaleAnswer]),
            stale_refused: stale_refused(stories),
            moved: requeues.moved,
            longest_requeue_ms: requeues.longest_us.map(|us| us / 1_000),
            compared: 0,
            changes: changes(history).count() as u64,
            violations: violations.len() as u64,
        }
    }
}

fn took_ms(history: &History) -> u64 {
    let at = |recorded: Option<&crate::Recorded>| recorded.map_or(0, |of| of.entry.at_us);
    at(history.entries.last()).saturating_sub(at(history.entries.first())) / 1_000
}

/// Tasks that kill their nodes, and nodes that they have killed.
pub(crate) const POISON: &str = "poison task";
pub(crate) const BY_A_TASK: &str = "node killed by its task";

/// Tasks that were sent again, and of these when the hub had been killed meanwhile.
const SENT_TWICE: &str = "sent twice";
const OVER_A_DEATH: &str = "sent twice over a hub's death";

fn faults(history: &History, stories: &Stories<'_>) -> BTreeMap<String, u64> {
    let mut faults = BTreeMap::new();
    for recorded in &history.entries {
        if let Some(kind) = fault(&recorded.entry.what) {
            *faults.entry(kind).or_default() += 1;
        }
    }
    let (at_once, over_a_death) = twice::count(history, stories);
    for (kind, count) in [(SENT_TWICE, at_once), (OVER_A_DEATH, over_a_death)] {
        if count > 0 {
            faults.insert(kind.to_owned(), count);
        }
    }
    faults
}

fn fault(what: &What) -> Option<String> {
    if let What::Fault { kind, .. } = what {
        return Some(kind.clone());
    }
    if let What::EnqueueAsked {
        is_poison: true, ..
    } = what
    {
        return Some(POISON.to_owned());
    }
    if let What::Poisoned { .. } = what {
        return Some(BY_A_TASK.to_owned());
    }
    if let What::Frozen { who } = what {
        return Some(format!("freeze {}", role(who)));
    }
    if let What::Down {
        who,
        how: How::Killed,
    } = what
    {
        return Some(format!("kill {}", role(who)));
    }
    None
}

/// `node-3` is a node.
fn role(who: &str) -> &str {
    who.split('-').next().unwrap_or(who)
}

fn tasks(stories: &Stories<'_>, is: impl Fn(&Story<'_>) -> bool) -> u64 {
    stories.values().filter(|story| is(story)).count() as u64
}

fn refused(history: &History) -> u64 {
    let is =
        |recorded: &&crate::Recorded| matches!(recorded.entry.what, What::EnqueueRefused { .. });
    history.entries.iter().filter(is).count() as u64
}

fn stale_refused(stories: &Stories<'_>) -> u64 {
    let answers = stories.values().flat_map(|story| &story.answers);
    answers
        .filter(|told| *told.answer == Answer::LeaseLost)
        .count() as u64
}
