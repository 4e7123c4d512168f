//! Nodes that ask for more than they read: it waits in the store, and comes when they read.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use leasehold_core::{Rejection, StateKind, TaskId};
use leasehold_hub::HubConfig;
use leasehold_wire::{Delivery, FromHub, PoolStatus, Request, Response};

use super::{
    raw::{Node, Stage, config},
    verbs::{LONG, await_end, claim, complete, credit, item, new_id, pool},
};

/// Some six times what may be on the way to one session.
const TASKS: usize = 48;
const BYTES: usize = 512 << 10;

fn payload(number: usize) -> Bytes {
    let byte = |at: usize| (number.wrapping_mul(31) + at * 7 + (at >> 8)).to_le_bytes()[0];
    (0..BYTES).map(byte).collect()
}

/// A hub without payloads in memory, with these tasks.
async fn stage() -> (Stage, Vec<TaskId>) {
    let mut config = config();
    config.store.payload_cache = 0;
    let stage = Stage::start(config).await;
    let mut producer = stage.inside("producer").await;
    let mut ids = Vec::new();
    for number in 0..TASKS {
        let id = new_id();
        let task = item(id, payload(number));
        let answers = producer.enqueue_items("mail", vec![task]).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        ids.push(id);
    }
    (stage, ids)
}

/// Asks until the pool is as is wanted.
async fn until(other: &mut Node, is_so: impl Fn(&PoolStatus) -> bool) {
    while !is_so(&other.pool_status("mail").await) {
        tokio::task::yield_now().await;
    }
}

async fn deliveries(node: &mut Node) -> Vec<Delivery> {
    loop {
        match node.hear().await {
            Some(FromHub::Deliver { tasks, .. }) => return tasks,
            Some(FromHub::Response { .. }) => {}
            other => panic!("not a delivery: {other:?}"),
        }
    }
}

#[tokio::test]
async fn all_that_was_granted_on_credit_comes_in_its_order() {
    let (stage, ids) = stage().await;
    let (mut node, mut other) = (stage.node("crane").await, stage.inside("other").await);
    node.ask(credit("mail", 64)).await;
    until(&mut other, |mail| mail.claimed == TASKS as u64).await;
    let mut came = Vec::new();
    while came.len() < TASKS {
        came.extend(deliveries(&mut node).await);
    }
    let order: Vec<TaskId> = came.iter().map(|task| task.proof.task).collect();
    assert_eq!(order, ids);
    for (number, task) in came.iter().enumerate() {
        assert!(task.payload == payload(number), "{number}");
        node.complete(task).await.unwrap();
    }
}

#[tokio::test]
async fn every_claim_is_answered_with_what_it_was_granted() {
    let (stage, ids) = stage().await;
    let (mut node, mut other) = (stage.node("crane").await, stage.inside("other").await);
    let mut claims = Vec::new();
    for _ in 0..TASKS {
        claims.push(node.feed(claim("mail", 1, Duration::ZERO)).await);
    }
    // Of one read: who does not read what it asked for is not heard any more.
    node.flush().await;
    until(&mut other, |mail| mail.claimed == TASKS as u64).await;
    let mut came = BTreeSet::new();
    for id in claims {
        let tasks = node.claimed(id).await;
        let [task] = &tasks[..] else {
            panic!("{} tasks", tasks.len());
        };
        let number = ids.iter().position(|id| *id == task.proof.task).unwrap();
        assert!(task.payload == payload(number), "{number}");
        came.insert(number);
    }
    assert_eq!(came.len(), TASKS);
}

#[tokio::test]
async fn the_result_of_every_task_that_was_waited_for_comes() {
    let (stage, ids) = stage().await;
    let (mut node, mut other) = (stage.node("crane").await, stage.inside("other").await);
    let mut waits = Vec::new();
    for id in &ids {
        waits.push(node.ask(await_end("mail", *id, LONG)).await);
    }
    for number in 0..TASKS {
        let task = other.claim_one("mail").await;
        let done = complete(task.proof, Some(&payload(number)));
        other.done(done).await.unwrap();
    }
    for (number, wait) in waits.into_iter().enumerate() {
        let Response::Task(task) = node.answer(wait).await else {
            panic!("a task was waited for");
        };
        assert_eq!(task.summary.state, StateKind::Completed);
        assert!(task.result == Some(payload(number)), "{number}");
    }
}

