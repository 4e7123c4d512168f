//! Tasks that kill their nodes, and the nodes that they kill.

use std::{fs, mem, time::Duration};

use leasehold_judge::{Entry, What};
use leasehold_node::{NewTask, PoolName, Producer};
use tokio::time::{Instant, sleep};

use super::{POOL, Stage};
use crate::{
    error::ChaosError, nemesis::Who, payload::Payload, scenes::Poison, workload::producer::answered,
};

/// How often it is looked whether a node has to be started again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a hub may take to take such a task.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// Nodes that were killed by tasks.
#[derive(Debug, Default)]
pub(super) struct Poisoned {
    /// Whether there has been any such task.
    is_about: bool,
    /// Who is to be started again.
    gone: Vec<Who>,
}

impl Poisoned {
    /// Somebody else says when these come back.
    pub(super) fn forget(&mut self, whom: &[Who]) {
        self.gone.retain(|who| !whom.contains(who));
    }
}

impl Stage {
    /// Enqueues a task that kills whoever takes it. From now on, whom it kills is to be started again
    /// by [`Stage::revive`] or [`Stage::pass`].
    pub(crate) async fn poison(&mut self, poison: &Poison) {
        self.poisoned.is_about = true;
        let pool = PoolName::new(POOL).expect("letters make a name");
        let options = self.door.options().give_up_after(TAKEN_WITHIN);
        let producer = Producer::new(self.door.endpoint(), options);
        let task = deadly(poison);
        let id = task.id.to_string();
        self.recorder.record(What::EnqueueAsked {
            pool: POOL.to_owned(),
            task: id.clone(),
            priority: task.priority,
            attempts_max: task.attempts_max,
            losses_max: Some(poison.losses_max),
            is_poison: true,
        });
        let answer = producer.enqueue(&pool, task).await;
        self.recorder.record(answered(id, answer));
    }

    /// Waits so long; whom a task kills meanwhile is started again.
    pub(crate) async fn pass(&mut self, time: Duration) -> Result<(), ChaosError> {
        let until = Instant::now() + time;
        loop {
            self.revive().await?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let look_every = if self.poisoned.is_about {
                LOOK_EVERY
            } else {
                left
            };
            sleep(left.min(look_every)).await;
        }
    }

    /// Starts those again whom a task has killed.
    pub(crate) async fn revive(&mut self) -> Result<(), ChaosError> {
        if !self.poisoned.is_about {
            return Ok(());
        }
        self.reap();
        let gone = mem::take(&mut self.poisoned.gone);
        self.start_all(&gone).await
    }

    /// Why one is gone who was not told to end.
    pub(super) fn inquest(&mut self, who: Who) -> &'static str {
        if self.poisoned.is_about && self.was_poisoned(who) {
            self.poisoned.gone.push(who);
            return "was killed by its task";
        }
        "ended by itself"
    }

    /// Whether it had a task that kills its node, as its own history tells.
    fn was_poisoned(&self, who: Who) -> bool {
        let start = self.starts.get(&who).copied().unwrap_or_default();
        let history = fs::read_to_string(self.path(&format!("{who}.{start}.jsonl")));
        let says_so = |line: &str| {
            let entry = serde_json::from_str::<Entry>(line);
            entry.is_ok_and(|entry| matches!(entry.what, What::Poisoned { .. }))
        };
        history.is_ok_and(|text| text.lines().rev().any(says_so))
    }
}

fn deadly(poison: &Poison) -> NewTask {
    let task = NewTask::new(Vec::new()).losses_max(poison.losses_max);
    let payload = Payload {
        task: task.id.to_string(),
        rest: poison.rest,
        fails: 0,
        is_deadly: true,
        padding: 0,
    };
    NewTask {
        payload: payload.to_bytes(),
        ..task
    }
}
