//! Every way a session can end, crossed with what it had just sent.

use std::time::Duration;

use leasehold_core::{AttemptEnding, StateKind, TaskId};
use leasehold_hub::{Fault, HubConfig};
use leasehold_wire::{Delivery, FromNode, Request};
use tokio::time::Instant;

use super::{
    raw::{Node, Stage, config, connect_to_reset, hello, within},
    verbs::{LONG, claim, complete, enqueue, extend, fail, item, new_id, release},
};

const GRACE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Bye,
    Fin,
    Reset,
    ActorPanics,
    ActorKilled,
    IoAborted,
    Silence,
}

impl End {
    /// All that are heard of as they happen.
    const HEARD: [Self; 6] = [
        Self::Bye,
        Self::Fin,
        Self::Reset,
        Self::ActorPanics,
        Self::ActorKilled,
        Self::IoAborted,
    ];

    /// Whether it is the hub that ends it, and what was sent and not yet read is lost with it.
    pub(crate) const fn is_the_hubs(self) -> bool {
        matches!(
            self,
            Self::ActorPanics | Self::ActorKilled | Self::IoAborted
        )
    }

    /// How an attempt ends with the session.
    const fn of_attempt(self) -> AttemptEnding {
        match self {
            Self::Bye => AttemptEnding::Released,
            Self::Silence => AttemptEnding::Silence,
            Self::Fin | Self::Reset | Self::ActorPanics | Self::ActorKilled | Self::IoAborted => {
                AttemptEnding::Cut
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Claim,
    Complete,
    Fail,
    Release,
    Extend,
    Enqueue,
}

const LASTS: [Last; 7] = [
    Last::Nothing,
    Last::Claim,
    Last::Complete,
    Last::Fail,
    Last::Release,
    Last::Extend,
    Last::Enqueue,
];

fn quick() -> HubConfig {
    let mut config = config();
    config.session.heartbeat = Duration::from_millis(400);
    config.session.silence_after = Duration::from_secs(1);
    let pool = &mut config.pool_defaults;
    pool.cut_grace = GRACE;
    pool.back_off.base = Duration::from_millis(1);
    pool.back_off.cap = Duration::from_millis(1);
    config
}

/// For ends that are heard of: nobody waits here for as long as a silence would take.
fn patient() -> HubConfig {
    let mut config = quick();
    config.session.silence_after = LONG;
    config
}

/// A node that is reset when it is dropped, if that is to be its end.
pub(crate) async fn born_to(end: End, stage: &Stage, name: &str) -> Node {
    if end == End::Reset {
        let line = connect_to_reset(stage.address()).await;
        return Node::greet(Box::new(line), hello(name)).await;
    }
    stage.node(name).await
}

/// Ends a session that way, without a look at what the hub still says.
pub(crate) async fn die(end: End, stage: &Stage, mut node: Node) {
    let session = node.session();
    match end {
        End::Bye => {
            node.say(FromNode::Bye).await;
            while node.hear().await.is_some() {}
        }
        End::Fin | End::Reset => drop(node),
        End::ActorPanics => stage.hub.provoke(Fault::SessionPanics(session)),
        End::ActorKilled => stage.hub.provoke(Fault::SessionKilled(session)),
        End::IoAborted => stage.hub.provoke(Fault::IoAborted(session)),
        End::Silence => {
            node.is_alive = false;
            while node.hear().await.is_some() {}
        }
    }
}

/// Sends it and dies: in the same instant if it is the node that ends, else when it was heard.
async fn send_last(end: End, last: Last, name: &str, task: &Delivery, node: &mut Node) {
    let request = match last {
        Last::Nothing => return,
        Last::Claim => claim(name, 1, LONG),
        Last::Complete => complete(task.proof, Some(b"done")),
        Last::Fail => fail(task.proof, "on purpose"),
        Last::Release => release(task.proof),
        Last::Extend => extend(task.proof),
        Last::Enqueue => enqueue(name, vec![item(new_id(), "another")]),
    };
    let id = node.ask(request).await;
    if !end.is_the_hubs() {
        return;
    }
    if last == Last::Claim {
        // It is parked; behind it comes an answer.
        node.pool_status(name).await;
    } else {
        node.answer(id).await;
    }
}

async fn play(stage: &Stage, end: End, last: Last) {
    let name = format!("{end:?}.{last:?}");
    let mut other = stage.inside(&format!("other-{name}")).await;
    let mut node = born_to(end, stage, &format!("node-{name}")).await;
    let id = other.enqueue(&name, b"x").await;
    let task = node.claim_one(&name).await;
    send_last(end, last, &name, &task, &mut node).await;
    die(end, stage, node).await;
    // One that was not silent itself meanwhile.
    let mut other = stage.inside(&format!("witness-{name}")).await;
    match last {
        Last::Complete => stays_completed(&mut other, &name, id).await,
        Last::Nothing | Last::Claim | Last::Extend => {
            runs_again(&mut other, &name, id, end.of_attempt()).await;
        }
        Last::Fail => runs_again(&mut other, &name, id, AttemptEnding::Failed).await,
        Last::Release => runs_again(&mut other, &name, id, AttemptEnding::Released).await,
        Last::Enqueue => {
            let both = [other.claim_one(&name).await, other.claim_one(&name).await];
            assert!(both.iter().any(|task| task.payload == "another"), "{name}");
            assert!(both.iter().any(|task| task.proof.task == id), "{name}");
        }
    }
}

async fn stays_completed(other: &mut Node, name: &str, id: TaskId) {
    let detail = other.ended(name, id).await;
    assert_eq!(detail.summary.state, StateKind::Completed, "{name}");
    assert_eq!(detail.summary.attempt, 1, "{name}");
    assert_eq!(detail.result.as_deref(), Some(&b"done"[..]), "{name}");
    assert_eq!(
        other.claim(name, 1, GRACE * 2).await,
        [],
        "{name}: it is not run again"
    );
    let endings: Vec<_> = detail
        .history
        .iter()
        .map(|attempt| attempt.ending)
        .collect();
    assert_eq!(endings, [AttemptEnding::Completed], "{name}");
}

async fn runs_again(other: &mut Node, name: &str, id: TaskId, ending: AttemptEnding) {
    let again = other.claim_one(name).await;
    assert_eq!(again.proof.task, id, "{name}");
    assert_eq!(again.payload, "x", "{name}");
    let counted = u32::from(ending.counts());
    assert_eq!(again.attempt, 1 + counted, "{name}");
    let detail = other.task(id).await;
    assert_eq!(detail.interruptions, 1 - counted, "{name}");
    let endings: Vec<_> = detail
        .history
        .iter()
        .map(|attempt| attempt.ending)
        .collect();
    assert_eq!(endings, [ending], "{name}: once, and that way");
    assert_eq!(
        other.claim(name, 1, Duration::ZERO).await,
        [],
        "{name}: there is one task"
    );
    other.complete(&again).await.expect("it is held");
}

#[tokio::test]
async fn every_ending_with_everything_that_was_just_sent() {
    let stage = Stage::start(patient()).await;
    play_all(&stage, &End::HEARD).await;
    is_quiet_after(&stage).await;
    let stage = Stage::start(quick()).await;
    play_all(&stage, &[End::Silence]).await;
    is_quiet_after(&stage).await;
}

/// The node that ends is known to the front and to every partition, and all hear of its end.
#[tokio::test]
async fn every_ending_with_everything_that_was_just_sent_to_a_pool_in_partitions() {
    let mut config = patient();
    config.pool_defaults.partitions = 3;
    let stage = Stage::start(config).await;
    // One by one: it takes as many partitions.
    for end in End::HEARD {
        play_all(&stage, &[end]).await;
    }
    is_quiet_after(&stage).await;
    let mut config = quick();
    config.pool_defaults.partitions = 3;
    let stage = Stage::start(config).await;
    play_all(&stage, &[End::Silence]).await;
    is_quiet_after(&stage).await;
}

async fn play_all(stage: &Stage, ends: &[End]) {
    let mut plays = Vec::new();
    for end in ends {
        plays.extend(LASTS.map(|last| play(stage, *end, last)));
    }
    futures_util::future::join_all(plays).await;
}

async fn is_quiet_after(stage: &Stage) {
    let mut other = stage.inside("last").await;
    let is_quiet = |status: &leasehold_wire::Status| {
        let claimed: u64 = status.pools.iter().map(|pool| pool.claimed).sum();
        status.sessions_open == 1 && claimed == 0
    };
    let status = other.until(is_quiet).await;
    let waiting: u64 = status.pools.iter().map(|pool| pool.waiting).sum();
    assert_eq!(waiting, 0, "no claim is parked that nobody made");
}

/// The commit is on its way when the session ends, so nothing of it was answered.
#[tokio::test]
async fn what_the_hub_heard_counts_though_it_kills_the_session() {
    for end in [End::ActorPanics, End::ActorKilled, End::IoAborted] {
        let stage = Stage::start(patient()).await;
        let mut other = stage.inside("other").await;
        let id = other.enqueue("mail", b"x").await;
        let mut node = stage.node("crane").await;
        let task = node.claim_one("mail").await;
        stage.faults.stall_commits(leasehold_store::Moment::Before);
        node.ask(complete(task.proof, Some(b"done"))).await;
        stage.stalled().await;
        die(end, &stage, node).await;
        stage.faults.release();
        stays_completed(&mut other, "mail", id).await;
    }
}

/// A node that has answers unread in its socket when it closes resets the connection, and what it
/// had said last is read all the same.
#[tokio::test]
async fn what_was_said_before_a_reset_is_heard_though_nothing_can_be_answered() {
    let mut config = patient();
    // So few at a time that answers go out before all is read.
    config.session.requests_max = 4;
    let stage = Stage::start(config).await;
    let mut other = stage.inside("other").await;
    for round in 0..50 {
        let name = format!("mail-{round}");
        let mut node = born_to(End::Reset, &stage, &format!("crane-{round}")).await;
        let tasks = other.enqueue_many(&name, 20).await;
        let held = node.claim(&name, 20, LONG).await;
        assert_eq!(held.len(), tasks.len());
        for task in &held {
            node.feed(Request::Status { pool: None }).await;
            node.feed(complete(task.proof, None)).await;
        }
        // In one piece: what the node's own kernel has not sent by then is lost with it.
        node.flush().await;
        drop(node);
        for id in tasks {
            let detail = other.ended(&name, id).await;
            assert_eq!(detail.summary.state, StateKind::Completed, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_cut_session_has_its_grace_and_no_more() {
    let mut config = patient();
    config.pool_defaults.cut_grace = Duration::from_millis(300);
    let stage = Stage::start(config).await;
    let mut other = stage.inside("other").await;
    for end in [End::Fin, End::Reset] {
        let id = other.enqueue("mail", b"x").await;
        let mut node = born_to(end, &stage, "crane").await;
        node.claim_one("mail").await;
        let since = Instant::now();
        drop(node);
        let task = other.claim_one("mail").await;
        let took = since.elapsed();
        assert_eq!((task.proof.task, task.attempt), (id, 2));
        assert!(took >= Duration::from_millis(290), "{end:?}: {took:?}");
        other.complete(&task).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_comes_back_within_the_grace_keeps_its_leases() {
    let stage = Stage::start(patient()).await;
    let mut other = stage.inside("other").await;
    let id = other.enqueue("mail", b"x").await;
    let unread = other.enqueue("mail", b"y").await;
    let who = hello("blinks");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let task = node.claim_one("mail").await;
    node.claim_one("mail").await;
    drop(node);
    let mut node = Node::over_tcp(stage.address(), who).await;
    let resumed = node.resume(&[task.proof]).await;
    assert!(
        matches!(resumed[..], [Ok(ms)] if ms > 20_000),
        "{resumed:?}"
    );
    // What it did not name never arrived.
    let again = other.claim_one("mail").await;
    assert_eq!((again.proof.task, again.attempt), (unread, 1));
    assert_eq!(
        other.claim("mail", 1, GRACE * 2).await,
        [],
        "the lease is kept"
    );
    node.complete(&task).await.unwrap();
    assert_eq!(other.task(id).await.summary.attempt, 1);
}

/// Nothing is granted to a session that has ended, be its claim or its credit ever so first.
#[tokio::test]
async fn the_dead_are_granted_nothing() {
    let stage = Stage::start(patient()).await;
    let mut other = stage.inside("other").await;
    let mut node = stage.node("crane").await;
    node.ask(claim("mail", 1, LONG)).await;
    node.request(super::verbs::credit("stones", 3)).await;
    other
        .until(|status| status.pools.iter().map(|pool| pool.waiting).sum::<u64>() == 2)
        .await;
    drop(node);
    other.until(|status| status.sessions_open == 1).await;
    for name in ["mail", "stones"] {
        other.enqueue(name, b"x").await;
        let task = within(other.claim_one(name)).await;
        assert_eq!(task.attempt, 1);
    }
}
