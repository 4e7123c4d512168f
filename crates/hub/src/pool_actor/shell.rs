//! What surrounds the core in its actor: time in, changes to disk, replies out.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use bytes::Bytes;
use leasehold_core::{
    Answer, Cause, Change, Claim, Command, Ending, Grant, NewTask, Node, Outbox, Pool, PoolName,
    Rejection, Reply, RequestId, SessionId, Task, TaskId, Timestamp, Transition,
};
use leasehold_store::{Blob, PoolBatch};
use leasehold_wire::Response;
use tokio::{sync::oneshot, task::AbortHandle};

use super::{
    Ask, Door, Out, PoolArguments, PoolMessage, Query,
    ahead::Ahead,
    outlet::{Outlet, Part, Said},
    slip::{For, Slip, Want},
    stand_in::StandIn,
    view,
};
use crate::{
    actor::ActorRef,
    clock::Clock,
    gauge::Gauge,
    parts::{Place, whole_of},
    payloads::Payloads,
    store_writer::{Blobs, Commit, Load, Slot, StoreWriter},
    telemetry,
};

/// With fewer replies than these a commit is small, and whoever is at the door already is let in
/// first.
const FEW: usize = 8;

pub(crate) struct Shell {
    /// As its owner calls it.
    name: PoolName,
    place: Option<Place>,
    pool: Pool,
    outbox: Outbox<(SessionId, Said)>,
    /// Blobs that replies of the next commit want.
    reads: Vec<(TaskId, Blob)>,
    /// The commit on its way.
    flying: Option<Slot>,
    payloads: Payloads,
    ahead: Ahead,
    outlets: BTreeMap<SessionId, Outlet>,
    clock: Clock,
    writer: StoreWriter,
    door: Door,
    stand_in: StandIn,
    gauge: Arc<Gauge>,
    myself: ActorRef<PoolMessage>,
    /// The one timer: set for the earliest deadline, moved only forward in urgency.
    alarm: Option<(Timestamp, AbortHandle)>,
    settling: Vec<oneshot::Sender<()>>,
    /// Reused for each call of the core.
    transition: Transition,
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
    }
}

impl Shell {
    pub(super) async fn restore(
        myself: ActorRef<PoolMessage>,
        arguments: PoolArguments,
    ) -> Result<Self, String> {
        let opened = arguments.writer.open(arguments.name.clone()).await?;
        let (now, settings) = (arguments.clock.now(), arguments.settings);
        let (id, epoch) = (opened.id, opened.epoch);
        let (place, mut is_in_place) = (arguments.place.as_ref(), true);
        let look = |task: &Task| is_in_place &= place.is_none_or(|place| place.is_of(task.id));
        let restored = opened
            .tasks
            .read(|tasks| Pool::restore(id, epoch, settings, now, tasks.inspect(look)));
        let pool = restored.map_err(|error| error.to_string())?;
        if let Some(place) = place.filter(|_| !is_in_place) {
            return Err(place.misplaced());
        }
        // The supervisor waits for it, unless it has ended itself.
        _ = arguments.opened.send(id);
        let ahead = Ahead::new(&pool);
        let mut shell = Self {
            name: whole_of(&arguments.name),
            place: arguments.place,
            pool,
            outbox: Outbox::default(),
            reads: Vec::new(),
            flying: None,
            payloads: Payloads::new(arguments.budget),
            ahead,
            outlets: BTreeMap::new(),
            clock: arguments.clock,
            writer: arguments.writer,
            door: arguments.door,
            stand_in: StandIn::of_this_runtime(),
            gauge: arguments.gauge,
            myself,
            alarm: None,
            settling: Vec::new(),
            transition: Transition::default(),
        };
        shell.tick();
        shell.work_off()?;
        Ok(shell)
    }

    pub(super) fn hello(&mut self, session: SessionId, node: Node, outlet: Outlet) {
        if let Some(earlier) = self.outlets.insert(session, outlet) {
            earlier.close();
        }
        self.apply(session, RequestId(0), Command::Open(node));
    }

    pub(super) fn batch(&mut self, session: SessionId, asks: Vec<(RequestId, Ask)>) {
        self.door.came();
        for (request, ask) in asks {
            match ask {
                Ask::Command(Command::Enqueue(tasks)) => self.enqueue(session, request, tasks),
                Ask::Command(command) => self.apply(session, request, command),
                Ask::Query(query) => self.look(session, request, query),
            }
        }
    }

