//! Who a node says it is, and how patient it is.

use std::{fs, process, time::Duration};

use leasehold_core::{Incarnation, NodeName};
use leasehold_wire::{Hello, Secret};

/// Who a node says it is, and how patient it is. The fields may be set one by one, or with the
/// methods of the same names:
///
/// ```
/// use std::time::Duration;
/// use leasehold_node::{NodeName, NodeOptions};
///
/// let options = NodeOptions::default()
///     .name(NodeName::new("crane-1")?)
///     .give_up_after(Duration::from_secs(30));
/// # Ok::<(), leasehold_node::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOptions {
    /// What the node is called; none makes it `host-pid`. Names need not be unique: each producer,
    /// inspector and worker draws an incarnation of its own beside it.
    pub name: Option<NodeName>,
    /// How long a request may be without a connection, or be told that its pool is unavailable,
    /// before it fails; none means that it waits for ever, and that the node never ceases to try.
    pub give_up_after: Option<Duration>,
    /// Whether an enqueue that finds its pool full waits and is tried again, instead of failing with
    /// [`leasehold_core::Rejection::Full`]. It tries when the hub says that there may be room, for at
    /// most [`Self::give_up_after`]. Default no.
    pub wait_when_full: bool,
    /// What the node shows to say who it is, in each session before all else; none: nothing. It shows
    /// neither in debug output nor in a log. What a hub denies is final: requests fail with it at once,
    /// a worker ends with it. A hub that speaks an older version of the protocol is shown nothing.
    pub token: Option<Secret>,
    /// The first pause between two attempts to connect; each further one is twice as long. A
    /// connection that was lost is tried once at once. Default 50 ms.
    pub reconnect_base: Duration,
    /// The longest such pause. Default 2 s. Half of each is drawn at random.
    pub reconnect_cap: Duration,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            name: None,
            give_up_after: None,
            wait_when_full: false,
            token: None,
            reconnect_base: Duration::from_millis(50),
            reconnect_cap: Duration::from_secs(2),
        }
    }
}

impl NodeOptions {
    /// Sets [`Self::name`].
    #[must_use]
    pub fn name(mut self, name: NodeName) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets [`Self::give_up_after`]; a `Duration` or an `Option` of one.
    #[must_use]
    pub fn give_up_after(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.give_up_after = after.into();
        self
    }

    /// Sets [`Self::wait_when_full`].
    #[must_use]
    pub const fn wait_when_full(mut self, wait: bool) -> Self {
        self.wait_when_full = wait;
        self
    }

    /// Sets [`Self::token`]; a `Secret` or an `Option` of one.
    #[must_use]
    pub fn token(mut self, token: impl Into<Option<Secret>>) -> Self {
        self.token = token.into();
        self
    }

    /// Sets [`Self::reconnect_base`].
    #[must_use]
    pub const fn reconnect_base(mut self, base: Duration) -> Self {
        self.reconnect_base = base;
        self
    }

    /// Sets [`Self::reconnect_cap`].
    #[must_use]
    pub const fn reconnect_cap(mut self, cap: Duration) -> Self {
        self.reconnect_cap = cap;
        self
    }

    /// The name in force: the one that was chosen, or else `host-pid`.
    #[must_use]
    pub fn name_or_default(&self) -> NodeName {
        self.name.clone().unwrap_or_else(host_and_pid)
    }

    /// A hello under an incarnation that was never used before.
    pub(crate) fn hello(&self) -> Hello {
        Hello::new(self.name_or_default(), Incarnation(rand::random()))
    }
}

fn host_and_pid() -> NodeName {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_default();
    let pid = process::id();
    NodeName::new(&format!("{}-{pid}", host.trim()))
        .or_else(|_| NodeName::new(&format!("node-{pid}")))
        .expect("letters, digits and a dash make a name")
}
