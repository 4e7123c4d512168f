//! Frames: bounds, the handshake, bytes that come as they please.

use bytes::{Bytes, BytesMut};
use leasehold_core::{Incarnation, NodeName, PoolName, TaskId};
use leasehold_wire::{
    EnqueueItem, FRAME_BYTES_CEILING, FRAME_BYTES_MAX_DEFAULT, FromHub, FromNode,
    HANDSHAKE_BYTES_MAX, Hello, HubCodec, NodeCodec, Refusal, RefusalCode, Request, WireError,
};
use tokio_util::codec::{Decoder, Encoder};

fn hello() -> FromNode {
    FromNode::Hello(Hello::new(
        NodeName::new("n").expect("a good name"),
        Incarnation(9),
    ))
}

fn enqueue(payload_bytes: usize) -> FromNode {
    let task = EnqueueItem {
        id: TaskId::from_u128(1),
        priority: 0,
        attempts_max: None,
        delay_ms: 0,
        payload: Bytes::from(vec![7; payload_bytes]),
    };
    let pool = PoolName::new("p").expect("a good name");
    FromNode::Request {
        id: 1,
        body: Request::Enqueue {
            pool,
            tasks: vec![task],
        },
    }
}

fn written(messages: &[FromNode]) -> BytesMut {
    let mut codec = NodeCodec::new();
    codec.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
    let mut bytes = BytesMut::new();
    for message in messages {
        codec
            .encode(message, &mut bytes)
            .expect("a message that fits");
    }
    bytes
}

fn open_hub(bytes_max: u32) -> HubCodec {
    let mut codec = HubCodec::new();
    codec.set_frame_bytes_max(bytes_max);
    codec
}

/// The list of an enqueue that was heard, and where it is.
fn tasks_of(message: &FromNode) -> (usize, *const EnqueueItem) {
    let FromNode::Request { body, .. } = message else {
        panic!("{message:?} is no request");
    };
    let Request::Enqueue { tasks, .. } = body else {
        panic!("{body:?} is no enqueue");
    };
    (tasks.len(), tasks.as_ptr())
}

fn heard_again(codec: &mut HubCodec, message: &FromNode) -> FromNode {
    let heard = codec.decode(&mut written(std::slice::from_ref(message)));
    let heard = heard.expect("good bytes").expect("a whole frame");
    assert_eq!(heard, *message);
    heard
}

#[test]
fn a_short_list_that_was_taken_apart_serves_the_next_request() {
    let mut codec = open_hub(FRAME_BYTES_MAX_DEFAULT);
    let first = heard_again(&mut codec, &enqueue(3));
    let (_, place) = tasks_of(&first);
    let FromNode::Request { body, .. } = first else {
        unreachable!("it had tasks")
    };
    codec.reuse(body);
    let second = heard_again(&mut codec, &enqueue(300));
    assert_eq!(tasks_of(&second), (1, place));
    // It is with the second, so a third needs one of its own.
    assert_ne!(tasks_of(&heard_again(&mut codec, &enqueue(4))).1, place);
}

#[test]
fn a_long_list_is_not_kept() {
    let mut codec = open_hub(FRAME_BYTES_MAX_DEFAULT);
    let FromNode::Request { mut body, .. } = enqueue(3) else {
        unreachable!("it is a request")
    };
    let Request::Enqueue { tasks, .. } = &mut body else {
        unreachable!("it is an enqueue")
    };
    tasks.reserve(1000);
    let place = tasks.as_ptr();
    codec.reuse(body);
    assert_ne!(tasks_of(&heard_again(&mut codec, &enqueue(3))).1, place);
}

#[test]
fn payloads_of_all_lengths_are_heard_as_they_were_said() {
    let mut codec = open_hub(FRAME_BYTES_MAX_DEFAULT);
    for payload_bytes in 0..1100 {
        heard_again(&mut codec, &enqueue(payload_bytes));
    }
}

#[test]
fn a_frame_is_a_big_endian_length_and_a_message() {
    assert_eq!(written(&[FromNode::Ping])[..], [0, 0, 0, 1, 2]);
    let mut owned = BytesMut::new();
    NodeCodec::new()
        .encode(FromNode::Bye, &mut owned)
        .expect("a short message");
    assert_eq!(owned[..], [0, 0, 0, 1, 3]);
}

#[test]
fn bytes_may_come_one_at_a_time() {
    let said = [hello(), FromNode::Ping, enqueue(300), FromNode::Bye];
    let mut codec = HubCodec::default();
    let (mut src, mut heard) = (BytesMut::new(), Vec::new());
    for byte in written(&said) {
        src.extend_from_slice(&[byte]);
        heard.extend(codec.decode(&mut src).expect("good bytes"));
    }
    assert_eq!(heard, said);
    assert!(src.is_empty());
}

#[test]
fn many_frames_may_come_at_once() {
    let said = vec![enqueue(3); 1000];
    let mut src = written(&said);
    let mut codec = HubCodec::new();
    let heard = std::iter::from_fn(|| codec.decode(&mut src).expect("good bytes"));
    assert_eq!(heard.collect::<Vec<_>>(), said);
}

