//! The knobs of a hub. Those of a pool are in `pool`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    HubConfig,
    kinds::{Address, Choice, Count, Folder, Optional, Size, Span, TokensFile, Truth},
    knob::{Section, section},
    tls::TLS,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const HOUR: Duration = Duration::from_secs(3600);

/// Every section but the pools', in the order of the file.
pub(super) static ALL: [&Section<HubConfig>; 7] =
    [&HUB, &SESSION, &TLS, &AUTH, &STORE, &LOG, &POOLS];

section! {
    /// Where the hub listens and how it ends.
    pub struct HubSection, HUB for hub {
        /// Where nodes connect. Port 0 takes any that is free; "none" is for a hub inside another
        /// program. One that other machines reach wants TLS and nodes that prove who they are
        /// (`[tls]`, docs/TLS.md), or `open_to_all`.
        listen: Option<SocketAddr> = Some(SocketAddr::from(([127, 0, 0, 1], 7411))), Address;
        /// Whether an address that other machines reach may be listened on without TLS or without
        /// proof of who a node is: whoever reaches it may then enqueue, claim and cancel, and who is
        /// on the way may read and change what is said.
        open_to_all: bool = false, Truth;
        /// Sessions at a time; one more is turned away. Each costs a file descriptor, up to
        /// `session.bytes_max` of memory for what it asks, and up to 9MiB for tasks on their way to
        /// it; those that it does not read wait on disk.
        sessions_max: usize = 10_000, Count { min: 1, max: 1_000_000 };
        /// Connections at a time from one address; one more is turned away. An address of IPv6
        /// counts with all of its /64. Nodes that reach the hub through one proxy or router have
        /// one address together; loopback counts like any other.
        sessions_per_address_max: Option<usize> = None,
            Optional(Count { min: 1, max: 1_000_000 });
        /// Requests of all sessions of one address together in a second, however much is in each;
        /// past it the hub reads no more from any of them for a while. One of each that it listens
        /// to already is still read, and paid for. What was not used is saved up, for a second at
        /// most, and forgotten with the last connection of the address.
        address_requests_per_second: Option<u64> = None,
            Optional(Count { min: 1, max: 1_000_000_000 });
        /// Bytes of all sessions of one address together in a second, as with its requests. Must be
        /// at least `session.frame_bytes_max`: a frame is read whole, and paid for afterwards. Nobody
        /// of an address is heard meanwhile, nor held silent.
        address_bytes_per_second: Option<u64> = None, Optional(Size { min: KIB, max: TIB });
        /// Connections that have not said who they are yet. With one more, the oldest such one of
        /// the address that has the most of them is turned away (for one of its own address only
        /// after a second): whoever opens thousands and says nothing keeps no node out. Each costs a
        /// file descriptor and as much memory as an idle session, about 20KiB.
        handshakes_max: usize = 4096, Count { min: 1, max: 1_000_000 };
        /// How long a graceful end waits for what is in flight. What is still leased then stays so:
        /// the next start takes it up.
        drain_for: Duration = Duration::from_secs(10), Span { min: Duration::ZERO, max: HOUR };
    }
}

section! {
    /// What one connection of a node may do, and when it counts as ended.
    pub struct SessionSection, SESSION for session {
        /// How often either side is heard of, if only by a heartbeat. Shorter notices silence
        /// sooner, at the cost of more small frames.
        heartbeat: Duration = Duration::from_secs(4),
            Span { min: Duration::from_millis(100), max: Duration::from_secs(60) };
        /// How long a node may be silent before its session ends and its leases with it. Must be
        /// at least twice `heartbeat`. Shorter moves the tasks of a node that lost power sooner;
        /// longer is patient with one that swaps or is suspended.
        silence_after: Duration = Duration::from_secs(10),
            Span { min: Duration::from_secs(1), max: HOUR };
        /// How long a new connection may take to say who it is, TLS included.
        handshake_within: Duration = Duration::from_secs(5),
            Span { min: Duration::from_millis(100), max: Duration::from_secs(60) };
        /// Requests in flight of one session; past it the hub reads no more from that socket until
        /// some are answered.
        requests_max: usize = 1024, Count { min: 1, max: 1 << 20 };
        /// Bytes in flight of one session; past it the hub reads no more from that socket until
        /// some are answered. Must be at least `frame_bytes_max`.
        bytes_max: usize = 64 << 20, Size { min: 64 * KIB, max: 64 * GIB };
        /// Requests of one session in a second, however much is in each; past it the hub reads no more
        /// from that socket for a while. What was not used is saved up, for a second at most; a new
        /// session has saved nothing. For all sessions of an address:
        /// `hub.address_requests_per_second`.
        requests_per_second: Option<u64> = None, Optional(Count { min: 1, max: 1_000_000_000 });
        /// Bytes of one session in a second; past it the hub reads no more from that socket for a
        /// while. What was not used is saved up, for a second at most. A frame is read whole, and
        /// paid for afterwards.
        bytes_per_second: Option<u64> = None, Optional(Size { min: KIB, max: TIB });
        /// The longest frame that is read. Must hold the longest
        /// payload and result of any pool, with 64KiB to spare.
        frame_bytes_max: usize = 16 << 20, Size { min: 64 * KIB, max: 32 * MIB };
    }
}