    pub(super) fn gone(&mut self, session: SessionId, ending: Ending) {
        self.apply(session, RequestId(0), Command::End(ending));
        if let Some(outlet) = self.outlets.remove(&session) {
            outlet.close();
        }
    }

    pub(super) fn tick(&mut self) {
        self.alarm = None;
        let now = self.clock.now();
        self.pool.advance(now, &mut self.transition);
        self.take_transition();
    }

    /// Grants to those who wait at the front, in their order.
    pub(super) fn grant(&mut self, slip: Slip) {
        let wants = slip.wants().iter();
        let outcomes = wants.map(|want| self.grant_one(want)).collect();
        // The front looks for what is next once it has the answer.
        self.show();
        slip.answer(outcomes);
    }

    fn grant_one(&mut self, want: &Want) -> Result<u32, Rejection> {
        /// Of no session's own.
        const OURS: RequestId = RequestId(0);
        let (now, session) = (self.clock.now(), want.session);
        let claim = Command::Claim(Claim {
            tasks_max: want.tasks,
            wait: Duration::ZERO,
            lease: want.lease,
        });
        self.pool
            .apply(now, session, OURS, claim, &mut self.transition);
        let replies = &mut self.transition.replies;
        let is_it = |reply: &Reply| matches!(reply, Reply::Answer(of, OURS, _) if *of == session);
        let at = replies.iter().rposition(is_it);
        let outcome = match at.map(|at| replies.remove(at)) {
            Some(Reply::Answer(_, _, Answer::Claimed(grants))) if !grants.is_empty() => {
                let granted = u32::try_from(grants.len()).unwrap_or(want.tasks);
                replies.push(match want.of {
                    For::Claim { request, .. } => {
                        Reply::Answer(session, request, Answer::Claimed(grants))
                    }
                    For::Credit => Reply::Deliver(session, grants),
                });
                Ok(granted)
            }
            Some(Reply::Answer(_, _, Answer::Refused(rejection))) => Err(rejection),
            _ => Ok(0),
        };
        self.take_transition();
        outcome
    }

    fn show(&self) {
        if let Some(place) = &self.place {
            place.show(&self.pool);
        }
    }

    pub(super) fn settle(&mut self, reply: oneshot::Sender<()>) {
        self.settling.push(reply);
    }

    /// An error here fails the actor: memory is ahead of the disk, and the only way back is to
    /// restore.
    pub(super) fn committed(&mut self, outcome: Result<Blobs, String>) -> Result<(), String> {
        let blobs = outcome?;
        self.flying = None;
        self.ahead.come(&blobs, &self.pool, &mut self.payloads);
        let replies = self.outbox.committed();
        self.leave(replies, &blobs);
        Ok(())
    }

    /// After each message: what may leave leaves, what is to be written goes to the store. Returns
    /// whether something was committed meanwhile.
    pub(super) fn work_off(&mut self) -> Result<bool, String> {
        let mut has_committed = false;
        while self.move_on()? {
            has_committed = true;
        }
        if self.outbox.is_idle() {
            for settled in self.settling.drain(..) {
                // Whoever asked may have given up.
                _ = settled.send(());
            }
        }
        self.set_alarm();
        self.show();
        Ok(has_committed)
    }

    /// Returns whether something was committed, so that there may be more to do.
    fn move_on(&mut self) -> Result<bool, String> {
        let free = self.outbox.take_free();
        self.leave(free, &Blobs::new());
        let ahead = self.ahead.ask(&self.pool, &self.payloads);
        if !ahead.is_empty() {
            self.reads.extend(ahead);
            self.outbox.hold();
        }
        if let Some(flying) = &self.flying {
            flying.add(|load| {
                load.batch.at = self.clock.now();
                self.outbox.join_commit(&mut load.batch.changes);
                load.reads.append(&mut self.reads);
                self.ahead.sent();
                load.replies = self.outbox.waiting();
            });
            return Ok(false);
        }
        if self.door.has_more() && self.outbox.gathered() < FEW {
            return Ok(false);
        }
        let commit = self.outbox.next_commit();
        commit.map_or(Ok(false), |changes| self.commit(changes))
    }

