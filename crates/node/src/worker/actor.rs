//! The task behind a [`super::Worker`]: one loop that owns the link, the leases and the handlers.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use leasehold_core::{LeaseRef, NodeName, PoolName, Rejection, TaskId};
use leasehold_wire::{Delivery, Fact, Refusal, Request};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    End, Outcome, Task, Wish, WorkerBuilder, WorkerError, WorkerEvent, WorkerStats,
    builder::{AnyHandler, Handler},
    credit::Credit,
    leases::Leases,
    progress::Words,
    sent::{Sent, UnderWay},
};
use crate::{
    link::{Inbound, Link, LinkEvent},
    requests::Limits,
};

/// How long handlers have to end by themselves when the worker is stopped.
const STOP_HANDLERS_FOR: Duration = Duration::from_secs(1);

/// How long a stop may take in all.
const STOP_FOR: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Working,
    Draining,
    Stopping {
        /// When handlers are aborted; none once they were.
        abort_at: Option<Instant>,
        end_at: Instant,
    },
}

/// A handler that runs, whether its lease is held or lost.
#[derive(Debug, Clone, Copy)]
struct Run {
    proof: LeaseRef,
    place: usize,
}

pub(super) struct Actor {
    pub(super) link: Link,
    pub(super) leases: Leases,
    pub(super) credit: Credit,
    pub(super) under_way: UnderWay,
    pub(super) stats: WorkerStats,
    pub(super) words: Words,
    /// When to name the leases again whose pool was unavailable.
    pub(super) resume_at: Option<Instant>,
    /// The hub does not let the worker do what it is for.
    pub(super) denied: Option<Refusal>,
    handler: Handler,
    handlers: JoinSet<Outcome>,
    running: HashMap<task::Id, Run>,
    slots: usize,
    lease_ms: Option<u64>,
    node: NodeName,
    give_up_after: Option<Duration>,
    mode: Mode,
    /// Given back since the drain began.
    given_back: HashSet<TaskId>,
    sessions: u64,
    wishes: mpsc::UnboundedReceiver<Wish>,
    stats_seen: watch::Sender<WorkerStats>,
    events: broadcast::Sender<WorkerEvent>,
}

impl Actor {
    pub(super) fn new(
        builder: WorkerBuilder<AnyHandler>,
        wishes: mpsc::UnboundedReceiver<Wish>,
        stats_seen: watch::Sender<WorkerStats>,
    ) -> Self {
        let options = builder.options;
        Self {
            link: Link::new(builder.endpoint, &options),
            leases: Leases::default(),
            credit: Credit::new(builder.pools, builder.slots),
            under_way: UnderWay::default(),
            stats: WorkerStats::default(),
            words: Words::default(),
            resume_at: None,
            denied: None,
            handler: builder.handler.0,
            handlers: JoinSet::new(),
            running: HashMap::new(),
            slots: builder.slots,
            lease_ms: builder.lease.map(leasehold_core::time::millis),
            node: options.name_or_default(),
            give_up_after: options.give_up_after,
            mode: Mode::Working,
            given_back: HashSet::new(),
            sessions: 0,
            wishes,
            stats_seen,
            events: builder.events,
        }
    }

    pub(super) async fn run(mut self, end: watch::Sender<End>) {
        let result = self.work().await;
        self.leases.cancel_all();
        // Not waited for: one that blocks its thread never ends.
        self.handlers.abort_all();
        self.running.clear();
        self.publish();
        self.link.bye().await;
        end.send_replace(Some(result));
    }

    async fn work(&mut self) -> Result<(), WorkerError> {
        loop {
            self.start_handlers();
            self.send_answers_and_credit();
            self.publish();
            if let Some(end) = self.end() {
                return end;
            }
            let due = self.next_deadline();
            tokio::select! {
                event = self.link.next() => self.on_event(event)?,
                Some(ended) = self.handlers.join_next_with_id() => self.on_handlers(ended),
                () = self.words.hear() => {}
                wish = self.wishes.recv(), if self.may_wish() => {
                    // A worker without handles is of no use to anyone.
                    self.on_wish(wish.unwrap_or(Wish::Stop));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.on_deadline(Instant::now());
                }
            }
        }
    }

    const fn may_wish(&self) -> bool {
        !matches!(self.mode, Mode::Stopping { .. })
    }

