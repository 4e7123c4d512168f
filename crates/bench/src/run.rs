//! A run: phase by phase, and each phase for one system after the other; then all of it again, so
//! that what else the machine does meets all alike, and the limits with which they are compared.

use std::{env, io::IsTerminal, sync::Arc, time::Duration};

use leasehold_reach::Door;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    BenchArgs, BenchError, HubOptions, HubProcess, Leasehold, Target,
    book::Book,
    holder, limits,
    options::{Options, Phase},
    phases::{
        Trial, cut, deep, latency, mixed, restart, sessions, soak, store, throughput,
        throughput::Wanted,
    },
    report,
    rest::Rests,
};

/// Tasks that a pool may hold beside those that stand.
const TASKS_BESIDE: u64 = 100_000_000;

/// Sessions that the hub may hold beside those that idle.
const SESSIONS_BESIDE: u32 = 10_000;

/// How long a hub that runs already may take to let somebody in.
const LET_IN_WITHIN: Duration = Duration::from_secs(10);

/// Measures what was asked for, and shows it.
///
/// # Errors
/// When what was asked is unsound, a system under test fails, or a signal ends it. Nothing is left
/// behind then.
pub fn run(args: BenchArgs) -> Result<(), BenchError> {
    let options = args.options()?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(options.threads)
        .enable_all()
        .build()
        .map_err(BenchError::io("start"))?;
    let holds_many = |phase: &Phase| matches!(phase, Phase::Sessions | Phase::Cut);
    if options.hold.is_some() || options.phases.iter().any(holds_many) {
        // Before the hub starts, for it inherits the bound.
        sessions::raise_descriptors()?;
    }
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = Box::pin(all(&options)) => ended,
            ending = asked_to_end() => Err(ending),
        }
    });
    options.over.cancel();
    ended
}

/// To leave is to drop all that was started.
async fn asked_to_end() -> BenchError {
    let kinds = [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] =
        kinds.map(|(kind, _)| signal(kind))
    else {
        return BenchError::failed("listen to signals", "this system does not let us");
    };
    let which = tokio::select! {
        _ = interrupt.recv() => 0,
        _ = terminate.recv() => 1,
        _ = hangup.recv() => 2,
    };
    BenchError::failed(
        "finish the bench",
        format_args!("{} came; all is cleaned up", kinds[which].1),
    )
}

async fn all(options: &Options) -> Result<(), BenchError> {
    if let Some((pool, hub)) = options.hold.as_ref().zip(options.hub.as_ref()) {
        return holder::hold(pool, hub.clone(), &options.sessions).await;
    }
    let mut bench = Bench::set_up(options).await?;
    for repetition in 0..options.repeat {
        for phase in &options.phases {
            bench.phase(*phase, repetition).await?;
        }
    }
    report::show(bench.book, options, &bench.targets)
}

struct Bench<'a> {
    options: &'a Options,
    /// None if only others are driven.
    leasehold: Option<Arc<Leasehold>>,
    /// Leasehold, if it is driven, and the others.
    targets: Vec<Arc<dyn Target>>,
    rests: Rests,
    book: Book,
    is_watched: bool,
}

impl<'a> Bench<'a> {
    async fn set_up(options: &'a Options) -> Result<Self, BenchError> {
        let mut targets: Vec<Arc<dyn Target>> = Vec::new();
        let (mut ours, mut rests) = (None, Rests::default());
        if !options.only_others {
            let leasehold = Arc::new(leasehold(options).await?);
            targets.push(leasehold.clone());
            ours = Some(leasehold);
        }
        for spec in &options.against {
            let target = other(spec)?;
            rests.add(target.as_ref(), &spec.parse()?)?;
            targets.push(target);
        }
        Ok(Self {
            options,
            leasehold: ours,
            targets,
            rests,
            book: Book::default(),
            is_watched: options.progress || std::io::stderr().is_terminal(),
        })
    }

    async fn phase(&mut self, phase: Phase, repetition: u32) -> Result<(), BenchError> {
        if phase == Phase::Limits {
            self.say(phase, "machine", repetition);
            self.rests.all_but(limits::MACHINE)?;
            return limits::measure(self.options, &mut self.book).await;
        }
        if phase == Phase::Store {
            self.say(phase, "the engines", repetition);
            return store::run(self.options, &mut self.book).await;
        }
        for target in self.in_turn(phase, repetition) {
            self.say(phase, target.name(), repetition);
            self.rests.all_but(target.name())?;
            if self.options.phases.contains(&Phase::Limits) {
                self.limits_of(phase).await?;
            }
            let failed = format!("measure {} of {}", phase.name(), target.name());
            self.attempt(phase, &target)
                .await
                .map_err(|error| BenchError::failed(failed, error))?;
            if phase.is_our_own() {
                break;
            }
        }
        Ok(())
    }

