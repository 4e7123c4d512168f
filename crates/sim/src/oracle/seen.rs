//! A task as the oracle knows it, counted by itself.

use std::time::Duration;

use leasehold_core::{
    Aging, AttemptEnding, Death, LeaseId, LeaseRef, Node, PoolSettings, SessionId, State,
    StateKind, Task, TaskId, Timestamp,
};

use super::expiry::Terms;

/// Interruptions that pass without a wait.
const INTERRUPTIONS_FREE: u32 = 3;

#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) id: TaskId,
    /// Which enqueue of the pool made it.
    pub(super) order: u64,
    pub(super) priority: u32,
    pub(super) attempts_max: u32,
    pub(super) payload_bytes: u64,
    pub(super) ready_at: Timestamp,
    pub(super) attempt: u32,
    pub(super) interruptions: u32,
    /// In a row.
    pub(super) losses: u32,
    /// In a row or not, since the enqueue or the last revival.
    pub(super) lost: u32,
    pub(super) phase: Phase,
    /// The newest lease, while an answer under it is good.
    pub(super) newest: Option<Newest>,
    pub(super) ends: Vec<End>,
    pub(super) terms: Terms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Scheduled(Timestamp),
    Ready,
    Held(Timestamp, By),
    Completed(Timestamp),
    Cancelled(Timestamp),
    Dead(Timestamp),
}

/// What is the matter when a lease runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Deadline,
    Cut,
    Hub,
    Runtime,
    Stop,
}

#[derive(Debug, Clone)]
pub(super) struct Newest {
    pub(super) lease: LeaseId,
    pub(super) node: Node,
    /// The session that has it in hand, or had it last; none since the hub started anew.
    pub(super) session: Option<SessionId>,
    pub(super) lease_for: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) lease: LeaseId,
    pub(super) node: Node,
    pub(super) ending: AttemptEnding,
    /// Which attempt it was.
    attempt: u32,
}

impl Phase {
    pub(super) const fn kind(self) -> StateKind {
        match self {
            Self::Scheduled(_) => StateKind::Scheduled,
            Self::Ready => StateKind::Ready,
            Self::Held(..) => StateKind::Claimed,
            Self::Completed(_) => StateKind::Completed,
            Self::Cancelled(_) => StateKind::Cancelled,
            Self::Dead(_) => StateKind::Dead,
        }
    }

    pub(super) const fn has_ended(self) -> bool {
        matches!(
            self,
            Self::Completed(_) | Self::Cancelled(_) | Self::Dead(_)
        )
    }

    pub(super) const fn is_finished(self) -> bool {
        matches!(self, Self::Completed(_) | Self::Cancelled(_))
    }
}

impl Seen {
    /// The rule of all answers.
    pub(super) fn is_good(&self, proof: LeaseRef, node: &Node) -> bool {
        let names_it = |newest: &Newest| newest.lease == proof.lease && newest.node == *node;
        !self.phase.has_ended() && self.newest.as_ref().is_some_and(names_it)
    }

    /// Whether an answer repeats the one that ended the last attempt.
    pub(super) fn is_repeat(&self, proof: LeaseRef, node: &Node, ending: AttemptEnding) -> bool {
        self.ends.last().is_some_and(|end| {
            end.lease == proof.lease && end.node == *node && end.ending == ending
        })
    }

    /// When something has to happen to it without anyone's asking.
    pub(super) fn due(&self, settings: &PoolSettings) -> Option<Timestamp> {
        match self.phase {
            Phase::Ready => self.expires_at(),
            Phase::Scheduled(at) => Some(self.expires_at().map_or(at, |over| over.min(at))),
            Phase::Held(at, _) => Some(at),
            Phase::Completed(at) | Phase::Cancelled(at) => Some(at + settings.completed_kept_for),
            Phase::Dead(at) => Some(at + settings.dead_kept_for),
        }
    }

    /// Sorts ready tasks.
    pub(super) fn rank(&self, aging: Aging) -> (u128, Timestamp, u64) {
        let rank = match aging {
            Aging::Strict => u128::from(self.priority),
            Aging::Step(step) => {
                u128::from(self.ready_at.as_millis()) + step.as_millis() * u128::from(self.priority)
            }
        };
        (rank, self.ready_at, self.order)
    }

    /// The holder answers after the hub gave its attempt up: it never ended.
    pub(super) fn take_back_ending(&mut self) {
        let Some(end) = self.ends.pop() else { return };
        match end.ending {
            AttemptEnding::Cut | AttemptEnding::Silence => {
                self.losses = self.losses.saturating_sub(1);
                self.lost -= 1;
            }
            AttemptEnding::Interrupted => {
                self.attempt += 1;
                self.interruptions -= 1;
            }
            AttemptEnding::Completed
            | AttemptEnding::Failed
            | AttemptEnding::Expired
            | AttemptEnding::Released
            | AttemptEnding::Cancelled
            | AttemptEnding::Overran => {}
        }
    }

