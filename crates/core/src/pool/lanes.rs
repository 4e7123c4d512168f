//! Tasks by the group that they are counted to: limits of each, and turns.
//!
//! Ready tasks of a group stand in its lane; those of no group stand where all do in a pool that
//! tells no groups apart. A lane is *open* if its first may be granted as far as the group goes.
//! The next is the first of the open lane whose turn it is: by priority and age, or, where groups
//! share fairly, by stride scheduling (Waldspurger and Weihl, 1995) with the same stride for each:
//! whoever was granted least goes first, and whoever comes anew begins behind the others.
//! Between two grants of a lane that is open all the time each other has one at the most.

mod ahead;
mod places;
mod sound;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::mem;

use smol_str::SmolStr;

use super::{
    Pool,
    enqueue::within,
    gate::Terms,
    rate::{Bucket, Pace},
    runs::Runs,
    tasks::{At, Order},
};
use crate::{Rejection, Timestamp, limits::KEY_BYTES_MAX};

/// Lanes that say nothing any more are forgotten once they are so many, and half of all.
const IDLE_FREE: usize = 64;

/// Sorts lanes: the least goes first, and no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(u64, u64, u64);

/// How much a lane was granted, and as the how manieth it came to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    pass: u64,
    since: u64,
}

/// How a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Nothing is ready.
    Idle,
    /// As much is on lease as may be.
    Full,
    Open(Turn),
    /// There is a permit then.
    Later(Timestamp),
}

#[derive(Debug, Clone)]
struct Lane {
    /// By priority and age.
    ready: Runs<Turn>,
    claimed: u32,
    bucket: Option<Bucket>,
    share: Share,
    stand: Stand,
    /// Its first, by priority and age, where nothing else puts it in that order.
    aside: Option<Turn>,
}

/// How all lanes of a pool are dealt with.
#[derive(Debug, Clone, Copy)]
struct Rules {
    now: Timestamp,
    claimed_max: u32,
    pace: Option<Pace>,
    /// That of a lane of which nothing is known.
    fresh: Option<Bucket>,
    is_fair: bool,
    /// What was granted last was granted at this pass.
    pass: u64,
    /// Shares so far.
    shares: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Lanes {
    rules: Rules,
    lanes: BTreeMap<SmolStr, Lane>,
    open: BTreeSet<(Turn, SmolStr)>,
    later: BTreeSet<(Timestamp, SmolStr)>,
    aside: BTreeSet<(Turn, SmolStr)>,
    /// Lanes that stand so.
    full: usize,
    /// Of those without a group.
    plain: Share,
    /// Lanes that were left when idle ones were last forgotten.
    kept: usize,
}

impl Turn {
    const fn by(order: Order) -> Self {
        Self(order.0, order.1.as_millis(), order.2)
    }

    const fn order(self) -> Order {
        (self.0, Timestamp::from_millis(self.1), self.2)
    }

    const fn of(share: Share) -> Self {
        Self(share.pass, share.since, 0)
    }
}

impl Rules {
    fn turn(&self, share: Share, by_order: Turn) -> Turn {
        if self.is_fair {
            Turn::of(share)
        } else {
            by_order
        }
    }

    fn share(&mut self, pass: u64) -> Share {
        self.shares += 1;
        let since = self.shares;
        Share { pass, since }
    }

    /// Where a lane begins of which nothing is known: behind all that had their turn in this round,
    /// or a flood of new groups would go before them again and again.
    fn last(&mut self) -> Share {
        self.share(self.pass + 1)
    }

    /// Nobody saves up turns.
    fn catch_up(&mut self, share: &mut Share) {
        if share.pass <= self.pass {
            *share = self.last();
        }
    }

    fn granted(&mut self, share: &mut Share) {
        if !self.is_fair {
            return;
        }
        self.pass = self.pass.max(share.pass);
        *share = self.share(share.pass + 1);
    }

    fn stand(&self, lane: &Lane) -> Stand {
        let Some((first, _)) = lane.ready.first() else {
            return Stand::Idle;
        };
        if lane.claimed >= self.claimed_max {
            return Stand::Full;
        }
        match self.permit_at(lane) {
            Some(at) if at > self.now => Stand::Later(at),
            Some(_) | None => Stand::Open(self.turn(lane.share, first)),
        }
    }

    /// Without shares open lanes are in order of priority and age as they are.
    fn aside(&self, lane: &Lane) -> Option<Turn> {
        let (first, _) = lane.ready.first()?;
        let is_aside = self.is_fair || !matches!(lane.stand, Stand::Open(_));
        is_aside.then_some(first)
    }

