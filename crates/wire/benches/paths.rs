//! The hot paths of the wire: frames in and out of a buffer, at the hub's end.

use std::{hint::black_box, process::ExitCode};

use bytes::{Bytes, BytesMut};
use leasehold_core::{Epoch, LeaseId, LeaseRef, PoolId, PoolName, TaskId};
use leasehold_count::{HotPath, Run};
use leasehold_wire::{
    CompleteItem, Delivery, EnqueueItem, EnqueuedItem, FRAME_BYTES_MAX_DEFAULT, FromHub, FromNode,
    HubCodec, NodeCodec, Request, Response,
};
use tokio_util::codec::{Decoder, Encoder};

const PATHS: [HotPath; 5] = [
    HotPath::new("decode-enqueue-256-bytes", SHORT, || decode(&enqueue())),
    HotPath::new("decode-complete-1", SHORT, || decode(&complete())),
    HotPath::new("encode-enqueued-1", SHORT, || encode(enqueued(), SHORT)),
    HotPath::new("encode-done-1", SHORT, || encode(done(), SHORT)),
    HotPath::new("encode-deliver-64", LONG, || encode(deliver(), LONG)),
];

/// How many short messages a run has, and how many long ones.
const SHORT: u64 = 5000;
const LONG: u64 = 500;

/// What is written to the socket at once, in bytes.
const SPEECH_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    leasehold_count::main("wire", &PATHS)
}

fn decode(message: &FromNode) -> Run {
    let mut node = NodeCodec::new();
    node.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    let mut heard = BytesMut::new();
    for _ in 0..SHORT {
        let written = node.encode(message, &mut heard);
        written.expect("it fits into a frame");
    }
    let mut hub = HubCodec::new();
    hub.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    Box::new(move || {
        for _ in 0..SHORT {
            let message = hub.decode(&mut heard).expect("the frame is a message");
            let Some(FromNode::Request { mut body, .. }) = black_box(message) else {
                unreachable!("it is a request")
            };
            take_apart(&mut body);
            hub.reuse(body);
        }
    })
}

/// What a hub does with a request that it joins to others.
fn take_apart(request: &mut Request) {
    if let Request::Enqueue { tasks, .. } = request {
        tasks.drain(..).for_each(|task| drop(black_box(task)));
    } else if let Request::Complete { items } = request {
        items.drain(..).for_each(|item| drop(black_box(item)));
    }
}

fn encode(message: FromHub, times: u64) -> Run {
    let mut hub = HubCodec::new();
    hub.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    let mut speech = BytesMut::with_capacity(2 * SPEECH_BYTES);
    Box::new(move || {
        for _ in 0..times {
            let written = hub.encode(black_box(&message), &mut speech);
            written.expect("it fits into a frame");
            if speech.len() > SPEECH_BYTES {
                speech.clear();
            }
        }
    })
}

fn enqueue() -> FromNode {
    let task = EnqueueItem {
        id: TASK,
        priority: 3,
        attempts_max: None,
        delay_ms: 0,
        payload: payload(),
    };
    let (pool, tasks) = (pool(), vec![task]);
    let body = Request::Enqueue { pool, tasks };
    FromNode::Request { id: REQUEST, body }
}

fn complete() -> FromNode {
    let item = CompleteItem {
        proof: proof(1),
        result: None,
    };
    let body = Request::Complete { items: vec![item] };
    FromNode::Request { id: REQUEST, body }
}

fn enqueued() -> FromHub {
    let item = EnqueuedItem {
        id: TASK,
        known_as: None,
    };
    let body = Response::Enqueued(vec![Ok(item)]);
    FromHub::Response { id: REQUEST, body }
}

fn done() -> FromHub {
    let body = Response::Done(vec![Ok(())]);
    FromHub::Response { id: REQUEST, body }
}

fn deliver() -> FromHub {
    let delivery = |number| Delivery {
        proof: proof(number),
        attempt: 1,
        lease_ms: 30_000,
        priority: 3,
        enqueued_at_ms: 1_700_000_000_000,
        payload: payload(),
    };
    FromHub::Deliver {
        pool: pool(),
        tasks: (0..64).map(delivery).collect(),
    }
}

const REQUEST: u64 = 70_000;
const TASK: TaskId = TaskId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);

fn pool() -> PoolName {
    "mail".parse().expect("it is a name")
}

fn payload() -> Bytes {
    Bytes::from_static(&[b'p'; 256])
}

fn proof(number: u64) -> LeaseRef {
    LeaseRef {
        task: TASK,
        lease: LeaseId {
            pool: PoolId(1),
            epoch: Epoch(2),
            number: 100_000 + number,
        },
    }
}
