//! One that claims a lot, says that it is still there, and never answers.

use std::{io, time::Duration};

use leasehold_node::PoolName;
use tokio::time::{Instant, sleep};

use crate::{error::ChaosError, moment, raw::Raw, stage::Stage};

/// Tasks that it claims.
const TASKS: u32 = 100;

/// How long it waits for the first.
const WAIT: Duration = Duration::from_millis(200);

/// Between two signs of life.
const PING_EVERY: Duration = Duration::from_millis(300);

pub(super) async fn hoard(stage: &Stage, length: Duration) -> Result<(), ChaosError> {
    stage.fault(
        "hoarder",
        "hub",
        "claims 100 tasks and never answers",
        length,
    );
    let held = hold(stage, length).await;
    held.map_err(ChaosError::io("hold tasks back"))
}

async fn hold(stage: &Stage, length: Duration) -> io::Result<()> {
    let mut session = Raw::welcomed(stage.door(), "hoarder", moment::any()).await?;
    let pool = PoolName::new("flood").expect("letters make a name");
    let until = Instant::now() + length;
    session.claim(&pool, TASKS, WAIT).await?;
    while Instant::now() < until {
        session.ping().await?;
        sleep(PING_EVERY).await;
    }
    Ok(())
}