    pub(super) fn record_end(&mut self, ending: AttemptEnding) {
        if let Some(newest) = &self.newest {
            let (lease, node) = (newest.lease, newest.node.clone());
            self.ends.push(End {
                lease,
                node,
                ending,
                attempt: self.attempt,
            });
        }
    }

    /// Counts an attempt that ended without success, and says how long the task waits now: from
    /// and to, or nothing if it is dead.
    pub(super) fn count_end(
        &mut self,
        ending: AttemptEnding,
        settings: &PoolSettings,
    ) -> Option<(u64, u64)> {
        let failures = match ending {
            AttemptEnding::Failed | AttemptEnding::Overran => {
                self.losses = 0;
                self.attempt - self.lost
            }
            AttemptEnding::Expired => {
                self.losses = 0;
                0
            }
            AttemptEnding::Cut | AttemptEnding::Silence => {
                self.losses += 1;
                self.lost += 1;
                if self.lost >= settings.losses_max {
                    return None;
                }
                let failures = (self.losses + 1).saturating_sub(settings.suspect_after);
                return Some(wait(settings, failures));
            }
            AttemptEnding::Released | AttemptEnding::Interrupted => {
                self.attempt -= 1;
                self.interruptions += 1;
                if self.interruptions > settings.interruptions_max {
                    return None;
                }
                return Some(wait(
                    settings,
                    self.interruptions.saturating_sub(INTERRUPTIONS_FREE),
                ));
            }
            AttemptEnding::Completed | AttemptEnding::Cancelled => 0,
        };
        (self.attempt - self.lost < self.attempts_max).then(|| wait(settings, failures))
    }

    /// Which budget its last ending is of.
    pub(super) fn died_of(&self) -> Option<Death> {
        match self.ends.last()?.ending {
            AttemptEnding::Released | AttemptEnding::Interrupted => {
                Some(Death::InterruptedTooOften)
            }
            AttemptEnding::Cut | AttemptEnding::Silence => Some(Death::LostTooOften),
            AttemptEnding::Failed | AttemptEnding::Expired | AttemptEnding::Overran => {
                Some(Death::AttemptsSpent)
            }
            AttemptEnding::Completed | AttemptEnding::Cancelled => None,
        }
    }

    /// Whether what the core says of the task is what the oracle knows.
    pub(super) fn agrees(&self, task: &Task) -> Result<(), String> {
        let same_state = match (self.phase, task.state) {
            (Phase::Scheduled(at), State::Scheduled { run_at: said })
            | (Phase::Completed(at), State::Completed { at: said })
            | (Phase::Cancelled(at), State::Cancelled { at: said }) => at == said,
            (Phase::Dead(at), State::Dead { at: said, cause }) => {
                at == said && self.died_of() == Some(cause)
            }
            (phase, state) => phase.kind() == state.kind(),
        };
        if !self.is_own_death(task).unwrap_or(same_state) {
            return Err(format!("it is {:?}, not {:?}", self.phase, task.state));
        }
        let (last, said_last) = (self.ends.last(), task.history.last());
        let last = last.map(|end| (end.lease, end.ending, end.attempt));
        let said_last = said_last.map(|of| (of.lease, of.ending, of.attempt));
        let lease = self.newest.as_ref().map(|newest| newest.lease);
        let said_lease = task.lease.as_ref().map(|lease| lease.id);
        same("its attempts", &self.attempt, &task.attempt)?;
        same("its bound", &self.attempts_max, &task.attempts_max)?;
        same(
            "its interruptions",
            &self.interruptions,
            &task.interruptions,
        )?;
        same("its losses in a row", &self.losses, &task.losses_in_a_row)?;
        same("its losses", &self.lost, &task.losses())?;
        same("its payload", &self.payload_bytes, &task.payload_len.into())?;
        same("its priority", &self.priority, &task.priority)?;
        same("its age", &self.ready_at, &task.ready_at)?;
        same("its newest lease", &lease, &said_lease)?;
        same("its progress", &self.terms.progress, &progress_of(task))?;
        same("its last ending", &last, &said_last)
    }
}

fn progress_of(task: &Task) -> Option<u16> {
    let progress = task.extras.as_ref()?.progress.as_ref()?;
    Some(progress.fraction)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, known: &T, said: &T) -> Result<(), String> {
    if known == said {
        return Ok(());
    }
    Err(format!(
        "{what}: {known:?} by the oracle's count, {said:?} by the pool's"
    ))
}

/// From and to how many milliseconds a task waits after so many failures.
fn wait(settings: &PoolSettings, failures: u32) -> (u64, u64) {
    if failures == 0 {
        return (0, 0);
    }
    let policy = settings.back_off;
    let cap = policy.cap.as_millis();
    let mut longest = policy.base.as_millis().min(cap);
    for _ in 1..failures.min(1_000) {
        longest = (longest * u128::from(policy.factor_percent) / 100).min(cap);
    }
    let surely = longest * u128::from(100 - policy.jitter_percent) / 100;
    let ms = |of| u64::try_from(of).unwrap_or(u64::MAX);
    (ms(surely), ms(longest))
}