section! {
    /// Where tasks survive.
    pub struct StoreSection, STORE for store {
        /// "sled" and "fjall" keep tasks on disk: what was acknowledged survives a crash and a power
        /// cut. A folder is one engine's; `leasehold export` and `leasehold import` go between them.
        /// "memory" forgets all at the end of the process: for tests.
        engine: Engine = Engine::Sled,
            Choice(&[
                ("sled", Engine::Sled),
                ("fjall", Engine::Fjall),
                ("memory", Engine::Memory),
            ]);
        /// The folder of the store, made if it is not there; a relative one is under the folder
        /// that the hub was started in. One hub at a time can have it open.
        data: PathBuf = PathBuf::from("leasehold-data"), Folder;
        /// Free space kept back on the disk of `data`: with less, enqueues are refused while
        /// claims and completions go on. "0B" turns that off.
        disk_reserve: u64 = 512 << 20, Size { min: 0, max: 16 * TIB };
        /// Bytes of payloads kept in memory by the whole hub; others are read back from disk when
        /// they are claimed. More helps if tasks are claimed soon after they were enqueued.
        payload_cache: usize = 128 << 20, Size { min: 0, max: TIB };
    }
}

section! {
    /// What the hub says of itself.
    pub struct LogSection, LOG for log {
        /// The least severe that is logged.
        level: LogLevel = LogLevel::Info, Choice(LogLevel::WORDS);
        /// "human" for a terminal, "json" for a collector: one object a line.
        format: LogFormat = LogFormat::Human,
            Choice(&[("human", LogFormat::Human), ("json", LogFormat::Json)]);
    }
}

section! {
    /// Which pools there may be.
    pub struct PoolsSection, POOLS for pools {
        /// Whether a pool that no `[pool.NAME]` names is made when it is first used, with
        /// `[pool_defaults]`. Off, a misspelt name is refused instead of making a pool.
        open: bool = true, Truth;
        /// Pools at the most; the first use of one more is refused.
        pools_max: usize = 1024, Count { min: 1, max: 100_000 };
    }
}

section! {
    /// Who may do what. Tokens are made by `leasehold token create`; docs/SECURITY.md says how a hub
    /// is closed to strangers.
    pub struct AuthSection, AUTH for auth {
        /// Whether a session has to show a token, or a certificate that is named below, before it may
        /// do anything, within `session.handshake_within`. Off, sessions without a token may do all,
        /// those with one only what it allows.
        required: bool = false, Truth;
        /// Where tokens are kept, as hashes. "none" is `tokens.json` in the folder `store.data`; a hub
        /// with the engine "memory" then forgets them at the end of the process.
        file: Option<PathBuf> = None, Optional(TokensFile);
    }
}

/// What keeps the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// sled in a folder: the measured choice for a busy hub, and the default.
    Sled,
    /// fjall in a folder.
    Fjall,
    /// The memory of the process: nothing survives it.
    Memory,
}

/// How severe a log line must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing is logged.
    Off,
    /// What an owner must see to.
    Error,
    /// What an owner should know.
    Warn,
    /// The hub's own life.
    Info,
    /// The life of sessions and pools.
    Debug,
    /// Single requests.
    Trace,
}

impl LogLevel {
    const WORDS: &[(&str, Self)] = &[
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The level as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
}
