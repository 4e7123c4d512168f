//! The messages of either side. Append-only: what stands here keeps its number and its fields for
//! ever (`docs/PROTOCOL.md`, "Evolution"); `tests/golden` holds the bytes.

use leasehold_core::{Incarnation, LeaseRef, NodeName, PoolName, Revocation};
use serde::{Deserialize, Serialize};

use crate::{Delivery, DeliveryMore, Request, Response};

/// All that a node may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNode {
    /// First, and only first.
    Hello(Hello),
    /// A request; its response carries the same id. Any number may be under way.
    Request {
        /// Chosen by the node; not reused while its response is due.
        id: u64,
        /// What is asked.
        body: Request,
    },
    /// Still here. Sent when nothing else was for one heartbeat.
    Ping,
    /// The session ends by the node's wish: its leases end at once, uncounted.
    Bye,
}

/// All that a hub may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHub {
    /// The answer to the hello: the session is open.
    Welcome(Welcome),
    /// The session ends by the node's fault, or never began. The connection closes after it.
    Refused(Refusal),
    /// The answer to a request.
    Response {
        /// The request's id.
        id: u64,
        /// The answer.
        body: Response,
    },
    /// Tasks granted against credit.
    Deliver {
        /// The pool.
        pool: PoolName,
        /// The tasks.
        tasks: Vec<Delivery>,
    },
    /// A lease of this session ended without its doing.
    Revoked {
        /// The lease.
        proof: LeaseRef,
        /// Why.
        why: Revocation,
    },
    /// Still here.
    Ping,
    /// The session ends by the hub's wish; leases stay good for a resume within `leases_kept_ms`.
    Bye {
        /// For people.
        reason: String,
        /// When to come back.
        retry_after_ms: u64,
        /// How long the leases stay good.
        leases_kept_ms: u64,
    },
    /// Tasks granted against credit, some with more than a plain one has. Since version 2.
    DeliverMore {
        /// The pool.
        pool: PoolName,
        /// The tasks.
        tasks: Vec<DeliveryMore>,
    },
    /// A task of this session is called off: its holder is to end it. Since version 2.
    StopAsked {
        /// Its lease.
        proof: LeaseRef,
        /// For so long the lease stays good, in milliseconds.
        within_ms: u64,
    },
}

/// How a node introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::MAGIC`]
    pub magic: [u8; 8],
    /// The oldest protocol version that the node speaks.
    pub version_min: u16,
    /// The newest.
    pub version_max: u16,
    /// The node's name.
    pub node: NodeName,
    /// Drawn at random when the node's process started.
    pub incarnation: Incarnation,
    /// The heartbeat that the node would like, in milliseconds; 0 leaves it to the hub.
    pub heartbeat_ms: u64,
}

/// The parameters of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both speak from here on.
    pub version: u16,
    /// The session's id, for logs.
    pub session: u64,
    /// The hub's software, for people.
    pub hub: String,
    /// Each side sends at least a ping in this time.
    pub heartbeat_ms: u64,
    /// The hub ends the session when it heard nothing for so long; a node should do the same.
    pub silence_after_ms: u64,
    /// The longest frame that either side may send, in bytes, without the length prefix.
    pub frame_bytes_max: u32,
    /// The longest payload, in bytes.
    pub payload_bytes_max: u32,
    /// The longest result, in bytes.
    pub result_bytes_max: u32,
    /// The most items in one batch.
    pub batch_max: u32,
    /// Requests under way past which the hub stops reading from this session.
    pub requests_max: u32,
}

/// Why a hub ends a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people: what was wrong and what is allowed.
    pub reason: String,
}

/// Why a hub ends a session, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalCode {
    /// Not a Leasehold handshake, or a frame that is no message.
    Malformed,
    /// No common protocol version.
    Version,
    /// A frame longer than allowed.
    FrameTooLong,
    /// No hello in time.
    HandshakeTimeout,
    /// As many sessions as the hub holds, in all or of one address, or this connection said nothing
    /// while others wanted in. Come back later.
    SessionsMax,
    /// Nothing was heard for `silence_after`. Come back at once.
    Silence,
    /// A newer session of the same node took over.
    Superseded,
    /// Nobody may speak here without saying who he is, or not he. Since version 3.
    Denied,
}