    fn permit_at(&self, lane: &Lane) -> Option<Timestamp> {
        Some(self.pace?.permit_at(lane.bucket?))
    }

    /// Whether it is as one of which nothing is known.
    fn is_idle(&self, lane: &Lane) -> bool {
        let is_full = match (self.pace, lane.bucket) {
            (Some(pace), Some(bucket)) => pace.is_full(bucket, self.now),
            (_, None) | (None, _) => true,
        };
        lane.ready.len() == 0
            && lane.claimed == 0
            && is_full
            && (!self.is_fair || lane.share.pass <= self.pass + 1)
    }

    fn lane(&mut self) -> Lane {
        Lane {
            ready: Runs::new(),
            claimed: 0,
            bucket: self.fresh,
            share: self.last(),
            stand: Stand::Idle,
            aside: None,
        }
    }
}

impl Lanes {
    pub(super) fn new(terms: &Terms, now: Timestamp) -> Self {
        let pace = terms.group_rate.map(Pace::of);
        let rules = Rules {
            now,
            claimed_max: terms.group_concurrency_max.unwrap_or(u32::MAX),
            pace,
            fresh: pace.map(|pace| pace.fresh(now)),
            is_fair: terms.fair_share,
            pass: 0,
            shares: 0,
        };
        Self {
            rules,
            lanes: BTreeMap::new(),
            open: BTreeSet::new(),
            later: BTreeSet::new(),
            aside: BTreeSet::new(),
            full: 0,
            plain: Share::default(),
            kept: 0,
        }
    }

    /// Takes over what groups were granted under other terms.
    pub(super) fn follow(&mut self, old: &Self) {
        let is_same_pace = self.rules.pace == old.rules.pace;
        if is_same_pace {
            self.rules.fresh = old.rules.fresh;
        }
        let (pass, shares) = (old.rules.pass, old.rules.shares);
        (self.rules.pass, self.rules.shares, self.plain) = (pass, shares, old.plain);
        for (group, of) in &old.lanes {
            let mut lane = self.rules.lane();
            lane.share = of.share;
            if is_same_pace {
                lane.bucket = of.bucket;
            }
            self.lanes.insert(group.clone(), lane);
        }
    }

    pub(super) fn pass_time(&mut self, now: Timestamp) {
        self.rules.now = now;
        while let Some((at, group)) = self.later.first()
            && *at <= now
        {
            let group = group.clone();
            self.place(&group);
        }
    }

    /// Whose turn it is; `plain` is the first of those without a group.
    pub(super) fn next(&self, plain: Option<(Order, At)>) -> Option<At> {
        let of_plain = plain.map(|(order, at)| (self.rules.turn(self.plain, Turn::by(order)), at));
        let Some((turn, group)) = self.open.first() else {
            return of_plain.map(|(_, at)| at);
        };
        match of_plain {
            Some((other, at)) if other < *turn => Some(at),
            Some(_) | None => Some(self.lanes.get(group)?.ready.first()?.1),
        }
    }

    /// How many of all lanes may be granted now, at the most.
    pub(super) fn permitted(&self) -> u64 {
        let burst = self
            .rules
            .pace
            .map_or(u32::MAX, |pace| pace.rate().burst.max(1));
        let of_each = self.rules.claimed_max.min(burst);
        u64::from(of_each).saturating_mul(self.open.len() as u64)
    }

    /// When one is open, as far as groups go.
    pub(super) fn open_at(&self) -> Option<Timestamp> {
        let later = self.later.first().map(|(at, _)| *at);
        let is_open = !self.open.is_empty();
        if is_open {
            Some(Timestamp::default())
        } else {
            later
        }
    }

    pub(super) fn first_in_order(&self) -> Option<Order> {
        let open = self.open.first().filter(|_| !self.rules.is_fair);
        let first = open.into_iter().chain(self.aside.first()).min();
        first.map(|(turn, _)| turn.order())
    }

    pub(super) fn granted(&mut self, group: Option<&SmolStr>) {
        let Some(group) = group else {
            return self.rules.granted(&mut self.plain);
        };
        let Some(lane) = self.lanes.get_mut(group) else {
            return;
        };
        self.rules.granted(&mut lane.share);
        if let (Some(pace), Some(bucket)) = (self.rules.pace, &mut lane.bucket) {
            pace.take(bucket, self.rules.now);
        }
        self.place(group);
    }

