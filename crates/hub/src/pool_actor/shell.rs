//! What surrounds the core in its actor: time in, changes to disk, replies out.

mod grants;
mod look;
mod words;

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::Arc,
};

use leasehold_core::{
    Cause, Change, Command, Completion, Ending, NewTask, Node, Outbox, Pool, PoolName, RequestId,
    SessionId, Task, TaskId, Timestamp, Transition,
};
use leasehold_store::{Blob, PoolBatch};
use leasehold_wire::Response;
use tokio::{sync::oneshot, task::AbortHandle};

use super::{
    Ask, Door, PoolArguments, PoolMessage,
    ahead::Ahead,
    looks::Looks,
    outlet::{Outlet, Part, Said},
    stand_in::StandIn,
    view,
};
use crate::{
    actor::ActorRef,
    clock::Clock,
    configured::Configured,
    gauge::Gauge,
    hub_actor::PoolOpener,
    parts::{Place, whole_of},
    payloads::Cache,
    store_writer::{Blobs, Commit, LONG, Load, Payloads, ReadAhead, Slot, StoreWriter, Written},
    telemetry,
};

/// With fewer replies than these a commit is small, and whoever is at the door already is let in
/// first.
const FEW: usize = 8;

/// Commits on their way at once: a long one is made ready while the one before it is written.
const FLYING_MAX: usize = 2;

