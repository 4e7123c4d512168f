//! What few tasks have, beside what all have.

mod list;

use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use self::list::{Extra, ExtrasError};
use crate::{BackOff, PoolSettings, ScheduleName, TaskId, Timestamp, Wish, time::millis};

/// What a task has beyond a plain one. Stored as a list of [`Extra`], so that it can grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Extra>", try_from = "Vec<Extra>")]
pub struct Extras {
    /// How many milliseconds it may wait to be claimed.
    pub expires_after_ms: Option<u64>,
    /// How many milliseconds an attempt may run.
    pub max_runtime_ms: Option<u64>,
    /// Its own policy of retries.
    pub retry: Option<Box<Retry>>,
    /// What no other task may have meanwhile.
    pub key: Option<Box<Key>>,
    /// Not before this moment, where it waits for others first; else that is its `ready_at`.
    pub run_at: Option<Timestamp>,
    /// Whom limits and shares count it to.
    pub group: Option<SmolStr>,
    /// The trace that it belongs to.
    pub trace: Option<Box<str>>,
    /// What it waits for.
    pub after: Option<Box<After>>,
    /// The schedule that fired it.
    pub schedule: Option<SmolStr>,
    /// Attempts since its enqueue or revival that ended with their node.
    pub losses: u32,
    /// It is to end.
    pub stop: Option<Stop>,
    /// How far its newest attempt has come.
    pub progress: Option<Box<Progress>>,
    /// How often a revival replaced its payload.
    pub edited: u32,
}

/// A task's own policy of retries; what is none is the pool's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// How long it waits after a failure.
    pub back_off: Option<BackOff>,
    /// Losses after which it is dead.
    pub losses_max: Option<u32>,
    /// Interruptions after which it is dead.
    pub interruptions_max: Option<u32>,
}

/// What no other task of the pool may have meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Any text.
    pub key: SmolStr,
    /// For so many milliseconds from the enqueue; none: while the task has not ended.
    pub window_ms: Option<u64>,
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Those that it still waits for.
    pub left: Vec<TaskId>,
    /// Whether any end of theirs will do.
    pub any_end: bool,
}

/// A holder was asked to end its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// When.
    pub asked_at: Timestamp,
    /// When it is called off, whatever its holder does.
    pub forced_at: Timestamp,
}

/// How far an attempt has come, by its holder's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When it said so.
    pub at: Timestamp,
    /// Of 10,000.
    pub fraction: u16,
    /// At most [`crate::limits::NOTE_BYTES_MAX`] bytes.
    pub note: String,
}

impl Extras {
    /// What a new task has by these wishes, which are in bounds, by the schedule that fired it, and
    /// by the settings of its pool; none if it is a plain one.
    #[must_use]
    #[inline]
    pub fn of(
        wishes: &[Wish],
        schedule: Option<&ScheduleName>,
        settings: &PoolSettings,
    ) -> Option<Arc<Self>> {
        let by_pool = (settings.expires_after, settings.max_runtime);
        let is_plain = wishes.is_empty() && schedule.is_none();
        if is_plain && by_pool.0.is_none() && by_pool.1.is_none() {
            return None;
        }
        Self::wished(wishes, schedule, by_pool)
    }

    fn wished(
        wishes: &[Wish],
        schedule: Option<&ScheduleName>,
        by_pool: (Option<Duration>, Option<Duration>),
    ) -> Option<Arc<Self>> {
        let mut extras = Self {
            schedule: schedule.map(|schedule| schedule.as_str().into()),
            ..Self::default()
        };
        wishes.iter().for_each(|wish| extras.grant(wish));
        if extras.after.is_none() {
            extras.run_at = None;
        }
        let (expires_after, max_runtime) = by_pool;
        extras.expires_after_ms = extras.expires_after_ms.or(expires_after.map(millis));
        extras.max_runtime_ms = extras.max_runtime_ms.or(max_runtime.map(millis));
        (!extras.is_empty()).then(|| Arc::new(extras))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn grant(&mut self, wish: &Wish) {
        match wish {
            Wish::RunAt(at) => self.run_at = Some(*at),
            Wish::ExpiresAfter(ms) => self.expires_after_ms = Some(*ms),
            Wish::MaxRuntime(ms) => self.max_runtime_ms = Some(*ms),
            Wish::BackOff {
                base_ms,
                cap_ms,
                factor_percent,
                jitter_percent,
            } => {
                self.own_retry().back_off = Some(BackOff {
                    base: Duration::from_millis(*base_ms),
                    cap: Duration::from_millis(*cap_ms),
                    factor_percent: *factor_percent,
                    jitter_percent: *jitter_percent,
                });
            }
            Wish::LossesMax(losses) => self.own_retry().losses_max = Some(*losses),
            Wish::InterruptionsMax(number) => self.own_retry().interruptions_max = Some(*number),
            Wish::Key { key, window_ms } => {
                let (key, window_ms) = (key.as_str().into(), *window_ms);
                self.key = Some(Box::new(Key { key, window_ms }));
            }
            Wish::Group(group) => self.group = Some(group.as_str().into()),
            Wish::After { tasks, any_end } => {
                let (left, any_end) = (tasks.clone(), *any_end);
                self.after = Some(Box::new(After { left, any_end }));
            }
            Wish::Trace(trace) => self.trace = Some(trace.as_str().into()),
        }
    }

    fn own_retry(&mut self) -> &mut Retry {
        self.retry.get_or_insert_default()
    }

    /// The wishes that it still says.
    fn wishes(&self) -> Vec<Wish> {
        let retry = self.retry.as_deref().copied().unwrap_or_default();
        let key = self.key.as_deref().map(|of| Wish::Key {
            key: of.key.to_string(),
            window_ms: of.window_ms,
        });
        let after = self.after.as_deref().map(|of| Wish::After {
            tasks: of.left.clone(),
            any_end: of.any_end,
        });
        let group = self.group.as_ref();
        let trace = self.trace.as_ref();
        let wishes = [
            self.run_at.map(Wish::RunAt),
            self.expires_after_ms.map(Wish::ExpiresAfter),
            self.max_runtime_ms.map(Wish::MaxRuntime),
            retry.back_off.map(|of| of.wish()),
            retry.losses_max.map(Wish::LossesMax),
            retry.interruptions_max.map(Wish::InterruptionsMax),
            key,
            group.map(|group| Wish::Group(group.to_string())),
            after,
            trace.map(|trace| Wish::Trace(trace.to_string())),
        ];
        wishes.into_iter().flatten().collect()
    }
}

impl BackOff {
    fn wish(&self) -> Wish {
        Wish::BackOff {
            base_ms: millis(self.base),
            cap_ms: millis(self.cap),
            factor_percent: self.factor_percent,
            jitter_percent: self.jitter_percent,
        }
    }
}
