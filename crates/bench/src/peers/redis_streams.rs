//! A Redis stream with a consumer group: what is claimed stands in the group's list of pending
//! entries until XACK, and XDEL then takes it out of the stream, which would keep it for ever.
//!
//! A worker asks for as many tasks as it has slots, and completes all that one answer brought with
//! one XACK and one XDEL: fewer commands than tasks, as its manual advises.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::{Buf, BytesMut};

use super::{
    POOL,
    peer::{self, Keeps, Protocol},
    resp::{self, Value},
};
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp, WorkerDialect, WorkerLane,
};

const GROUP: &[u8] = b"workers";

/// The one field of each entry.
const FIELD: &[u8] = b"p";

#[derive(Debug)]
pub(super) struct Streams {
    keeps: Keeps,
    /// Workers up to now: each has a name of its own within the group.
    workers: AtomicU64,
}

impl Streams {
    pub(super) fn new(keeps: Keeps) -> Self {
        let workers = AtomicU64::new(0);
        Self { keeps, workers }
    }

    async fn purge(&self, address: &str) -> Result<(), BenchError> {
        let mut connection = Connection::open(address).await?;
        resp::check(&mut connection, self.keeps).await?;
        let stream = POOL.as_bytes();
        resp::ask(&mut connection, &[b"UNLINK", stream], |_| Ok(())).await?;
        let create: [&[u8]; 6] = [b"XGROUP", b"CREATE", stream, GROUP, b"0", b"MKSTREAM"];
        resp::ask(&mut connection, &create, |_| Ok(())).await
    }
}

impl Protocol for Streams {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        Some(resp::says(keeps))
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(self.purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        peer::produce(address, Adds::default(), lane)
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        let name = self.workers.fetch_add(1, Relaxed).to_string();
        peer::work(address, Reads::new(name), lane)
    }
}

/// A producing connection: answers come in the order of requests.
#[derive(Debug, Default)]
struct Adds {
    under_way: VecDeque<Stamp>,
}

impl ProducerDialect for Adds {
    fn greet<'a>(&'a mut self, _connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        resp::command(&[b"XADD", POOL.as_bytes(), b"*", FIELD, payload], output);
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

/// What a working connection waits for.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// How many entries are pending no more, which the next answer repeats.
    Acknowledged,
    /// How many entries are deleted.
    Deleted,
    /// Entries.
    Read,
}

/// A working connection. Completions are written before it asks for more, so that no completion
/// lies behind a command that waits.
#[derive(Debug)]
struct Reads {
    name: String,
    answers: VecDeque<Answer>,
    held: Vec<Stamp>,
}

impl Reads {
    fn new(name: String) -> Self {
        Self {
            name,
            answers: VecDeque::new(),
            held: Vec::new(),
        }
    }

    fn ask(&mut self, output: &mut BytesMut, slots: usize) {
        let (name, count) = (self.name.as_bytes(), slots.to_string());
        let parts: [&[u8]; 11] = [
            b"XREADGROUP",
            b"GROUP",
            GROUP,
            name,
            b"COUNT",
            count.as_bytes(),
            b"BLOCK",
            b"0",
            b"STREAMS",
            POOL.as_bytes(),
            b">",
        ];
        resp::command(&parts, output);
        self.answers.push_back(Answer::Read);
    }

    /// Takes what was read, completes it, and asks for more.
    fn complete(
        &mut self,
        value: &Value<'_>,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        let ids = self
            .delivered(value, lane)
            .ok_or_else(|| value.unexpected())?;
        let pool = POOL.as_bytes();
        let acknowledge: [&[u8]; 3] = [b"XACK", pool, GROUP];
        let delete: [&[u8]; 2] = [b"XDEL", pool];
        resp::command(&[&acknowledge, &ids[..]].concat(), output);
        resp::command(&[&delete, &ids[..]].concat(), output);
        self.answers.push_back(Answer::Acknowledged);
        self.answers.push_back(Answer::Deleted);
        self.ask(output, lane.slots());
        Ok(())
    }

    /// The ids of the entries in `[[stream, [[id, [field, payload]], …]]]`.
    fn delivered<'a>(&mut self, value: &Value<'a>, lane: &mut WorkerLane) -> Option<Vec<&'a [u8]>> {
        let entries = value.items().first()?.items().get(1)?;
        let mut ids = Vec::with_capacity(entries.items().len());
        for entry in entries.items() {
            let [id, fields] = entry.items() else {
                return None;
            };
            let payload = fields.items().get(1)?.bytes()?;
            self.held.push(lane.delivered(payload));
            ids.push(id.bytes()?);
        }
        Some(ids)
    }

    fn deleted(&mut self, value: &Value<'_>, lane: &mut WorkerLane) -> Result<(), BenchError> {
        if *value != Value::Integer(i64::try_from(self.held.len()).unwrap_or(0)) {
            return Err(value.unexpected());
        }
        for task in self.held.drain(..) {
            lane.completed(task);
        }
        Ok(())
    }
}

impl WorkerDialect for Reads {
    fn greet<'a>(&'a mut self, _connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn open(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) -> Result<(), BenchError> {
        self.ask(output, lane.slots());
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        while let Some((value, used)) = resp::parse(input)? {
            let value = value.accepted()?;
            match self.answers.pop_front() {
                Some(Answer::Acknowledged) => {}
                Some(Answer::Deleted) => self.deleted(&value, lane)?,
                Some(Answer::Read) => self.complete(&value, output, lane)?,
                None => return Err(value.unexpected()),
            }
            input.advance(used);
        }
        Ok(())
    }
}
