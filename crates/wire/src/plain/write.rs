//! Messages as bytes.

use bytes::BytesMut;
use leasehold_core::{LeaseId, LeaseRef, PoolName, Rejection, TaskId};

use super::{
    EIGHT, FOUR, HUB_DELIVER, HUB_PING, HUB_RESPONSE, NODE_PING, NODE_REQUEST, OK, REQUEST_CLAIM,
    REQUEST_COMPLETE, REQUEST_CREDIT, REQUEST_ENQUEUE, RESPONSE_CLAIMED, RESPONSE_CREDITED,
    RESPONSE_DONE, RESPONSE_ENQUEUED, SINGLE, TWO,
};
use crate::{
    CompleteItem, Delivery, EnqueueItem, EnqueuedItem, FromHub, FromNode, Request, Response,
};

/// The most that a message has beside its pool's name and its items, in bytes.
const MESSAGE_BYTES: usize = 64;

/// The most that an item has beside its payload or result, in bytes: a delivery has 72.
const ITEM_BYTES: usize = 80;

/// Appends what `write` writes, if at the most so many bytes are not too many.
pub(super) fn within(
    bytes_max: u32,
    to: &mut BytesMut,
    bytes: usize,
    write: impl FnOnce(&mut BytesMut),
) -> Option<u32> {
    if bytes > bytes_max as usize {
        return None;
    }
    let before = to.len();
    to.reserve(bytes);
    write(to);
    let written = to.len() - before;
    debug_assert!(written <= bytes, "{written} bytes in room for {bytes}");
    u32::try_from(written).ok()
}

/// The most that a message may have, in bytes, if it is one of many.
pub(super) fn from_node_bytes(message: &FromNode) -> Option<usize> {
    let body = match message {
        FromNode::Request { id: _, body } => body,
        FromNode::Ping => return Some(MESSAGE_BYTES),
        FromNode::Hello(_) | FromNode::Bye => return None,
    };
    let rest = match body {
        Request::Enqueue { pool, tasks } => name_bytes(pool) + items_bytes(tasks, enqueue_bytes),
        Request::Claim { pool, .. } | Request::Credit { pool, .. } => name_bytes(pool),
        Request::Complete { items } => items_bytes(items, complete_bytes),
        Request::Extend { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. }
        | Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => return None,
    };
    Some(MESSAGE_BYTES + rest)
}

/// As [`from_node_bytes`].
pub(super) fn from_hub_bytes(message: &FromHub) -> Option<usize> {
    let body = match message {
        FromHub::Response { id: _, body } => body,
        FromHub::Deliver { pool, tasks } => {
            return Some(MESSAGE_BYTES + name_bytes(pool) + items_bytes(tasks, delivery_bytes));
        }
        FromHub::Ping => return Some(MESSAGE_BYTES),
        FromHub::Welcome(_)
        | FromHub::Refused(_)
        | FromHub::Revoked { .. }
        | FromHub::Bye { .. }
        | FromHub::DeliverMore { .. }
        | FromHub::StopAsked { .. } => {
            return None;
        }
    };
    let rest = match body {
        Response::Enqueued(items) if items.iter().all(is_new) => items.len() * ITEM_BYTES,
        Response::Done(items) if items.iter().all(Result::is_ok) => items.len(),
        Response::Claimed(tasks) => items_bytes(tasks, delivery_bytes),
        Response::Credited(_) => 0,
        Response::Enqueued(_)
        | Response::Done(_)
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
        | Response::Backup(_) => return None,
    };
    Some(MESSAGE_BYTES + rest)
}

fn is_new(item: &Result<EnqueuedItem, Rejection>) -> bool {
    item.as_ref().is_ok_and(|item| item.known_as.is_none())
}

fn name_bytes(name: &PoolName) -> usize {
    name.as_str().len()
}

fn items_bytes<T>(items: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    items.iter().map(|item| ITEM_BYTES + bytes(item)).sum()
}

fn enqueue_bytes(item: &EnqueueItem) -> usize {
    item.payload.len()
}

fn complete_bytes(item: &CompleteItem) -> usize {
    item.result.as_ref().map_or(0, |result| result.len())
}

fn delivery_bytes(item: &Delivery) -> usize {
    item.payload.len()
}

/// A message that [`from_node_bytes`] knows.
pub(super) fn from_node(message: &FromNode, to: &mut BytesMut) {
    let mut head = Head::new();
    match message {
        FromNode::Request { id, body } => {
            head.byte(NODE_REQUEST);
            head.number(*id);
            request(body, &mut head, to);
        }
        FromNode::Ping => head.byte(NODE_PING),
        FromNode::Hello(_) | FromNode::Bye => unreachable!("there are few of them"),
    }
    head.flush(to);
}

fn request(body: &Request, head: &mut Head, to: &mut BytesMut) {
    match body {
        Request::Enqueue { pool, tasks } => {
            head.byte(REQUEST_ENQUEUE);
            head.name(pool, to);
            head.number(tasks.len() as u64);
            tasks.iter().for_each(|task| enqueue(task, head, to));
        }
        Request::Claim {
            pool,
            tasks_max,
            wait_ms,
            lease_ms,
        } => {
            head.byte(REQUEST_CLAIM);
            head.name(pool, to);
            head.number(*tasks_max);
            head.number(*wait_ms);
            head.option(*lease_ms);
        }
        Request::Credit {
            pool,
            tasks,
            lease_ms,
        } => {
            head.byte(REQUEST_CREDIT);
            head.name(pool, to);
            head.number(*tasks);
            head.option(*lease_ms);
        }
        Request::Complete { items } => {
            head.byte(REQUEST_COMPLETE);
            head.number(items.len() as u64);
            items.iter().for_each(|item| complete(item, head, to));
        }
        Request::Extend { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. }
        | Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => unreachable!("there are few of them"),
    }
}

