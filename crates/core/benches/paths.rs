//! The hot paths of the core: a pool and its outbox, as a hub drives them.

use std::{collections::VecDeque, hint::black_box, process::ExitCode, time::Duration};

use bytes::Bytes;
use leasehold_core::{
    Answer, Claim, Command, Completion, Credit, Ending, Epoch, Grant, Incarnation, LeaseRef,
    NewTask, Node, Outbox, Pool, PoolId, PoolSettings, Reply, RequestId, SessionId, TaskId,
    Timestamp, Transition,
};
use leasehold_count::{HotPath, Run};

const PATHS: [HotPath; 8] = [
    HotPath::new("enqueue-1", 2000, enqueue_one),
    HotPath::new("enqueue-64", 50 * 64, enqueue_many),
    HotPath::new("claim-complete-64", 50 * 64, claim_and_complete),
    HotPath::new("credit-complete-1", 2000, credit_and_complete),
    HotPath::new("enqueue-deliver-complete-1", 2000, deliver_to_whoever_waits),
    HotPath::new("session-cut-10-leases", 200, cut_sessions),
    HotPath::new("advance-idle-1k", 20_000, || advance(1_000)),
    HotPath::new("advance-idle-100k", 20_000, || advance(100_000)),
];

fn main() -> ExitCode {
    leasehold_count::main("core", &PATHS)
}

/// Tasks that stand in a pool, unless the path says another number.
const STANDING: usize = 1_000;

/// The session that everything is asked by, unless there are more.
const SESSION: SessionId = SessionId(1);

fn enqueue_one() -> Run {
    let mut world = World::new(STANDING);
    let mut commands = world.enqueues(2000, 1);
    Box::new(move || {
        while let Some(command) = commands.pop_front() {
            world.ask(SESSION, command);
        }
    })
}

fn enqueue_many() -> Run {
    let mut world = World::new(STANDING);
    let mut commands = world.enqueues(50, 64);
    Box::new(move || {
        while let Some(command) = commands.pop_front() {
            world.ask(SESSION, command);
        }
    })
}

fn claim_and_complete() -> Run {
    let mut world = World::new(STANDING + 50 * 64);
    Box::new(move || {
        for _ in 0..50 {
            let grants = world.claim(SESSION, 64);
            assert_eq!(grants.len(), 64);
            world.complete(&grants);
        }
    })
}

fn credit_and_complete() -> Run {
    let mut world = World::new(STANDING + 2000);
    Box::new(move || {
        for _ in 0..2000 {
            let grants = world.ask(SESSION, CREDIT_ONE);
            world.complete(&grants);
        }
    })
}

fn deliver_to_whoever_waits() -> Run {
    let mut world = World::new(0);
    let mut commands = world.enqueues(2000, 1);
    world.ask(SESSION, CREDIT_ONE);
    Box::new(move || {
        while let Some(command) = commands.pop_front() {
            let grants = world.ask(SESSION, command);
            world.complete(&grants);
            world.ask(SESSION, CREDIT_ONE);
        }
    })
}

fn cut_sessions() -> Run {
    let mut world = World::new(STANDING + 200 * 10);
    let sessions = (10..210).map(SessionId);
    for session in sessions.clone() {
        world.open(session);
        assert_eq!(world.claim(session, 10).len(), 10);
    }
    Box::new(move || {
        for session in sessions.clone() {
            world.ask(session, Command::End(Ending::Cut));
        }
        world.now = world.now + PoolSettings::default().cut_grace;
        world.advance();
    })
}

/// Half of what stands is ready, and half is scheduled for a time that does not come.
fn advance(standing: usize) -> Run {
    let mut world = World::new(standing / 2);
    for command in world.enqueues_later(standing / 2, Duration::from_secs(3600)) {
        world.ask(SESSION, command);
    }
    Box::new(move || {
        for _ in 0..20_000 {
            world.advance();
            black_box(world.pool.next_deadline());
        }
    })
}

const CREDIT_ONE: Command = Command::Credit(Credit {
    tasks: 1,
    lease: None,
});

/// A pool and its outbox, over a store that is done at once.
struct World {
    pool: Pool,
    outbox: Outbox<Reply>,
    out: Transition,
    now: Timestamp,
    tasks: u64,
}

impl World {
    fn new(standing: usize) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let settings = PoolSettings::default();
        let mut world = Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings, now, Vec::new()),
            outbox: Outbox::default(),
            out: Transition::default(),
            now,
            tasks: 0,
        };
        world.open(SESSION);
        for command in world.enqueues_later(standing, Duration::ZERO) {
            world.ask(SESSION, command);
        }
        world
    }

    fn open(&mut self, session: SessionId) {
        let node = Node {
            name: "crane-1".parse().expect("it is a name"),
            incarnation: Incarnation(session.0),
        };
        self.ask(session, Command::Open(node));
    }

    /// What a hub does with a request. Gives back what was granted.
    fn ask(&mut self, session: SessionId, command: Command) -> Vec<Grant> {
        let request = RequestId(7);
        self.pool
            .apply(self.now, session, request, command, &mut self.out);
        self.turn()
    }

    fn advance(&mut self) {
        self.pool.advance(self.now, &mut self.out);
        self.turn();
    }

    fn turn(&mut self) -> Vec<Grant> {
        self.outbox.push(&mut self.out, |reply| reply);
        let mut grants = granted(self.outbox.take_free());
        if let Some(changes) = self.outbox.next_commit() {
            self.pool.reuse(black_box(changes).into());
            grants.append(&mut granted(self.outbox.committed()));
        }
        grants
    }

    fn claim(&mut self, session: SessionId, tasks_max: u32) -> Vec<Grant> {
        let claim = Claim {
            tasks_max,
            wait: Duration::ZERO,
            lease: None,
        };
        self.ask(session, Command::Claim(claim))
    }

    fn complete(&mut self, grants: &[Grant]) {
        assert!(!grants.is_empty(), "nothing was granted");
        let completion = |grant: &Grant| Completion {
            proof: LeaseRef {
                task: grant.task,
                lease: grant.lease,
            },
            result: None,
            then: vec![],
        };
        let completions = grants.iter().map(completion).collect();
        self.ask(SESSION, Command::Complete(completions));
    }

    fn enqueues(&mut self, commands: usize, tasks: usize) -> VecDeque<Command> {
        let mut command = || self.enqueue(tasks, Duration::ZERO);
        (0..commands).map(|_| command()).collect()
    }

    fn enqueues_later(&mut self, tasks: usize, delay: Duration) -> Vec<Command> {
        let batches = (0..tasks).step_by(1000);
        batches
            .map(|at| self.enqueue((tasks - at).min(1000), delay))
            .collect()
    }

    fn enqueue(&mut self, tasks: usize, delay: Duration) -> Command {
        let mut task = || NewTask {
            id: self.next_id(),
            priority: 0,
            attempts_max: None,
            delay,
            payload: Bytes::from_static(&[b'p'; 256]),
            wishes: vec![],
        };
        Command::Enqueue((0..tasks).map(|_| task()).collect())
    }

    /// As producers draw them: time above, chance below.
    fn next_id(&mut self) -> TaskId {
        self.tasks += 1;
        let chance = self.tasks.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        TaskId::from_u128((u128::from(self.tasks) << 64) | u128::from(chance))
    }
}

fn granted(replies: Vec<Reply>) -> Vec<Grant> {
    let mut grants = Vec::new();
    for reply in black_box(replies) {
        if let Reply::Deliver(_, mut more) | Reply::Answer(_, _, Answer::Claimed(mut more)) = reply
        {
            grants.append(&mut more);
        }
    }
    grants
}
