//! What must hold between knobs.

use leasehold_core::PoolSettings;

use super::{
    HubConfig,
    error::{Problem, Source},
    knob::Section,
    pool, sections, tls,
};

/// Bytes of a frame that a payload or result must leave free for what goes with it.
const FRAME_SLACK: usize = 64 * 1024;

/// The address of what bounds the number of pools.
pub(super) const POOLS_MAX: &str = "pools.pools_max";

/// A knob as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) address: String,
    literal: String,
}

impl Held {
    pub(super) fn of<T>(section: &Section<T>, heading: &str, key: &str, owner: &T) -> Self {
        let literal = section
            .find(key)
            .map_or_else(String::new, |knob| knob.slot.literal(owner));
        Self {
            address: format!("{heading}.{key}"),
            literal,
        }
    }
}

/// Two knobs that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) knobs: [Held; 2],
    rule: &'static str,
}

impl Conflict {
    pub(super) const fn new(knobs: [Held; 2], rule: &'static str) -> Self {
        Self { knobs, rule }
    }

    /// The conflict where nobody knows who set what.
    pub(super) fn unlocated(&self) -> Problem {
        let [a, b] = &self.knobs;
        self.problem(Source::Code, a, b, "")
    }

    /// The conflict at the knob that was set; where both were, at the first.
    pub(super) fn located(&self, origin: impl Fn(&str) -> Option<Source>) -> Problem {
        let [a, b] = &self.knobs;
        match (origin(&a.address), origin(&b.address)) {
            (Some(at), Some(other)) => self.problem(at, a, b, &format!(" ({other})")),
            (Some(at), None) => self.problem(at, a, b, " (default)"),
            (None, Some(at)) => self.problem(at, b, a, " (default)"),
            (None, None) => self.unlocated(),
        }
    }

    fn problem(&self, at: Source, a: &Held, b: &Held, whence: &str) -> Problem {
        let (Held { address, literal }, rule) = (a, self.rule);
        let other = format!("{} = {}{whence}", b.address, b.literal);
        Problem::new(at, format!("{address} = {literal} with {other}: {rule}"))
    }

    /// Whether both say the same of the same values, be it in another pool.
    fn repeats(&self, other: &Self) -> bool {
        let literals = |c: &Self| c.knobs.clone().map(|held| held.literal);
        self.rule == other.rule && literals(self) == literals(other)
    }
}

/// Everything that contradicts. What a named pool has from the defaults is said once.
pub(super) fn conflicts(config: &HubConfig) -> Vec<Conflict> {
    let defaults = in_pool(config, pool::SECTION.name, &config.pool_defaults);
    let named = config
        .pool
        .iter()
        .flat_map(|(name, settings)| in_pool(config, &pool::section_of(name), settings));
    let inherited = |conflict: &Conflict| defaults.iter().any(|known| known.repeats(conflict));
    let own: Vec<Conflict> = named.filter(|conflict| !inherited(conflict)).collect();
    in_session(config)
        .into_iter()
        .chain(of_address(config))
        .chain(tls::conflicts(config))
        .chain(defaults)
        .chain(own)
        .collect()
}

/// Says that more pools are named than there may be, if so.
pub(super) fn too_many_pools(config: &HubConfig) -> Option<String> {
    let partitions = |settings: &PoolSettings| settings.partitions as usize;
    let named: usize = config.pool.values().map(partitions).sum();
    let max = config.pools.pools_max;
    (named > max).then(|| format!("{POOLS_MAX} = {max}: {named} pools are named, [pool.NAME]"))
}

fn in_session(config: &HubConfig) -> Vec<Conflict> {
    let session = &config.session;
    let held = |key| Held::of(&sections::SESSION, sections::SESSION.name, key, config);
    let rules = [
        (
            session.silence_after >= session.heartbeat * 2,
            ["silence_after", "heartbeat"],
            "silence_after must be at least twice heartbeat",
        ),
        (
            session.bytes_max >= session.frame_bytes_max,
            ["bytes_max", "frame_bytes_max"],
            "bytes_max must be at least frame_bytes_max",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    broken
        .map(|(_, keys, rule)| Conflict {
            knobs: keys.map(held),
            rule,
        })
        .collect()
}

/// An address is not heard until its longest frame is paid for: that should not take minutes.
fn of_address(config: &HubConfig) -> Option<Conflict> {
    let rate = config.hub.address_bytes_per_second?;
    let rule = "address_bytes_per_second must be at least frame_bytes_max";
    let knobs = [
        Held::of(
            &sections::HUB,
            sections::HUB.name,
            "address_bytes_per_second",
            config,
        ),
        Held::of(
            &sections::SESSION,
            sections::SESSION.name,
            "frame_bytes_max",
            config,
        ),
    ];
    (rate < config.session.frame_bytes_max as u64).then(|| Conflict::new(knobs, rule))
}

/// Limits that no partition can keep alone: which are set.
fn undivided(settings: &PoolSettings) -> [(bool, &'static str); 5] {
    [
        (settings.concurrency_max.is_some(), "concurrency_max"),
        (
            settings.group_concurrency_max.is_some(),
            "group_concurrency_max",
        ),
        (settings.rate.is_some(), "rate"),
        (settings.group_rate.is_some(), "group_rate"),
        (settings.fair_share, "fair_share"),
    ]
}

/// What contradicts in one pool.
pub(super) fn in_pool(config: &HubConfig, heading: &str, settings: &PoolSettings) -> Vec<Conflict> {
    let held = |key: &str| match pool::SECTION.find(key) {
        Some(_) => Held::of(&pool::SECTION, heading, key, settings),
        None => Held::of(&sections::SESSION, sections::SESSION.name, key, config),
    };
    let fits = |bytes: usize| bytes.saturating_add(FRAME_SLACK) <= config.session.frame_bytes_max;
    let rules = [
        (
            settings.back_off.cap >= settings.back_off.base,
            ["back_off_cap", "back_off_base"],
            "back_off_cap must be at least back_off_base",
        ),
        (
            settings.completed_kept_max < settings.tasks_max,
            ["completed_kept_max", "tasks_max"],
            "completed_kept_max must be less than tasks_max, or remembered tasks fill the pool",
        ),
        (
            fits(settings.payload_bytes_max),
            ["payload_bytes_max", "frame_bytes_max"],
            "frame_bytes_max must be at least payload_bytes_max + 64KiB",
        ),
        (
            fits(settings.result_bytes_max),
            ["result_bytes_max", "frame_bytes_max"],
            "frame_bytes_max must be at least result_bytes_max + 64KiB",
        ),
    ];
    let limits = undivided(settings).map(|(is_set, key)| {
        let rule = "a pool in partitions has no limits on what is claimed";
        (
            settings.partitions == 1 || !is_set,
            [key, "partitions"],
            rule,
        )
    });
    let rules = rules.into_iter().chain(limits);
    let broken = rules.filter(|(holds, ..)| !holds);
    broken
        .map(|(_, keys, rule)| Conflict {
            knobs: keys.map(held),
            rule,
        })
        .collect()
}
