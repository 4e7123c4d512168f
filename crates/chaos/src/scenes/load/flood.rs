//! Producers that enqueue as fast as the socket takes it, and do not wait for answers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future::join_all, stream::SplitStream};
use leasehold_node::{NewTask, PoolName, Rejection};
use leasehold_reach::{Door, Frames};
use leasehold_wire::{FromHub, FromNode, Request, Response};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{FLOODERS, TASKS_MAX};
use crate::{error::ChaosError, raw::Raw, stage::Stage};

/// Tasks of a request, and bytes of each.
const BATCH: usize = 50;
const PAYLOAD: usize = 512;

/// It goes on until so many times what is taken was offered, or so much longer than asked.
const TIMES: u64 = 10;
const LONGER: Duration = Duration::from_secs(30);

/// How long the last answers may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// What became of what was offered.
#[derive(Debug, Default)]
struct Tally {
    offered: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
    /// Of the refused, those that were told that the pool is full.
    told_full: AtomicU64,
}

pub(super) async fn flood(stage: &Stage, length: Duration) -> Result<(), ChaosError> {
    stage.fault(
        "flood",
        "hub",
        "enqueues as fast as the socket takes them",
        length,
    );
    let tally = Arc::new(Tally::default());
    let until = Instant::now() + length;
    let flooders = (0..FLOODERS).map(|number| {
        let tally = Arc::clone(&tally);
        tokio::spawn(one(stage.door().clone(), number, tally, until))
    });
    let mut failed = None;
    for ended in join_all(flooders).await {
        let ended = ended.map_err(|error| ChaosError::failed("flood the hub", error))?;
        failed = ended.err().or(failed);
    }
    let of = |count: &AtomicU64| count.load(Relaxed);
    let (offered, taken, refused) = (of(&tally.offered), of(&tally.taken), of(&tally.refused));
    let why = failed.map_or_else(String::new, |error| format!("; one session ended: {error}"));
    stage.checked(
        "what is too much is refused with a clear answer",
        taken + refused == offered && of(&tally.told_full) == refused,
        format!(
            "of {offered} tasks {taken} were taken and {refused} refused, {} with \"the pool is \
             full\"{why}",
            of(&tally.told_full)
        ),
    );
    Ok(())
}

async fn one(hub: Door, number: usize, tally: Arc<Tally>, until: Instant) -> io::Result<()> {
    let session = Raw::welcomed(&hub, &format!("flooder-{number}"), number as u64).await?;
    let (mut sink, frames) = session.into_frames().split();
    let (last, heard) = watch::channel(None);
    let answers = tokio::spawn(read(frames, Arc::clone(&tally), heard));
    let pool = PoolName::new("flood").expect("letters make a name");
    let payload = Bytes::from(vec![b'x'; PAYLOAD]);
    let is_over = || {
        let is_enough = tally.offered.load(Relaxed) >= TIMES * TASKS_MAX;
        let now = Instant::now();
        now >= until + LONGER || (now >= until && is_enough)
    };
    let mut id = 0;
    while !is_over() {
        id += 1;
        let tasks = (0..BATCH).map(|_| NewTask::new(payload.clone()).into());
        let body = Request::Enqueue {
            pool: pool.clone(),
            tasks: tasks.collect(),
        };
        tally.offered.fetch_add(BATCH as u64, Relaxed);
        let sent = sink.send(FromNode::Request { id, body }).await;
        sent.map_err(io::Error::other)?;
    }
    last.send_replace(Some(id));
    let ended = timeout(ANSWERED_WITHIN, answers).await?;
    // Held until all is answered: its end would end the session.
    drop(sink);
    ended.map_err(io::Error::other)?
}

/// Until as many answers came as requests were sent, which is known at last.
async fn read(
    mut frames: SplitStream<Frames>,
    tally: Arc<Tally>,
    mut last: watch::Receiver<Option<u64>>,
) -> io::Result<()> {
    let mut answered = 0;
    while last.borrow_and_update().is_none_or(|last| answered < last) {
        let word = tokio::select! {
            word = frames.next() => word.ok_or(io::ErrorKind::UnexpectedEof)?,
            Ok(()) = last.changed() => continue,
        };
        let word = word.map_err(io::Error::other)?;
        if let FromHub::Response { body, .. } = word {
            answered += 1;
            count(&body, &tally);
        } else if let FromHub::Refused(refusal) = word {
            return Err(io::Error::other(refusal.reason));
        } else if let FromHub::Bye { reason, .. } = word {
            return Err(io::Error::other(reason));
        }
    }
    Ok(())
}

fn count(body: &Response, tally: &Tally) {
    if let Response::Enqueued(items) = body {
        for item in items {
            match item {
                Ok(_) => _ = tally.taken.fetch_add(1, Relaxed),
                Err(why) => tally.refuse(why, 1),
            }
        }
    } else if let Response::Refused(why) = body {
        tally.refuse(why, BATCH as u64);
    }
}

impl Tally {
    fn refuse(&self, why: &Rejection, tasks: u64) {
        if why.to_string().contains("the pool is full") {
            self.told_full.fetch_add(tasks, Relaxed);
        }
        self.refused.fetch_add(tasks, Relaxed);
    }
}