    /// Which limits of groups are reached, and by how many.
    pub(super) fn limited_by(&self) -> Vec<String> {
        let (full, later) = (self.full, self.later.len());
        let mut limits = Vec::new();
        if full > 0 {
            let max = self.rules.claimed_max;
            limits.push(format!("concurrency {max} of {max} in {}", groups(full)));
        }
        if let Some(pace) = self.rules.pace.filter(|_| later > 0) {
            let rate = pace.rate();
            let (tasks, per, groups) = (rate.tasks, rate.per, groups(later));
            limits.push(format!("rate {tasks} in {per:?} in {groups}"));
        }
        limits
    }

    fn lane(&mut self, group: &SmolStr) -> &mut Lane {
        if !self.lanes.contains_key(group) {
            self.forget_idle();
            let lane = self.rules.lane();
            self.lanes.insert(group.clone(), lane);
        }
        match self.lanes.get_mut(group) {
            Some(lane) => lane,
            None => unreachable!("it was made"),
        }
    }

    fn forget_idle(&mut self) {
        if self.lanes.len() > 2 * self.kept + IDLE_FREE {
            let rules = &self.rules;
            self.lanes.retain(|_, lane| !rules.is_idle(lane));
            self.kept = self.lanes.len();
        }
    }

    /// Puts a lane where it belongs, as it is now.
    fn place(&mut self, group: &SmolStr) {
        let Some(lane) = self.lanes.get_mut(group) else {
            return;
        };
        let opens = !matches!(lane.stand, Stand::Open(_));
        if opens && self.rules.is_fair && matches!(self.rules.stand(lane), Stand::Open(_)) {
            self.rules.catch_up(&mut lane.share);
        }
        let stand = self.rules.stand(lane);
        let was = mem::replace(&mut lane.stand, stand);
        let aside = self.rules.aside(lane);
        let was_aside = mem::replace(&mut lane.aside, aside);
        if stand != was {
            self.leave(was, group);
            self.enter(stand, group);
        }
        if aside != was_aside {
            let of_group = |turn| (turn, group.clone());
            was_aside.map(|turn| self.aside.remove(&of_group(turn)));
            self.aside.extend(aside.map(of_group));
        }
    }

    fn leave(&mut self, stand: Stand, group: &SmolStr) {
        match stand {
            Stand::Idle => {}
            Stand::Full => self.full -= 1,
            Stand::Open(turn) => _ = self.open.remove(&(turn, group.clone())),
            Stand::Later(at) => _ = self.later.remove(&(at, group.clone())),
        }
    }

    fn enter(&mut self, stand: Stand, group: &SmolStr) {
        match stand {
            Stand::Idle => {}
            Stand::Full => self.full += 1,
            Stand::Open(turn) => _ = self.open.insert((turn, group.clone())),
            Stand::Later(at) => _ = self.later.insert((at, group.clone())),
        }
    }

    fn settle(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.ready.settle());
        let groups: Vec<SmolStr> = self.lanes.keys().cloned().collect();
        groups.iter().for_each(|group| self.place(group));
        self.rules.catch_up(&mut self.plain);
    }
}

fn groups(count: usize) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} group{end}")
}

impl Pool {
    pub(super) fn check_group(&self, group: &str) -> Result<(), Rejection> {
        if self.settings.partitions > 1 {
            return Err(Rejection::unsupported("groups in a pool in partitions"));
        }
        let what = "the length of the group in bytes";
        within(what, group.len() as u64, 1, KEY_BYTES_MAX as u64)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{PoolSettings, Rate};

    /// A task of this group comes and is granted, and ends.
    fn pass_through(lanes: &mut Lanes, number: u32) {
        let group = SmolStr::from(alloc::format!("group {number}"));
        let turn = Turn(number.into(), 0, 0);
        lanes.lane(&group).ready.insert(turn, number);
        lanes.place(&group);
        let ready = &mut lanes.lane(&group).ready;
        ready.remove(turn, number, |_| turn);
        lanes.place(&group);
        lanes.granted(Some(&group));
    }

    #[test]
    fn groups_that_have_nothing_any_more_are_forgotten() {
        let settings = PoolSettings {
            group_rate: Some(Rate {
                tasks: 1,
                per: Duration::from_secs(1),
                burst: 1,
            }),
            fair_share: true,
            ..PoolSettings::default()
        };
        let terms = Terms::of(&settings).expect("it is limited");
        let mut lanes = Lanes::new(&terms, Timestamp::default());
        for number in 0..100 {
            pass_through(&mut lanes, number);
        }
        assert_eq!(lanes.lanes.len(), 100, "their permits are still out");
        for number in 100..10_000 {
            lanes.pass_time(Timestamp::from_millis(u64::from(number) * 2_000));
            pass_through(&mut lanes, number);
            assert!(lanes.lanes.len() <= 400, "{}", lanes.lanes.len());
        }
    }
}