    /// Under the free-space reserve only what is known already is answered as accepted.
    fn enqueue(&mut self, session: SessionId, request: RequestId, tasks: Vec<NewTask>) {
        let bytes: usize = tasks.iter().map(|task| task.payload.len()).sum();
        let Err(refusal) = self.gauge.admit(bytes as u64) else {
            return self.apply(session, request, Command::Enqueue(tasks));
        };
        let pool = &self.pool;
        let answers = tasks.iter().map(|task| match pool.state(task.id) {
            Some(known) => Ok(view::enqueued(task.id, Some(known.kind()))),
            None => Err(refusal.clone()),
        });
        let response = Response::Enqueued(answers.collect());
        self.outbox
            .say((session, Said::Part(request, Part::Whole(response))));
    }

    fn apply(&mut self, session: SessionId, request: RequestId, command: Command) {
        let now = self.clock.now();
        self.pool
            .apply(now, session, request, command, &mut self.transition);
        self.take_transition();
    }

    fn take_transition(&mut self) {
        let mut transition = mem::take(&mut self.transition);
        telemetry::report(&self.name, &transition.changes);
        self.follow_payloads(&transition.changes);
        let reads_before = self.reads.len();
        let replies = mem::take(&mut transition.replies);
        let said: Vec<_> = replies.into_iter().map(|reply| self.word(reply)).collect();
        if self.reads.len() > reads_before {
            self.outbox.hold();
        }
        self.outbox.push(&mut transition, |_| {
            unreachable!("the replies were taken out")
        });
        said.into_iter().for_each(|said| self.outbox.say(said));
        self.transition = transition;
    }

