//! What strangers may say of a schedule, as the hub understands it.

use leasehold_core::{Rejection, Timestamp, When, limits::CATCH_UP_MAX};

use crate::pool_actor::instants::Instants;

/// Finds what is due of a schedule, and what comes next. It returns, or panics: then instants are
/// not in order, or one is lost or there twice.
///
/// # Errors
/// When it is no schedule.
pub fn schedule(when: &When, done_until: Timestamp, now: Timestamp) -> Result<usize, Rejection> {
    let instants = Instants::of(when, now)?;
    let next = instants.next(now, 5);
    assert!(next.iter().all(|at| *at > now), "{next:?} is after {now:?}");
    assert!(next.is_sorted_by(|one, other| one < other), "{next:?}");
    let (due, more) = instants.due(done_until, now);
    assert!(due.len() <= CATCH_UP_MAX && (!more || due.len() == CATCH_UP_MAX));
    let is_due = |at: &Timestamp| *at > done_until && *at <= now;
    assert!(due.iter().all(is_due), "{due:?} is until {now:?}");
    let start = (!more).then_some(done_until.min(now));
    let dealt_with: Vec<_> = start.into_iter().chain(due.iter().copied()).collect();
    for pair in dealt_with.windows(2) {
        assert_eq!(
            instants.after(pair[0]),
            Some(pair[1]),
            "after {:?}",
            pair[0]
        );
    }
    if let Some(last) = dealt_with.last() {
        assert_eq!(instants.after(*last), instants.after(now), "after {last:?}");
    }
    Ok(due.len())
}