    /// Whoever comes first in a phase comes after the last of the phase before and what it left to the
    /// disk, so each repetition begins with another one.
    fn in_turn(&self, phase: Phase, repetition: u32) -> Vec<Arc<dyn Target>> {
        let mut targets = self.targets.clone();
        if !phase.is_our_own() {
            let step = (targets.len() / self.options.repeat.max(1) as usize).max(1);
            let first = repetition as usize * step % targets.len().max(1);
            targets.rotate_left(first);
        }
        targets
    }

    /// What the phase is compared with, near to it: a disk that others use, too, is not the same for
    /// long.
    async fn limits_of(&mut self, phase: Phase) -> Result<(), BenchError> {
        if phase == Phase::Single {
            limits::measure_small(self.options, &mut self.book).await?;
        }
        if phase == Phase::Latency {
            for rate in &self.options.rates {
                limits::measure_at(self.options, *rate, &mut self.book).await?;
            }
        }
        Ok(())
    }

    async fn attempt(&mut self, phase: Phase, target: &Arc<dyn Target>) -> Result<(), BenchError> {
        let has = |phase| self.options.phases.contains(&phase);
        let (enqueue, claim) = (has(Phase::Enqueue), has(Phase::Claim));
        let mut trial = Trial {
            options: self.options,
            target,
            book: &mut self.book,
        };
        match (phase, &self.leasehold) {
            // What one of them enqueues is there for the other to be claimed.
            (Phase::Claim, _) if enqueue => Ok(()),
            (Phase::Enqueue | Phase::Claim, _) => {
                throughput::many(&mut trial, Wanted { enqueue, claim }).await
            }
            (Phase::Mixed, _) => mixed::run(&mut trial).await,
            (Phase::Single, _) => throughput::single(&mut trial).await,
            (Phase::Latency, _) => latency::run(&mut trial).await,
            (Phase::Deep, _) => deep::run(&mut trial).await,
            (Phase::Sessions, Some(hub)) => sessions::run(&mut trial, hub).await,
            (Phase::Cut, Some(hub)) => cut::run(&mut trial, hub).await,
            (Phase::Restart, Some(hub)) => restart::run(&mut trial, hub).await,
            (Phase::Soak, Some(hub)) => soak::run(&mut trial, hub).await,
            (Phase::Limits | Phase::Store, _)
            | (Phase::Sessions | Phase::Cut | Phase::Restart | Phase::Soak, None) => Ok(()),
        }
    }

    fn say(&self, phase: Phase, target: &str, repetition: u32) {
        if self.is_watched {
            let of = self.options.repeat;
            report::progress(&format!(
                "{}: {target} ({} of {of})",
                phase.name(),
                repetition + 1
            ));
        }
    }
}

async fn leasehold(options: &Options) -> Result<Leasehold, BenchError> {
    if let Some(door) = &options.hub {
        let hub = Leasehold::running(door.clone())?;
        knock(door, &hub).await?;
        return Ok(hub);
    }
    let program = env::current_exe().map_err(BenchError::io("find this program"))?;
    let settings = settings(options);
    let hub = HubProcess::start(HubOptions {
        program,
        folder: options.folder.clone(),
        settings,
    });
    Leasehold::ours(hub.await?)
}

/// What would be denied is told before anything is measured.
async fn knock(door: &Door, hub: &Leasehold) -> Result<(), BenchError> {
    let (pool, address) = (hub.pool(), door.address());
    let knocked = door.knock(&pool, LET_IN_WITHIN).await;
    let what = || format!("drive the hub at {address}, in its pool {pool}");
    knocked.map_err(|why| BenchError::Hub { what: what(), why })
}

/// Room for what the phases put into the hub, and what was chosen.
fn settings(options: &Options) -> Vec<(String, String)> {
    let tasks = options.standing.iter().max().copied().unwrap_or(0);
    let sessions = options.sessions.iter().max().copied().unwrap_or(0);
    let mut settings = vec![
        (
            "LEASEHOLD_POOL_DEFAULTS_TASKS_MAX".to_owned(),
            (tasks + TASKS_BESIDE).to_string(),
        ),
        (
            "LEASEHOLD_HUB_SESSIONS_MAX".to_owned(),
            (sessions + SESSIONS_BESIDE).to_string(),
        ),
    ];
    if let Some(engine) = &options.engine {
        settings.push(("LEASEHOLD_STORE_ENGINE".to_owned(), engine.clone()));
    }
    settings
}

#[cfg(feature = "peers")]
fn other(spec: &str) -> Result<Arc<dyn Target>, BenchError> {
    Ok(crate::peers::target(&spec.parse()?)?.into())
}

#[cfg(not(feature = "peers"))]
fn other(spec: &str) -> Result<Arc<dyn Target>, BenchError> {
    spec.parse::<crate::Spec>()?;
    let why = "this program was built without the drivers of other systems: \
               build it with --features peers";
    Err(BenchError::Usage(why.to_owned()))
}
