//! How often a request asks for memory, once a session and its pool are warm: counted over the whole
//! way from the frame to the answer, all but the store. A process of its own, for it counts all that
//! the process does.

use std::alloc::System;

use bytes::{Bytes, BytesMut};
use leasehold_core::{Incarnation, LeaseRef, NodeName, PoolId, PoolName, TaskId, Timestamp};
use leasehold_hub::{Engine, Hub, HubConfig};
use leasehold_store::{Blob, MemoryStore, OpenedPool, PoolBatch, Store, StoreError, StoreStats};
use leasehold_wire::{
    CompleteItem, Delivery, EnqueueItem, FRAME_BYTES_MAX_DEFAULT, FromHub, FromNode, Hello,
    NodeCodec, Request, Response, Role, TokenSpec, TokenVerb,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::codec::{Decoder, Encoder};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests that are sent at once, of one item each.
const AT_ONCE: u32 = 64;

/// Rounds before it is counted, and those that are.
const ROUNDS: u32 = 50;

/// What may come on top, for a request: what is taken for all of a read or a commit, and what grows
/// with the number of tasks.
const SLACK: f64 = 0.65;

/// Keeps nothing: what a store does is its own affair.
struct NoStore(MemoryStore);

impl Store for NoStore {
    fn pools(&self) -> Vec<PoolName> {
        self.0.pools()
    }

    fn latest(&self) -> Timestamp {
        self.0.latest()
    }

    fn open_pool_past(
        &mut self,
        name: &PoolName,
        epoch: leasehold_core::Epoch,
    ) -> Result<OpenedPool, StoreError> {
        self.0.open_pool_past(name, epoch)
    }

    fn commit(&mut self, _: &[PoolBatch]) -> Result<(), StoreError> {
        Ok(())
    }

    fn blobs(
        &self,
        _: PoolId,
        wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        Ok(vec![None; wanted.len()])
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        self.0.stats()
    }
}

/// A node of which only what the hub does for it is counted.
struct Node {
    line: DuplexStream,
    codec: NodeCodec,
    heard: BytesMut,
    tasks: u128,
}

impl Node {
    async fn greet(hub: &Hub) -> Self {
        let mut node = Self {
            line: hub.connect().await.expect("the hub is there"),
            codec: NodeCodec::new(),
            heard: BytesMut::new(),
            tasks: 0,
        };
        let name = NodeName::new("crane").expect("it is a name");
        let hello = Hello::new(name, Incarnation(1));
        node.say(&[FromNode::Hello(hello)]).await;
        assert!(matches!(node.hear().await, FromHub::Welcome(_)));
        node.codec.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
        node.heard.reserve(1 << 20);
        node
    }

    fn frames(&mut self, messages: &[FromNode]) -> BytesMut {
        let mut frames = BytesMut::new();
        for message in messages {
            let encoded = self.codec.encode(message, &mut frames);
            encoded.expect("it fits into a frame");
        }
        frames
    }

    async fn say(&mut self, messages: &[FromNode]) {
        let frames = self.frames(messages);
        self.line.write_all(&frames).await.expect("the hub listens");
    }

    async fn hear(&mut self) -> FromHub {
        loop {
            if let Some(message) = self.codec.decode(&mut self.heard).expect("it is a message") {
                return message;
            }
            self.line
                .read_buf(&mut self.heard)
                .await
                .expect("the hub speaks");
        }
    }

    /// Frames heard and not read yet.
    fn frames_heard(&self) -> usize {
        let (mut rest, mut frames) = (&self.heard[..], 0);
        while let Some((prefix, more)) = rest.split_first_chunk() {
            let Some(more) = more.get(u32::from_be_bytes(*prefix) as usize..) else {
                break;
            };
            (rest, frames) = (more, frames + 1);
        }
        frames
    }

    /// How often memory was asked for while all this was said and so many frames came.
    async fn count(&mut self, messages: &[FromNode], frames: usize) -> usize {
        let said = self.frames(messages);
        let region = Region::new(ALLOCATOR);
        self.line.write_all(&said).await.expect("the hub listens");
        while self.frames_heard() < frames {
            self.line
                .read_buf(&mut self.heard)
                .await
                .expect("the hub speaks");
        }
        let change = region.change();
        change.allocations + change.reallocations
    }

    fn enqueues(&mut self) -> Vec<FromNode> {
        let enqueue = |id: u64| {
            self.tasks += 1;
            let task = EnqueueItem {
                id: TaskId::from_u128(self.tasks << 70 | self.tasks),
                priority: 0,
                attempts_max: None,
                delay_ms: 0,
                payload: Bytes::from_static(&[b'p'; 256]),
            };
            let (pool, tasks) = (pool(), vec![task]);
            let body = Request::Enqueue { pool, tasks };
            FromNode::Request { id, body }
        };
        (0..u64::from(AT_ONCE)).map(enqueue).collect()
    }

    /// What was claimed, whatever else was heard before.
    async fn claimed(&mut self) -> Vec<Delivery> {
        loop {
            let heard = self.hear().await;
            if let FromHub::Response { body, .. } = heard
                && let Response::Claimed(tasks) = body
            {
                return tasks;
            }
        }
    }
}

fn pool() -> PoolName {
    PoolName::new("mail").expect("it is a name")
}

fn request(body: Request) -> FromNode {
    FromNode::Request { id: 1, body }
}

fn completes(tasks: &[Delivery]) -> Vec<FromNode> {
    let complete = |task: &Delivery| {
        let item = CompleteItem {
            proof: LeaseRef { ..task.proof },
            result: None,
        };
        request(Request::Complete { items: vec![item] })
    };
    tasks.iter().map(complete).collect()
}

/// Enqueues, claims and completes again and again: how often each asked for memory.
async fn counts(node: &mut Node) -> [f64; 3] {
    let mut counts = [0; 3];
    for round in 0..2 * ROUNDS {
        if round == ROUNDS {
            counts = [0; 3];
        }
        let enqueues = node.enqueues();
        counts[0] += node.count(&enqueues, AT_ONCE as usize).await;
        let claim = request(Request::Claim {
            pool: pool(),
            tasks_max: AT_ONCE,
            wait_ms: 0,
            lease_ms: None,
        });
        counts[1] += node.count(&[claim], AT_ONCE as usize + 1).await;
        let tasks = node.claimed().await;
        assert_eq!(tasks.len(), AT_ONCE as usize);
        counts[2] += node.count(&completes(&tasks), AT_ONCE as usize).await;
        while node.frames_heard() > 0 {
            node.hear().await;
        }
    }
    counts.map(|count| count as f64 / f64::from(ROUNDS * AT_ONCE))
}

/// A node that says who it is: one who may do all that follows, here and in one more pool.
async fn known(hub: &Hub, free: &mut Node) -> Node {
    let spec = TokenSpec {
        name: "crane".to_owned(),
        roles: vec![Role::Producer, Role::Node],
        pools: vec![PoolName::new("billing").expect("it is a name"), pool()],
        node: None,
        labels: vec![],
        good_for_ms: Some(3_600_000),
    };
    let verb = TokenVerb::Create(Box::new(spec));
    free.say(&[request(Request::Tokens { verb })]).await;
    let FromHub::Response { body, .. } = free.hear().await else {
        panic!("not an answer");
    };
    let Response::TokenMade { token, .. } = body else {
        panic!("no token: {body:?}");
    };
    let mut node = Node::greet(hub).await;
    node.tasks = free.tasks;
    node.say(&[request(Request::Authenticate { token })]).await;
    node.hear().await;
    node
}

/// Of an enqueue: its payload, which is a copy so that it keeps nothing of what was read, and the
/// count of the two that share it, the cache and the change. Of a claim and of a completion:
/// nothing; their changes are made of earlier ones, their lists of those that were taken apart.
/// Whether somebody has said who he is makes no difference.
#[tokio::test]
async fn a_warm_request_asks_for_memory_only_for_a_payload() {
    let mut config = HubConfig::default();
    config.store.engine = Engine::Memory;
    config.hub.listen = None;
    let store = Box::new(NoStore(MemoryStore::new()));
    let hub = Hub::start(config, store).await.expect("a hub starts");
    let mut free = Node::greet(&hub).await;
    let of_free = counts(&mut free).await;
    let mut known = known(&hub, &mut free).await;
    let of_known = counts(&mut known).await;
    for (who, each) in [("free", of_free), ("known", of_known)] {
        for (what, each, bound) in [
            ("enqueue", each[0], 2.0),
            ("claim", each[1], 0.0),
            ("complete", each[2], 0.0),
        ] {
            assert!(each < bound + SLACK, "{who}, {what}: {each} for each");
            assert!(
                each >= bound,
                "{who}, {what}: {each} for each: the bound can be lowered"
            );
        }
    }
}