fn enqueue(item: &EnqueueItem, head: &mut Head, to: &mut BytesMut) {
    let EnqueueItem {
        id,
        priority,
        attempts_max,
        delay_ms,
        payload,
    } = item;
    head.task(*id);
    head.number(*priority);
    head.option(*attempts_max);
    head.number(*delay_ms);
    head.blob(payload, to);
}

fn complete(item: &CompleteItem, head: &mut Head, to: &mut BytesMut) {
    let CompleteItem { proof, result } = item;
    head.proof(*proof);
    head.byte(u8::from(result.is_some()));
    match result {
        Some(result) => head.blob(result, to),
        None => head.flush(to),
    }
}

/// A message that [`from_hub_bytes`] knows.
pub(super) fn from_hub(message: &FromHub, to: &mut BytesMut) {
    let mut head = Head::new();
    match message {
        FromHub::Response { id, body } => {
            head.byte(HUB_RESPONSE);
            head.number(*id);
            response(body, &mut head, to);
        }
        FromHub::Deliver { pool, tasks } => {
            head.byte(HUB_DELIVER);
            head.name(pool, to);
            deliveries(tasks, &mut head, to);
        }
        FromHub::Ping => head.byte(HUB_PING),
        FromHub::Welcome(_)
        | FromHub::Refused(_)
        | FromHub::Revoked { .. }
        | FromHub::Bye { .. }
        | FromHub::DeliverMore { .. }
        | FromHub::StopAsked { .. } => {
            unreachable!("there are few of them")
        }
    }
    head.flush(to);
}

fn response(body: &Response, head: &mut Head, to: &mut BytesMut) {
    match body {
        Response::Enqueued(items) => {
            head.byte(RESPONSE_ENQUEUED);
            head.number(items.len() as u64);
            for item in items.iter().flatten() {
                let EnqueuedItem { id, known_as: _ } = item;
                head.byte(OK);
                head.task(*id);
                head.byte(0);
                head.flush(to);
            }
        }
        Response::Claimed(tasks) => {
            head.byte(RESPONSE_CLAIMED);
            deliveries(tasks, head, to);
        }
        Response::Credited(total) => {
            head.byte(RESPONSE_CREDITED);
            head.number(*total);
        }
        Response::Done(items) => {
            head.byte(RESPONSE_DONE);
            head.number(items.len() as u64);
            match items.len() {
                1 => head.byte(OK),
                many => {
                    head.flush(to);
                    to.resize(to.len() + many, OK);
                }
            }
        }
        Response::Extended(_)
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
        | Response::Backup(_) => unreachable!("there are few of them"),
    }
}

fn deliveries(tasks: &[Delivery], head: &mut Head, to: &mut BytesMut) {
    head.number(tasks.len() as u64);
    for task in tasks {
        let Delivery {
            proof,
            attempt,
            lease_ms,
            priority,
            enqueued_at_ms,
            payload,
        } = task;
        head.proof(*proof);
        head.number(*attempt);
        head.number(*lease_ms);
        head.number(*priority);
        head.number(*enqueued_at_ms);
        head.blob(payload, to);
    }
}

/// Bytes that are put together before they are appended at once: at the most those of a message and
/// of an item, without name, payload and result.
struct Head {
    bytes: [u8; MESSAGE_BYTES + ITEM_BYTES],
    len: usize,
}

impl Head {
    const fn new() -> Self {
        Self {
            bytes: [0; MESSAGE_BYTES + ITEM_BYTES],
            len: 0,
        }
    }

    const fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }

    fn number(&mut self, number: impl Into<u64>) {
        let number = number.into();
        if let Ok(short) = u8::try_from(number)
            && short <= SINGLE
        {
            self.byte(short);
        } else if let Ok(short) = u16::try_from(number) {
            self.byte(TWO);
            self.array(short.to_le_bytes());
        } else if let Ok(long) = u32::try_from(number) {
            self.byte(FOUR);
            self.array(long.to_le_bytes());
        } else {
            self.byte(EIGHT);
            self.array(number.to_le_bytes());
        }
    }

    fn option(&mut self, number: Option<impl Into<u64>>) {
        self.byte(u8::from(number.is_some()));
        if let Some(number) = number {
            self.number(number);
        }
    }

    fn task(&mut self, task: TaskId) {
        self.array(*task.as_bytes());
    }

    fn proof(&mut self, proof: LeaseRef) {
        let LeaseRef { task, lease } = proof;
        let LeaseId {
            pool,
            epoch,
            number,
        } = lease;
        self.task(task);
        self.number(pool.0);
        self.number(epoch.0);
        self.number(number);
    }

    fn name(&mut self, name: &PoolName, to: &mut BytesMut) {
        self.blob(name.as_str().as_bytes(), to);
    }

    fn blob(&mut self, bytes: &[u8], to: &mut BytesMut) {
        self.number(bytes.len() as u64);
        self.flush(to);
        to.extend_from_slice(bytes);
    }

    fn flush(&mut self, to: &mut BytesMut) {
        to.extend_from_slice(&self.bytes[..self.len]);
        self.len = 0;
    }
}