    /// How the work ended, if it has.
    fn end(&self) -> Option<Result<(), WorkerError>> {
        if let Some(denied) = &self.denied {
            return Some(Err(WorkerError::Refused(denied.clone())));
        }
        let out_of_time = match self.mode {
            Mode::Working => return None,
            Mode::Draining => self.give_up_at().is_some_and(|at| at <= Instant::now()),
            Mode::Stopping { end_at, .. } => end_at <= Instant::now(),
        };
        if self.running.is_empty() && self.leases.len() == 0 {
            return Some(Ok(()));
        }
        out_of_time.then(|| {
            Err(WorkerError::Unconfirmed {
                leases: self.leases.len(),
                last: self.link.last_failure().into(),
            })
        })
    }

    /// When a drain that only waits for the hub has waited long enough.
    fn give_up_at(&self) -> Option<Instant> {
        let waits_for_hub = self.mode == Mode::Draining && self.running.is_empty();
        let down_since = self.link.down_since().filter(|_| waits_for_hub)?;
        Some(down_since + self.give_up_after?)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let stop = match self.mode {
            Mode::Stopping { abort_at, end_at } => Some(abort_at.unwrap_or(end_at)),
            Mode::Working | Mode::Draining => self.give_up_at(),
        };
        let connected = [
            self.leases.next_deadline(),
            self.credit
                .next_deadline()
                .filter(|_| self.mode == Mode::Working),
            self.resume_at,
            self.words.next_deadline(),
        ];
        let connected = connected.into_iter().filter(|_| self.link.is_open());
        connected.chain([stop]).flatten().min()
    }

    fn on_deadline(&mut self, now: Instant) {
        if let Mode::Stopping { abort_at, .. } = &mut self.mode
            && abort_at.is_some_and(|at| at <= now)
        {
            *abort_at = None;
            self.handlers.abort_all();
        }
        if !self.link.is_open() {
            return;
        }
        let (extend, places) = self.leases.take_due(now);
        self.extend(&extend);
        for place in places {
            self.credit.gave_up(place);
        }
        self.leases.take_later(now);
        self.credit.reopen(now);
        self.send_words();
        if self.resume_at.take_if(|at| *at <= now).is_some() {
            self.resume(false);
        }
    }

    fn on_wish(&mut self, wish: Wish) {
        let now = Instant::now();
        match wish {
            Wish::Drain => self.mode = Mode::Draining,
            Wish::Stop => {
                self.leases.cancel_all();
                self.mode = Mode::Stopping {
                    abort_at: Some(now + STOP_HANDLERS_FOR),
                    end_at: now + STOP_FOR,
                };
            }
        }
        self.give_back_waiting();
    }

    fn give_back_waiting(&mut self) {
        for place in self.leases.release_waiting() {
            self.credit.ended(place);
        }
    }

    fn on_event(&mut self, event: LinkEvent) -> Result<(), WorkerError> {
        match event {
            LinkEvent::Connected => self.on_connected(),
            LinkEvent::Received(inbound) => inbound.into_iter().for_each(|i| self.on_inbound(i)),
            LinkEvent::Disconnected(reason) => {
                self.tell(|| WorkerEvent::Disconnected { reason });
            }
            LinkEvent::Refused(refusal) => return Err(WorkerError::Refused(refusal)),
            LinkEvent::NoTls(why) => return Err(WorkerError::Tls(why)),
        }
        Ok(())
    }

    fn on_connected(&mut self) {
        self.under_way.forget();
        self.credit.session_ended();
        self.leases.send_all_again();
        self.resume_at = None;
        self.sessions += 1;
        if self.sessions == 1 {
            return self.tell_connected(0, 0);
        }
        self.stats.reconnects += 1;
        self.resume(true);
    }

