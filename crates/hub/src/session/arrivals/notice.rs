//! That connections are turned away, said once in a while: whoever opens thousands shall not fill the
//! log with them.

use std::time::Duration;

/// How often it is said, if it goes on.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What the owner should read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) reason: String,
    /// How many were turned away for a reason like this one, and not said, since it was said last.
    pub(crate) unsaid: u64,
}

/// One kind of reason.
#[derive(Debug, Default)]
pub(super) struct Burst {
    said_at: Option<Duration>,
    unsaid: u64,
}

impl Burst {
    /// One more was turned away; `now` is since the start of the hub.
    pub(super) fn count(&mut self, reason: String, now: Duration) -> Option<Notice> {
        let is_said = |at: Duration| now.saturating_sub(at) < SAID_EVERY;
        if self.said_at.is_some_and(is_said) {
            self.unsaid += 1;
            return None;
        }
        self.said_at = Some(now);
        let unsaid = std::mem::take(&mut self.unsaid);
        Some(Notice { reason, unsaid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_said_once_and_what_was_not_said_is_counted() {
        let mut burst = Burst::default();
        let mut count = |s| burst.count(format!("at {s}"), Duration::from_secs(s));
        let said = |reason: &str, unsaid| {
            let reason = reason.to_owned();
            Some(Notice { reason, unsaid })
        };
        assert_eq!(count(1), said("at 1", 0));
        assert_eq!(count(1), None);
        assert_eq!(count(10), None);
        assert_eq!(count(11), said("at 11", 2));
        assert_eq!(count(12), None);
        assert_eq!(count(99), said("at 99", 1));
    }
}
