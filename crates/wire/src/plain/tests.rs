//! Held to the codec: what is written here are its bytes, what is read here is what it reads.

use bytes::{Bytes, BytesMut};
use leasehold_core::{Epoch, LeaseId, LeaseRef, PoolId, Rejection, StateKind, TaskId};
use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    CompleteItem, Delivery, EnqueueItem, EnqueuedItem, FRAME_BYTES_MAX_DEFAULT, Message, Request,
    Response,
    codec::{decode_limited, encode_whole},
};

fn heard<M: Message>(bytes: &[u8]) -> Option<M> {
    M::read_plain(bytes, &mut M::Lists::default())
}

/// Numbers of every length, and both sides of each bound.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..300_u64,
        65_500..65_600_u64,
        (u64::from(u32::MAX) - 3)..(u64::from(u32::MAX) + 3),
        any::<u64>(),
    ]
}

fn short() -> impl Strategy<Value = u32> {
    prop_oneof![0..300_u32, 65_500..65_600_u32, any::<u32>()]
}

fn blob() -> impl Strategy<Value = Bytes> {
    prop_oneof![vec(any::<u8>(), 0..300), Just(vec![7; 70_000])].prop_map(Bytes::from)
}

fn proof() -> impl Strategy<Value = LeaseRef> {
    let parts = (any::<u128>(), short(), short(), number());
    parts.prop_map(|(task, pool, epoch, number)| LeaseRef {
        task: TaskId::from_u128(task),
        lease: LeaseId {
            pool: PoolId(pool),
            epoch: Epoch(epoch),
            number,
        },
    })
}

fn enqueue() -> impl Strategy<Value = EnqueueItem> {
    let parts = (
        any::<u128>(),
        short(),
        option::of(short()),
        number(),
        blob(),
    );
    parts.prop_map(
        |(id, priority, attempts_max, delay_ms, payload)| EnqueueItem {
            id: TaskId::from_u128(id),
            priority,
            attempts_max,
            delay_ms,
            payload,
        },
    )
}

fn complete() -> impl Strategy<Value = CompleteItem> {
    let parts = (proof(), option::of(blob()));
    parts.prop_map(|(proof, result)| CompleteItem { proof, result })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let parts = (proof(), short(), number(), short(), number(), blob());
    parts.prop_map(
        |(proof, attempt, lease_ms, priority, enqueued_at_ms, payload)| Delivery {
            proof,
            attempt,
            lease_ms,
            priority,
            enqueued_at_ms,
            payload,
        },
    )
}

fn name() -> impl Strategy<Value = leasehold_core::PoolName> {
    "[a-z0-9][a-z0-9._-]{0,63}".prop_map(|name| name.parse().expect("it is a name"))
}

fn from_node() -> impl Strategy<Value = FromNode> {
    let body = prop_oneof![
        (name(), vec(enqueue(), 0..4)).prop_map(|(pool, tasks)| Request::Enqueue { pool, tasks }),
        (name(), short(), number(), option::of(number())).prop_map(
            |(pool, tasks_max, wait_ms, lease_ms)| Request::Claim {
                pool,
                tasks_max,
                wait_ms,
                lease_ms,
            }
        ),
        (name(), short(), option::of(number())).prop_map(|(pool, tasks, lease_ms)| {
            Request::Credit {
                pool,
                tasks,
                lease_ms,
            }
        }),
        vec(complete(), 0..4).prop_map(|items| Request::Complete { items }),
    ];
    let request = (number(), body).prop_map(|(id, body)| FromNode::Request { id, body });
    prop_oneof![9 => request, 1 => Just(FromNode::Ping)]
}

fn from_hub() -> impl Strategy<Value = FromHub> {
    let enqueued = any::<u128>().prop_map(|id| {
        let (id, known_as) = (TaskId::from_u128(id), None);
        Ok(EnqueuedItem { id, known_as })
    });
    let body = prop_oneof![
        vec(enqueued, 0..300).prop_map(Response::Enqueued),
        vec(delivery(), 0..4).prop_map(Response::Claimed),
        short().prop_map(Response::Credited),
        vec(Just(Ok(())), 0..300).prop_map(Response::Done),
    ];
    let response = (number(), body).prop_map(|(id, body)| FromHub::Response { id, body });
    let deliver = (name(), vec(delivery(), 0..4));
    let deliver = deliver.prop_map(|(pool, tasks)| FromHub::Deliver { pool, tasks });
    prop_oneof![6 => response, 3 => deliver, 1 => Just(FromHub::Ping)]
}

fn bytes_of<M: serde::Serialize>(message: &M) -> BytesMut {
    let mut bytes = BytesMut::new();
    let encoded = encode_whole(message, FRAME_BYTES_MAX_DEFAULT, &mut bytes);
    encoded.expect("it fits into a frame");
    bytes
}

/// Both ways, and after each change of a byte: what is read must be what the codec reads.
fn hold<M>(message: &M, at: usize, byte: u8) -> Result<(), TestCaseError>
where
    M: Message + PartialEq + std::fmt::Debug,
{
    let mut bytes = bytes_of(message);
    let mut own = BytesMut::from(&b"before"[..]);
    let written = message.write_plain(FRAME_BYTES_MAX_DEFAULT, &mut own);
    prop_assert_eq!(written, u32::try_from(bytes.len()).ok());
    prop_assert_eq!(&own[6..], &bytes[..]);
    let read = heard::<M>(&bytes);
    prop_assert_eq!(read.as_ref(), Some(message));
    let at = at % bytes.len();
    prop_assert_eq!(heard::<M>(&bytes[..at]), None);
    bytes[at] = byte;
    if let Some(other) = heard::<M>(&bytes) {
        prop_assert_eq!(
            Ok(other),
            decode_limited::<M>(&bytes).map_err(|error| error.to_string())
        );
    }
    bytes.extend_from_slice(&[byte]);
    if let Some(longer) = heard::<M>(&bytes) {
        prop_assert_eq!(
            Ok(longer),
            decode_limited::<M>(&bytes).map_err(|error| error.to_string())
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_nodes_say_is_as_the_codec_has_it(message in from_node(), at: usize, byte: u8) {
        hold(&message, at, byte)?;
    }

    #[test]
    fn what_hubs_say_is_as_the_codec_has_it(message in from_hub(), at: usize, byte: u8) {
        hold(&message, at, byte)?;
    }
}

#[test]
fn what_is_rare_or_too_long_is_left_to_the_codec() {
    let id = TaskId::from_u128(1);
    let known_as = Some(StateKind::Ready);
    let rare = [
        Response::Enqueued(vec![Ok(EnqueuedItem { id, known_as })]),
        Response::Enqueued(vec![Err(Rejection::LeaseLost)]),
        Response::Done(vec![Ok(()), Err(Rejection::LeaseLost)]),
        Response::Refused(Rejection::LeaseLost),
    ];
    let mut to = BytesMut::new();
    for body in rare {
        let message = FromHub::Response { id: 1, body };
        assert_eq!(message.write_plain(1 << 20, &mut to), None);
        assert_eq!(heard::<FromHub>(&bytes_of(&message)), None);
    }
    let long = FromHub::Response {
        id: 1,
        body: Response::Done(vec![Ok(()); 1000]),
    };
    assert_eq!(long.write_plain(1000, &mut to), None);
    assert!(to.is_empty());
}

#[test]
fn a_list_is_no_longer_than_its_bytes_allow() {
    let claims = [
        NODE_REQUEST,
        1,
        REQUEST_COMPLETE,
        EIGHT,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        16,
    ];
    assert_eq!(heard::<FromNode>(&claims), None);
}
