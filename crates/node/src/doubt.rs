//! Whether a hub is believed that says that this node speaks wrongly.
//!
//! A node that never was understood speaks wrongly: to say it again would not help. One that was has
//! more likely been cut up on its way, by what stands between it and its hub: plain TCP notices
//! little of that. It comes back and resumes, and what it holds is not given up for a bit that
//! flipped. If it happens again and again, it is the node after all.

use std::time::Duration;

use leasehold_wire::RefusalCode;
use tokio::time::Instant;

/// So often it is doubted.
const DOUBTED: u32 = 2;

/// In so long; after that it begins anew.
const WITHIN: Duration = Duration::from_secs(60);

/// What speaks for a node.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    was_understood: bool,
    since: Option<Instant>,
    times: u32,
}

impl Doubt {
    /// The hub answered this node.
    pub(crate) const fn was_understood(&mut self) {
        self.was_understood = true;
    }

    /// Whether to come back with the same words would be refused again.
    pub(crate) fn is_final(&mut self, code: RefusalCode, now: Instant) -> bool {
        match code {
            RefusalCode::Version | RefusalCode::Denied => true,
            RefusalCode::Malformed | RefusalCode::FrameTooLong => {
                !self.was_understood || self.times_by(now) > DOUBTED
            }
            RefusalCode::HandshakeTimeout
            | RefusalCode::SessionsMax
            | RefusalCode::Silence
            | RefusalCode::Superseded => false,
        }
    }

    /// How often it was said lately, with this time.
    fn times_by(&mut self, now: Instant) -> u32 {
        if self.since.is_none_or(|since| now >= since + WITHIN) {
            self.since = Some(now);
            self.times = 0;
        }
        self.times += 1;
        self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPOILT: RefusalCode = RefusalCode::Malformed;

    #[tokio::test(start_paused = true)]
    async fn a_node_that_was_never_understood_speaks_wrongly() {
        let mut doubt = Doubt::default();
        assert!(doubt.is_final(SPOILT, Instant::now()));
        assert!(doubt.is_final(RefusalCode::FrameTooLong, Instant::now()));
        assert!(!doubt.is_final(RefusalCode::SessionsMax, Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_is_doubted_twice_a_minute() {
        let (mut doubt, now) = (Doubt::default(), Instant::now());
        doubt.was_understood();
        let said =
            |doubt: &mut Doubt, seconds| doubt.is_final(SPOILT, now + Duration::from_secs(seconds));
        assert!(!said(&mut doubt, 0));
        assert!(!said(&mut doubt, 1));
        assert!(said(&mut doubt, 59));
        assert!(!said(&mut doubt, 60), "it begins anew");
        assert!(!said(&mut doubt, 61));
        assert!(said(&mut doubt, 62));
        assert!(doubt.is_final(RefusalCode::Version, now));
    }
}
