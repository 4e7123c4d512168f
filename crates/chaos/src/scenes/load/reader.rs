//! One that asks for a lot and does not read.

use std::{io, time::Duration};

use leasehold_node::{NewTask, PoolName, Producer, TaskId};
use leasehold_wire::Request;
use tokio::time::{sleep, timeout};

use crate::{error::ChaosError, moment, raw::Raw, stage::Stage};

/// What it asks for again and again: 500 MiB in all.
const PAYLOAD: usize = 512 * 1024;
const TIMES: usize = 1_000;

/// How long the first task may take to get in.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn read_slowly(stage: &Stage, length: Duration) -> Result<(), ChaosError> {
    stage.fault(
        "slow reader",
        "hub",
        "asks for 500 MiB and does not read",
        length,
    );
    let failed = |why: String| ChaosError::failed("make a task to be asked for", why);
    let options = stage.door().options().give_up_after(PATIENCE);
    let producer = Producer::new(stage.door().endpoint(), options);
    let pool = PoolName::new("slow").expect("letters make a name");
    let task = NewTask::new(vec![b'x'; PAYLOAD]);
    let enqueued = producer.enqueue(&pool, task).await;
    let task = enqueued.map_err(|error| failed(error.to_string()))?.id;
    let asked = timeout(length, ask(stage, task));
    // By then the hub reads no more of it, or has ended it: either will do.
    let asked = asked.await;
    if let Ok(Ok(session)) = asked {
        sleep(length).await;
        drop(session);
    }
    Ok(())
}

async fn ask(stage: &Stage, task: TaskId) -> io::Result<Raw> {
    let mut session = Raw::welcomed(stage.door(), "slow-reader", moment::any()).await?;
    for _ in 0..TIMES {
        session.begin(Request::Task { task }).await?;
    }
    Ok(session)
}
