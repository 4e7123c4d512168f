//! A Redis list, as its manual builds a reliable one of it (LMOVE, "Pattern: Reliable queue"): a
//! claim moves the task to a list of the worker's own, and completing it takes it off there.
//!
//! The list of each worker is short and its oldest is nearly always what is completed, so that
//! LREM, which searches, finds it at once. Nothing brings back what a dead worker holds, which
//! takes another program; here none is needed, so Redis is spared its cost.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::{Buf, BytesMut};

use super::{
    POOL,
    peer::{self, Keeps, Protocol},
    pull::{Answer, Ask, Pull},
    resp::{self, Value},
};
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp, WorkerDialect, WorkerLane,
};

#[derive(Debug)]
pub(super) struct List {
    keeps: Keeps,
    /// Workers since the last purge: each has a list of that number.
    workers: AtomicU64,
}

impl List {
    pub(super) fn new(keeps: Keeps) -> Self {
        let workers = AtomicU64::new(0);
        Self { keeps, workers }
    }

    async fn purge(&self, address: &str) -> Result<(), BenchError> {
        let mut connection = Connection::open(address).await?;
        resp::check(&mut connection, self.keeps).await?;
        let workers = self.workers.swap(0, Relaxed);
        let mut lists = vec![POOL.to_owned()];
        lists.extend((0..workers).map(held_by));
        // Unlike DEL it frees the memory beside the loop, not in it.
        let unlink = std::iter::once(&b"UNLINK"[..]).chain(lists.iter().map(String::as_bytes));
        let unlink: Vec<_> = unlink.collect();
        resp::ask(&mut connection, &unlink, |_| Ok(())).await
    }
}

fn held_by(worker: u64) -> String {
    format!("{POOL}:{worker}")
}

impl Protocol for List {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        Some(resp::says(keeps))
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(self.purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        peer::produce(address, Appends::default(), lane)
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        let held = held_by(self.workers.fetch_add(1, Relaxed));
        peer::work(address, Moves::new(held.as_bytes()), lane)
    }
}

/// A producing connection: answers come in the order of requests.
#[derive(Debug, Default)]
struct Appends {
    under_way: VecDeque<Stamp>,
}

impl ProducerDialect for Appends {
    fn greet<'a>(&'a mut self, _connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        resp::command(&[b"RPUSH", POOL.as_bytes(), payload], output);
        self.under_way.push_back(task);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        _output: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while let Some((value, used)) = resp::parse(input)? {
            value.accepted()?;
            input.advance(used);
            if let Some(task) = self.under_way.pop_front() {
                lane.acknowledged(task);
            }
        }
        Ok(())
    }
}

/// A working connection: it waits in at most one BLMOVE, see [`Pull`].
#[derive(Debug)]
struct Moves {
    pull: Pull,
    /// The list of what it holds.
    held: Vec<u8>,
    /// The command that moves a task there if one is ready.
    move_one: BytesMut,
}

impl Moves {
    fn new(held: &[u8]) -> Self {
        let mut move_one = BytesMut::new();
        let parts = [b"LMOVE", POOL.as_bytes(), held, b"LEFT", b"RIGHT"];
        resp::command(&parts, &mut move_one);
        Self {
            pull: Pull::default(),
            held: held.to_owned(),
            move_one,
        }
    }

    fn ask(&mut self, output: &mut BytesMut, lane: &WorkerLane) {
        match self.pull.ask(lane.slots()) {
            Some(Ask::Waiting) => {
                let (pool, held) = (POOL.as_bytes(), &self.held[..]);
                resp::command(&[b"BLMOVE", pool, held, b"LEFT", b"RIGHT", b"0"], output);
            }
            Some(Ask::AtOnce(tasks)) => {
                for _ in 0..tasks {
                    output.extend_from_slice(&self.move_one);
                }
            }
            None => {}
        }
    }

    fn take(
        &mut self,
        value: &Value<'_>,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        match self.pull.next() {
            Some(Answer::Completed(task)) if *value == Value::Integer(1) => {
                self.pull.completed(task, lane);
            }
            Some(Answer::Asked) => match value.bytes() {
                Some(payload) => {
                    self.pull.came(lane.delivered(payload));
                    resp::command(&[b"LREM", &self.held, b"1", payload], output);
                }
                None => self.pull.none_came(),
            },
            Some(Answer::Completed(_)) | None => return Err(value.unexpected()),
        }
        Ok(())
    }
}

impl WorkerDialect for Moves {
    fn greet<'a>(&'a mut self, _connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn open(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) -> Result<(), BenchError> {
        self.ask(output, lane);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        while let Some((value, used)) = resp::parse(input)? {
            self.take(&value.accepted()?, output, lane)?;
            input.advance(used);
        }
        self.ask(output, lane);
        Ok(())
    }
}
