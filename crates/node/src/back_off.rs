//! How long to pause before the next attempt to connect.

use std::time::Duration;

use rand::Rng as _;

use crate::NodeOptions;

/// The longest pause before the first try after a session, however short that one was: well within
/// the 500 ms for which a hub keeps the leases of a cut session by default (`cut_grace`), and still
/// no hammering.
const RESUME_WITHIN: Duration = Duration::from_millis(200);

/// At once, then after `base`, then twice as long each time up to `cap`; half of each at random,
/// so that a thousand nodes do not come back in step.
#[derive(Debug)]
pub(crate) struct BackOff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl BackOff {
    pub(crate) const fn new(options: &NodeOptions) -> Self {
        Self {
            base: options.reconnect_base,
            cap: options.reconnect_cap,
            failures: 0,
        }
    }

    /// A session ended that had lived for so long. One that lived for less than the longest pause
    /// counts as one failure more: a hub that accepts and hangs up is not to be hammered. But after
    /// one in which the hub answered something, the first try comes while its leases are kept,
    /// however often it was cut before.
    pub(crate) fn session_lived(&mut self, lived: Duration, was_of_use: bool) {
        if lived >= self.cap {
            self.failures = 0;
        }
        while was_of_use && self.failures > 1 && self.grown(self.failures) > RESUME_WITHIN {
            self.failures -= 1;
        }
    }

    /// The pause after a failure.
    pub(crate) fn pause(&mut self) -> Duration {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        match failures {
            0 => Duration::ZERO,
            n => half_random(self.grown(n)),
        }
    }

    /// The pause after a refusal that asks to stay away for a while: never none.
    pub(crate) fn pause_away(&mut self) -> Duration {
        self.failures = self.failures.max(1);
        self.pause()
    }

    /// The pause after a goodbye that said when to come back.
    pub(crate) fn pause_for(&self, retry_after: Duration) -> Duration {
        retry_after + half_random(self.base)
    }

    fn grown(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

fn half_random(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(rand::rng().random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_begin_with_none() {
        let mut back_off = BackOff::new(&NodeOptions::default());
        assert_eq!(back_off.pause(), Duration::ZERO);
        for whole in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let whole = Duration::from_millis(whole);
            let pause = back_off.pause();
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?}");
        }
    }

    #[test]
    fn only_a_session_that_lived_makes_it_forget() {
        let mut back_off = BackOff::new(&NodeOptions::default());
        back_off.pause();
        back_off.session_lived(Duration::from_millis(10), false);
        assert!(back_off.pause() > Duration::ZERO);
        back_off.session_lived(Duration::from_secs(2), false);
        assert_eq!(back_off.pause(), Duration::ZERO);
    }

    #[test]
    fn a_node_that_is_cut_again_and_again_comes_back_while_its_leases_are_kept() {
        let mut back_off = BackOff::new(&NodeOptions::default());
        back_off.pause();
        for _ in 0..20 {
            back_off.session_lived(Duration::from_millis(10), true);
            let pause = back_off.pause();
            assert!(pause <= RESUME_WITHIN, "{pause:?}");
            assert!(pause > Duration::ZERO, "no hammering");
        }
        // While there is no session to be kept, pauses grow on.
        back_off.pause();
        assert!(back_off.pause() > RESUME_WITHIN);
    }

    #[test]
    fn a_longer_first_pause_of_the_users_own_is_kept() {
        let options = NodeOptions {
            reconnect_base: Duration::from_secs(1),
            ..NodeOptions::default()
        };
        let mut back_off = BackOff::new(&options);
        for _ in 0..5 {
            back_off.pause();
        }
        back_off.session_lived(Duration::ZERO, true);
        let pause = back_off.pause();
        let half = options.reconnect_base / 2;
        assert!(
            half <= pause && pause <= options.reconnect_base,
            "{pause:?}"
        );
    }

    #[test]
    fn a_refusal_for_want_of_room_is_never_tried_again_at_once() {
        let mut back_off = BackOff::new(&NodeOptions::default());
        assert!(back_off.pause_away() >= Duration::from_millis(25));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut back_off = BackOff::new(&NodeOptions::default());
        back_off.failures = u32::MAX;
        assert!(back_off.pause() <= Duration::from_secs(2));
    }
}
