//! One example, at least, of everything that can be said. Their bytes are in `golden/v1.txt`, and of
//! what later versions added in `golden/v2.txt` and `golden/v3.txt`, under the same names: `Enum.Variant`,
//! with a third part where one example is not enough.
//!
//! The first ones are the session that PROTOCOL.md takes apart.

mod answers;
mod facts;
mod guarded;
mod later;
mod lists;
mod requests;

use leasehold_core::{Epoch, Incarnation, LeaseId, LeaseRef, NodeName, PoolId, PoolName, TaskId};
use leasehold_wire::{
    FromHub, FromNode, Hello, MAGIC, Refusal, RefusalCode, Request, Response, Welcome,
};

/// A message of either direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Example {
    Node(FromNode),
    Hub(FromHub),
}

/// All examples, by name, in the order of the golden files.
pub(crate) fn examples() -> Vec<(&'static str, Example)> {
    let mut all = first();
    all.extend(second());
    all.extend(third());
    all
}

/// Those of version 3 that version 2 does not have.
pub(crate) fn third() -> Vec<(&'static str, Example)> {
    let mut all = guarded::greetings();
    all.extend(guarded::requests());
    all.extend(guarded::answers());
    all
}

/// Those of version 2 that version 1 does not have.
pub(crate) fn second() -> Vec<(&'static str, Example)> {
    let mut all = greetings();
    all.extend(later::requests());
    all.extend(facts::answers());
    all
}

/// Those of version 1.
pub(crate) fn first() -> Vec<(&'static str, Example)> {
    let mut all = session();
    all.extend(requests::requests());
    all.extend(answers::responses());
    all.extend(answers::rejections());
    all.extend(lists::lists());
    all.extend(pushes());
    all.extend(refusals());
    all
}

/// Hello, enqueue, credit, a delivery, complete, bye.
fn session() -> Vec<(&'static str, Example)> {
    vec![
        ("FromNode.Hello", Example::Node(FromNode::Hello(hello()))),
        ("FromHub.Welcome", Example::Hub(FromHub::Welcome(welcome()))),
        ("Request.Enqueue", requests::enqueue()),
        ("Response.Enqueued", answers::enqueued()),
        ("Request.Credit", requests::credit()),
        ("Response.Credited", response(2, Response::Credited(1))),
        ("FromHub.Deliver", answers::deliver()),
        ("Request.Complete", requests::complete()),
        ("Response.Done", response(3, Response::Done(vec![Ok(())]))),
        ("FromNode.Ping", Example::Node(FromNode::Ping)),
        ("FromHub.Ping", Example::Hub(FromHub::Ping)),
        ("FromNode.Bye", Example::Node(FromNode::Bye)),
    ]
}

fn hello() -> Hello {
    Hello {
        magic: MAGIC,
        version_min: 1,
        version_max: 1,
        node: node(),
        incarnation: Incarnation(0x1122_3344_5566_7788),
        heartbeat_ms: 0,
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        session: 7,
        hub: "leasehold 0.1.0".into(),
        heartbeat_ms: 3000,
        silence_after_ms: 10_000,
        frame_bytes_max: 16_777_216,
        payload_bytes_max: 1_048_576,
        result_bytes_max: 1_048_576,
        batch_max: 4096,
        requests_max: 1024,
    }
}

/// How version 2 is agreed on.
fn greetings() -> Vec<(&'static str, Example)> {
    let both = Hello {
        version_max: 2,
        ..hello()
    };
    let agreed = Welcome {
        version: 2,
        ..welcome()
    };
    vec![
        ("FromNode.Hello.two", Example::Node(FromNode::Hello(both))),
        (
            "FromHub.Welcome.two",
            Example::Hub(FromHub::Welcome(agreed)),
        ),
    ]
}

fn pushes() -> Vec<(&'static str, Example)> {
    use leasehold_core::Revocation::{Cancelled, Lost};
    let revoked = |why| {
        Example::Hub(FromHub::Revoked {
            proof: proof(),
            why,
        })
    };
    let bye = FromHub::Bye {
        reason: "the hub restarts".into(),
        retry_after_ms: 200,
        leases_kept_ms: 10_000,
    };
    vec![
        ("FromHub.Revoked", revoked(Lost)),
        ("Revocation.Lost", revoked(Lost)),
        ("Revocation.Cancelled", revoked(Cancelled)),
        ("FromHub.Bye", Example::Hub(bye)),
    ]
}

fn refusals() -> Vec<(&'static str, Example)> {
    use RefusalCode::{
        FrameTooLong, HandshakeTimeout, Malformed, SessionsMax, Silence, Superseded, Version,
    };
    let refused = |code, reason: &str| {
        Example::Hub(FromHub::Refused(Refusal {
            code,
            reason: reason.into(),
        }))
    };
    vec![
        (
            "FromHub.Refused",
            refused(Version, "no common protocol version"),
        ),
        (
            "RefusalCode.Malformed",
            refused(Malformed, "the frame is no message"),
        ),
        (
            "RefusalCode.Version",
            refused(Version, "no common protocol version"),
        ),
        (
            "RefusalCode.FrameTooLong",
            refused(FrameTooLong, "a frame of 20000000 bytes"),
        ),
        (
            "RefusalCode.HandshakeTimeout",
            refused(HandshakeTimeout, "no hello within 5 s"),
        ),
        (
            "RefusalCode.SessionsMax",
            refused(SessionsMax, "1000 sessions are open"),
        ),
        (
            "RefusalCode.Silence",
            refused(Silence, "nothing was heard for 10 s"),
        ),
        ("RefusalCode.Superseded", refused(Superseded, "")),
    ]
}

fn request(id: u64, body: Request) -> Example {
    Example::Node(FromNode::Request { id, body })
}

fn response(id: u64, body: Response) -> Example {
    Example::Hub(FromHub::Response { id, body })
}

fn pool() -> PoolName {
    PoolName::new("mail").expect("a good name")
}

fn node() -> NodeName {
    NodeName::new("worker-1").expect("a good name")
}

/// The task of the session.
fn task() -> TaskId {
    TaskId::from_u128(0x0198_0a5d_ac96_774b_bcce_b302_099a_8057)
}

fn other_task() -> TaskId {
    TaskId::from_u128(0x0198_0a5d_ac97_7fff_8000_0000_0000_0001)
}

/// The lease of the session.
fn lease() -> LeaseId {
    LeaseId {
        pool: PoolId(1),
        epoch: Epoch(3),
        number: 42,
    }
}

fn proof() -> LeaseRef {
    LeaseRef {
        task: task(),
        lease: lease(),
    }
}

/// A proof whose numbers need all their bytes.
fn long_proof() -> LeaseRef {
    let lease = LeaseId {
        pool: PoolId(251),
        epoch: Epoch(65_536),
        number: 1 << 32,
    };
    LeaseRef {
        task: other_task(),
        lease,
    }
}
