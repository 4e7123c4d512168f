//! A run: phase by phase, each repetition of each phase for one system after the other, so that
//! what else the machine does meets all alike.

use std::{env, io::IsTerminal, sync::Arc};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    BenchArgs, BenchError, HubOptions, HubProcess, Leasehold, Target,
    book::Book,
    limits,
    options::{Options, Phase},
    phases::{Trial, latency, mixed, throughput, throughput::Wanted},
    report,
};

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
    runtime.block_on(async {
        tokio::select! {
            ended = Box::pin(all(&options)) => ended,
            ending = asked_to_end() => Err(ending),
        }
    })
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
    let mut bench = Bench::set_up(options).await?;
    for phase in &options.phases {
        for repetition in 0..options.repeat {
            bench.phase(*phase, repetition).await?;
        }
    }
    report::show(&bench.book, options, &bench.targets)
}

struct Bench<'a> {
    options: &'a Options,
    targets: Vec<Arc<dyn Target>>,
    book: Book,
    is_watched: bool,
}

impl<'a> Bench<'a> {
    async fn set_up(options: &'a Options) -> Result<Self, BenchError> {
        let mut targets: Vec<Arc<dyn Target>> = Vec::new();
        if !options.only_others {
            targets.push(Arc::new(leasehold(options).await?));
        }
        for spec in &options.against {
            targets.push(other(spec)?);
        }
        Ok(Self {
            options,
            targets,
            book: Book::default(),
            is_watched: std::io::stderr().is_terminal(),
        })
    }

    async fn phase(&mut self, phase: Phase, repetition: u32) -> Result<(), BenchError> {
        if phase == Phase::Limits {
            self.say(phase, "machine", repetition);
            return limits::measure(self.options, &mut self.book).await;
        }
        for target in self.targets.clone() {
            self.say(phase, target.name(), repetition);
            let mut trial = Trial {
                options: self.options,
                target: &target,
                book: &mut self.book,
            };
            let tried = attempt(phase, &mut trial).await;
            tried.map_err(|error| {
                BenchError::failed(
                    format_args!("measure {phase:?} of {}", target.name()),
                    error,
                )
            })?;
        }
        Ok(())
    }

    fn say(&self, phase: Phase, target: &str, repetition: u32) {
        if self.is_watched {
            let of = self.options.repeat;
            report::progress(&format!("{phase:?}: {target} ({} of {of})", repetition + 1));
        }
    }
}

async fn attempt(phase: Phase, trial: &mut Trial<'_>) -> Result<(), BenchError> {
    match phase {
        Phase::Enqueue => {
            // What was enqueued is there to be claimed.
            let claim = trial.options.phases.contains(&Phase::Claim);
            let wanted = Wanted {
                enqueue: true,
                claim,
            };
            throughput::many(trial, wanted).await
        }
        Phase::Claim if trial.options.phases.contains(&Phase::Enqueue) => Ok(()),
        Phase::Claim => {
            let wanted = Wanted {
                enqueue: false,
                claim: true,
            };
            throughput::many(trial, wanted).await
        }
        Phase::Mixed => mixed::run(trial).await,
        Phase::Single => throughput::single(trial).await,
        Phase::Latency => latency::run(trial).await,
        Phase::Limits
        | Phase::Store
        | Phase::Deep
        | Phase::Sessions
        | Phase::Restart
        | Phase::Soak => Ok(()),
    }
}

async fn leasehold(options: &Options) -> Result<Leasehold, BenchError> {
    if let Some(address) = &options.hub {
        return Leasehold::running(address.clone());
    }
    let program = env::current_exe().map_err(BenchError::io("find this program"))?;
    let mut settings = Vec::new();
    if let Some(engine) = &options.engine {
        settings.push(("LEASEHOLD_STORE_ENGINE".to_owned(), engine.clone()));
    }
    let hub = HubProcess::start(HubOptions {
        program,
        folder: options.folder.clone(),
        settings,
    });
    Leasehold::ours(hub.await?)
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
