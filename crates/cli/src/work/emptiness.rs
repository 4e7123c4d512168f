//! Noticing that there is nothing left to do.

use std::time::Duration;

use leasehold_node::{Inspector, PoolName, PoolStatus, Rejection, RequestError, Worker};
use tokio::time::sleep;

use crate::exit::Failure;

/// Between two looks, while the pools were not empty; doubles from the least to the most.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Returns when this worker is idle and none of the pools has anything live.
pub(super) async fn wait(
    inspector: &Inspector,
    worker: &Worker,
    pools: &[PoolName],
) -> Result<(), Failure> {
    let mut pause = PAUSE_MIN;
    loop {
        worker.idle().await;
        match are_empty(inspector, pools).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // With tasks in hand there is reason to wait for the hub.
            Err(RequestError::Unreachable { .. }) if !worker.is_idle() => {}
            Err(error) => return Err(Failure::request("see whether the pools are empty", &error)),
        }
        sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}

async fn are_empty(inspector: &Inspector, pools: &[PoolName]) -> Result<bool, RequestError> {
    for pool in pools {
        let found = match inspector.status(Some(pool.clone())).await {
            Ok(status) => status.pools,
            // The worker is about to make the pool, or to be told that it may not.
            Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => return Ok(false),
            Err(error) => return Err(error),
        };
        if found
            .iter()
            .any(|found| found.name == *pool && !is_empty(found))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

const fn is_empty(pool: &PoolStatus) -> bool {
    pool.ready == 0 && pool.scheduled == 0 && pool.claimed == 0
}
