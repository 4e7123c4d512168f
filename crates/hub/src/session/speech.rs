//! What a session is told, as bytes that wait for the socket.

use std::mem;

use bytes::BytesMut;
use leasehold_core::{PoolName, Rejection};
use leasehold_wire::{
    Delivery, DeliveryMore, Fact, FromHub, HubCodec, Response, VERSION_MAX, WireError,
};
use tokio::time::Instant;
use tokio_util::codec::Encoder;

use super::downgrade::for_version;

/// What a delivery weighs beside its payload, at the most, in bytes.
const DELIVERY_BYTES: usize = 64;

/// What a message weighs beside its deliveries, at the most, in bytes.
const MESSAGE_BYTES: usize = 256;

/// What a fact weighs beside its text, at the most, in bytes.
const FACT_BYTES: usize = 32;

const TASK_ID_BYTES: usize = 17;

/// The largest buffer that a session keeps between messages: there are thousands.
const BUFFER_BYTES_KEPT: usize = 64 * 1024;

/// The same between heartbeats, when nothing else is said.
const BUFFER_BYTES_IDLE: usize = 512;

pub(super) struct Speech {
    codec: HubCodec,
    /// What the node understands.
    version: u16,
    unsaid: BytesMut,
    /// The most that waited in this buffer.
    bytes_most: usize,
    said_at: Instant,
    /// When the socket last took something, or what waits for it began to.
    flowed_at: Instant,
}

impl Speech {
    pub(super) fn new(frame_bytes_max: u32) -> Self {
        let mut codec = HubCodec::new();
        codec.set_frame_bytes_max(frame_bytes_max);
        Self {
            codec,
            version: VERSION_MAX,
            unsaid: BytesMut::new(),
            bytes_most: 0,
            said_at: Instant::now(),
            flowed_at: Instant::now(),
        }
    }

    /// Says nothing from here on that this version of the protocol does not have.
    pub(super) const fn speak(&mut self, version: u16) {
        self.version = version;
    }

    pub(super) const fn version(&self) -> u16 {
        self.version
    }

    /// Bytes that wait for the socket.
    pub(super) fn bytes(&self) -> usize {
        self.unsaid.len()
    }

    pub(super) const fn unsaid(&mut self) -> &mut BytesMut {
        &mut self.unsaid
    }

    /// The socket took something. A buffer that held much is given back when it is empty.
    pub(super) fn was_taken(&mut self) {
        self.flowed_at = Instant::now();
        if self.unsaid.is_empty() && self.bytes_most > BUFFER_BYTES_KEPT {
            self.take();
        }
    }

    /// An idle session keeps next to nothing.
    pub(super) fn give_back(&mut self) {
        if self.unsaid.is_empty() && self.bytes_most > BUFFER_BYTES_IDLE {
            self.take();
        }
    }

    /// Since when the socket has taken nothing of what waits for it, if anything does.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        (self.bytes() > 0).then_some(self.flowed_at)
    }

    pub(super) fn take(&mut self) -> BytesMut {
        self.bytes_most = 0;
        mem::take(&mut self.unsaid)
    }

    pub(super) const fn said_at(&self) -> Instant {
        self.said_at
    }

    /// Says it, or that it does not fit.
    pub(super) fn say(&mut self, message: &FromHub) {
        self.begin();
        self.add(message);
    }

    /// Something is said now.
    pub(super) fn begin(&mut self) {
        self.said_at = Instant::now();
        if self.unsaid.is_empty() {
            self.flowed_at = self.said_at;
        }
    }

    /// Says it as part of what began just now, so that many ask for the time once.
    pub(super) fn add(&mut self, message: &FromHub) {
        let Some(message) = for_version(message, self.version) else {
            return;
        };
        let message = &*message;
        let encoded = self.codec.encode(message, &mut self.unsaid);
        self.bytes_most = self.bytes_most.max(self.unsaid.len());
        let Err(error) = encoded else {
            return;
        };
        let FromHub::Response { id, body } = message else {
            tracing::error!(%error, "a message was not sent");
            return;
        };
        let id = *id;
        let shorter = FromHub::Response {
            id,
            body: shortened(body, &error),
        };
        if let Err(error) = self.codec.encode(&shorter, &mut self.unsaid) {
            tracing::error!(%error, "a response was not sent");
        }
    }

    /// In as many frames as it takes.
    pub(super) fn say_deliveries(&mut self, pool: &PoolName, tasks: Vec<Delivery>) {
        for tasks in packed(tasks, self.room(), weight) {
            let pool = pool.clone();
            self.say(&FromHub::Deliver { pool, tasks });
        }
    }

    /// The same, with what else there is to each task, unless that alone does not fit.
    pub(super) fn say_deliveries_more(&mut self, pool: &PoolName, mut tasks: Vec<DeliveryMore>) {
        let room = self.room();
        for task in tasks.iter_mut().filter(|task| weight_more(task) > room) {
            task.facts = Vec::new();
        }
        for tasks in packed(tasks, room, weight_more) {
            let pool = pool.clone();
            self.say(&FromHub::DeliverMore { pool, tasks });
        }
    }

    /// For deliveries in one message.
    const fn room(&self) -> usize {
        (self.codec.frame_bytes_max() as usize).saturating_sub(MESSAGE_BYTES)
    }
}

