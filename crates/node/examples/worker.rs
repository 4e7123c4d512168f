//! Writes each task's payload out, one at a time, until interrupted: `worker HOST:PORT POOL`.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
};

use leasehold_node::{Endpoint, NodeOptions, Outcome, PoolName, Task, Worker};

async fn write(task: Task) -> Outcome {
    if task.cancelled.is_cancelled() {
        return Outcome::Release;
    }
    let payload = String::from_utf8_lossy(&task.payload);
    // An error fails the task, with its text as the reason.
    writeln!(
        io::stdout(),
        "{} attempt {}: {payload}",
        task.id,
        task.attempt
    )
    .into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(pool)) = (args.next(), args.next()) else {
        return Err("usage: worker HOST:PORT POOL".into());
    };
    let worker = Worker::builder(Endpoint::tcp(address), NodeOptions::default())
        .pool(PoolName::new(&pool)?)
        .slots(4)
        .handler(write)
        .start();

    tokio::select! {
        end = worker.join() => end?,
        interrupt = tokio::signal::ctrl_c() => {
            interrupt?;
            worker.drain().await?;
        }
    }
    writeln!(io::stdout(), "{:?}", worker.stats())?;
    Ok(())
}
