//! How long a task may wait and an attempt may run, and what a producer wished for one task in the
//! place of what its pool says.

use std::time::Duration;

use leasehold_core::{
    AfterFailure, AttemptEnding, BackOff, Command, Death, Failure, NewTask, PoolSettings,
    Revocation, State, Task, TaskId, Timestamp, Wish,
};

use super::{
    Verdict, Violation,
    books::Books,
    links::Links,
    seen::{By, Phase, Seen},
    step::Step,
};

/// What holds for one task beside what holds for all of its pool.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    run_at: Option<Timestamp>,
    pub(super) expires_after: Option<Duration>,
    max_runtime: Option<Duration>,
    back_off: Option<BackOff>,
    losses_max: Option<u32>,
    interruptions_max: Option<u32>,
    /// When its newest lease was granted.
    pub(super) granted_at: Timestamp,
    /// It is called off, and forced then.
    pub(super) stop: Option<Timestamp>,
    /// Why it is dead, where that is no matter of counting.
    pub(super) died: Option<Death>,
    pub(super) links: Links,
    /// Whom it is counted to.
    pub(super) group: Option<String>,
    /// How far its newest attempt has come.
    pub(super) progress: Option<u16>,
}

impl Terms {
    pub(super) fn of(new: &NewTask, settings: &PoolSettings) -> Self {
        let mut terms = Self {
            expires_after: settings.expires_after,
            max_runtime: settings.max_runtime,
            ..Self::default()
        };
        new.wishes.iter().for_each(|wish| terms.grant(wish));
        terms
    }

    fn grant(&mut self, wish: &Wish) {
        let ms = Duration::from_millis;
        match wish {
            Wish::RunAt(at) => self.run_at = Some(*at),
            Wish::ExpiresAfter(after) => self.expires_after = Some(ms(*after)),
            Wish::MaxRuntime(longest) => self.max_runtime = Some(ms(*longest)),
            Wish::BackOff {
                base_ms,
                cap_ms,
                factor_percent,
                jitter_percent,
            } => {
                self.back_off = Some(BackOff {
                    base: ms(*base_ms),
                    cap: ms(*cap_ms),
                    factor_percent: *factor_percent,
                    jitter_percent: *jitter_percent,
                });
            }
            Wish::LossesMax(max) => self.losses_max = Some(*max),
            Wish::InterruptionsMax(max) => self.interruptions_max = Some(*max),
            Wish::Key { key, window_ms } => {
                self.links.key = Some((key.clone(), window_ms.map(ms)));
            }
            Wish::After { tasks, any_end } => {
                (self.links.left, self.links.any_end) = (tasks.clone(), *any_end);
            }
            Wish::Group(group) => self.group = Some(group.clone()),
            // Of this the oracle knows no rule, and no world has it.
            Wish::Trace(_) => {}
        }
    }

    /// When a task that is accepted now is ready for the first time.
    pub(super) fn ready_at(&self, now: Timestamp, delay: Duration) -> Timestamp {
        self.run_at.map_or(now + delay, |at| at.max(now))
    }

    /// The pool's settings, as they are for this task.
    pub(super) fn settings(&self, of_pool: &PoolSettings) -> PoolSettings {
        let mut own = of_pool.clone();
        own.back_off = self.back_off.unwrap_or(own.back_off);
        own.losses_max = self.losses_max.unwrap_or(own.losses_max);
        own.interruptions_max = self.interruptions_max.unwrap_or(own.interruptions_max);
        own
    }
}

