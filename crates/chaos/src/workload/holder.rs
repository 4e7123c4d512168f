//! One that claims tasks, falls silent until others have them, and then comes back and completes
//! them all the same: what a process does that was suspended, and does not know it.

use std::{io, process::ExitCode, time::Duration};

use leasehold_judge::{Answer, Outcome, What};
use leasehold_node::{PoolName, Rejection};
use leasehold_reach::Door;
use leasehold_wire::Delivery;
use tokio::time::sleep;

use super::{asked_to_end, door, pool};
use crate::{
    args::HoldArgs, error::ChaosError, moment, payload::Payload, raw::Raw, recorder::Recorder,
};

/// Tasks at a time.
const TASKS: u32 = 3;

/// How long it waits for them.
const WAIT: Duration = Duration::from_secs(2);

/// How long it says nothing: by then its leases are somebody else's, or its tasks are done.
const SILENCE: Duration = Duration::from_millis(4_500);

/// Before it tries again after a session that did not work.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: HoldArgs) -> Result<ExitCode, ChaosError> {
    let asked = asked_to_end().map_err(ChaosError::io("listen for signals"))?;
    let recorder = Recorder::open(&args.part.history, &args.part.name);
    let holder = Holder {
        recorder: recorder.map_err(ChaosError::io("record"))?,
        hub: door(&args.part)?,
        pool: pool(&args.part)?,
        name: args.part.name,
        incarnation: moment::any(),
    };
    let hold = async {
        loop {
            // A hub that is away, or frozen, is part of the play.
            if holder.hold().await.is_err() {
                sleep(PAUSE).await;
            }
        }
    };
    tokio::select! {
        () = asked => {}
        () = hold => {}
    }
    Ok(ExitCode::SUCCESS)
}

struct Holder {
    recorder: Recorder,
    hub: Door,
    pool: PoolName,
    name: String,
    incarnation: u64,
}

impl Holder {
    async fn hold(&self) -> io::Result<()> {
        let mut session = Raw::welcomed(&self.hub, &self.name, self.incarnation).await?;
        let held = session.claim(&self.pool, TASKS, WAIT).await?;
        for task in &held {
            self.started(task);
        }
        sleep(SILENCE).await;
        drop(session);
        let mut session = Raw::welcomed(&self.hub, &self.name, self.incarnation).await?;
        for task in held {
            self.complete(&mut session, &task).await?;
        }
        Ok(())
    }

    fn started(&self, task: &Delivery) {
        let id = task.proof.task.to_string();
        let payload = Payload::parse(&task.payload);
        self.recorder.record(What::Started {
            is_right: payload.is_some_and(|payload| payload.task == id),
            task: id,
            lease: task.proof.lease.to_string(),
            attempt: task.attempt,
        });
    }

    async fn complete(&self, session: &mut Raw, of: &Delivery) -> io::Result<()> {
        let (task, lease) = (of.proof.task.to_string(), of.proof.lease.to_string());
        let outcome = Outcome::Complete;
        self.recorder.record(What::AnswerAsked {
            task: task.clone(),
            lease: lease.clone(),
            outcome,
        });
        let answer = match session.complete(of.proof, lease.clone()).await? {
            Ok(()) => Answer::Taken,
            Err(Rejection::LeaseLost) => Answer::LeaseLost,
            Err(why) => Answer::Refused(why.to_string()),
        };
        self.recorder.record(What::Answered {
            task,
            lease,
            outcome,
            answer,
        });
        Ok(())
    }
}
