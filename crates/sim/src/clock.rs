//! The clocks of a world: the real time, which nobody can see; the wall clock, which jumps; and the
//! hub's, which is the wall clock's at the start of the hub and goes on from there.

use leasehold_core::Timestamp;

/// In milliseconds ahead of the world's own time, or behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    wall_ahead_ms: i64,
    hub_ahead_ms: i64,
}

impl Clock {
    /// The wall clock is set forwards or back.
    pub(crate) const fn set(&mut self, by_ms: i64) {
        self.wall_ahead_ms += by_ms;
    }

    /// The hub starts, at a time that is not before what its store has seen.
    pub(crate) fn start(&mut self, now: Timestamp, floor: Option<Timestamp>) {
        let wall = shift(now, self.wall_ahead_ms);
        let start = floor.map_or(wall, |floor| wall.max(floor));
        self.hub_ahead_ms = distance(now, start);
    }

    /// As if the hub looked at the wall all the time: a planted bug.
    pub(crate) const fn follow_the_wall(&mut self) {
        self.hub_ahead_ms = self.wall_ahead_ms;
    }

    pub(crate) const fn ahead_ms(&self) -> i64 {
        self.hub_ahead_ms
    }

    pub(crate) fn hub_time(&self, world: Timestamp) -> Timestamp {
        shift(world, self.hub_ahead_ms)
    }

    pub(crate) fn world_time(&self, hub: Timestamp) -> Timestamp {
        shift(hub, -self.hub_ahead_ms)
    }
}

/// Never is never.
pub(crate) fn shift(at: Timestamp, by_ms: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add_signed(by_ms))
}

fn distance(from: Timestamp, to: Timestamp) -> i64 {
    let signed = |at: Timestamp| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    signed(to) - signed(from)
}
