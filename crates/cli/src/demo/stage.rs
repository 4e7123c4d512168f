//! Where it happens: the folder, the processes, and the ways to look at them.

use std::{
    convert::Infallible,
    fmt::Display,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use leasehold_node::{
    Endpoint, Inspector, LeaseId, NewTask, NodeOptions, PoolName, Producer, RequestError,
    StateKind, TaskDetail, TaskId,
};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::sleep;

use super::{
    evidence,
    group::Group,
    input::Input,
    ledger::{Ledger, Run},
    narrator::Narrator,
    outcomes::Outcomes,
    staff::{self, Hub, Node, Post, SLOTS},
};
use crate::exit::Failure;

/// The pool.
const POOL: &str = "files";

/// Workers at a time.
pub(super) const WORKERS: usize = 3;

/// How often progress is looked at, and how often it is when something is waited for.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Nothing that is waited for may take longer.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// How long a process may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What is dropped first is killed first; the folder goes last.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) nodes: Vec<Node>,
    pub(super) hub: Hub,
    pub(super) inspector: Inspector,
    pub(super) outcomes: Outcomes,
    pub(super) narrator: Arc<Narrator>,
    pub(super) input: Input,
    pool: PoolName,
    group: Group,
    folder: TempDir,
}

impl Stage {
    /// Starts a hub.
    pub(super) async fn set(narrator: Narrator, input: Input) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::failed("set the stage", error);
        let mut folder = tempfile::Builder::new()
            .prefix("leasehold-demo-")
            .tempdir()
            .map_err(failed)?;
        let group = staff::prepare(folder.path()).await.map_err(failed)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let hub = match Hub::start(folder.path(), &group, listen).await {
            Ok(hub) => hub,
            Err(error) => {
                keep(&mut folder, &narrator);
                return Err(Failure::failed("start a hub", error));
            }
        };
        let options = NodeOptions::default().give_up_after(WAIT_MAX);
        let stage = Self {
            nodes: Vec::new(),
            inspector: Inspector::new(Endpoint::tcp(hub.address.to_string()), options),
            hub,
            outcomes: Outcomes::default(),
            narrator: Arc::new(narrator),
            input,
            pool: PoolName::new(POOL).expect("letters make a name"),
            group,
            folder,
        };
        stage.introduce_hub();
        Ok(stage)
    }

    /// Starts the workers.
    pub(super) async fn hire_all(&mut self) -> Result<(), Failure> {
        for number in 1..=WORKERS {
            self.hire(number).await?;
        }
        self.introduce_workers();
        Ok(())
    }

    fn introduce_hub(&self) {
        let knob = |(name, value, usual): (&str, &str, &str)| format!("{name} {value} ({usual})");
        let settings = staff::SETTINGS.map(knob).join(", ");
        self.say(format!(
            "a hub on {}, its store on disk; settings unlike the defaults: {settings}",
            self.hub.address
        ));
    }

    fn introduce_workers(&self) {
        let rest = self.rest().as_millis();
        self.say(format!(
            "{WORKERS} workers, {SLOTS} tasks at a time each; a task hashes and then rests {rest} \
             ms, so that there is something to see"
        ));
    }

    fn rest(&self) -> Duration {
        self.input.rest(WORKERS * SLOTS)
    }

    /// Starts a worker of this number.
    pub(super) async fn hire(&mut self, number: usize) -> Result<(), Failure> {
        let post = Post {
            folder: self.folder.path(),
            group: &self.group,
            hub: self.hub.address,
            pool: POOL,
            rest: self.rest(),
            outcomes: &self.outcomes,
        };
        let node = Node::start(&post, &format!("demo-{number}")).await;
        let node = node.map_err(|error| Failure::failed("start a worker", error))?;
        self.nodes.push(node);
        Ok(())
    }

    /// Kills the hub, and waits until it is gone: before that it has the store.
    pub(super) async fn kill_hub(&mut self) {
        self.hub.process.signal(Signal::SIGKILL);
        self.hub.process.ended_within(ENDS_WITHIN).await;
    }

    /// Starts the hub where it was.
    pub(super) async fn start_hub_again(&mut self) -> Result<(), Failure> {
        let hub = Hub::start(self.folder.path(), &self.group, self.hub.address).await;
        self.hub = hub.map_err(|error| Failure::failed("start the hub again", error))?;
        Ok(())
    }

    /// A line of the story.
    pub(super) fn say(&self, text: impl Display) {
        self.narrator.say(text);
    }

    /// Enqueues a task for each piece; their ids in the pieces' order.
    pub(super) async fn enqueue(&self) -> Result<Vec<TaskId>, Failure> {
        let endpoint = Endpoint::tcp(self.hub.address.to_string());
        let producer = Producer::new(endpoint, NodeOptions::default().give_up_after(WAIT_MAX));
        let pieces = self.input.pieces.iter();
        let tasks: Vec<_> = pieces
            .map(|piece| NewTask::new(piece.range.to_payload()))
            .collect();
        let ids = tasks.iter().map(|task| task.id).collect();
        let answers = producer.enqueue_batch(&self.pool, tasks).await;
        for answer in answers.map_err(|error| Failure::request("enqueue", &error))? {
            answer.map_err(|rejection| Failure::failed("enqueue", rejection))?;
        }
        self.say("all tasks are enqueued, and on the hub's disk");
        Ok(ids)
    }

    /// Shows for ever how many tasks are completed. Does not borrow the stage.
    pub(super) fn follow_progress(&self) -> impl Future<Output = Infallible> + use<> {
        let (inspector, pool) = (self.inspector.clone(), self.pool.clone());
        let narrator = Arc::clone(&self.narrator);
        async move {
            loop {
                // While the hub is away there is no progress either.
                if let Ok(status) = inspector.status(Some(pool.clone())).await {
                    let completed = status.pools.iter().map(|pool| pool.completed);
                    narrator.progress(completed.sum());
                }
                sleep(PROGRESS_EVERY).await;
            }
        }
    }

    /// Something went wrong: the folder stays, and what the hub and the workers said last is shown.
    pub(super) fn keep_evidence(&mut self) {
        // Without them the logs tell enough.
        let _ = self.outcomes.write(self.folder.path());
        keep(&mut self.folder, &self.narrator);
    }

    /// What the runs told so far.
    pub(super) fn ledger(&self) -> Result<Ledger, Failure> {
        let ledger = Ledger::read(self.folder.path());
        ledger.map_err(|error| Failure::failed("read the ledger", error))
    }

    /// What runs on these nodes at this moment under leases that the hub has not taken from them.
    pub(super) fn running_on(&self, nodes: &[usize]) -> Result<Vec<Run>, Failure> {
        let ledger = self.ledger()?;
        let nodes = nodes.iter().map(|node| &self.nodes[*node]);
        let runs = nodes.flat_map(|node| ledger.held_by(&node.name, node.taken));
        Ok(runs.cloned().collect())
    }

    /// Stops this node at a moment at which it runs something, and tells what that is: the hub
    /// hears nothing of it before the node goes on.
    pub(super) async fn stop_amid(&self, node: usize) -> Result<Vec<Run>, Failure> {
        let process = &self.nodes[node].process;
        self.until("for a worker to be busy", async || {
            process.signal(Signal::SIGSTOP);
            self.until("for a worker to stop", async || {
                Ok(process.has_stopped().then_some(()))
            })
            .await?;
            let running = self.running_on(&[node])?;
            if running.is_empty() {
                process.signal(Signal::SIGCONT);
            }
            Ok((!running.is_empty()).then_some(running))
        })
        .await
    }

    /// Waits until each of these nodes runs as many tasks as it can, or most of them.
    pub(super) async fn busy(&self, nodes: &[usize]) -> Result<Vec<Run>, Failure> {
        let enough = nodes.len() * SLOTS - nodes.len();
        self.until("for the workers to be busy", async || {
            let running = self.running_on(nodes)?;
            let each = |node: &usize| running.iter().any(|run| run.node == self.nodes[*node].name);
            let is_busy = running.len() >= enough && nodes.iter().all(each);
            Ok(is_busy.then_some(running))
        })
        .await
    }

    /// What the hub has as held by this node.
    pub(super) async fn held_by(&self, node: &str) -> Result<Vec<(TaskId, LeaseId)>, Failure> {
        let claimed = self
            .inspector
            .tasks(&self.pool, Some(StateKind::Claimed), None, usize::MAX)
            .await
            .map_err(|error| look_failed(&error))?;
        let mut held = Vec::new();
        for task in claimed
            .iter()
            .filter(|task| is_of(task.node.as_ref(), node))
        {
            let detail = self.task(task.id).await?;
            let lease = detail
                .lease
                .filter(|_| is_of(detail.summary.node.as_ref(), node));
            held.extend(lease.map(|lease| (task.id, lease)));
        }
        Ok(held)
    }

    /// All that the hub knows of a task.
    pub(super) async fn task(&self, task: TaskId) -> Result<TaskDetail, Failure> {
        let detail = self.inspector.task(task).await;
        detail.map_err(|error| look_failed(&error))
    }

    /// Waits until nothing is left to do.
    pub(super) async fn emptied(&self) -> Result<(), Failure> {
        self.until("for the last task to end", async || {
            let status = self.inspector.status(Some(self.pool.clone())).await;
            let status = status.map_err(|error| look_failed(&error))?;
            let live =
                |pool: &leasehold_node::PoolStatus| pool.ready + pool.scheduled + pool.claimed;
            Ok((status.pools.iter().map(live).sum::<u64>() == 0).then_some(()))
        })
        .await
    }

    /// Looks until there is something to see.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let until = self.narrator.elapsed() + WAIT_MAX;
        while self.narrator.elapsed() < until {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            sleep(LOOK_EVERY).await;
        }
        Err(Failure::failed(
            format!("wait {what}"),
            format!("it took over {WAIT_MAX:?}"),
        ))
    }

    /// Ends the workers as a deploy would, and hears them out.
    pub(super) async fn send_workers_home(&mut self) {
        for node in &self.nodes {
            node.process.signal(Signal::SIGTERM);
        }
        for mut node in self.nodes.drain(..) {
            if node.process.ended_within(ENDS_WITHIN).await {
                // Fails only if the reader panicked; what it read before counts.
                let _ = node.reader.await;
            }
        }
    }

    /// Ends the hub as a deploy would, and removes the folder.
    pub(super) async fn clear(mut self) {
        self.hub.process.signal(Signal::SIGTERM);
        self.hub.process.ended_within(ENDS_WITHIN).await;
    }
}

fn is_of(node: Option<&leasehold_node::NodeName>, name: &str) -> bool {
    node.is_some_and(|node| node.as_str() == name)
}

fn look_failed(error: &RequestError) -> Failure {
    Failure::request("look at the hub", error)
}

/// Leaves the folder where it is, and says so.
fn keep(folder: &mut TempDir, narrator: &Narrator) {
    folder.disable_cleanup(true);
    let path = folder.path();
    let logs = evidence::last_lines(path);
    narrator.say(format!(
        "something is wrong; the store and all logs are kept in {}{logs}",
        path.display()
    ));
}
