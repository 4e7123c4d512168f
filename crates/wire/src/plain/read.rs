//! Messages out of bytes. Whatever is not as expected is nobody's fault here: the codec says what it
//! is.

use std::mem;

use bytes::Bytes;
use leasehold_core::{Epoch, LeaseId, LeaseRef, PoolId, PoolName, TaskId};

use super::{
    EIGHT, FOUR, HUB_DELIVER, HUB_PING, HUB_RESPONSE, NODE_PING, NODE_REQUEST, OK, REQUEST_CLAIM,
    REQUEST_COMPLETE, REQUEST_CREDIT, REQUEST_ENQUEUE, RESPONSE_CLAIMED, RESPONSE_CREDITED,
    RESPONSE_DONE, RESPONSE_ENQUEUED, SINGLE, TWO,
};
use crate::{
    CompleteItem, Delivery, EnqueueItem, EnqueuedItem, FromHub, FromNode, Lists, Request, Response,
};

/// What an item has at the least, in bytes: no list is longer than its bytes allow.
const ENQUEUE_BYTES_MIN: usize = 20;
const COMPLETE_BYTES_MIN: usize = 20;
const DELIVERY_BYTES_MIN: usize = 24;
const ENQUEUED_BYTES_MIN: usize = 18;
const DONE_BYTES_MIN: usize = 1;

/// What `read` makes of all these bytes.
pub(super) fn whole<T>(bytes: &[u8], read: impl FnOnce(&mut Rest<'_>) -> Option<T>) -> Option<T> {
    let mut rest = Rest(bytes);
    let message = read(&mut rest)?;
    rest.0.is_empty().then_some(message)
}

pub(super) fn from_node(rest: &mut Rest<'_>, lists: &mut Lists) -> Option<FromNode> {
    match rest.byte()? {
        NODE_REQUEST => {
            let id = rest.number()?;
            let body = request(rest, lists)?;
            Some(FromNode::Request { id, body })
        }
        NODE_PING => Some(FromNode::Ping),
        _ => None,
    }
}

fn request(rest: &mut Rest<'_>, lists: &mut Lists) -> Option<Request> {
    Some(match rest.byte()? {
        REQUEST_ENQUEUE => Request::Enqueue {
            pool: rest.name()?,
            tasks: rest.items_into(mem::take(&mut lists.enqueue), ENQUEUE_BYTES_MIN, enqueue)?,
        },
        REQUEST_CLAIM => Request::Claim {
            pool: rest.name()?,
            tasks_max: rest.short()?,
            wait_ms: rest.number()?,
            lease_ms: rest.option(Rest::number)?,
        },
        REQUEST_CREDIT => Request::Credit {
            pool: rest.name()?,
            tasks: rest.short()?,
            lease_ms: rest.option(Rest::number)?,
        },
        REQUEST_COMPLETE => Request::Complete {
            items: rest.items_into(mem::take(&mut lists.complete), COMPLETE_BYTES_MIN, complete)?,
        },
        _ => return None,
    })
}

fn enqueue(rest: &mut Rest<'_>) -> Option<EnqueueItem> {
    Some(EnqueueItem {
        id: rest.task()?,
        priority: rest.short()?,
        attempts_max: rest.option(Rest::short)?,
        delay_ms: rest.number()?,
        payload: rest.blob()?,
    })
}

fn complete(rest: &mut Rest<'_>) -> Option<CompleteItem> {
    Some(CompleteItem {
        proof: rest.proof()?,
        result: rest.option(Rest::blob)?,
    })
}

pub(super) fn from_hub(rest: &mut Rest<'_>) -> Option<FromHub> {
    match rest.byte()? {
        HUB_RESPONSE => {
            let id = rest.number()?;
            let body = response(rest)?;
            Some(FromHub::Response { id, body })
        }
        HUB_DELIVER => Some(FromHub::Deliver {
            pool: rest.name()?,
            tasks: rest.items(DELIVERY_BYTES_MIN, delivery)?,
        }),
        HUB_PING => Some(FromHub::Ping),
        _ => None,
    }
}

fn response(rest: &mut Rest<'_>) -> Option<Response> {
    Some(match rest.byte()? {
        RESPONSE_ENQUEUED => {
            let item = |rest: &mut Rest<'_>| rest.ok().and_then(|()| enqueued(rest)).map(Ok);
            Response::Enqueued(rest.items(ENQUEUED_BYTES_MIN, item)?)
        }
        RESPONSE_CLAIMED => Response::Claimed(rest.items(DELIVERY_BYTES_MIN, delivery)?),
        RESPONSE_CREDITED => Response::Credited(rest.short()?),
        RESPONSE_DONE => {
            let item = |rest: &mut Rest<'_>| rest.ok().map(Ok);
            Response::Done(rest.items(DONE_BYTES_MIN, item)?)
        }
        _ => return None,
    })
}

fn enqueued(rest: &mut Rest<'_>) -> Option<EnqueuedItem> {
    let id = rest.task()?;
    let known_as = (rest.byte()? == 0).then_some(None)?;
    Some(EnqueuedItem { id, known_as })
}

fn delivery(rest: &mut Rest<'_>) -> Option<Delivery> {
    Some(Delivery {
        proof: rest.proof()?,
        attempt: rest.short()?,
        lease_ms: rest.number()?,
        priority: rest.short()?,
        enqueued_at_ms: rest.number()?,
        payload: rest.blob()?,
    })
}

/// What is still to be read.
pub(super) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        match self.byte()? {
            single @ 0..=SINGLE => Some(single.into()),
            TWO => self.array().map(|bytes| u16::from_le_bytes(bytes).into()),
            FOUR => self.array().map(|bytes| u32::from_le_bytes(bytes).into()),
            EIGHT => self.array().map(u64::from_le_bytes),
            _ => None,
        }
    }

    /// A number of 32 bits, of which none is written in eight bytes.
    fn short(&mut self) -> Option<u32> {
        match self.byte()? {
            single @ 0..=SINGLE => Some(single.into()),
            TWO => self.array().map(|bytes| u16::from_le_bytes(bytes).into()),
            FOUR => self.array().map(u32::from_le_bytes),
            _ => None,
        }
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn items<T>(
        &mut self,
        bytes_min: usize,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.items_into(Vec::new(), bytes_min, read)
    }

    /// Room is made for no more items than the bytes could be.
    fn items_into<T>(
        &mut self,
        mut items: Vec<T>,
        bytes_min: usize,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        if count > self.0.len() / bytes_min {
            return None;
        }
        items.reserve_exact(count);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn ok(&mut self) -> Option<()> {
        (self.byte()? == OK).then_some(())
    }

    fn name(&mut self) -> Option<PoolName> {
        PoolName::new(std::str::from_utf8(self.bytes()?).ok()?).ok()
    }

    /// A copy: whoever keeps it keeps nothing of the buffer. In one piece of memory with the count of
    /// those who share it, by `Bytes::from_owner`, it cost more than the second piece does.
    fn blob(&mut self) -> Option<Bytes> {
        self.bytes().map(Bytes::copy_from_slice)
    }

    fn task(&mut self) -> Option<TaskId> {
        self.array().map(TaskId::from_bytes)
    }

    fn proof(&mut self) -> Option<LeaseRef> {
        Some(LeaseRef {
            task: self.task()?,
            lease: LeaseId {
                pool: PoolId(self.short()?),
                epoch: Epoch(self.short()?),
                number: self.number()?,
            },
        })
    }
}
