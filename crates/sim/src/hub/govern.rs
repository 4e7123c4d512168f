//! Pools are given other settings while they run, and are paused.

use leasehold_core::{Command, Govern, Note, Policy, PoolSettings, Timestamp};

use super::{HUB, Hub, NO_REQUEST, Witness};
use crate::{mutation::Mutation, oracle::Verdict};

/// What the number of a pool's settings is kept under.
const KNOB: &str = "settings";

/// Those that a pool has by what is kept of it.
pub(super) fn settings(of: &[PoolSettings], notes: &[Note], bug: Option<Mutation>) -> PoolSettings {
    let policy = notes.iter().find_map(|note| match note {
        Note::Policy(policy) => Some(policy),
        Note::Schedule(_) => None,
    });
    let policy = policy.filter(|_| bug != Some(Mutation::PolicyForgotten));
    let number = policy.map_or(0, number);
    of.get(number).or(of.first()).cloned().unwrap_or_default()
}

/// Which of its pool's settings a policy is for.
pub(crate) fn number(of: &Policy) -> usize {
    let value = of.set.iter().find(|(knob, _)| knob == KNOB);
    value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

impl Hub {
    /// Gives a pool the settings of this number, and pauses it or not.
    pub(crate) fn govern(
        &mut self,
        pool: usize,
        now: Timestamp,
        (number, is_paused): (u64, bool),
        witness: &mut Witness,
    ) -> Verdict {
        let Some(settings) = usize::try_from(number)
            .ok()
            .and_then(|number| self.settings.get(pool)?.get(number))
        else {
            return Ok(());
        };
        let policy = Policy {
            set: vec![(KNOB.into(), number.to_string())],
            paused: is_paused.then(|| "for a look".into()),
            ..Policy::default()
        };
        let settings = settings.clone();
        let govern = Command::Govern(Box::new(Govern { settings, policy }));
        self.apply(pool, now, (HUB, NO_REQUEST, govern), witness)
    }

    /// Lets a pool go on, if it is paused.
    pub(crate) fn unpause(
        &mut self,
        pool: usize,
        now: Timestamp,
        witness: &mut Witness,
    ) -> Verdict {
        let seat = self.life.as_ref().and_then(|life| life.seats.get(pool));
        let policy = seat.map(|seat| seat.pool.policy());
        let Some(policy) = policy.filter(|policy| policy.paused.is_some()) else {
            return Ok(());
        };
        let number = number(policy) as u64;
        self.govern(pool, now, (number, false), witness)
    }
}
