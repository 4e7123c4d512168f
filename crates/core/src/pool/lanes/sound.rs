//! Whether lanes are what the tasks say.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use smol_str::SmolStr;

use super::{Lanes, Stand, Turn};
use crate::{
    StateKind,
    pool::tasks::{At, Spot, Tasks, order},
};

/// What is ready of each group, and how much of it is on lease.
type Made = BTreeMap<SmolStr, (Vec<(Turn, At)>, u32)>;

impl Tasks {
    /// What is wrong with the gate, if anything is.
    pub(in crate::pool) fn check_gate(&self) -> Result<(), &'static str> {
        let Some(gate) = &self.gate else {
            return Ok(());
        };
        let (mut bytes, mut made) = (0, Made::new());
        for (at, packed) in self.shelf.iter_from(0) {
            let kind = self.shelf.kind(at);
            if !kind.is_end() {
                bytes += u64::from(packed.payload_len);
            }
            let Some(group) = self.group(at) else {
                continue;
            };
            let (ready, claimed) = made.entry(group).or_default();
            *claimed += u32::from(kind == StateKind::Claimed);
            if let Spot::Ready(order) = self.spot(at) {
                ready.push((Turn::by(order), at));
            }
        }
        if bytes != gate.bytes {
            return Err("the bytes of payload are not those of the live tasks");
        }
        made.values_mut()
            .for_each(|(ready, _)| ready.sort_unstable());
        let key_of = |at| Turn::by(order(self.aging, &self.shelf.seat(at)));
        gate.lanes
            .as_ref()
            .map_or(Ok(()), |lanes| lanes.check(&made, key_of))
    }
}

impl Lanes {
    fn check(&self, made: &Made, key_of: impl Fn(At) -> Turn) -> Result<(), &'static str> {
        let nothing = (Vec::new(), 0);
        for (group, lane) in &self.lanes {
            let (ready, claimed) = made.get(group).unwrap_or(&nothing);
            if lane.claimed != *claimed {
                return Err("a group has another number of tasks on lease than it counts");
            }
            if !lane.ready.check(ready, &key_of) {
                return Err("what is ready of a group is not in its lane");
            }
            if lane.stand != self.rules.stand(lane) || lane.aside != self.rules.aside(lane) {
                return Err("a lane is not open, or is not closed, as it should be");
            }
        }
        let is_used = |(ready, claimed): &(Vec<_>, u32)| !ready.is_empty() || *claimed > 0;
        let mut used = made.iter().filter(|(_, of)| is_used(of));
        if used.any(|(group, _)| !self.lanes.contains_key(group)) {
            return Err("a group has no lane");
        }
        self.check_stands()
    }

    fn check_stands(&self) -> Result<(), &'static str> {
        let (mut open, mut later) = (BTreeSet::new(), BTreeSet::new());
        let (mut aside, mut full) = (BTreeSet::new(), 0);
        for (group, lane) in &self.lanes {
            match lane.stand {
                Stand::Idle => {}
                Stand::Full => full += 1,
                Stand::Open(turn) => _ = open.insert((turn, group.clone())),
                Stand::Later(at) => _ = later.insert((at, group.clone())),
            }
            aside.extend(lane.aside.map(|turn| (turn, group.clone())));
        }
        if (&open, &later, &aside, full) != (&self.open, &self.later, &self.aside, self.full) {
            return Err("the order of the lanes is not theirs");
        }
        let firsts = self.lanes.values().filter_map(|lane| lane.ready.first());
        let first = firsts.map(|(turn, _)| turn.order()).min();
        if first != self.first_in_order() {
            return Err("what is first in the lanes is not known");
        }
        Ok(())
    }
}
