//! `leasehold work`: a node that runs a command for each task.

mod emptiness;
mod exec;
pub(crate) mod guard;
mod report;
mod tail;
mod tell;
mod verdict;

use std::sync::Arc;

use leasehold_node::{
    Inspector, NodeOptions, RefusalCode, Rejection, RequestError, Worker, WorkerError, WorkerStats,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    args::WorkArgs,
    exit::{Failure, complain},
    signals::Ending,
};
use exec::Exec;
use report::Report;

/// Works until it is asked to end, or until there is nothing left, if that was asked for.
pub(crate) async fn run(args: WorkArgs) -> Result<(), Failure> {
    // Under the same name: a token may be for a node of that name alone.
    let inspector = Inspector::new(args.reach.endpoint(), options(&args));
    reached(&inspector, &args).await?;
    let mut ending =
        Ending::listen().map_err(|error| Failure::failed("listen to signals", error))?;
    let (worker, report) = begin(&args, ending.was_asked());
    let mut report = tokio::spawn(report);
    let ended = until_end(&args, &inspector, &worker, &mut ending, &mut report).await;
    let stats = worker.stats();
    // Without the worker there are no more events: the report ends.
    drop(worker);
    let told = match ended.told {
        Some(told) => told,
        None => report.await.unwrap_or(Ok(())),
    };
    if !args.reach.json {
        complain(summary(stats));
    }
    ended.worked.and(told)
}

fn options(args: &WorkArgs) -> NodeOptions {
    let mut options = args.reach.options();
    options.name.clone_from(&args.name);
    options
}

/// A hub that is not there is said at once; one that goes away later is waited for.
async fn reached(inspector: &Inspector, args: &WorkArgs) -> Result<(), Failure> {
    let pool = args.pools.first().cloned();
    match inspector.status(pool).await {
        Ok(_) | Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => Ok(()),
        Err(error) => Err(Failure::request("work", &error)),
    }
}

fn begin(
    args: &WorkArgs,
    asked_to_end: CancellationToken,
) -> (Worker, impl Future<Output = Result<(), Failure>> + use<>) {
    let options = options(args);
    let node = options.name_or_default();
    let exec = Arc::new(Exec::new(args, asked_to_end));
    let builder = args
        .pools
        .iter()
        .cloned()
        .fold(
            Worker::builder(args.reach.endpoint(), options),
            |builder, pool| builder.pool(pool),
        )
        .slots(args.slots as usize)
        .handler(move |task| {
            let exec = Arc::clone(&exec);
            async move { exec.run(&task).await }
        });
    let report = Report::new(node, args.reach.json).follow(builder.subscribe());
    (builder.start(), report)
}

/// How it ended, and what came of the report if that ended first.
struct Ended {
    worked: Result<(), Failure>,
    told: Option<Result<(), Failure>>,
}

async fn until_end(
    args: &WorkArgs,
    inspector: &Inspector,
    worker: &Worker,
    ending: &mut Ending,
    report: &mut JoinHandle<Result<(), Failure>>,
) -> Ended {
    let (mut emptied, mut told) = (Ok(()), None);
    tokio::select! {
        ended = worker.join() => return Ended { worked: over(ended), told },
        signal = ending.asked() => complain(format!(
            "{signal}: no more tasks; a second signal ends those that are running"
        )),
        ended = report => told = Some(ended.unwrap_or(Ok(()))),
        looked = emptiness::wait(inspector, worker, &args.pools), if args.until_empty => {
            emptied = looked;
        }
    }
    let drained = over(drain(worker, ending).await);
    Ended {
        worked: emptied.and(drained),
        told,
    }
}

async fn drain(worker: &Worker, ending: &mut Ending) -> Result<(), WorkerError> {
    tokio::select! {
        drained = worker.drain() => drained,
        _ = ending.asked() => worker.stop().await,
    }
}

fn over(ended: Result<(), WorkerError>) -> Result<(), Failure> {
    ended.map_err(|error| match &error {
        WorkerError::Refused(refusal) if refusal.code == RefusalCode::Denied => {
            Failure::denied(&format!("failed to work: {error}"))
        }
        WorkerError::Refused(_)
        | WorkerError::Tls(_)
        | WorkerError::Unconfirmed { .. }
        | WorkerError::Ended => Failure::failed("work", error),
    })
}

fn summary(stats: WorkerStats) -> String {
    let WorkerStats {
        completed,
        failed,
        released,
        lost,
        ..
    } = stats;
    format!("{completed} completed, {failed} failed, {released} released, {lost} lost")
}
