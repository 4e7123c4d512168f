//! What may be said on the command line, and what a run makes of it.

use std::{num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use clap::{Args, ValueEnum};
use leasehold_reach::{Door, WayArgs};
use tokio_util::sync::CancellationToken;

use crate::BenchError;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Phase {
    /// The disk's and loopback's own speed, with which all else is compared
    Limits,
    /// The store engines alone
    Store,
    /// Tasks acknowledged
    Enqueue,
    /// Tasks claimed and completed
    Claim,
    /// Whole lifecycles, producers and workers together
    Mixed,
    /// One request in flight, on 1, 64 and 256 connections
    Single,
    /// Latencies at fixed rates
    Latency,
    /// Claims with more and more tasks standing
    Deep,
    /// Idle sessions
    Sessions,
    /// Sessions cut at once, with tasks on lease
    Cut,
    /// From kill -9 until the first task is claimed again
    Restart,
    /// Churn for a while: memory and disk over time
    Soak,
}

impl Phase {
    /// As the command line has it.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it is about what only Leasehold has.
    pub(crate) const fn is_our_own(self) -> bool {
        match self {
            Self::Sessions | Self::Cut | Self::Restart | Self::Soak => true,
            Self::Limits
            | Self::Store
            | Self::Enqueue
            | Self::Claim
            | Self::Mixed
            | Self::Single
            | Self::Latency
            | Self::Deep => false,
        }
    }

    const QUICK: [Self; 6] = [
        Self::Limits,
        Self::Enqueue,
        Self::Claim,
        Self::Mixed,
        Self::Single,
        Self::Latency,
    ];
}

/// `leasehold bench`
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// What to measure [default: limits enqueue claim mixed single latency]
    #[arg(value_enum, value_name = "PHASE")]
    phases: Vec<Phase>,
    /// Measure everything, with up to ten million tasks; takes half an hour
    #[arg(long, conflicts_with = "phases")]
    full: bool,
    /// Drive this hub instead of one of the bench's own
    #[arg(long, value_name = "ADDR", value_parser = leasehold_reach::address)]
    hub: Option<String>,
    /// The folder in which the bench's own hub gets one [default: the current folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The store engine of the bench's own hub
    #[arg(long, value_name = "NAME", conflicts_with = "hub")]
    engine: Option<String>,
    /// Drive another system as well, in turn: KIND=ADDR[,pid=PID][,data=DIR]
    #[arg(long, value_name = "SYSTEM")]
    against: Vec<String>,
    /// Leave out Leasehold itself
    #[arg(long, requires = "against")]
    only_others: bool,
    /// Bytes of each payload
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    payload: usize,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 16)]
    connections: u32,
    /// Requests under way on each connection of a producer
    #[arg(long, value_name = "N", default_value_t = 64)]
    in_flight: usize,
    /// Tasks that each connection of a worker holds at a time
    #[arg(long, value_name = "N", default_value_t = 64)]
    slots: usize,
    /// How long to measure each thing
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Measure for so many tasks instead, however long they take
    #[arg(long, value_name = "N")]
    tasks: Option<u64>,
    /// Tasks standing, for deep and restart [default: 1000,100000; with --full up to 10000000]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    standing: Vec<u64>,
    /// Tasks a second, for latency
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [500.0, 5000.0])]
    rates: Vec<f64>,
    /// Sessions, for sessions and cut [default: 1,1000; with --full 1,100,1000,10000]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    sessions: Vec<u32>,
    /// Hold tasks of this pool with so many sessions, to be killed with them
    #[arg(long, hide = true, value_name = "POOL", requires = "hub")]
    hold: Option<String>,
    /// How long to soak [default: 30; with --full 300]
    #[arg(long, value_name = "SECONDS")]
    soak_for: Option<f64>,
    /// Measure everything so often; medians are shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
    /// Threads of the generator [default: half of the cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    way: WayArgs,
    /// Say how far it is, also where standard error is no terminal
    #[arg(long)]
    progress: bool,
    /// Write all figures as one JSON document to this file; "-" is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the results into this folder
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

