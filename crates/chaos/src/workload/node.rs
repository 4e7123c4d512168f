//! A node: works until it is asked to end, and records what it did and was told.

use std::{future::pending, process::ExitCode, sync::Arc};

use leasehold_judge::{Answer, Outcome as Recorded, What};
use leasehold_node::{Outcome, Rejection, Task, Worker, WorkerEvent};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{sync::broadcast::error::RecvError, time::sleep};

use super::{asked_to_end, door, options, pool};
use crate::{args::WorkArgs, error::ChaosError, payload::Payload, recorder::Recorder};

/// One of so many leases is given back.
const GIVEN_BACK: u64 = 23;

pub(crate) async fn run(args: WorkArgs) -> Result<ExitCode, ChaosError> {
    let asked = asked_to_end().map_err(ChaosError::io("listen for signals"))?;
    let recorder = Recorder::open(&args.part.history, &args.part.name);
    let recorder = Arc::new(recorder.map_err(ChaosError::io("record"))?);
    let of_handler = Arc::clone(&recorder);
    let endpoint = door(&args.part)?.endpoint();
    let builder = Worker::builder(endpoint, options(&args.part)?)
        .pool(pool(&args.part)?)
        .slots(args.slots)
        .handler(move |task| work(Arc::clone(&of_handler), task));
    let mut events = builder.subscribe();
    let worker = builder.start();
    let told = tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => tell(&recorder, event),
                // A history without an answer is one in which the answer did not come.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    let ended = tokio::select! {
        () = asked => worker.drain().await,
        ended = worker.join() => ended,
    };
    drop(worker);
    // Fails only if it panicked, which is on standard error.
    _ = told.await;
    ended.map_err(|error| ChaosError::failed("work", error))?;
    Ok(ExitCode::SUCCESS)
}

async fn work(recorder: Arc<Recorder>, task: Task) -> Outcome {
    let (id, lease) = (task.id.to_string(), task.lease.lease.to_string());
    let payload = Payload::parse(&task.payload).filter(|payload| payload.task == id);
    recorder.record(What::Started {
        task: id.clone(),
        lease: lease.clone(),
        attempt: task.attempt,
        is_right: payload.is_some(),
    });
    let (rest, fails, is_deadly) =
        payload.map_or_else(Default::default, |of| (of.rest, of.fails, of.is_deadly));
    sleep(rest).await;
    if is_deadly {
        recorder.record(What::Poisoned { task: id, lease });
        return die().await;
    }
    let outcome = if task.lease.lease.number.is_multiple_of(GIVEN_BACK) {
        Outcome::Release
    } else if task.attempt <= fails {
        Outcome::Fail(format!("as asked, {fails} times"))
    } else {
        Outcome::Complete(Some(lease.clone().into()))
    };
    recorder.record(What::AnswerAsked {
        task: id,
        lease,
        outcome: in_short(&outcome),
    });
    outcome
}

/// As a node ends whose task takes too much memory, or whose library crashes: without a word.
async fn die() -> Outcome {
    // Fails only if there is no such process.
    let _ = kill(Pid::this(), Signal::SIGKILL);
    pending().await
}

fn in_short(outcome: &Outcome) -> Recorded {
    match outcome {
        Outcome::Complete(_) | Outcome::Then(..) => Recorded::Complete,
        Outcome::Fail(_) | Outcome::FailAfter(..) | Outcome::Hopeless(_) => Recorded::Fail,
        Outcome::Release => Recorded::Release,
    }
}

fn tell(recorder: &Recorder, event: WorkerEvent) {
    match event {
        WorkerEvent::Finished {
            proof,
            outcome,
            accepted,
        } => recorder.record(What::Answered {
            task: proof.task.to_string(),
            lease: proof.lease.to_string(),
            outcome: in_short(&outcome),
            answer: match accepted {
                Ok(()) => Answer::Taken,
                Err(Rejection::LeaseLost) => Answer::LeaseLost,
                Err(why) => Answer::Refused(why.to_string()),
            },
        }),
        // A handler says itself that it began.
        WorkerEvent::Started { .. }
        | WorkerEvent::Connected { .. }
        | WorkerEvent::Refused { .. }
        | WorkerEvent::Disconnected { .. } => {}
    }
}
