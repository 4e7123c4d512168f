//! Enqueues, one task each.

use bytes::BytesMut;
use leasehold_core::PoolName;
use leasehold_reach::Door;
use leasehold_wire::{FromHub, FromNode, NodeCodec, Response};

use super::{NAME, form::Form, ids::Ids, session};
use crate::{BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp};

/// A week, in milliseconds.
const STAYS_MS: u64 = 7 * 24 * 3600 * 1000;

/// Which task each request under way is about.
#[derive(Debug, Default)]
struct UnderWay {
    /// And whether it stays.
    tasks: Vec<(Stamp, bool)>,
    free: Vec<u32>,
}

impl UnderWay {
    fn add(&mut self, task: Stamp, stays: bool) -> u64 {
        if let Some(id) = self.free.pop() {
            self.tasks[id as usize] = (task, stays);
            return u64::from(id);
        }
        self.tasks.push((task, stays));
        self.tasks.len() as u64 - 1
    }

    fn remove(&mut self, id: u64) -> Option<(Stamp, bool)> {
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
    door: Door,
    form: Form,
    /// For tasks that stay: not to run before long after the bench.
    staying: Form,
    /// One task in so many stays; 0: none.
    stays_one_in: u32,
    turn: u32,
    under_way: UnderWay,
    ids: Ids,
}

impl Enqueuer {
    pub(super) fn new(door: Door, pool: PoolName, stays_one_in: u32) -> Result<Self, BenchError> {
        Ok(Self {
            codec: NodeCodec::new(),
            door,
            form: Form::of_enqueue(pool.clone(), 0)?,
            staying: Form::of_enqueue(pool, STAYS_MS)?,
            stays_one_in,
            turn: 0,
            under_way: UnderWay::default(),
            ids: Ids::new(),
        })
    }
}

impl ProducerDialect for Enqueuer {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async {
            session::open(connection, &mut self.codec, &self.door).await?;
            Ok(())
        })
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        self.turn = self.turn.wrapping_add(1);
        let stays = self.stays_one_in > 0 && self.turn.is_multiple_of(self.stays_one_in);
        let form = if stays { &self.staying } else { &self.form };
        let request = self.under_way.add(task, stays);
        form.write(request, self.ids.next(task), payload, output)
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
                | FromHub::Bye { .. }
                | FromHub::DeliverMore { .. }
                | FromHub::StopAsked { .. } => return Err(session::unexpected(&message)),
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
        let (task, stays) = self.under_way.remove(id).ok_or_else(wrong)?;
        lane.acknowledged(task);
        if stays {
            lane.stays();
        }
        Ok(())
    }
}
