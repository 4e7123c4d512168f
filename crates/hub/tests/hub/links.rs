//! Tasks that have to do with one another: what the hub has to say to that beside the core.

use leasehold_core::{LeaseRef, Rejection, StateKind, TaskId, Wish};
use leasehold_wire::{CompleteItem, CompleteMoreItem, EnqueueMoreItem, Request, Response};

use super::{
    partitions::parted,
    raw::{Node, Stage, config},
    verbs::{item, new_id, pool},
};

fn more(id: TaskId, wishes: Vec<Wish>) -> EnqueueMoreItem {
    let item = item(id, "x");
    EnqueueMoreItem { item, wishes }
}

/// What the hub says to a completion with a task to follow.
async fn complete_with(node: &mut Node, proof: LeaseRef, next: TaskId) -> Result<(), Rejection> {
    let result = None;
    let items = vec![CompleteMoreItem {
        item: CompleteItem { proof, result },
        then: vec![more(next, Vec::new())],
    }];
    match node.request(Request::CompleteMore { items }).await {
        Response::Done(mut items) => items.remove(0),
        Response::Refused(rejection) => Err(rejection),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn below_the_reserve_nothing_follows_and_the_task_is_held_until_there_is_room() {
    let mut config = config();
    config.store.disk_reserve = 1000;
    let stage = Stage::start(config).await;
    let mut node = stage.inside("crane").await;
    node.enqueue_many("mail", 2).await;
    let held = node.claim_one("mail").await.proof;
    let plain = node.claim_one("mail").await;
    stage.faults.set_free_bytes(Some(999));
    node.until(|status| status.store.free_bytes == Some(999))
        .await;

    let next = new_id();
    let refused = Rejection::DiskNearlyFull {
        free: 999,
        reserve: 1000,
    };
    assert_eq!(complete_with(&mut node, held, next).await, Err(refused));
    assert_eq!(node.state(held.task).await, StateKind::Claimed);
    node.complete(&plain).await.unwrap();

    stage.faults.set_free_bytes(Some(2000));
    node.until(|status| status.store.free_bytes == Some(2000))
        .await;
    complete_with(&mut node, held, next).await.unwrap();
    assert_eq!(node.state(held.task).await, StateKind::Completed);
    assert_eq!(node.claim_one("mail").await.proof.task, next);
}

#[tokio::test]
async fn a_pool_in_partitions_says_that_it_links_no_tasks() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.node("crane").await;
    let known = node.enqueue("mail", b"x").await;
    let key = Wish::Key {
        key: "one".into(),
        window_ms: None,
    };
    let after = Wish::After {
        tasks: vec![known],
        any_end: false,
    };
    let tasks = vec![more(new_id(), vec![key]), more(new_id(), vec![after])];
    let pool = pool("mail");
    let answer = node.request(Request::EnqueueMore { pool, tasks }).await;
    let Response::Enqueued(items) = answer else {
        panic!("{answer:?}")
    };
    let is_refused = |rejection: &Rejection| matches!(rejection, Rejection::Unsupported(what) if what.contains("partitions"));
    assert_eq!(items.len(), 2);
    for item in items {
        assert!(item.as_ref().is_err_and(is_refused), "{item:?}");
    }
    let proof = node.claim_one("mail").await.proof;
    let said = complete_with(&mut node, proof, new_id()).await;
    assert!(said.as_ref().is_err_and(is_refused), "{said:?}");
    assert_eq!(node.state(known).await, StateKind::Claimed);
}
