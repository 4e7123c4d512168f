//! Tasks against credit, completed as they come.

use std::collections::VecDeque;

use bytes::BytesMut;
use leasehold_core::PoolName;
use leasehold_reach::Door;
use leasehold_wire::{CompleteItem, Delivery, FromHub, FromNode, NodeCodec, Request, Response};

use super::{NAME, session};
use crate::{BenchError, Connection, Doing, Stamp, WorkerDialect, WorkerLane};

/// A working session.
#[derive(Debug)]
pub(super) struct Claimer {
    codec: NodeCodec,
    door: Door,
    pool: PoolName,
    next_id: u64,
    /// What was delivered by what is being read, to be completed together.
    delivered: Vec<(CompleteItem, Stamp)>,
    /// Requests under way, oldest first: their ids, and the tasks that they complete; credit
    /// completes none. Few, for each carries many tasks.
    under_way: VecDeque<(u64, Vec<Stamp>)>,
}

impl Claimer {
    pub(super) fn new(door: Door, pool: PoolName) -> Self {
        Self {
            codec: NodeCodec::new(),
            door,
            pool,
            next_id: 0,
            delivered: Vec::new(),
            under_way: VecDeque::new(),
        }
    }

    fn request(
        &mut self,
        body: Request,
        tasks: Vec<Stamp>,
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        let id = self.next_id;
        self.next_id += 1;
        self.under_way.push_back((id, tasks));
        session::put(&mut self.codec, &FromNode::Request { id, body }, output)
    }

    fn grant(&mut self, tasks: usize, output: &mut BytesMut) -> Result<(), BenchError> {
        let credit = Request::Credit {
            pool: self.pool.clone(),
            tasks: u32::try_from(tasks).unwrap_or(u32::MAX),
            lease_ms: None,
        };
        self.request(credit, Vec::new(), output)
    }

    fn hear(&mut self, message: FromHub, lane: &mut WorkerLane) -> Result<(), BenchError> {
        match message {
            FromHub::Deliver { tasks, .. } => self.take(tasks, lane),
            FromHub::Response { id, body } => return self.answered(id, &body, lane),
            FromHub::Ping => {}
            FromHub::Welcome(_)
            | FromHub::Refused(_)
            | FromHub::Revoked { .. }
            | FromHub::Bye { .. }
            | FromHub::DeliverMore { .. }
            | FromHub::StopAsked { .. } => return Err(session::unexpected(&message)),
        }
        Ok(())
    }

    fn take(&mut self, tasks: Vec<Delivery>, lane: &mut WorkerLane) {
        for task in tasks {
            let stamp = lane.delivered(&task.payload);
            let item = CompleteItem {
                proof: task.proof,
                result: None,
            };
            self.delivered.push((item, stamp));
        }
    }

    fn answered(
        &mut self,
        id: u64,
        body: &Response,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        let wrong = || BenchError::unexpected(NAME, format_args!("{body:?}"));
        let place = self.under_way.iter().position(|(under, _)| *under == id);
        let tasks = place.and_then(|place| self.under_way.remove(place));
        let (_, tasks) = tasks.ok_or_else(wrong)?;
        let fits = match body {
            Response::Credited(_) => tasks.is_empty(),
            Response::Done(items) => items.len() == tasks.len() && items.iter().all(Result::is_ok),
            Response::Enqueued(_)
            | Response::Claimed(_)
            | Response::Extended(_)
            | Response::Revived(_)
            | Response::Task(_)
            | Response::Tasks(_)
            | Response::Status(_)
            | Response::Refused(_)
            | Response::ClaimedMore(_)
            | Response::TaskMore { .. }
            | Response::Purged(_)
            | Response::Pool(_)
            | Response::Schedules(_)
            | Response::Authenticated(_)
            | Response::Tokens(_)
            | Response::TokenMade { .. }
            | Response::Backup(_) => false,
        };
        if !fits {
            return Err(wrong());
        }
        tasks.into_iter().for_each(|task| lane.completed(task));
        Ok(())
    }

    /// Completes what was delivered, and grants credit for as many behind it.
    fn complete(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        if self.delivered.is_empty() {
            return Ok(());
        }
        let count = self.delivered.len();
        let (items, tasks) = self.delivered.drain(..).unzip();
        self.request(Request::Complete { items }, tasks, output)?;
        self.grant(count, output)
    }
}

impl WorkerDialect for Claimer {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async {
            session::open(connection, &mut self.codec, &self.door).await?;
            Ok(())
        })
    }

    fn open(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) -> Result<(), BenchError> {
        self.grant(lane.slots(), output)
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        while let Some(message) = session::next(&mut self.codec, input)? {
            self.hear(message, lane)?;
        }
        self.complete(output)
    }

    fn heartbeat(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        session::put(&mut self.codec, &FromNode::Ping, output)
    }

    fn close(&mut self, output: &mut BytesMut) {
        // A hub that hears no bye hears of the cut.
        let _ = session::put(&mut self.codec, &FromNode::Bye, output);
    }
}
