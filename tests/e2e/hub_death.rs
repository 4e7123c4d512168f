//! `kill -9` of the hub under load, a hundred times: nothing acknowledged is lost, handlers run on,
//! and nothing runs twice but what was in flight unacknowledged.

mod support;

#[path = "hub_death/books.rs"]
mod books;
#[path = "hub_death/load.rs"]
mod load;

use books::{Books, State};
use leasehold_node::{Inspector, Producer, TaskId};
use load::{Load, Tide};
use support::{hub::Hub, node::tireless, pool, within};
use tokio::{sync::watch, task::JoinSet, time::Instant};

const ROUNDS: u32 = 100;

/// Acknowledgements between two deaths, at the most.
const ACKNOWLEDGED_MAX: u64 = 250;

/// Where the deaths come is drawn from this.
const SEED: u64 = 0x1ea5_e401_d000_0001;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_deaths_of_the_hub_lose_nothing_and_undo_nothing() {
    die(Hub::start().await, ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_do_those_of_a_hub_on_the_other_engine() {
    die(Hub::with("[store]\nengine = \"fjall\"\n").await, ROUNDS / 4).await;
}

#[expect(
    clippy::print_stdout,
    reason = "figures are for whoever asks with --nocapture"
)]
async fn die(mut hub: Hub, rounds: u32) {
    let inspector = Inspector::new(hub.endpoint(), tireless());
    let (tide, follow) = watch::channel(Tide::up(0, epoch(&inspector).await));
    let books = Books::default();
    let mut load = Load::start(&hub, &books, follow);
    let mut acknowledged = books.acknowledgements();
    let began = Instant::now();
    let mut seed = SEED;
    for round in 1..=rounds {
        let enough = *acknowledged.borrow() + draw(&mut seed) % ACKNOWLEDGED_MAX;
        let waited = format!("{enough} acknowledgements, in round {round}");
        let reached = within(waited, acknowledged.wait_for(|count| *count > enough)).await;
        drop(reached.expect("the books are open"));
        tide.send_replace(Tide::Down);
        hub.kill().await;
        hub.restart().await;
        tide.send_replace(Tide::up(round, epoch(&inspector).await));
    }
    tide.send_replace(Tide::Over);
    let died_for = began.elapsed();
    let producer = load.stop_producing().await;
    // Handlers enqueue as well: until all that was known at the end is all that is known.
    let mut states = ends(&producer, &books).await;
    while states.len() < books.enqueued().len() {
        states = ends(&producer, &books).await;
    }
    load.drain().await;
    println!(
        "{rounds} deaths in {died_for:?}, all in {:?}",
        began.elapsed()
    );
    println!("{}", books.judge(&states, rounds as usize));
}

/// How every task that was acknowledged ends.
async fn ends(producer: &Producer, books: &Books) -> Vec<(TaskId, State)> {
    let mut waits = JoinSet::new();
    for id in books.enqueued() {
        let producer = producer.clone();
        waits.spawn(async move {
            let (pool, patience) = (pool(), support::PATIENCE);
            let ended = producer.wait(&pool, id, patience).await;
            (id, ended.map(|task| task.summary.state))
        });
    }
    within("the end of every task", waits.join_all()).await
}

async fn epoch(inspector: &Inspector) -> u32 {
    let status = within("the status", inspector.status(None)).await;
    let status = status.expect("the hub answers");
    status.pools.first().map_or(0, |pool| pool.epoch)
}

/// `SplitMix64`.
fn draw(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
