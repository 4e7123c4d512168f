//! NATS JetStream: a file stream with work-queue retention and one durable pull consumer, over the
//! text protocol by hand.
//!
//! A pull has its price each (a request to the consumer), so a worker asks for all its slots in
//! one, and again when half of them are free. Completions are acknowledged twice ("double ack"):
//! the plain `+ACK` is answered by nobody, and a completion that may be lost is none.

use bytes::{Buf, BytesMut};
use serde_json::{Value, json};

use super::{
    POOL,
    nats::{self, Inbox, Message, Said},
    peer::{self, Keeps, Protocol},
};
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp, WorkerDialect, WorkerLane,
};

/// Where tasks are sent.
const SUBJECT: &str = "leasehold-bench.tasks";

/// The durable consumer that all workers share.
const CONSUMER: &str = "workers";

/// Longer than any phase, in nanoseconds: no pull and no task is to expire meanwhile.
const HOUR: u64 = 3_600_000_000_000;

/// Pulls that may wait at once, over all workers; its default is 512.
const PULLS_MAX: u64 = 65_536;

#[derive(Debug)]
pub(super) struct JetStream;

impl Protocol for JetStream {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        match keeps {
            Keeps::Synced => {
                Some("written to the stream's file and synced (sync_interval: always)")
            }
            Keeps::Later => Some("written to the stream's file, which is synced each two minutes"),
            Keeps::Nothing => None,
        }
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        peer::produce(address, Messages::default(), lane)
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        peer::work(address, Pulls::default(), lane)
    }
}

async fn purge(address: &str) -> Result<(), BenchError> {
    let mut api = Api::open(address).await?;
    // That there is none yet is no fault.
    let _was_there = api
        .ask(&format!("STREAM.DELETE.{POOL}"), &json!({}))
        .await?;
    let stream = json!({
        "name": POOL, "subjects": [SUBJECT], "retention": "workqueue", "storage": "file",
        "num_replicas": 1,
    });
    accepted(&api.ask(&format!("STREAM.CREATE.{POOL}"), &stream).await?)?;
    let consumer = json!({"stream_name": POOL, "config": {
        "durable_name": CONSUMER, "ack_policy": "explicit", "ack_wait": HOUR,
        "max_ack_pending": -1, "max_waiting": PULLS_MAX,
    }});
    let create = format!("CONSUMER.DURABLE.CREATE.{POOL}.{CONSUMER}");
    accepted(&api.ask(&create, &consumer).await?)
}

/// A connection that asks JetStream one thing after the other.
struct Api {
    connection: Connection,
    inbox: Inbox,
}

impl Api {
    async fn open(address: &str) -> Result<Self, BenchError> {
        let mut connection = Connection::open(address).await?;
        let inbox = Inbox::default();
        inbox.greet(&mut connection).await?;
        Ok(Self { connection, inbox })
    }

    async fn ask(&mut self, what: &str, request: &Value) -> Result<Value, BenchError> {
        let (connection, body) = (&mut self.connection, request.to_string());
        let subject = format!("$JS.API.{what}");
        let output = &mut connection.output;
        self.inbox.ask(&subject, 0, body.as_bytes(), output);
        loop {
            connection.send().await?;
            while let Some((said, used)) = nats::parse(&connection.input)? {
                let answer = match said {
                    Said::Message(message) => Some(read(&message)?),
                    Said::Ping => {
                        nats::pong(&mut connection.output);
                        None
                    }
                    Said::Other => None,
                };
                connection.input.advance(used);
                if let Some(answer) = answer {
                    return Ok(answer);
                }
            }
            connection.receive().await?;
        }
    }
}

fn read(message: &Message<'_>) -> Result<Value, BenchError> {
    serde_json::from_slice(message.body).map_err(|_| message.unexpected())
}

fn accepted(answer: &Value) -> Result<(), BenchError> {
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(BenchError::unexpected("nats", error)),
    }
}

/// A producing connection: each answer says which task it is for.
#[derive(Debug, Default)]
struct Messages {
    inbox: Inbox,
}

impl ProducerDialect for Messages {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(self.inbox.greet(connection))
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        self.inbox.ask(SUBJECT, task.as_nanos(), payload, output);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while let Some((said, used)) = nats::parse(input)? {
            match said {
                Said::Message(message) => lane.acknowledged(stored(&message)?),
                Said::Ping => nats::pong(output),
                Said::Other => {}
            }
            input.advance(used);
        }
        Ok(())
    }
}

/// The task that a message says is stored.
fn stored(message: &Message<'_>) -> Result<Stamp, BenchError> {
    if !message.body.starts_with(br#"{"stream":"#) {
        return Err(message.unexpected());
    }
    answered(message)
}

/// The task that a message is about.
fn answered(message: &Message<'_>) -> Result<Stamp, BenchError> {
    let task = message.answers().map(Stamp::from_nanos);
    task.ok_or_else(|| message.unexpected())
}

/// A working connection.
#[derive(Debug, Default)]
struct Pulls {
    inbox: Inbox,
    /// Tasks that were asked for and did not come yet.
    asked: usize,
}

impl Pulls {
    /// Asks for what is free, if that is half of all or more.
    fn ask(&mut self, output: &mut BytesMut, lane: &WorkerLane) {
        let free = lane.slots().saturating_sub(self.asked + lane.held());
        if free * 2 < lane.slots() || free == 0 {
            return;
        }
        self.asked += free;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{POOL}.{CONSUMER}");
        let request = format!(r#"{{"batch":{free},"expires":{HOUR}}}"#);
        self.inbox.pull(&subject, request.as_bytes(), output);
    }

    fn take(
        &mut self,
        message: &Message<'_>,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        if message.subscription == nats::ANSWERS && message.headers.is_empty() {
            lane.completed(answered(message)?);
            return Ok(());
        }
        // A task says where it is to be completed; the status of a pull does not, and none is due.
        let complete_at = message.reply.ok_or_else(|| message.unexpected())?;
        let task = lane.delivered(message.body);
        self.asked = self.asked.saturating_sub(1);
        self.inbox
            .ask(complete_at, task.as_nanos(), b"+ACK", output);
        Ok(())
    }
}

impl WorkerDialect for Pulls {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(self.inbox.greet(connection))
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
        while let Some((said, used)) = nats::parse(input)? {
            match said {
                Said::Message(message) => self.take(&message, output, lane)?,
                Said::Ping => nats::pong(output),
                Said::Other => {}
            }
            input.advance(used);
        }
        self.ask(output, lane);
        Ok(())
    }
}
