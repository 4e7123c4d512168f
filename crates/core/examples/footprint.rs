//! What tasks cost in memory, and how long it takes to restore a pool of them.
//!
//! `cargo run --release -p leasehold-core --example footprint -- [tasks…]` prints bytes for each
//! task: as asked of the allocator when all is done, as seen in the process by the operating
//! system, and at the highest point on the way. Each row is a process of its own.
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::print_stdout, reason = "it tells what it measured")]

use std::{alloc::System, env, error::Error, fs, process::Command as Process, time::Duration};
use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use leasehold_core::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SITUATIONS: [&str; 9] = [
    "ready",
    "ready-10-priorities",
    "ready-1000-priorities",
    "scheduled",
    "scheduled-at-random",
    "claimed",
    "completed",
    "failed-once",
    "restored",
];

const SESSION: SessionId = SessionId(1);
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [situation, tasks] = arguments.as_slice()
        && SITUATIONS.contains(&situation.as_str())
    {
        return measure(situation, tasks.parse()?);
    }
    println!(
        "{:22} {:>9} {:>9} {:>9} {:>9} {:>12}",
        "bytes a task", "tasks", "asked", "resident", "peak", "ns a task"
    );
    let mut counts: Vec<u64> = arguments.iter().flat_map(|count| count.parse()).collect();
    if counts.is_empty() {
        counts = vec![100_000, 1_000_000];
    }
    for situation in SITUATIONS {
        for tasks in &counts {
            let mut row = Process::new(env::current_exe()?);
            row.args([situation, &tasks.to_string()]).status()?;
        }
    }
    Ok(())
}

struct Yard {
    pool: Pool,
    now: Timestamp,
    out: Transition,
}

fn measure(situation: &str, tasks: u64) -> Result<(), Box<dyn Error>> {
    let (asked, resident) = (asked(), resident("VmRSS")?);
    let mut yard = Yard::new()?;
    let start = Instant::now();
    match situation {
        "restored" => yard.restore(tasks),
        "claimed" | "completed" | "failed-once" => yard.work(situation, tasks),
        _ => (0..tasks).for_each(|number| yard.enqueue(situation, number)),
    }
    let time = start.elapsed();
    yard.out = Transition::default();
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / tasks as f64;
    println!(
        "{situation:22} {tasks:>9} {:9.1} {:9.1} {:9.1} {:12.0}",
        each(self::asked(), asked),
        each(self::resident("VmRSS")?, resident),
        each(self::resident("VmHWM")?, resident),
        time.as_secs_f64() * 1e9 / tasks as f64,
    );
    black_box(&yard.pool);
    Ok(())
}

impl Yard {
    fn new() -> Result<Self, NameError> {
        let settings = settings();
        let mut yard = Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings, START, []),
            now: START,
            out: Transition::default(),
        };
        let node = Node {
            name: NodeName::new("crane-1")?,
            incarnation: Incarnation(1),
        };
        yard.ask(Command::Open(node));
        Ok(yard)
    }

    fn ask(&mut self, command: Command) {
        self.out.changes.clear();
        self.out.replies.clear();
        self.pool
            .apply(self.now, SESSION, RequestId(1), command, &mut self.out);
    }

    fn enqueue(&mut self, situation: &str, number: u64) {
        if number.is_multiple_of(100) {
            self.now = self.now + Duration::from_millis(1);
        }
        let random = mixed(number);
        let (priorities, delay) = match situation {
            "ready-10-priorities" => (10, 0),
            "ready-1000-priorities" => (1000, 0),
            "scheduled" => (1, 3_600_000),
            "scheduled-at-random" => (1, 3_600_000 + random % 86_400_000),
            _ => (1, 0),
        };
        self.ask(Command::Enqueue(vec![NewTask {
            id: id(self.now, random),
            priority: u32::try_from(random % priorities).unwrap_or(0),
            attempts_max: None,
            delay: Duration::from_millis(delay),
            payload: Bytes::from_static(b"lift"),
            wishes: vec![],
        }]));
    }

    /// Hundreds at a time, so that nothing else stands in the pool.
    fn work(&mut self, situation: &str, tasks: u64) {
        for number in 0..tasks {
            self.enqueue(situation, number);
            if number % 100 == 99 {
                self.claim_and("claimed" != situation, "completed" == situation);
            }
        }
    }

    fn claim_and(&mut self, answers: bool, completes: bool) {
        let claim = Claim {
            tasks_max: 100,
            wait: Duration::ZERO,
            lease: Some(Duration::from_secs(3600)),
        };
        self.ask(Command::Claim(claim));
        let Some(Reply::Answer(_, _, Answer::Claimed(grants))) = self.out.replies.pop() else {
            return;
        };
        for grant in grants.iter().filter(|_| answers) {
            let (task, lease) = (grant.task, grant.lease);
            let proof = LeaseRef { task, lease };
            let (result, reason) = (None, "the hook slipped".to_owned());
            self.ask(if completes {
                Command::Complete(vec![Completion {
                    proof,
                    result,
                    then: vec![],
                }])
            } else {
                Command::Fail(vec![Failure {
                    proof,
                    reason,
                    then: AfterFailure::ByPolicy,
                }])
            });
        }
    }

    /// As a store gives them back: mostly in the order in which they came.
    fn restore(&mut self, tasks: u64) {
        let stored = (0..tasks).map(|number| {
            let at = START + Duration::from_millis(number / 100);
            Task {
                id: id(at, mixed(number)),
                place: number,
                priority: 0,
                attempts_max: 5,
                enqueued_at: at,
                ready_at: at,
                attempt: 0,
                interruptions: 0,
                losses_in_a_row: 0,
                payload_len: 256,
                result_len: None,
                state: State::Ready,
                lease: None,
                history: vec![],
                extras: None,
            }
        });
        self.pool = Pool::restore(PoolId(1), Epoch(2), settings(), self.now, stored);
    }
}

fn settings() -> PoolSettings {
    PoolSettings {
        tasks_max: u64::MAX,
        completed_kept_max: u64::MAX,
        back_off: BackOff {
            base: Duration::from_secs(3600),
            cap: Duration::from_secs(3600),
            ..BackOff::default()
        },
        ..PoolSettings::default()
    }
}

/// As a producer draws them: the time, and chance.
fn id(now: Timestamp, random: u64) -> TaskId {
    TaskId::from_u128(u128::from(now.as_millis()) << 80 | u128::from(random))
}

/// `SplitMix64`: random enough, and the same each time.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes that were asked of the allocator and not given back.
fn asked() -> u64 {
    let stats = ALLOCATOR.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated) as u64
}

/// What Linux says of this process, in bytes; 0 elsewhere.
fn resident(what: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().nth(1));
    Ok(kilobytes.map_or(Ok(0), str::parse::<u64>)? * 1024)
}
