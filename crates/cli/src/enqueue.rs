//! `leasehold enqueue`

mod lines;
mod progress;
mod reader;

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IsTerminal, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
    time::Duration,
};

use leasehold_node::{Enqueued, NewTask, PoolName, Producer, StateKind, TaskDetail, TaskId};
use serde::Serialize;

use crate::{
    args::EnqueueArgs,
    exit::{Failure, complain},
    output::{self, json},
};

/// No hub takes a longer payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Puts tasks into a pool.
pub(crate) async fn run(args: EnqueueArgs) -> Result<(), Failure> {
    if let Some(path) = &args.lines {
        return lines::run(&args, path).await;
    }
    let task = new_task(&args, payload(&args)?);
    let id = task.id;
    let producer = args.reach.producer_that_waits(args.wait_when_full);
    let enqueued = producer
        .enqueue(&args.pool, task)
        .await
        .map_err(|error| Failure::request(format!("enqueue {id} in {}", args.pool), &error))?;
    if args.wait {
        return wait(&args, &producer, enqueued.id).await;
    }
    output::lines([told(&args.pool, id, &enqueued, args.reach.json)])
}

/// A task as the flags want it.
fn new_task(args: &EnqueueArgs, payload: Vec<u8>) -> NewTask {
    let task = NewTask::new(payload)
        .priority(args.priority)
        .attempts_max(args.attempts_max);
    let task = args.wishes.onto(task);
    match args.id {
        Some(id) => task.id(id),
        None => task,
    }
}

fn payload(args: &EnqueueArgs) -> Result<Vec<u8>, Failure> {
    let failed = |what: String| move |error: io::Error| Failure::failed(what, error);
    if let Some(payload) = &args.payload {
        return Ok(OsStr::as_bytes(payload).to_vec());
    }
    if let Some(path) = &args.file {
        return payload_of(path);
    }
    if io::stdin().is_terminal() {
        let text = "failed to enqueue: there is no payload; give one, or --file, --lines, \
                    or standard input that is no terminal";
        return Err(Failure::Usage(text.into()));
    }
    let read = at_most(io::stdin().lock());
    read.map_err(failed("read standard input".into()))?
        .fits(Path::new("standard input"))
}

/// The bytes of a file, if they are no more than a payload may have.
pub(crate) fn payload_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = File::open(path).and_then(at_most);
    read.map_err(|error| Failure::failed(format!("read {}", path.display()), error))?
        .fits(path)
}

/// Reads on only as far as it takes to know that it is too much.
fn at_most(source: impl Read) -> io::Result<Payload> {
    let mut bytes = Vec::new();
    let bound = PAYLOAD_BYTES_MAX as u64 + 1;
    source.take(bound).read_to_end(&mut bytes)?;
    Ok(Payload(bytes))
}

struct Payload(Vec<u8>);

impl Payload {
    fn fits(self, from: &Path) -> Result<Vec<u8>, Failure> {
        if self.0.len() <= PAYLOAD_BYTES_MAX {
            return Ok(self.0);
        }
        let why = format!("a payload is at most {PAYLOAD_BYTES_MAX} bytes long");
        Err(Failure::failed(format!("enqueue {}", from.display()), why))
    }
}

/// What is said of a task that was acknowledged.
fn told(pool: &PoolName, asked: TaskId, enqueued: &Enqueued, as_json: bool) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        pool: &'a str,
        known_as: Option<&'static str>,
        deduplicated: bool,
    }
    let id = enqueued.id.to_string();
    if !as_json {
        return id;
    }
    json::line(&Line {
        id: &id,
        pool: pool.as_str(),
        known_as: enqueued.known_as.map(StateKind::as_str),
        deduplicated: enqueued.id != asked,
    })
}

async fn wait(args: &EnqueueArgs, producer: &Producer, id: TaskId) -> Result<(), Failure> {
    if !args.reach.json {
        complain(format!("enqueued {id}; waiting for its end"));
    }
    let ended = producer
        .wait(&args.pool, id, Duration::MAX)
        .await
        .map_err(|error| Failure::request(format!("wait for {id}"), &error))?;
    if args.reach.json {
        output::document(&json::Detail::new(&ended))?;
    } else {
        output::write(ended.result.as_deref().unwrap_or_default())?;
    }
    verdict(&ended)
}

fn verdict(ended: &TaskDetail) -> Result<(), Failure> {
    let summary = &ended.summary;
    match summary.state {
        StateKind::Completed => Ok(()),
        state @ (StateKind::Cancelled
        | StateKind::Dead
        | StateKind::Ready
        | StateKind::Scheduled
        | StateKind::Claimed) => {
            let why = json::text(&summary.reason).unwrap_or("no reason is known");
            Err(Failure::Failed(format!(
                "the task {} is {state}: {why}",
                summary.id
            )))
        }
    }
}
