//! What each hot verb costs a pool, with so many tasks standing in it.
//!
//! `cargo run --release -p leasehold-core --example verbs -- [priorities] [standing]` prints the
//! time of each; a phase is a function of its own, so that an instruction counter can be told
//! which to look at: `valgrind --tool=callgrind --toggle-collect='verbs::complete_one'`.
//!
//! With several numbers of standing tasks (`-- 1 1000 1000000`) it does the same work by turns in a
//! pool of each, and prints the median time of an operation and its ratio to that in the first.
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::print_stdout, reason = "it tells what it measured")]

use std::{env, hint::black_box, time::Duration, time::Instant};

use bytes::Bytes;
use leasehold_core::*;

/// Times that each verb is done.
const ROUNDS: u64 = 20_480;
/// Turns of each pool where several are compared.
const TURNS: usize = 400;
/// Tasks of one claim.
const CLAIM: u32 = 64;

const WORKER: SessionId = SessionId(1);
const PRODUCER: SessionId = SessionId(2);

/// Who holds what.
type Held = (SessionId, LeaseRef);

struct Stage {
    pool: Pool,
    now: Timestamp,
    out: Transition,
    payload: Bytes,
    asked: u64,
    enqueued: u64,
    priorities: u64,
}

fn main() -> Result<(), NameError> {
    let arguments: Vec<u64> = env::args().skip(1).flat_map(|arg| arg.parse()).collect();
    let priorities = arguments.first().copied().unwrap_or(1);
    match arguments.get(1..) {
        Some(standing) if standing.len() > 1 => compare(standing, priorities),
        Some([standing]) => measure(*standing, priorities),
        Some(_) | None => measure(1_000, priorities),
    }
}

/// The same work by turns in a pool of each size.
fn compare(standing: &[u64], priorities: u64) -> Result<(), NameError> {
    let stages = standing.iter().map(|count| Stage::with(*count, priorities));
    let mut stages = stages.collect::<Result<Vec<_>, _>>()?;
    let mut times = vec![[const { Vec::new() }; 3]; stages.len()];
    let mut granted = Vec::new();
    for _ in 0..TURNS {
        for (stage, times) in stages.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (0..CLAIM).for_each(|_| enqueue_one(stage));
            let enqueued = Instant::now();
            claim_many(stage, &mut granted);
            let claimed = Instant::now();
            granted.drain(..).for_each(|held| complete_one(stage, held));
            times[0].push(enqueued - start);
            times[1].push(claimed - enqueued);
            times[2].push(claimed.elapsed());
        }
    }
    for (verb, name) in ["enqueue 1", "claim 64", "complete 1"].iter().enumerate() {
        let mut first = None;
        for (standing, times) in standing.iter().zip(&mut times) {
            times[verb].sort_unstable();
            let median = times[verb][TURNS / 2].as_secs_f64() * 1e9 / f64::from(CLAIM);
            let ratio = median / *first.get_or_insert(median);
            println!("{name:>12} {standing:>9} standing {median:6.0} ns {ratio:6.2}");
        }
    }
    Ok(())
}

fn measure(standing: u64, priorities: u64) -> Result<(), NameError> {
    let mut stage = Stage::with(standing, priorities)?;
    let all = Instant::now();
    timed("enqueue 1", || {
        (0..ROUNDS).for_each(|_| enqueue_one(&mut stage))
    });
    let mut granted = Vec::new();
    timed("claim 64", || {
        for _ in 0..ROUNDS / u64::from(CLAIM) {
            claim_many(&mut stage, &mut granted);
        }
    });
    timed("extend 1", || {
        granted
            .iter()
            .for_each(|proof| extend_one(&mut stage, *proof))
    });
    timed("complete 1", || {
        granted
            .drain(..)
            .for_each(|proof| complete_one(&mut stage, proof))
    });
    println!("{:>12} {:8.0} ns", "lifecycle", per_round(all.elapsed()));
    drain(&mut stage, &mut granted);
    give_credit(&mut stage)?;
    let mut delivered = Vec::new();
    timed("deliver 1", || {
        (0..ROUNDS).for_each(|_| deliver_one(&mut stage, &mut delivered))
    });
    timed("and complete", || {
        delivered
            .drain(..)
            .for_each(|proof| complete_one(&mut stage, proof))
    });
    end_credit(&mut stage);
    lose(&mut stage)?;
    look(&mut stage);
    Ok(())
}

impl Stage {
    fn with(standing: u64, priorities: u64) -> Result<Self, NameError> {
        let mut stage = Self::new(priorities)?;
        for _ in 0..standing {
            let task = stage.new_task();
            stage.ask(PRODUCER, Command::Enqueue(vec![task]));
        }
        Ok(stage)
    }

    fn new(priorities: u64) -> Result<Self, NameError> {
        let settings = PoolSettings {
            tasks_max: u64::MAX,
            completed_kept_max: 100_000,
            ..PoolSettings::default()
        };
        let now = Timestamp::from_millis(1_000_000);
        let mut stage = Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings, now, vec![]),
            now,
            out: Transition::default(),
            payload: Bytes::from(vec![7; 256]),
            asked: 0,
            enqueued: 0,
            priorities,
        };
        for session in [WORKER, PRODUCER] {
            let name = NodeName::new("crane-1")?;
            let incarnation = Incarnation(session.0);
            stage.ask(session, Command::Open(Node { name, incarnation }));
        }
        Ok(stage)
    }

    fn ask(&mut self, session: SessionId, command: Command) {
        self.asked += 1;
        if self.asked.is_multiple_of(16) {
            self.now = self.now + Duration::from_millis(1);
        }
        self.out.changes.clear();
        self.out.replies.clear();
        self.pool
            .apply(self.now, session, RequestId(1), command, &mut self.out);
    }

    fn new_task(&mut self) -> NewTask {
        self.enqueued += 1;
        let random = u128::from(mixed(self.enqueued));
        NewTask {
            id: TaskId::from_u128(u128::from(self.now.as_millis()) << 80 | random),
            priority: u32::try_from(mixed(self.enqueued) % self.priorities).unwrap_or(0),
            attempts_max: None,
            delay: Duration::ZERO,
            payload: self.payload.clone(),
            wishes: vec![],
        }
    }
}

