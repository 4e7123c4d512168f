//! Enqueues a task and waits for its end: `producer HOST:PORT POOL PAYLOAD`.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use leasehold_node::{Endpoint, NewTask, NodeOptions, PoolName, Producer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(pool), Some(payload)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: producer HOST:PORT POOL PAYLOAD".into());
    };
    let options = NodeOptions::default().give_up_after(Duration::from_secs(10));
    let producer = Producer::new(Endpoint::tcp(address), options);
    let pool = PoolName::new(&pool)?;

    let task = producer.enqueue(&pool, NewTask::new(payload)).await?;
    writeln!(io::stdout(), "{} is on the hub's disk", task.id)?;

    let detail = producer
        .wait(&pool, task.id, Duration::from_secs(60))
        .await?;
    writeln!(io::stdout(), "{} is {}", task.id, detail.summary.state)?;
    Ok(())
}
