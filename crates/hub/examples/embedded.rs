//! A hub, a producer and a worker in one process, without a socket.
//!
//! `cargo run -p leasehold-hub --example embedded`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::Duration};

use leasehold_hub::{Engine, Hub, HubConfig, open_store};
use leasehold_node::{Endpoint, NewTask, NodeOptions, Outcome, PoolName, Producer, Worker};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = HubConfig::default();
    config.store.engine = Engine::Memory; // Engine::Sled keeps tasks in `config.store.data`
    config.hub.listen = None; // an address lets nodes in from outside, too
    let hub = Hub::start(config.clone(), open_store(&config)?).await?;

    let inside = hub.clone();
    let endpoint = Endpoint::over(move || inside.connect());
    let pool = PoolName::new("greetings")?;

    let worker = Worker::builder(endpoint.clone(), NodeOptions::default())
        .pool(pool.clone())
        .slots(4)
        .handler(|task| async move { Outcome::Complete(Some(task.payload)) })
        .start();

    let producer = Producer::new(endpoint, NodeOptions::default());
    let task = producer.enqueue(&pool, NewTask::new("hello")).await?;
    let done = producer
        .wait(&pool, task.id, Duration::from_secs(10))
        .await?;
    println!(
        "{} is {}: {:?}",
        done.summary.id, done.summary.state, done.result
    );

    worker.drain().await?;
    hub.drain().await;
    Ok(())
}