#[test]
fn nothing_and_half_a_prefix_are_no_error() {
    let mut codec = HubCodec::new();
    assert!(matches!(codec.decode(&mut BytesMut::new()), Ok(None)));
    assert!(matches!(
        codec.decode(&mut BytesMut::from(&b"\xff\xff\xff"[..])),
        Ok(None)
    ));
}

#[test]
fn a_frame_of_no_bytes_is_no_message() {
    let error = HubCodec::new().decode(&mut BytesMut::from(&[0; 4][..]));
    assert!(
        matches!(error, Err(WireError::Malformed { .. })),
        "{error:?}"
    );
}

#[test]
fn the_handshake_has_a_bound_of_its_own() {
    let mut dst = BytesMut::from(&b"before"[..]);
    let error = NodeCodec::new().encode(enqueue(4096), &mut dst);
    let Err(WireError::FrameTooLong {
        bytes,
        bytes_max: HANDSHAKE_BYTES_MAX,
    }) = error
    else {
        panic!("{error:?}")
    };
    assert!(
        bytes > 4096,
        "the error says how long it would have been, not {bytes}"
    );
    assert_eq!(dst[..], b"before"[..], "nothing is written of it");
}

#[test]
fn strangers_are_told_what_this_is() {
    for stranger in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        b"SSH-",
        b"\0\0\x10\x01x",
    ] {
        let error = HubCodec::new()
            .decode(&mut BytesMut::from(stranger))
            .expect_err("a stranger");
        assert!(matches!(error, WireError::NotLeasehold { .. }), "{error:?}");
        assert!(
            error
                .to_string()
                .starts_with("this is not a leasehold handshake"),
            "{error}"
        );
    }
    let error = NodeCodec::new()
        .decode(&mut BytesMut::from(&b"HTTP"[..]))
        .expect_err("no hub");
    assert_eq!(
        error.to_string(),
        r#"this is not a leasehold handshake: it begins with "HTTP""#
    );
}

#[test]
fn a_hello_that_is_too_long_is_just_too_long() {
    let mut src = BytesMut::from(&b"\x00\x00\x10\x01\x00LEASEHLD"[..]);
    let error = HubCodec::new().decode(&mut src).expect_err("4097 bytes");
    let WireError::FrameTooLong {
        bytes: 4097,
        bytes_max: 4096,
    } = error
    else {
        panic!("{error:?}")
    };
}

#[test]
fn a_prefix_past_the_bound_takes_no_memory() {
    for claim in [1_000_001_u32, u32::MAX] {
        let mut src = BytesMut::from(&claim.to_be_bytes()[..]);
        let before = src.capacity();
        let error = open_hub(1_000_000)
            .decode(&mut src)
            .expect_err("past the bound");
        let WireError::FrameTooLong {
            bytes,
            bytes_max: 1_000_000,
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(bytes, u64::from(claim));
        assert_eq!(src.capacity(), before);
    }
}

#[test]
fn the_bound_itself_is_allowed_and_one_more_is_not() {
    let length = written(&[enqueue(1000)]).len() - 4;
    let bound = u32::try_from(length).expect("a short message");
    let mut codec = open_hub(bound);
    let heard = codec
        .decode(&mut written(&[enqueue(1000)]))
        .expect("within the bound");
    assert_eq!(heard, Some(enqueue(1000)));
    let error = codec.decode(&mut written(&[enqueue(1001)]));
    assert!(
        matches!(error, Err(WireError::FrameTooLong { .. })),
        "{error:?}"
    );
}

#[test]
fn the_bound_has_a_ceiling() {
    assert_eq!(HubCodec::new().frame_bytes_max(), HANDSHAKE_BYTES_MAX);
    assert_eq!(open_hub(u32::MAX).frame_bytes_max(), FRAME_BYTES_CEILING);
}

#[test]
fn the_longest_frames_come_through_and_their_buffer_is_given_back() {
    for payload_bytes in [4 << 20, 15 << 20, 31 << 20] {
        let message = enqueue(payload_bytes);
        let mut node = NodeCodec::new();
        node.set_frame_bytes_max(u32::MAX);
        let mut bytes = BytesMut::new();
        node.encode(&message, &mut bytes)
            .expect("within the ceiling");
        let heard = open_hub(u32::MAX)
            .decode(&mut bytes)
            .expect("within the ceiling");
        assert!(
            heard == Some(message),
            "{payload_bytes} bytes came through changed"
        );
        assert!(bytes.capacity() < 1 << 20);
    }
}

#[test]
fn the_other_way_works_alike() {
    let refused = FromHub::Refused(Refusal {
        code: RefusalCode::Silence,
        reason: "hm".into(),
    });
    let mut bytes = BytesMut::new();
    HubCodec::new()
        .encode(&refused, &mut bytes)
        .expect("a short message");
    assert_eq!(
        NodeCodec::new().decode(&mut bytes).expect("good bytes"),
        Some(refused)
    );
}

#[test]
fn errors_fit_after_failed_to() {
    let error = WireError::from(std::io::Error::other("the cable is out"));
    assert_eq!(error.to_string(), "the cable is out");
    let error = open_hub(10)
        .decode(&mut BytesMut::from(&[0, 0, 0, 11][..]))
        .expect_err("too long");
    assert_eq!(
        error.to_string(),
        "a frame of 11 bytes is longer than the 10 that are allowed here"
    );
}
