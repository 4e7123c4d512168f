//! How long an attempt may run.

use core::time::Duration;

use super::{
    Pool,
    tasks::{At, EndsBy},
};
use crate::{AttemptEnding, Extras, Task, Timestamp, Transition};

/// When the hold on this task ends, and by what, if else it ended then by that: neither its runtime
/// nor a stop lets it go further. The grace that a node has after the hub was gone stands whatever
/// the runtime is.
pub(super) fn bounded(task: &Task, ends_at: Timestamp, ends_by: EndsBy) -> (Timestamp, EndsBy) {
    let Some(extras) = &task.extras else {
        return (ends_at, ends_by);
    };
    let runtime = end_of_runtime(task, extras).filter(|_| ends_by != EndsBy::HubGone);
    let forced = extras.stop.map(|stop| (stop.forced_at, EndsBy::Stop));
    let bounds = [runtime.map(|at| (at, EndsBy::Runtime)), forced];
    let earlier = |one: (Timestamp, EndsBy), other: (Timestamp, EndsBy)| {
        if other.0 < one.0 { other } else { one }
    };
    bounds
        .into_iter()
        .flatten()
        .fold((ends_at, ends_by), earlier)
}

fn end_of_runtime(task: &Task, extras: &Extras) -> Option<Timestamp> {
    let runtime = Duration::from_millis(extras.max_runtime_ms?);
    Some(task.lease.as_ref()?.granted_at + runtime)
}

impl Pool {
    /// Ends an attempt that ran longer than it may.
    pub(super) fn overrun(&mut self, at: At, out: &mut Transition) {
        let reason = "it ran longer than it may";
        self.end_attempt(at, AttemptEnding::Overran, reason, out);
    }
}