#[tokio::test]
async fn what_another_has_by_then_does_not_come() {
    let (stage, ids) = stage().await;
    let (mut node, mut other) = (stage.node("crane").await, stage.inside("other").await);
    let short = Request::Credit {
        pool: pool("mail"),
        tasks: 48,
        lease_ms: Some(1000),
    };
    node.ask(short).await;
    until(&mut other, |mail| mail.claimed == TASKS as u64).await;
    until(&mut other, |mail| mail.claimed == 0).await;
    // They back off, and are ready again.
    let mut taken = Vec::new();
    while taken.len() < TASKS {
        taken.extend(other.claim("mail", 64, LONG).await);
    }
    let last = node.ask(claim("mail", 1, Duration::ZERO)).await;
    let (mut delivered, mut revoked) = (0, BTreeSet::new());
    loop {
        match node.hear().await {
            Some(FromHub::Deliver { tasks, .. }) => {
                delivered += tasks.len();
                let is_over = |task: &Delivery| revoked.contains(&task.proof.task);
                assert!(!tasks.iter().any(is_over), "a lease that was over came");
            }
            Some(FromHub::Revoked { proof, .. }) => _ = revoked.insert(proof.task),
            Some(FromHub::Response { id, body }) if id == last => {
                assert_eq!(body, Response::Claimed(vec![]));
                break;
            }
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    assert_eq!(revoked.len(), ids.len());
    assert!(delivered < TASKS / 2, "{delivered} came");
}

/// A session may have a megabyte under way.
fn narrow() -> HubConfig {
    let mut config = config();
    config.session.bytes_max = 1 << 20;
    config.session.frame_bytes_max = 1 << 20;
    config.pool_defaults.payload_bytes_max = 1 << 10;
    config.pool_defaults.result_bytes_max = 1 << 10;
    config
}

/// Nobody knows which pool has a task that is called off, so each pool is asked: for no more ids than
/// fit into what one session may have under way.
#[tokio::test]
async fn more_ids_than_all_pools_can_be_asked_for_are_refused() {
    const POOLS: usize = 20;
    let stage = Stage::start(narrow()).await;
    let mut node = stage.inside("crane").await;
    let mut known = Vec::new();
    for number in 0..POOLS {
        known.push(node.enqueue(&format!("pool-{number}"), b"x").await);
    }
    let fits = (1 << 20) / (64 * POOLS);
    let cancel = |count: usize| {
        let mut tasks: Vec<TaskId> = (0..count).map(|_| new_id()).collect();
        tasks[0] = known[7];
        Request::Cancel { tasks }
    };
    let Response::Refused(Rejection::OutOfBounds {
        what, value, max, ..
    }) = node.request(cancel(fits + 1)).await
    else {
        panic!("so many are too many");
    };
    assert_eq!((value, max), (fits as u64 + 1, fits as u64), "{what}");
    assert_eq!(node.state(known[7]).await, StateKind::Ready);
    let Response::Done(done) = node.request(cancel(fits)).await else {
        panic!("so many are not");
    };
    assert_eq!((done.len(), &done[0]), (fits, &Ok(())));
    assert_eq!(node.state(known[7]).await, StateKind::Cancelled);
}

/// What is listed weighs what it may be answered with: past `bytes_max` nothing more is read.
#[tokio::test]
async fn lists_that_nobody_reads_are_not_made_without_end() {
    let stage = Stage::start(narrow()).await;
    let mut node = stage.inside("crane").await;
    let ids = node.enqueue_many("mail", 4096).await;
    let list = Request::Tasks {
        pool: pool("mail"),
        state: None,
        after: None,
        tasks_max: 4096,
    };
    let mut lists = Vec::new();
    for _ in 0..40 {
        lists.push(node.feed(list.clone()).await);
    }
    let last = node
        .feed(Request::Cancel {
            tasks: vec![ids[0]],
        })
        .await;
    node.flush().await;
    let mut other = stage.inside("other").await;
    for _ in 0..50 {
        other.pool_status("mail").await;
    }
    assert_eq!(other.state(ids[0]).await, StateKind::Ready, "it was read");
    for id in lists {
        let Response::Tasks(tasks) = node.answer(id).await else {
            panic!("a list was asked for");
        };
        assert_eq!(tasks.len(), 4096);
    }
    assert_eq!(node.answer(last).await, Response::Done(vec![Ok(())]));
}
