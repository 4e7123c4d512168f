//! The quiet phase: faults are over, all that is left is worked off, and each task is looked at.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use leasehold_judge::{Found, History, What, counted};
use leasehold_node::{
    AttemptEnding, Inspector, PoolName, PoolStatus, Rejection, RequestError, TaskDetail,
};
use tokio::time::{Instant, sleep};

use super::{POOL, Stage};
use crate::{error::ChaosError, nemesis::Who, workload::life};

/// How often progress is looked at, and how often it is told.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Questions to the hub at a time.
const ASKED_MAX: usize = 64;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl Stage {
    /// Thaws and starts all who are missing, ends the producers, waits until nothing is left to do,
    /// and records what became of each task. Ends the rest then.
    pub(crate) async fn quiet(&mut self) -> Result<(), ChaosError> {
        let mut everybody = vec![Who::Hub];
        everybody.extend(self.cast.all_parts());
        self.thaw(&everybody);
        self.reap();
        self.start_all(&everybody).await?;
        self.recorder.record(What::Calm);
        self.teller
            .say("no more faults: producers end, nodes work off what is left");
        let mut first = self.cast.all_producers();
        first.extend(self.cast.all_holders());
        self.ask_to_end(&first).await?;
        let inspector = self.inspector(ANSWER_WITHIN);
        self.drained(&inspector).await?;
        self.look(&inspector).await?;
        drop(inspector);
        let nodes = self.cast.all_nodes();
        self.ask_to_end(&nodes).await?;
        self.reap();
        self.ask_to_end(&[Who::Hub]).await
    }

    /// Waits until no task is live; that one still is is for the judge to say.
    async fn drained(&mut self, inspector: &Inspector) -> Result<(), ChaosError> {
        let pool = PoolName::new(POOL).expect("letters make a name");
        let until = Instant::now() + self.cast.drain_within;
        let mut tell_at = Instant::now() + TELL_EVERY;
        while Instant::now() < until {
            self.revive().await?;
            let live = match inspector.status(Some(pool.clone())).await {
                Ok(status) => status.pools.iter().map(left).sum(),
                Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => 0,
                Err(error) => return Err(ChaosError::failed("look at the pool", error)),
            };
            if live == 0 {
                return Ok(());
            }
            if Instant::now() >= tell_at {
                let are = if live == 1 { "is" } else { "are" };
                let tasks = counted(live, "task");
                self.teller.say(format!("{tasks} {are} left"));
                tell_at += TELL_EVERY;
            }
            sleep(LOOK_EVERY).await;
        }
        let within = self.cast.drain_within;
        self.teller
            .say(format!("some tasks are still live after {within:?}"));
        Ok(())
    }

    /// Records how each task stands.
    async fn look(&self, inspector: &Inspector) -> Result<(), ChaosError> {
        let history = History::read(self.folder());
        let history = history.map_err(ChaosError::io("read the history"))?;
        let asked = |what: &What| {
            matches!(what, What::EnqueueAsked { pool, .. } if pool == POOL)
                .then(|| what.task().map(str::to_owned))
                .flatten()
        };
        let entries = history.entries.iter();
        let tasks: BTreeSet<String> = entries.filter_map(|of| asked(&of.entry.what)).collect();
        self.teller.say(format!(
            "asking for the end of each of {}",
            counted(tasks.len() as u64, "task")
        ));
        let looks = stream::iter(tasks).map(|task| async move {
            let id = task.parse().map_err(|_| "no task id".to_owned());
            let seen = match id {
                Ok(id) => inspector.task(id).await,
                Err(_) => Err(RequestError::Unexpected),
            };
            (task, seen)
        });
        let mut looks = looks.buffer_unordered(ASKED_MAX);
        while let Some((task, seen)) = looks.next().await {
            match seen {
                Ok(detail) => self.recorder.record(What::Found(found(task, &detail))),
                Err(RequestError::Rejected(Rejection::NoSuchTask)) => {
                    self.recorder.record(What::NotFound { task });
                }
                Err(error) => return Err(ChaosError::failed("look at a task", error)),
            }
        }
        Ok(())
    }
}

const fn left(pool: &PoolStatus) -> u64 {
    pool.ready + pool.scheduled + pool.claimed
}

fn found(task: String, detail: &TaskDetail) -> Found {
    let completed = |ending| ending == AttemptEnding::Completed;
    let by = detail.history.iter().filter(|of| completed(of.ending));
    let result = detail.result.as_deref().map(String::from_utf8_lossy);
    Found {
        task,
        life: life(detail.summary.state),
        attempt: detail.summary.attempt,
        interruptions: detail.interruptions,
        completed_by: by.map(|of| of.lease.to_string()).collect(),
        result: result.map(|text| text.into_owned()),
        reason: detail.summary.reason.clone(),
    }
}
