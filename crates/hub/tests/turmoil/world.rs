//! A hub, workers and producers, each a host of its own in a network that is made up.
//!
//! What makes it the same each time: turmoil has one thread and its own time; chance that a library
//! asks the system for, and the system's clocks, are taken over by `mad-turmoil`, which therefore
//! is in this test alone; the hub writes to its store by a task instead of a thread, and the store
//! is memory that outlives the hub.

use std::{
    collections::BTreeSet,
    future::pending,
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use leasehold_core::{PoolName, TaskId};
use leasehold_hub::{Engine, Hub, HubConfig};
use leasehold_node::{Endpoint, NewTask, NodeName, NodeOptions, Outcome, Producer, Task, Worker};
use rand::{Rng, SeedableRng, rngs::StdRng};
use turmoil::net::{TcpListener, TcpStream};

use super::{faults::Faults, judge::judge, recorder::Record};

pub(crate) const HUB: &str = "hub";

const PORT: u16 = 4_711;
const POOL: &str = "mail";
const PRODUCERS: usize = 2;
const TASKS: usize = 40;

/// A producer rests for up to so long before each task.
const REST_MS_MAX: u64 = 400;

/// A world that takes longer has lost something.
const LONGEST: Duration = Duration::from_secs(180);

pub(crate) type Tell = dyn Fn(Duration, &str);

/// All that happened.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) lines: Vec<String>,
    pub(crate) violation: Option<String>,
    acknowledged: BTreeSet<TaskId>,
}

impl Story {
    /// By one of the hosts.
    pub(crate) fn tell(&mut self, what: &str) {
        self.tell_at(turmoil::sim_elapsed().unwrap_or_default(), what);
    }

    fn tell_at(&mut self, at: Duration, what: &str) {
        let at = at.as_millis();
        self.lines
            .push(format!("{:>4}.{:03}  {what}", at / 1000, at % 1000));
    }