/// As many together as there is room for, but at least one.
fn packed<T>(tasks: Vec<T>, room: usize, weight: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut frames = Vec::with_capacity(1);
    let (mut some, mut bytes) = (Vec::new(), 0);
    for task in tasks {
        let more = weight(&task);
        if bytes + more > room && !some.is_empty() {
            frames.push(mem::take(&mut some));
            bytes = 0;
        }
        bytes += more;
        some.push(task);
    }
    if !some.is_empty() {
        frames.push(some);
    }
    frames
}

fn weight(task: &Delivery) -> usize {
    DELIVERY_BYTES + task.payload.len()
}

fn weight_more(task: &DeliveryMore) -> usize {
    let facts = task.facts.iter();
    weight(&task.delivery) + facts.map(|fact| FACT_BYTES + text_of(fact)).sum::<usize>()
}

/// How long its texts are.
fn text_of(fact: &Fact) -> usize {
    match fact {
        Fact::Progress { note: text, .. }
        | Fact::Key(text)
        | Fact::Group(text)
        | Fact::Trace(text)
        | Fact::Schedule(text) => text.len(),
        Fact::After {
            left, explained, ..
        } => left.len() * TASK_ID_BYTES + explained.len(),
        Fact::ExpiresAt(_)
        | Fact::RunsUntil(_)
        | Fact::MaxRuntime(_)
        | Fact::Failures(..)
        | Fact::Losses(..)
        | Fact::Interruptions(..)
        | Fact::StopUntil(_)
        | Fact::Edited(_)
        | Fact::Died(_) => 0,
    }
}

/// A task without its payload is better than none, and one on lease without what else there is to
/// it; anything else is refused.
fn shortened(body: &Response, error: &WireError) -> Response {
    if let Response::ClaimedMore(tasks) = body {
        return Response::Claimed(tasks.iter().map(|task| task.delivery.clone()).collect());
    }
    if let Response::Task(task) = body
        && task.payload.is_some()
    {
        let mut task = task.clone();
        task.payload = None;
        return Response::Task(task);
    }
    if let Response::TaskMore { detail, facts } = body
        && detail.payload.is_some()
    {
        let (mut detail, facts) = (detail.clone(), facts.clone());
        detail.payload = None;
        return Response::TaskMore { detail, facts };
    }
    let (value, max) = match error {
        WireError::FrameTooLong { bytes, bytes_max } => (*bytes, u64::from(*bytes_max)),
        WireError::Malformed { .. } | WireError::NotLeasehold { .. } | WireError::Io(_) => (0, 0),
    };
    let what = "the length of the response in bytes".to_owned();
    Response::Refused(Rejection::OutOfBounds {
        what,
        value,
        min: 0,
        max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Speech {
        let mut speech = Speech::new(1 << 20);
        for _ in 0..1000 {
            speech.say(&FromHub::Ping);
        }
        speech
    }

    #[test]
    fn an_idle_session_gives_its_buffer_back() {
        let mut speech = said();
        speech.give_back();
        assert_eq!(speech.bytes(), 5000, "what waits is kept");
        speech.unsaid().clear();
        speech.was_taken();
        assert!(speech.unsaid().capacity() >= 5000);
        speech.give_back();
        assert_eq!(speech.unsaid().capacity(), 0);
    }

    #[test]
    fn nothing_is_stuck_that_does_not_wait() {
        let mut speech = said();
        let since = speech.stuck_since();
        assert!(since.is_some());
        speech.say(&FromHub::Ping);
        assert_eq!(speech.stuck_since(), since, "more to say is no progress");
        speech.unsaid().clear();
        speech.was_taken();
        assert_eq!(speech.stuck_since(), None);
    }
    /// A delivery with a payload of so many bytes, and a fact of so many.
    fn more(payload: usize, fact: usize) -> DeliveryMore {
        let (pool, epoch) = (leasehold_core::PoolId(1), leasehold_core::Epoch(1));
        let lease = leasehold_core::LeaseId {
            pool,
            epoch,
            number: 1,
        };
        let task = leasehold_core::TaskId::from_u128(1);
        DeliveryMore {
            delivery: Delivery {
                proof: leasehold_core::LeaseRef { task, lease },
                attempt: 1,
                lease_ms: 1,
                priority: 0,
                enqueued_at_ms: 1,
                payload: vec![0; payload].into(),
            },
            facts: vec![Fact::Key("k".repeat(fact))],
        }
    }

    #[test]
    fn a_task_that_fits_only_without_its_facts_is_delivered_without_them() {
        let room = 4096 - MESSAGE_BYTES;
        let mail = PoolName::new("mail").unwrap();
        let largest = room - DELIVERY_BYTES;
        let mut speech = Speech::new(4096);
        speech.say_deliveries_more(&mail, vec![more(largest, 100)]);
        let alone = speech.bytes();
        assert!((largest..largest + 100).contains(&alone), "{alone}");
        speech.say_deliveries_more(&mail, vec![more(10, 100), more(10, 100)]);
        let both = speech.bytes() - alone;
        assert!((220..4096).contains(&both), "{both}");
    }
}
