//! All that was recorded of one task.

use std::collections::BTreeMap;

use crate::{Answer, Entry, Found, History, Outcome, Recorded, What};

/// All that was recorded of one task, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Story<'a> {
    pub(crate) asked: Option<&'a Recorded>,
    /// Enqueued under the same id, when the first had been acknowledged.
    pub(crate) asked_again: Vec<&'a Recorded>,
    pub(crate) acknowledged: Option<&'a Recorded>,
    /// What the hub said once it had acknowledged it.
    pub(crate) told_again: Vec<&'a Recorded>,
    /// By whom it was worked on who died of it.
    pub(crate) poisoned: Vec<&'a Recorded>,
    pub(crate) starts: Vec<Start<'a>>,
    pub(crate) asks: Vec<&'a Recorded>,
    pub(crate) answers: Vec<Told<'a>>,
    pub(crate) found: Option<(&'a Found, &'a Recorded)>,
    pub(crate) not_found: Option<&'a Recorded>,
}

/// A node began to work on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) at_us: u64,
    pub(crate) node: &'a str,
    pub(crate) lease: &'a str,
    pub(crate) attempt: u32,
    pub(crate) is_right: bool,
    pub(crate) recorded: &'a Recorded,
}

/// What the hub said to an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) at_us: u64,
    pub(crate) lease: &'a str,
    pub(crate) outcome: Outcome,
    pub(crate) answer: &'a Answer,
    pub(crate) recorded: &'a Recorded,
}

impl<'a> Story<'a> {
    /// Answers that took effect.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &Told<'a>> {
        self.answers
            .iter()
            .filter(|told| *told.answer == Answer::Taken)
    }

    pub(crate) fn attempts_max(&self) -> Option<u32> {
        let What::EnqueueAsked { attempts_max, .. } = &self.asked?.entry.what else {
            return None;
        };
        *attempts_max
    }

    /// Its own number of losses.
    pub(crate) fn losses_max(&self) -> Option<u32> {
        let What::EnqueueAsked { losses_max, .. } = &self.asked?.entry.what else {
            return None;
        };
        *losses_max
    }

    /// Whether it kills every node that works on it.
    pub(crate) fn is_poison(&self) -> bool {
        let of = |asked: &Recorded| {
            matches!(
                asked.entry.what,
                What::EnqueueAsked {
                    is_poison: true,
                    ..
                }
            )
        };
        self.asked.is_some_and(of)
    }

    /// When an answer under this lease was about to be given for the first time.
    pub(crate) fn asked_at(&self, lease: &str) -> Option<u64> {
        let of = |recorded: &&&Recorded| matches!(&recorded.entry.what, What::AnswerAsked { lease: asked, .. } if asked == lease);
        let first = self.asks.iter().find(of)?;
        Some(first.entry.at_us)
    }

    fn add(&mut self, recorded: &'a Recorded) {
        let Entry { at_us, by, what } = &recorded.entry;
        match what {
            What::EnqueueAsked { .. } if self.acknowledged.is_some() => {
                self.asked_again.push(recorded);
            }
            What::EnqueueAsked { .. } => _ = self.asked.get_or_insert(recorded),
            What::Acknowledged { .. } if self.acknowledged.is_none() => {
                self.acknowledged = Some(recorded);
            }
            What::Acknowledged { .. } => self.told_again.push(recorded),
            What::EnqueueRefused { .. } if self.acknowledged.is_some() => {
                self.told_again.push(recorded);
            }
            What::Poisoned { .. } => self.poisoned.push(recorded),
            What::Started {
                lease,
                attempt,
                is_right,
                ..
            } => self.starts.push(Start {
                at_us: *at_us,
                node: by,
                lease,
                attempt: *attempt,
                is_right: *is_right,
                recorded,
            }),
            What::AnswerAsked { .. } => self.asks.push(recorded),
            What::Answered {
                lease,
                outcome,
                answer,
                ..
            } => self.answers.push(Told {
                at_us: *at_us,
                lease,
                outcome: *outcome,
                answer,
                recorded,
            }),
            What::Found(found) => self.found = Some((found, recorded)),
            What::NotFound { .. } => self.not_found = Some(recorded),
            What::EnqueueRefused { .. }
            | What::EnqueueUnknown { .. }
            | What::Began(_)
            | What::Up { .. }
            | What::Down { .. }
            | What::Frozen { .. }
            | What::Thawed { .. }
            | What::Fault { .. }
            | What::Stalled { .. }
            | What::Checked { .. }
            | What::Calm => {}
        }
    }
}

/// The stories of a history, by task.
pub(crate) type Stories<'a> = BTreeMap<&'a str, Story<'a>>;

pub(crate) fn stories(history: &History) -> Stories<'_> {
    let mut stories = Stories::new();
    for recorded in &history.entries {
        if let Some(task) = recorded.entry.what.task() {
            stories.entry(task).or_default().add(recorded);
        }
    }
    stories
}