/// A run as it was asked for, with nothing open.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) phases: Vec<Phase>,
    /// The hub that runs already.
    pub(crate) hub: Option<Door>,
    /// The way to it.
    pub(crate) way: WayArgs,
    pub(crate) folder: PathBuf,
    pub(crate) engine: Option<String>,
    pub(crate) against: Vec<String>,
    pub(crate) only_others: bool,
    pub(crate) payload_bytes: usize,
    pub(crate) connections: u32,
    pub(crate) in_flight: usize,
    pub(crate) slots: usize,
    pub(crate) seconds: Duration,
    pub(crate) tasks: Option<u64>,
    pub(crate) standing: Vec<u64>,
    pub(crate) rates: Vec<f64>,
    pub(crate) sessions: Vec<u32>,
    pub(crate) hold: Option<String>,
    pub(crate) soak_for: Duration,
    pub(crate) repeat: u32,
    pub(crate) threads: usize,
    pub(crate) progress: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    /// Cancelled when the run is over, for threads that cannot be aborted.
    pub(crate) over: CancellationToken,
}

impl BenchArgs {
    pub(crate) fn options(self) -> Result<Options, BenchError> {
        self.check()?;
        let standing: &[u64] = match (self.full, self.standing.is_empty()) {
            (_, false) => &self.standing,
            (true, true) => &[1_000, 100_000, 1_000_000, 10_000_000],
            (false, true) => &[1_000, 100_000],
        };
        let sessions: &[u32] = match (self.full, self.sessions.is_empty()) {
            (_, false) => &self.sessions,
            (true, true) => &[1, 100, 1_000, 10_000],
            (false, true) => &[1, 1_000],
        };
        let soak_for = if self.full { 300.0 } else { 30.0 };
        Ok(Options {
            standing: standing.to_vec(),
            sessions: sessions.to_vec(),
            phases: self.phases(),
            folder: self.data.unwrap_or_else(|| PathBuf::from(".")),
            seconds: Duration::from_secs_f64(self.seconds),
            soak_for: Duration::from_secs_f64(self.soak_for.unwrap_or(soak_for)),
            threads: self.threads.unwrap_or_else(|| (cores() / 2).max(1)),
            hub: match &self.hub {
                Some(address) => Some(self.way.door(address)?),
                None => None,
            },
            way: self.way,
            hold: self.hold,
            engine: self.engine,
            against: self.against,
            only_others: self.only_others,
            payload_bytes: self.payload,
            connections: self.connections,
            in_flight: self.in_flight,
            slots: self.slots,
            tasks: self.tasks,
            rates: self.rates,
            repeat: self.repeat,
            progress: self.progress,
            json: self.json,
            svg: self.svg,
            over: CancellationToken::new(),
        })
    }

    fn phases(&self) -> Vec<Phase> {
        let mut phases = match (self.full, self.phases.is_empty()) {
            (true, _) => Phase::value_variants().to_vec(),
            (false, true) => Phase::QUICK.to_vec(),
            (false, false) => self.phases.clone(),
        };
        phases.sort_unstable();
        phases.dedup();
        phases
    }

    fn check(&self) -> Result<(), BenchError> {
        let wrong = |what: &str| Err(BenchError::Usage(what.to_owned()));
        let times = [Some(self.seconds), self.soak_for];
        // No number is in no range.
        let is_time = |seconds: &f64| (0.01..=86_400.0).contains(seconds);
        if !times.iter().flatten().all(is_time) {
            return wrong("--seconds and --soak-for must be 0.01 to 86400");
        }
        if self.payload < 8 {
            return wrong("--payload must be at least 8: a payload begins with its time");
        }
        let is_rate = |rate: &f64| (0.1..=1e7).contains(rate);
        if !self.rates.iter().all(is_rate) {
            return wrong("--rates must be 0.1 to 10000000");
        }
        let counts = [
            ("--connections", u64::from(self.connections)),
            ("--in-flight", self.in_flight as u64),
            ("--slots", self.slots as u64),
            ("--repeat", u64::from(self.repeat)),
            ("--tasks", self.tasks.unwrap_or(1)),
            ("--threads", self.threads.unwrap_or(1) as u64),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => wrong(&format!("{name} must be at least 1")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
impl Options {
    /// What holds when nothing is said.
    pub(crate) fn for_tests() -> Self {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: BenchArgs,
        }
        Line::parse_from(["bench"]).args.options().unwrap()
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