    fn on_inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Response { id, body } => self.on_response(id, body),
            Inbound::Deliver { pool, tasks } => {
                self.on_delivered(&pool, tasks.into_iter().map(|task| (task, Vec::new())));
            }
            Inbound::DeliverMore { pool, tasks } => {
                let tasks = tasks.into_iter().map(|task| (task.delivery, task.facts));
                self.on_delivered(&pool, tasks);
            }
            Inbound::Revoked { proof, why } => {
                self.lose(proof, why);
            }
            Inbound::StopAsked(proof) => {
                if let Some(place) = self.leases.ask_to_stop(proof) {
                    self.credit.ended(place);
                }
            }
        }
    }

    fn on_delivered(
        &mut self,
        pool: &PoolName,
        deliveries: impl Iterator<Item = (Delivery, Vec<Fact>)>,
    ) {
        let Some(place) = self.credit.place_of(pool) else {
            tracing::warn!(%pool, "tasks of a pool that was never asked");
            return;
        };
        for (delivery, facts) in deliveries {
            self.credit.delivered(place);
            let lease = Duration::from_millis(delivery.lease_ms);
            let task = self.task(pool, delivery, facts);
            self.note_redelivery(task.id);
            self.leases.deliver(task, place, lease);
        }
        if self.mode == Mode::Working {
            self.start_handlers();
        } else {
            self.give_back_waiting();
        }
    }

    /// Credit cannot be taken back, so while the last handlers run, the hub may send the same task
    /// as often as there is credit left, which counts against the task. A new session has none.
    fn note_redelivery(&mut self, task: TaskId) {
        if self.mode != Mode::Working && !self.given_back.insert(task) {
            self.link.cut("draining");
        }
    }

    fn task(&self, pool: &PoolName, delivery: Delivery, facts: Vec<Fact>) -> Task {
        Task {
            id: delivery.proof.task,
            pool: pool.clone(),
            attempt: delivery.attempt,
            lease: delivery.proof,
            priority: delivery.priority,
            enqueued_at_ms: delivery.enqueued_at_ms,
            payload: delivery.payload,
            facts,
            node: self.node.clone(),
            cancelled: CancellationToken::new(),
            stop_asked: CancellationToken::new(),
            revoked: Arc::default(),
            words: self.words.sender(),
        }
    }

    fn start_handlers(&mut self) {
        while self.running.len() < self.slots {
            let Some((task, place)) = self.leases.start() else {
                return;
            };
            let (proof, pool, attempt) = (task.lease, task.pool.clone(), task.attempt);
            let handler = Arc::clone(&self.handler);
            let span = task.span();
            // Called within the task, so that a panic before the first await is caught too.
            let run = async move { handler(task).await };
            let handle = self.handlers.spawn(run.instrument(span));
            self.running.insert(handle.id(), Run { proof, place });
            self.tell(|| WorkerEvent::Started {
                proof,
                pool,
                attempt,
            });
        }
    }

    fn on_handlers(&mut self, first: Result<(task::Id, Outcome), JoinError>) {
        self.on_handler(first);
        while let Some(next) = self.handlers.try_join_next_with_id() {
            self.on_handler(next);
        }
    }

    fn on_handler(&mut self, ended: Result<(task::Id, Outcome), JoinError>) {
        let (id, outcome) = ended.unwrap_or_else(|error| (error.id(), outcome_of(error)));
        let Some(Run { proof, place }) = self.running.remove(&id) else {
            return;
        };
        self.credit.ended(place);
        self.credit.slot_freed();
        let last = self.words.take_last(proof);
        self.tell_progress(last.into_iter().collect());
        if !self.leases.finish(proof, outcome.clone()) {
            self.tell(|| WorkerEvent::Finished {
                proof,
                outcome,
                accepted: Err(Rejection::LeaseLost),
            });
        }
    }

    /// The answer goes first: it may be what the next task waits for.
    fn send_answers_and_credit(&mut self) {
        let Some(welcome) = self.link.welcome() else {
            return;
        };
        let (requests_max, batch_max) = (welcome.requests_max, Limits::from(welcome).batch_max);
        if self.under_way.len() >= requests_max.max(1) as usize {
            return;
        }
        self.send_answers();
        if self.mode != Mode::Working {
            return;
        }
        // A resume can name no more.
        let room = batch_max.saturating_sub(self.leases.len() + self.credit.granted());
        for (place, pool, tasks) in self.credit.top_up(room) {
            let lease_ms = self.lease_ms;
            let credit = Request::Credit {
                pool,
                tasks,
                lease_ms,
            };
            let tasks = tasks as usize;
            self.request(credit, Sent::Credit { place, tasks });
        }
    }

    fn publish(&mut self) {
        self.stats.running = self.running.len();
        self.stats.held = self.leases.len();
        self.stats_seen.send_if_modified(|seen| {
            let is_new = *seen != self.stats;
            *seen = self.stats;
            is_new
        });
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> WorkerEvent) {
        if self.events.receiver_count() > 0 {
            // Fails only if the last receiver has gone this moment.
            let _ = self.events.send(event());
        }
    }
}

/// What comes of a handler that did not return: it panicked, or a stop aborted it.
fn outcome_of(error: JoinError) -> Outcome {
    match error.try_into_panic() {
        Ok(panic) => Outcome::Fail(format!("handler panicked: {}", text_of(&*panic))),
        Err(_) => Outcome::Release,
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