#[inline(never)]
fn enqueue_one(stage: &mut Stage) {
    let task = stage.new_task();
    stage.ask(PRODUCER, Command::Enqueue(vec![task]));
    black_box(&stage.out);
}

#[inline(never)]
fn claim_many(stage: &mut Stage, granted: &mut Vec<Held>) {
    let claim = Claim {
        tasks_max: CLAIM,
        wait: Duration::ZERO,
        lease: None,
    };
    stage.ask(WORKER, Command::Claim(claim));
    collect(stage, granted);
}

#[inline(never)]
fn complete_one(stage: &mut Stage, (holder, proof): Held) {
    let done = Completion {
        proof,
        result: None,
        then: vec![],
    };
    stage.ask(holder, Command::Complete(vec![done]));
    black_box(&stage.out);
}

#[inline(never)]
fn extend_one(stage: &mut Stage, (holder, proof): Held) {
    stage.ask(holder, Command::Extend(vec![proof], None));
    black_box(&stage.out);
}

/// A task comes while somebody has credit.
#[inline(never)]
fn deliver_one(stage: &mut Stage, granted: &mut Vec<Held>) {
    let task = stage.new_task();
    stage.ask(PRODUCER, Command::Enqueue(vec![task]));
    collect(stage, granted);
}

fn collect(stage: &Stage, granted: &mut Vec<Held>) {
    for reply in &stage.out.replies {
        if let Reply::Answer(holder, _, Answer::Claimed(grants)) | Reply::Deliver(holder, grants) =
            reply
        {
            granted.extend(grants.iter().map(|grant| {
                let (task, lease) = (grant.task, grant.lease);
                (*holder, LeaseRef { task, lease })
            }));
        }
    }
}

fn drain(stage: &mut Stage, granted: &mut Vec<Held>) {
    while stage.pool.summary().counts.of(StateKind::Ready) > 0 {
        claim_many(stage, granted);
        granted.drain(..).for_each(|held| complete_one(stage, held));
    }
}

/// To six sessions, for all that is to come.
fn give_credit(stage: &mut Stage) -> Result<(), NameError> {
    for session in 3..9 {
        let name = NodeName::new("crane-2")?;
        let incarnation = Incarnation(session);
        stage.ask(
            SessionId(session),
            Command::Open(Node { name, incarnation }),
        );
        let credit = Credit {
            tasks: limits::CLAIM_MAX,
            lease: None,
        };
        stage.ask(SessionId(session), Command::Credit(credit));
    }
    Ok(())
}

/// Those who wait are gone.
fn end_credit(stage: &mut Stage) {
    (3..9).for_each(|session| stage.ask(SessionId(session), Command::End(Ending::Bye)));
}

/// A hundred thousand leases end at once: those of ten thousand sessions that are cut.
fn lose(stage: &mut Stage) -> Result<(), NameError> {
    for session in 1_000..11_000 {
        let name = NodeName::new(&format!("crane-{session}"))?;
        let incarnation = Incarnation(session);
        stage.ask(
            SessionId(session),
            Command::Open(Node { name, incarnation }),
        );
        for _ in 0..10 {
            let task = stage.new_task();
            stage.ask(PRODUCER, Command::Enqueue(vec![task]));
        }
        let claim = Claim {
            tasks_max: 10,
            wait: Duration::ZERO,
            lease: None,
        };
        stage.ask(SessionId(session), Command::Claim(claim));
    }
    let whole = Instant::now();
    for session in 1_000..11_000 {
        stage.ask(SessionId(session), Command::End(Ending::Cut));
    }
    println!("10,000 sessions are cut: {:?}", whole.elapsed());
    stage.now = stage.now + Duration::from_millis(500);
    let (whole, mut slices, mut longest) = (Instant::now(), 0, Duration::ZERO);
    while stage.pool.next_deadline().is_some_and(|at| at <= stage.now) {
        let slice = Instant::now();
        stage.out.changes.clear();
        stage.pool.advance(stage.now, &mut stage.out);
        longest = longest.max(slice.elapsed());
        slices += 1;
    }
    let time = whole.elapsed();
    println!("their 100,000 leases end: {time:?} in {slices} slices, the longest {longest:?}");
    Ok(())
}

fn look(stage: &mut Stage) {
    for state in [None, Some(StateKind::Dead)] {
        let start = Instant::now();
        let page = stage.pool.tasks(state, None, 100);
        println!("a page of {} tasks: {:?}", page.len(), start.elapsed());
    }
    let start = Instant::now();
    black_box(stage.pool.upcoming(256));
    println!("what is upcoming: {:?}", start.elapsed());
}

fn timed(what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    println!("{what:>12} {:8.0} ns", per_round(start.elapsed()));
}

fn per_round(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / ROUNDS as f64
}

/// `SplitMix64`: ids as spread as those of a producer.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
