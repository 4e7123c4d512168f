//! What else is known of a task, as nodes are told it.

use std::time::Duration;

use leasehold_core::{StateKind, TaskId, Wish};
use leasehold_wire::{DeliveryMore, EnqueueMoreItem, Fact, FromHub, Request, Response};

use super::{
    raw::{Node, Stage, config},
    verbs::{claim, credit, fail, item, new_id, pool, release},
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traced() -> Wish {
    Wish::Trace(TRACE.into())
}

/// One task for each of these, in this order.
async fn enqueue(node: &mut Node, wishes: Vec<Vec<Wish>>) -> Vec<TaskId> {
    let one = |wishes| EnqueueMoreItem {
        item: item(new_id(), "x"),
        wishes,
    };
    let tasks: Vec<_> = wishes.into_iter().map(one).collect();
    let ids = tasks.iter().map(|task| task.item.id).collect();
    let pool = pool("mail");
    let answer = node.request(Request::EnqueueMore { pool, tasks }).await;
    assert!(matches!(&answer, Response::Enqueued(items) if items.iter().all(Result::is_ok)));
    ids
}

fn facts(tasks: &[DeliveryMore]) -> Vec<&[Fact]> {
    tasks.iter().map(|task| task.facts.as_slice()).collect()
}

#[tokio::test]
async fn a_batch_in_which_one_has_more_to_it_is_told_of_with_all_there_is() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    enqueue(&mut node, vec![vec![], vec![traced()]]).await;
    let known: [&[Fact]; 2] = [&[], &[Fact::Trace(TRACE.into())]];
    let Response::ClaimedMore(tasks) = node.request(claim("mail", 2, Duration::ZERO)).await else {
        panic!("one of them has a trace");
    };
    assert_eq!(facts(&tasks), known);
    for task in &tasks {
        assert_eq!(node.done(release(task.delivery.proof)).await, Ok(()));
    }
    node.request(credit("mail", 2)).await;
    let Some(FromHub::DeliverMore { tasks, .. }) = node.hear().await else {
        panic!("one of them has a trace");
    };
    assert_eq!(facts(&tasks), known);
}

#[tokio::test]
async fn a_batch_of_plain_tasks_is_told_of_as_ever() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    // What its pool made of it is nothing to tell a handler.
    let expires = vec![Wish::ExpiresAfter(3_600_000)];
    let ids = enqueue(&mut node, vec![vec![], expires, vec![]]).await;
    assert_eq!(node.claim("mail", 2, Duration::ZERO).await.len(), 2);
    node.request(credit("mail", 1)).await;
    assert_eq!(node.delivered().await.len(), 1);
    let look = Request::Task { task: ids[0] };
    assert!(matches!(node.request(look).await, Response::Task(_)));
}

#[tokio::test]
async fn whoever_looks_sees_each_budget_with_its_bound() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let limits = vec![Wish::LossesMax(7), Wish::InterruptionsMax(8)];
    let ids = enqueue(&mut node, vec![limits]).await;
    let task = node.claim_one("mail").await;
    assert_eq!(node.done(fail(task.proof, "once")).await, Ok(()));
    let look = Request::Task { task: ids[0] };
    let Response::TaskMore { detail, facts } = node.request(look).await else {
        panic!("it has failed");
    };
    assert_eq!(detail.summary.state, StateKind::Scheduled);
    let counted = [
        Fact::Failures(1, 5),
        Fact::Losses(0, 7),
        Fact::Interruptions(0, 8),
    ];
    assert_eq!(facts, counted);
}
