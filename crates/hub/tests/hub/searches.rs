//! Requests that look through all of a pool's tasks.

use leasehold_core::{StateKind, TaskId, Where};
use leasehold_wire::{Request, Response};

use super::{
    raw::{Node, Stage, config},
    verbs::pool,
};

/// More than twice what a pool looks at in one go.
const MANY: usize = 10_000;

async fn cancelled(node: &mut Node) -> Vec<TaskId> {
    let ids = node.enqueue_many("mail", MANY).await;
    for tasks in ids.chunks(4096) {
        let tasks = tasks.to_vec();
        let answer = node.request(Request::Cancel { tasks }).await;
        assert!(matches!(answer, Response::Done(_)), "{answer:?}");
    }
    ids
}

fn purge(which: Vec<Where>) -> Request {
    Request::Purge {
        pool: pool("mail"),
        which,
        tasks_max: 4096,
    }
}

#[tokio::test]
async fn a_large_pool_is_emptied_answer_by_answer_while_others_are_served() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let ids = cancelled(&mut node).await;
    let mut other = stage.node("hoist").await;
    let mut left = MANY as u64;
    while left > 0 {
        let asked = node.ask(purge(vec![])).await;
        let id = other.enqueue("mail", b"meanwhile").await;
        assert_eq!(other.state(id).await, StateKind::Ready);
        let Response::Purged(purged) = node.answer(asked).await else {
            panic!("a purge is answered so");
        };
        assert_eq!(purged, left.min(4096));
        left -= purged;
    }
    let none = node.request(purge(vec![])).await;
    assert!(matches!(none, Response::Purged(0)), "{none:?}");
    let look = Request::Task { task: ids[0] };
    assert!(matches!(node.request(look).await, Response::Refused(_)));
}

#[tokio::test]
async fn a_node_that_leaves_in_the_middle_of_a_search_holds_nobody_up() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    cancelled(&mut node).await;
    let mut leaver = stage.node("hoist").await;
    let nothing = || purge(vec![Where::Reason("no such reason".into())]);
    for _ in 0..8 {
        leaver.ask(nothing()).await;
    }
    drop(leaver);
    let answer = node.request(nothing()).await;
    assert!(matches!(answer, Response::Purged(0)), "{answer:?}");
}