impl Seen {
    /// When it has waited too long, if it waits.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let waits = matches!(self.phase, Phase::Ready | Phase::Scheduled(_));
        let waits = waits && !self.waits_for_others();
        let after = self.terms.expires_after.filter(|_| waits)?;
        Some(self.ready_at + after)
    }

    /// It is held until then by that, or for as long as its runtime and a stop let it be. The
    /// grace after the hub was gone is longer than any runtime; what a node resumes after that and
    /// has run too long ends now.
    pub(super) fn hold(&mut self, now: Timestamp, until: Timestamp, by: By) {
        let runtime = self.terms.max_runtime.filter(|_| by != By::Hub);
        let runs_until = runtime.map(|longest| self.terms.granted_at + longest);
        let (mut until, mut by) = (until, by);
        if let Some(at) = runs_until.filter(|at| *at < until) {
            (until, by) = (at, By::Runtime);
        }
        if let Some(at) = self.terms.stop.filter(|at| *at < until) {
            (until, by) = (at, By::Stop);
        }
        self.phase = Phase::Held(until.max(now), by);
    }

    /// How long the hold that begins now lasts.
    pub(super) fn held_for(&self, now: Timestamp) -> Duration {
        let Phase::Held(until, _) = self.phase else {
            return Duration::ZERO;
        };
        Duration::from_millis(until.as_millis().saturating_sub(now.as_millis()))
    }

    /// Records and counts an ending, by its own terms where it has some.
    pub(super) fn count_end_by(
        &mut self,
        ending: AttemptEnding,
        of_pool: &PoolSettings,
    ) -> Option<(u64, u64)> {
        self.record_end(ending);
        let settings = self.terms.settings(of_pool);
        self.count_end(ending, &settings)
    }

    /// How long it waits after this ending, where its holder or its own terms have a say beside
    /// the count: from and to, or nothing if it is dead.
    pub(super) fn wait_after(
        &mut self,
        counted: Option<(u64, u64)>,
        then: AfterFailure,
        now: Timestamp,
    ) -> Option<(u64, u64)> {
        if then == AfterFailure::Never {
            self.terms.died = Some(Death::Hopeless);
            return None;
        }
        let counted = counted?;
        let overdue = |after| self.ready_at + after <= now;
        if self.terms.expires_after.is_some_and(overdue) {
            self.terms.died = Some(Death::Expired);
            return None;
        }
        Some(match then {
            AfterFailure::Wait(wait) => {
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                (wait, wait)
            }
            AfterFailure::ByPolicy | AfterFailure::Never => counted,
        })
    }

    /// Whether it is said to be dead of what the oracle knows, if that is no matter of counting.
    pub(super) fn is_own_death(&self, said: &Task) -> Option<bool> {
        let died = self.terms.died?;
        let Phase::Dead(at) = self.phase else {
            return Some(false);
        };
        Some(said.state == State::Dead { at, cause: died })
    }

    pub(super) const fn lives_again(&mut self) {
        self.terms.died = None;
    }
}

impl Books {
    /// A lease of the task, if it begins now, by its longest runtime.
    pub(super) fn capped(&self, id: TaskId, lease: Duration) -> Duration {
        let longest = self.tasks.get(&id).and_then(|seen| seen.terms.max_runtime);
        longest.map_or(lease, |longest| longest.min(lease))
    }

    /// It waited longer than it may, and is dead.
    pub(super) fn expire(&mut self, step: &mut Step<'_>, said: &Task) -> Verdict {
        let now = step.now;
        let seen = self.seen(said.id)?;
        if seen.expires_at().is_none_or(|at| at > now) {
            let what = format!("it expired at {now:?}, being {:?}", seen.phase);
            return Err(Violation::of(said.id, what));
        }
        seen.phase = Phase::Dead(now);
        seen.terms.died = Some(Death::Expired);
        step.ended.insert(said.id);
        step.remarks.push("expired while it waited");
        self.lose_lease(step, said.id, Revocation::Lost)?;
        self.agree(said)
    }
}

/// What a holder says is to become of a task that it failed.
pub(super) fn then_of(step: &Step<'_>, seen: &Seen, ending: AttemptEnding) -> AfterFailure {
    let lease = seen.newest.as_ref().map(|newest| newest.lease);
    let is_it = |item: &&Failure| item.proof.task == seen.id && Some(item.proof.lease) == lease;
    if let (Some((_, _, Command::Fail(items))), AttemptEnding::Failed) = (step.call.asked, ending)
        && let Some(item) = items.iter().find(is_it)
    {
        return item.then;
    }
    AfterFailure::ByPolicy
}
