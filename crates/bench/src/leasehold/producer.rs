//! Enqueues, one task each.

use bytes::BytesMut;
use leasehold_core::PoolName;
use leasehold_wire::{FromHub, FromNode, NodeCodec, Response};

use super::{NAME, form::Form, ids::Ids, session};
use crate::{BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp};

/// Which task each request under way is about.
#[derive(Debug, Default)]
struct UnderWay {
    tasks: Vec<Stamp>,
    free: Vec<u32>,
}

impl UnderWay {
    fn add(&mut self, task: Stamp) -> u64 {
        if let Some(id) = self.free.pop() {
            self.tasks[id as usize] = task;
            return u64::from(id);
        }
        self.tasks.push(task);
        self.tasks.len() as u64 - 1
    }

    fn remove(&mut self, id: u64) -> Option<Stamp> {
        let id = u32::try_from(id).ok()?;
        let task = *self.tasks.get(id as usize)?;
        self.free.push(id);
        Some(task)
    }
}

/// A producing session.
#[derive(Debug)]
pub(super) struct Enqueuer {
    codec: NodeCodec,
    form: Form,
    under_way: UnderWay,
    ids: Ids,
}

impl Enqueuer {
    pub(super) fn new(pool: PoolName) -> Result<Self, BenchError> {
        Ok(Self {
            codec: NodeCodec::new(),
            form: Form::of_enqueue(pool)?,
            under_way: UnderWay::default(),
            ids: Ids::new(),
        })
    }
}

impl ProducerDialect for Enqueuer {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async {
            session::open(connection, &mut self.codec).await?;
            Ok(())
        })
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        let request = self.under_way.add(task);
        self.form
            .write(request, self.ids.next(task), payload, output)
    }

    fn heartbeat(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        session::put(&mut self.codec, &FromNode::Ping, output)
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        _: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while let Some(message) = session::next(&mut self.codec, input)? {
            match message {
                FromHub::Response { id, body } => self.acknowledge(id, &body, lane)?,
                FromHub::Ping => {}
                FromHub::Welcome(_)
                | FromHub::Refused(_)
                | FromHub::Deliver { .. }
                | FromHub::Revoked { .. }
                | FromHub::Bye { .. } => return Err(session::unexpected(&message)),
            }
        }
        Ok(())
    }
}

impl Enqueuer {
    fn acknowledge(
        &mut self,
        id: u64,
        body: &Response,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        let wrong = || BenchError::unexpected(NAME, format_args!("{body:?} to an enqueue"));
        let Response::Enqueued(items) = body else {
            return Err(wrong());
        };
        if !items.iter().all(Result::is_ok) {
            return Err(wrong());
        }
        let task = self.under_way.remove(id).ok_or_else(wrong)?;
        lane.acknowledged(task);
        Ok(())
    }
}
