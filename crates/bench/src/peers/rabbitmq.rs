//! RabbitMQ: a quorum queue with publisher confirms, over AMQP by hand.
//!
//! Of its kinds of queue it is the one that syncs before it confirms, and its makers' own advice
//! for what must not be lost. A worker's prefetch is its slots, and it completes all that one read
//! brought at once, in one message. AMQP answers no completion: here it counts when it is written,
//! before it has reached a disk, which no other system here is granted.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, BytesMut};

use super::{
    POOL,
    amqp::{self, Frame},
    peer::{self, Keeps, Protocol},
};
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp, WorkerDialect, WorkerLane,
};

#[derive(Debug)]
pub(super) struct RabbitMq;

impl Protocol for RabbitMq {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        match keeps {
            Keeps::Synced => Some(
                "written to the log of a quorum of one and synced; a completion has no answer and \
                 counts when it is sent",
            ),
            Keeps::Later | Keeps::Nothing => None,
        }
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        peer::produce(address, Publishes::default(), lane)
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        peer::work(address, Consumes::new(lane.slots()), lane)
    }
}

async fn purge(address: &str) -> Result<(), BenchError> {
    let mut connection = Connection::open(address).await?;
    amqp::greet(&mut connection).await?;
    amqp::call((50, 40), &mut connection.output, |output| {
        output.put_u16(0);
        amqp::short(POOL, output);
        output.put_u8(0);
    });
    amqp::expect(&mut connection, (50, 41)).await?;
    amqp::call((50, 10), &mut connection.output, |output| {
        output.put_u16(0);
        amqp::short(POOL, output);
        output.put_u8(DURABLE);
        let mut arguments = BytesMut::new();
        amqp::short("x-queue-type", &mut arguments);
        arguments.put_u8(b'S');
        amqp::long("quorum", &mut arguments);
        output.put_u32(u32::try_from(arguments.len()).unwrap_or(u32::MAX));
        output.put_slice(&arguments);
    });
    amqp::expect(&mut connection, (50, 11)).await?;
    Ok(())
}

/// It outlives its restart.
const DURABLE: u8 = 1 << 1;

/// A producing connection: what it sends is numbered from 1, and confirmed by number.
#[derive(Debug, Default)]
struct Publishes {
    /// Sent, from the first that is not confirmed.
    sent: VecDeque<Option<Stamp>>,
    /// The number of the first of those, less 1.
    confirmed: u64,
}

impl Publishes {
    fn confirm(&mut self, tag: u64, all_before: bool, lane: &mut ProducerLane) {
        let Ok(at) = usize::try_from(tag.saturating_sub(self.confirmed + 1)) else {
            return;
        };
        let from = if all_before { 0 } else { at };
        for sent in self
            .sent
            .range_mut(from.min(self.sent.len())..)
            .take(at + 1 - from)
        {
            if let Some(task) = sent.take() {
                lane.acknowledged(task);
            }
        }
        while self.sent.front().is_some_and(Option::is_none) {
            self.sent.pop_front();
            self.confirmed += 1;
        }
    }
}

impl ProducerDialect for Publishes {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async move {
            amqp::greet(connection).await?;
            amqp::call((85, 10), &mut connection.output, |output| output.put_u8(0));
            amqp::expect(connection, (85, 11)).await?;
            Ok(())
        })
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        amqp::task(POOL, payload, output);
        self.sent.push_back(Some(task));
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        _output: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while let Some((frame, used)) = amqp::parse(input)? {
            if let Frame::Method(amqp::CONFIRM, arguments) = frame {
                let (tag, all_before) = amqp::tag_and_flag(arguments)?;
                self.confirm(tag, all_before, lane);
            }
            input.advance(used);
        }
        Ok(())
    }
}

/// A working connection.
#[derive(Debug)]
struct Consumes {
    slots: usize,
    /// The number of the last task that was delivered.
    tag: u64,
    held: Vec<Stamp>,
}

impl Consumes {
    fn new(slots: usize) -> Self {
        Self {
            slots,
            tag: 0,
            held: Vec::new(),
        }
    }

    fn complete(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) {
        if self.held.is_empty() {
            return;
        }
        amqp::call(amqp::CONFIRM, output, |output| {
            output.put_u64(self.tag);
            // This one and all before it.
            output.put_u8(1);
        });
        for task in self.held.drain(..) {
            lane.completed(task);
        }
    }
}

impl WorkerDialect for Consumes {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async move {
            amqp::greet(connection).await?;
            let prefetch = u16::try_from(self.slots).unwrap_or(u16::MAX);
            amqp::call((60, 10), &mut connection.output, |output| {
                output.put_u32(0);
                output.put_u16(prefetch);
                output.put_u8(0);
            });
            amqp::expect(connection, (60, 11)).await?;
            Ok(())
        })
    }

    fn open(&mut self, output: &mut BytesMut, _lane: &mut WorkerLane) -> Result<(), BenchError> {
        amqp::call((60, 20), output, |output| {
            output.put_u16(0);
            amqp::short(POOL, output);
            amqp::short("", output);
            output.put_u8(0);
            output.put_u32(0);
        });
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        while let Some((frame, used)) = amqp::parse(input)? {
            match frame {
                Frame::Method(amqp::DELIVER, arguments) => {
                    self.tag = amqp::delivered_tag(arguments)?;
                }
                Frame::Body(payload) => self.held.push(lane.delivered(payload)),
                Frame::Method(..) | Frame::Header | Frame::Heartbeat => {}
            }
            input.advance(used);
        }
        self.complete(output, lane);
        Ok(())
    }
}
