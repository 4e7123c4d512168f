//! Who is on stage, and how the hub is set.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, time::Duration};

use leasehold_judge::Terms;

use crate::nemesis::Who;

/// Who is on stage, and how the hub is set. Each scene begins with the default.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) nodes: usize,
    pub(crate) producers: usize,
    /// Of those who answer when their leases are stale.
    pub(crate) holders: usize,
    /// Tasks at a time, of each node.
    pub(crate) slots: usize,
    /// Between two enqueues of a producer, on the average.
    pub(crate) every: Duration,
    /// The longest rest of a task.
    pub(crate) rest_max: Duration,
    /// So many tasks of a thousand fail at least once.
    pub(crate) failing: u64,
    /// So many tasks of a thousand are sent twice.
    pub(crate) twice: u64,
    /// Variables of the environment of the hub: knobs, or what is loaded before it.
    pub(crate) hub_env: Vec<(String, String)>,
    /// The program of the hub; none is this one.
    pub(crate) hub_program: Option<PathBuf>,
    /// Whether the hub is one of the run, to be hurt like the others.
    pub(crate) is_hub_ours: bool,
    /// Where the hub keeps its store; none is in the folder of the run.
    pub(crate) hub_data: Option<PathBuf>,
    /// Where the hub listens.
    pub(crate) hub_ip: Ipv4Addr,
    /// Whether all that passes between the hub and others is TLS.
    pub(crate) speaks_tls: bool,
    /// What is put before the command of a node or a producer.
    pub(crate) before: BTreeMap<Who, Vec<String>>,
    /// What the hub promises so.
    pub(crate) terms: Terms,
    /// How long the quiet phase may take.
    pub(crate) drain_within: Duration,
}

impl Default for Cast {
    fn default() -> Self {
        Self::new(false)
    }
}

/// What differs from the defaults of a hub: what takes long is made short, and a task outlives many
/// a death.
const QUICK: [(&str, &str); 9] = [
    ("SESSION_HEARTBEAT", "500ms"),
    ("SESSION_SILENCE_AFTER", "2s"),
    ("POOL_DEFAULTS_RESTART_GRACE", "5s"),
    ("POOL_DEFAULTS_LEASE", "10s"),
    ("POOL_DEFAULTS_BACK_OFF_BASE", "100ms"),
    ("POOL_DEFAULTS_BACK_OFF_CAP", "1s"),
    ("POOL_DEFAULTS_LOSSES_MAX", "30"),
    ("POOL_DEFAULTS_ATTEMPTS_MAX", "4"),
    ("STORE_DISK_RESERVE", "0B"),
];

impl Cast {
    /// A small load: several scenes share two cores. Where the user brings a configuration, it
    /// decides.
    pub(crate) fn new(is_configured: bool) -> Self {
        let mut cast = Self {
            nodes: 3,
            producers: 2,
            holders: 0,
            slots: 4,
            every: Duration::from_millis(60),
            rest_max: Duration::from_millis(60),
            failing: 100,
            twice: 0,
            hub_env: Vec::new(),
            hub_program: None,
            is_hub_ours: true,
            hub_data: None,
            hub_ip: Ipv4Addr::LOCALHOST,
            speaks_tls: false,
            before: BTreeMap::new(),
            terms: Terms::default(),
            drain_within: Duration::from_secs(180),
        };
        if !is_configured {
            for (knob, value) in QUICK {
                cast.knob(knob, value);
            }
        }
        cast
    }

    /// Sets a knob of the hub by its variable, without the `LEASEHOLD_` before it.
    pub(crate) fn knob(&mut self, knob: &str, value: &str) {
        self.env(&format!("LEASEHOLD_{knob}"), value);
    }

    /// Sets a variable of the environment of the hub.
    pub(crate) fn env(&mut self, name: &str, value: &str) {
        self.hub_env.retain(|(known, _)| known != name);
        self.hub_env.push((name.to_owned(), value.to_owned()));
    }

    /// Those of these who may be hurt: a hub that is somebody else's may not, and a node is in its
    /// place.
    pub(crate) fn ours(&self, mut whom: Vec<Who>) -> Vec<Who> {
        if !self.is_hub_ours && whom.contains(&Who::Hub) {
            whom.retain(|who| *who != Who::Hub);
            if whom.is_empty() {
                whom.push(Who::Node(1));
            }
        }
        whom
    }

    /// All nodes.
    pub(crate) fn all_nodes(&self) -> Vec<Who> {
        (1..=self.nodes).map(Who::Node).collect()
    }

    /// All but the hub.
    pub(crate) fn all_parts(&self) -> Vec<Who> {
        let mut parts = self.all_nodes();
        parts.extend(self.all_producers());
        parts.extend(self.all_holders());
        parts
    }

    /// All who answer when their leases are stale.
    pub(crate) fn all_holders(&self) -> Vec<Who> {
        (1..=self.holders).map(Who::Holder).collect()
    }

    /// All producers.
    pub(crate) fn all_producers(&self) -> Vec<Who> {
        (1..=self.producers).map(Who::Producer).collect()
    }
}