    /// FNV-1a over all of it.
    pub(crate) fn hash(&self) -> u64 {
        let bytes = self
            .lines
            .iter()
            .flat_map(|line| line.bytes().chain([b'\n']));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Lives through the world of this seed; its store loses what it acknowledged, if that is asked for.
pub(crate) fn live(seed: u64, loses: bool) -> Story {
    let chance = <rand_tamed::rngs::StdRng as rand_tamed::SeedableRng>::seed_from_u64(seed);
    mad_turmoil::rand::set_rng(chance);
    let clocks = mad_turmoil::time::SimClocksGuard::init();
    // On a thread of its own, whose own chance is not drawn yet.
    let world = std::thread::spawn(move || run(seed, loses));
    let story = world.join().expect("a world does not panic");
    drop(clocks);
    story
}

fn run(seed: u64, loses: bool) -> Story {
    let mut rng = StdRng::seed_from_u64(seed);
    let story = Arc::new(Mutex::new(Story::default()));
    let record = Record::new(story.clone(), loses);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(rng.random_range(2..60)))
        .tick_duration(Duration::from_millis(2))
        .simulation_duration(LONGEST)
        .build();
    let commit_takes = Duration::from_millis(rng.random_range(0..12));
    let stored = record.clone();
    sim.host(HUB, move || serve(stored.store(), commit_takes));
    let mut hosts = Vec::new();
    for number in 0..rng.random_range(2..5) {
        let name = format!("worker-{number}");
        let (who, told) = (name.clone(), story.clone());
        sim.host(name.as_str(), move || work(who.clone(), told.clone()));
        hosts.push(name);
    }
    for number in 0..PRODUCERS {
        let name = format!("producer-{number}");
        let (told, completed) = (story.clone(), record.completed());
        sim.client(name.as_str(), async move {
            produce(number, told).await?;
            let mut completed = completed;
            completed.wait_for(|all| *all >= PRODUCERS * TASKS).await?;
            Ok(())
        });
        hosts.push(name);
    }
    let told = story.clone();
    let tell = move |at, what: &str| told.lock().expect("no panic before").tell_at(at, what);
    let mut faults = Faults::new(rng, hosts);
    let ended = loop {
        faults.pass_time(&mut sim, &tell);
        match sim.step() {
            Ok(false) => {}
            Ok(true) => break Ok(()),
            Err(error) => break Err(format!("it came to no end: {error}")),
        }
    };
    drop(sim);
    let mut story = std::mem::take(&mut *story.lock().expect("no panic before"));
    let judged = ended.and_then(|()| judge(&record.changes(), &story.acknowledged));
    story.violation = judged.err();
    story
}

async fn serve(
    store: Box<dyn leasehold_store::Store>,
    commit_takes: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = HubConfig::default();
    config.store.engine = Engine::Memory;
    config.hub.listen = None;
    config.session.heartbeat = Duration::from_millis(500);
    config.session.silence_after = Duration::from_secs(2);
    config.pool_defaults.lease = Duration::from_secs(4);
    config.pool_defaults.restart_grace = Duration::from_secs(1);
    config.pool_defaults.attempts_max = 1_000;
    config.pool_defaults.losses_max = 1_000;
    config.pool_defaults.interruptions_max = 100_000;
    config.pool_defaults.back_off.base = Duration::from_millis(50);
    config.pool_defaults.back_off.cap = Duration::from_millis(400);
    let hub = Hub::start_on_one_thread(config, store, commit_takes).await?;
    let listener = TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    loop {
        let (stream, from) = listener.accept().await?;
        hub.adopt(stream, from.to_string())?;
    }
}

fn endpoint() -> Endpoint {
    Endpoint::over(|| async { TcpStream::connect((HUB, PORT)).await })
}

fn options(name: &str) -> Result<NodeOptions, io::Error> {
    let name = NodeName::new(name).map_err(io::Error::other)?;
    Ok(NodeOptions::default()
        .name(name)
        .reconnect_cap(Duration::from_millis(400)))
}

fn pool() -> Result<PoolName, io::Error> {
    PoolName::new(POOL).map_err(io::Error::other)
}

async fn work(name: String, story: Arc<Mutex<Story>>) -> Result<(), Box<dyn std::error::Error>> {
    let options = options(&name)?;
    let worker = Worker::builder(endpoint(), options)
        .pool(pool()?)
        .slots(3)
        .handler(move |task| handle(name.clone(), task, story.clone()))
        .start();
    worker.join().await?;
    Ok(())
}

/// Takes a while, by the task and the attempt; some fail.
async fn handle(name: String, task: Task, story: Arc<Mutex<Story>>) -> Outcome {
    let number = task.id.as_u128() & 0xffff;
    let tell = |what: &str| {
        let text = format!("{name} {what} t{number} under {}", task.lease.lease);
        story.lock().expect("no panic before").tell(&text);
    };
    tell("begins");
    let draw = (number as u64 * 7_919 + u64::from(task.attempt) * 104_729) % 1_000;
    let_pass(5 + draw).await;
    if draw.is_multiple_of(9) {
        tell("fails");
        return Outcome::Fail("it did not fit".to_owned());
    }
    tell("finishes");
    Outcome::Complete(None)
}

/// So much time, and nothing else.
async fn let_pass(ms: u64) {
    _ = tokio::time::timeout(Duration::from_millis(ms), pending::<()>()).await;
}

async fn produce(
    number: usize,
    story: Arc<Mutex<Story>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::new(endpoint(), options(&format!("producer-{number}"))?);
    let pool = pool()?;
    for task in 0..TASKS {
        let id = TaskId::from_u128(((number * TASKS + task + 1) as u128) | 0x7 << 80);
        let draw = (number * 977 + task) as u64 * 7_919;
        let_pass(draw % REST_MS_MAX).await;
        let new = NewTask::new(format!("{task}")).id(id);
        producer.enqueue(&pool, new).await?;
        let mut story = story.lock().expect("no panic before");
        story.tell(&format!("acknowledged: t{}", id.as_u128() & 0xffff));
        story.acknowledged.insert(id);
    }
    Ok(())
}