    fn follow_payloads(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put {
                    task,
                    cause: Cause::Enqueued,
                    blob: Some(payload),
                } if !self.ahead.is_behind => {
                    self.ahead.is_behind = !self.payloads.keep(task.id, payload);
                }
                Change::Put { task, .. } if task.state.kind().is_end() => {
                    self.payloads.take(task.id);
                }
                Change::Forget(id) => _ = self.payloads.take(*id),
                Change::Put { .. } | Change::Note { .. } => {}
            }
        }
    }

    /// A reply as it waits in the outbox. What it lacks is read with the next commit.
    fn word(&mut self, reply: Reply) -> (SessionId, Said) {
        match reply {
            Reply::Deliver(session, grants) => (session, Said::Deliver(self.with_payloads(grants))),
            Reply::Revoke(session, proof, why) => (session, Said::Revoke(proof, why)),
            Reply::AskStop(session, proof, within) => (session, Said::AskStop(proof, within)),
            Reply::Answer(session, request, answer) => (session, self.word_answer(request, answer)),
        }
    }

    fn word_answer(&mut self, request: RequestId, answer: Answer) -> Said {
        match answer {
            Answer::Claimed(grants) => Said::Claimed(request, self.with_payloads(grants)),
            Answer::Awaited(task) => {
                if task.result_len.is_some() {
                    self.reads.push((task.id, Blob::Result));
                }
                let moment = self.pool.moment_of(task.id);
                Said::Task {
                    request,
                    task,
                    moment,
                }
            }
            answer @ (Answer::Enqueued(_)
            | Answer::Credited(_)
            | Answer::Extended(_)
            | Answer::Done(_)
            | Answer::Revived(_)
            | Answer::Purged(_)
            | Answer::Refused(_)) => Said::Part(request, Part::Whole(view::response(answer))),
        }
    }

    /// A payload is taken out of memory with its first grant; a second one reads it back.
    fn with_payloads(&mut self, grants: Vec<Grant>) -> Vec<(Grant, Option<Bytes>)> {
        self.ahead.moves();
        let with_payload = |grant: Grant| {
            let payload = self.payloads.take(grant.task);
            if payload.is_none() {
                self.reads.push((grant.task, Blob::Payload));
            }
            (grant, payload)
        };
        grants.into_iter().map(with_payload).collect()
    }

    fn look(&mut self, session: SessionId, request: RequestId, query: Query) {
        let said = match query {
            Query::Status => {
                let status = Box::new(view::status(&self.name, &self.pool.summary()));
                let holdings = self.pool.holdings().collect();
                Said::Part(request, Part::Status(status, holdings))
            }
            Query::Tasks {
                state,
                after,
                tasks_max,
            } => {
                let tasks = view::tasks(&self.pool, state, after, tasks_max);
                Said::Part(request, Part::Whole(Response::Tasks(tasks)))
            }
            Query::Task(id) => self.look_at(request, id),
            Query::Fence => Said::Part(request, Part::Fence),
        };
        self.outbox.say((session, said));
    }

    fn look_at(&mut self, request: RequestId, id: TaskId) -> Said {
        let Some(task) = self.pool.task(id) else {
            return Said::Part(request, Part::Whole(view::no_such_task()));
        };
        self.reads.push((id, Blob::Payload));
        if task.result_len.is_some() {
            self.reads.push((id, Blob::Result));
        }
        self.outbox.hold();
        Said::Task {
            request,
            task: Box::new(task),
            moment: self.pool.moment_of(id),
        }
    }

    /// Returns whether it is done already.
    fn commit(&mut self, changes: Vec<Change>) -> Result<bool, String> {
        let batch = PoolBatch {
            pool: self.pool.id(),
            epoch: self.pool.epoch(),
            at: self.clock.now(),
            changes,
        };
        let load = Load {
            batch,
            reads: mem::take(&mut self.reads),
            replies: self.outbox.waiting(),
        };
        self.ahead.sent();
        match self.commit_here(load) {
            Ok(outcome) => self.committed(outcome).map(|()| true),
            Err(load) => self.hand_over(load).map(|()| false),
        }
    }

    fn commit_here(&self, load: Load) -> Result<Result<Blobs, String>, Load> {
        let stand_in = self.stand_in;
        if !stand_in.is_there() {
            return Err(load);
        }
        self.writer.commit_here(load, || stand_in.call())
    }

    /// To the store's thread.
    fn hand_over(&mut self, load: Load) -> Result<(), String> {
        let (slot, myself) = (Slot::new(load), self.myself.clone());
        self.flying = Some(slot.clone());
        self.writer.commit(Commit {
            slot,
            done: Box::new(move |outcome| {
                // If the pool has ended meanwhile, its successor restores what was written.
                _ = myself.cast(PoolMessage::Committed(outcome));
            }),
        })
    }

    fn leave(&mut self, replies: Vec<(SessionId, Said)>, blobs: &Blobs) {
        for (session, said) in replies {
            let out = self.finish(said, blobs);
            if let Some(outlet) = self.outlets.get(&session) {
                outlet.say(out);
            }
        }
    }

    /// Fills in what only the store had.
    fn finish(&self, said: Said, blobs: &Blobs) -> Out {
        let pool = self.pool.id();
        match said {
            Said::Part(request, part) => Out::Answer(request, pool, part),
            Said::Claimed(request, grants) => {
                let tasks = self.deliveries(grants, blobs);
                Out::Answer(request, pool, Part::Whole(Response::Claimed(tasks)))
            }
            Said::Deliver(grants) => {
                Out::Deliver(self.name.clone(), self.deliveries(grants, blobs))
            }
            Said::Revoke(proof, why) => Out::Revoke(proof, why),
            Said::AskStop(proof, within) => Out::AskStop(proof, within),
            Said::Task {
                request,
                task,
                moment,
            } => {
                let payload = blobs.get(&(task.id, Blob::Payload)).cloned();
                let result = blobs.get(&(task.id, Blob::Result)).cloned();
                let detail = view::detail(&self.name, &task, moment, payload, result);
                Out::Answer(request, pool, Part::Whole(Response::Task(Box::new(detail))))
            }
        }
    }

    /// A task without its payload was forgotten after it was granted, so it is not delivered: the
    /// lease is over. One that was granted twice since the last commit is delivered twice.
    fn deliveries(
        &self,
        grants: Vec<(Grant, Option<Bytes>)>,
        blobs: &Blobs,
    ) -> Vec<leasehold_wire::Delivery> {
        let deliver = |(grant, payload): (Grant, Option<Bytes>)| {
            let from_store = || blobs.get(&(grant.task, Blob::Payload)).cloned();
            let Some(payload) = payload.or_else(from_store) else {
                tracing::warn!(pool = %self.name, task = %grant.task, "its payload is gone");
                return None;
            };
            Some(view::delivery(&grant, payload))
        };
        grants.into_iter().filter_map(deliver).collect()
    }

    /// Sets the timer if something is due before it goes off.
    fn set_alarm(&mut self) {
        let Some(due) = self.pool.next_deadline() else {
            return;
        };
        if self.alarm.as_ref().is_some_and(|(at, _)| *at <= due) {
            return;
        }
        if let Some((_, late)) = self.alarm.take() {
            late.abort();
        }
        let wait = due.since(self.clock.now());
        let alarm = self.myself.send_after(wait, || PoolMessage::Tick);
        self.alarm = Some((due, alarm.abort_handle()));
    }
}