pub(crate) struct Shell {
    /// As its owner calls it.
    pub(super) name: PoolName,
    pub(super) place: Option<Place>,
    pub(super) pool: Pool,
    pub(super) outbox: Outbox<(SessionId, Said)>,
    /// Blobs that replies of the next commit want.
    reads: Vec<(TaskId, Blob)>,
    /// Commits on their way, the oldest first.
    flying: VecDeque<Slot>,
    payloads: Cache,
    ahead: Ahead,
    outlets: BTreeMap<SessionId, Outlet>,
    pub(super) clock: Clock,
    writer: StoreWriter,
    door: Door,
    stand_in: StandIn,
    pub(super) gauge: Arc<Gauge>,
    myself: ActorRef<PoolMessage>,
    /// The one timer: set for the earliest deadline, moved only forward in urgency.
    alarm: Option<(Timestamp, AbortHandle)>,
    settling: Vec<oneshot::Sender<()>>,
    looks: Looks,
    pub(super) config: Configured,
    pub(super) opener: PoolOpener,
    /// The hub knows that nothing is left of it.
    pub(super) is_told_over: bool,
    /// Reused for each call of the core.
    pub(super) transition: Transition,
    /// What is said of it.
    said: Vec<(SessionId, Said)>,
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
        let mut pool = restored.map_err(|error| error.to_string())?;
        pool.recall(opened.notes);
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
            flying: VecDeque::new(),
            payloads: Cache::new(arguments.budget),
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
            looks: Looks::default(),
            config: arguments.config,
            opener: arguments.opener,
            is_told_over: false,
            transition: Transition::default(),
            said: Vec::new(),
        };
        shell.take_up_policy(arguments.is_used);
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
                Ask::Command(Command::Complete(items)) => self.complete(session, request, items),
                Ask::Command(command) => self.apply(session, request, command),
                Ask::Query(query) => self.look(session, request, query),
                Ask::Pool(verb) => self.ask_pool(session, request, verb),
                Ask::Schedule(verb) => self.ask_schedule(session, request, verb),
                Ask::Hand(leases) => self.hand(session, request, &leases),
            }
        }
    }

    pub(super) fn gone(&mut self, session: SessionId, ending: Ending) {
        self.apply(session, RequestId(0), Command::End(ending));
        self.looks.forget(session);
        if let Some(outlet) = self.outlets.remove(&session) {
            outlet.close();
        }
    }

    pub(super) fn tick(&mut self) {
        self.alarm = None;
        let now = self.clock.now();
        self.pool.advance(now, &mut self.transition);
        self.take_transition();
        self.plan_due();
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
    pub(super) fn committed(&mut self, outcome: Result<Written, String>) -> Result<(), String> {
        let Written { blobs, spent } = outcome?;
        self.flying.pop_front();
        let replies = self.outbox.committed();
        self.leave(replies, &blobs);
        self.pool.reuse(spent);
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
            self.tell_if_over();
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
        self.read_ahead();
        if let Some(newest) = self.flying.back_mut() {
            let is_joined = newest.add(|load| {
                load.batch.at = self.clock.now();
                self.outbox.join_commit(&mut load.batch.changes);
                load.reads.append(&mut self.reads);
                load.replies = self.outbox.waiting();
            });
            let is_worth_another = self.flying.len() < FLYING_MAX && self.outbox.changes() >= LONG;
            if is_joined || !is_worth_another {
                return Ok(false);
            }
            let changes = self.outbox.next_commit_behind();
            return changes.map_or(Ok(false), |changes| {
                let load = self.load(changes);
                self.hand_over(load).map(|()| false)
            });
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

    /// What is to follow takes disk, as an enqueue does: under the reserve the holder keeps the task
    /// and asks again.
    fn complete(&mut self, session: SessionId, request: RequestId, items: Vec<Completion>) {
        let bytes: usize = items
            .iter()
            .flat_map(|item| &item.then)
            .map(|new| new.payload.len())
            .sum();
        let follows = items.iter().any(|item| !item.then.is_empty());
        if follows && let Err(refusal) = self.gauge.admit(bytes as u64) {
            let refused = Part::Whole(Response::Refused(refusal));
            return self.outbox.say((session, Said::Part(request, refused)));
        }
        self.apply(session, request, Command::Complete(items));
    }

    /// What the hub decides itself, without a session and an answer.
    pub(super) fn apply_own(&mut self, command: Command) {
        self.apply(SessionId(0), RequestId(0), command);
    }

    pub(super) fn apply(&mut self, session: SessionId, request: RequestId, command: Command) {
        let now = self.clock.now();
        self.pool
            .apply(now, session, request, command, &mut self.transition);
        self.take_transition();
    }

    pub(super) fn take_transition(&mut self) {
        let mut transition = mem::take(&mut self.transition);
        telemetry::report(&self.name, &transition.changes);
        self.follow_payloads(&transition.changes);
        let reads_before = self.reads.len();
        let mut said = mem::take(&mut self.said);
        for reply in transition.replies.drain(..) {
            self.word(reply, &mut said);
        }
        if self.reads.len() > reads_before {
            self.outbox.hold();
        }
        self.outbox.push(&mut transition, |_| {
            unreachable!("the replies were taken out")
        });
        said.drain(..).for_each(|said| self.outbox.say(said));
        (self.transition, self.said) = (transition, said);
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

    /// Returns whether it is done already.
    fn commit(&mut self, changes: Vec<Change>) -> Result<bool, String> {
        let load = self.load(changes);
        match self.commit_here(load) {
            Ok(outcome) => self.committed(outcome).map(|()| true),
            Err(load) => self.hand_over(load).map(|()| false),
        }
    }

    fn load(&mut self, changes: Vec<Change>) -> Load {
        let batch = PoolBatch {
            pool: self.pool.id(),
            epoch: self.pool.epoch(),
            at: self.clock.now(),
            changes,
        };
        Load {
            batch,
            reads: mem::take(&mut self.reads),
            replies: self.outbox.waiting(),
        }
    }

    fn commit_here(&self, load: Load) -> Result<Result<Written, String>, Load> {
        let stand_in = self.stand_in;
        if !stand_in.is_there() {
            return Err(load);
        }
        self.writer.commit_here(load, || stand_in.call())
    }

    /// To the store's thread.
    fn hand_over(&mut self, load: Load) -> Result<(), String> {
        let (slot, myself) = (Slot::new(load), self.myself.clone());
        self.flying.push_back(slot.clone());
        self.writer.commit(Commit {
            slot,
            done: Box::new(move |outcome| {
                // If the pool has ended meanwhile, its successor restores what was written.
                _ = myself.cast(PoolMessage::Committed(outcome));
            }),
        })
    }

    fn read_ahead(&mut self) {
        let tasks = self.ahead.ask(&self.pool, &mut self.payloads);
        if tasks.is_empty() {
            return;
        }
        let myself = self.myself.clone();
        self.writer.read_ahead(ReadAhead {
            pool: self.pool.id(),
            tasks,
            come: Box::new(move |payloads, is_last| {
                // Nobody misses them if the pool has ended meanwhile.
                _ = myself.cast(PoolMessage::ReadAhead(payloads, is_last));
            }),
        });
    }

    pub(super) fn came_ahead(&mut self, payloads: Payloads, is_last: bool) {
        self.ahead.come(payloads, is_last, &mut self.payloads);
    }

    /// Sets the timer if something is due before it goes off.
    fn set_alarm(&mut self) {
        let (due, look) = (self.pool.next_deadline(), self.next_look());
        let Some(due) = due.into_iter().chain(look).min() else {
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
