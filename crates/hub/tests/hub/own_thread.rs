//! Small commits while nobody else commits are made where the pool runs.

use std::{collections::BTreeSet, time::Duration};

use leasehold_store::Moment;
use leasehold_wire::{Request, Response};

use super::{
    raw::{Stage, config, within},
    verbs::{enqueue, item, new_id},
};

/// On how many threads a lone producer's tasks were committed.
async fn threads_of_a_lone_producer(payload: &[u8]) -> usize {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    let mut threads = BTreeSet::new();
    for _ in 0..100 {
        node.enqueue("mail", payload).await;
        let thread = stage.faults.committed_on().expect("it was committed");
        threads.insert(format!("{thread:?}"));
    }
    threads.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pool_commits_what_little_it_has_itself() {
    // The store's own thread comes first, and takes what the machine was too slow for.
    assert!(threads_of_a_lone_producer(b"x").await > 1);
}

/// However quick the disk was before it: it is long in writing, and may be too long for a journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_payload_is_left_to_the_stores_thread() {
    assert_eq!(threads_of_a_lone_producer(&[0; 512 * 1024]).await, 1);
}

#[tokio::test]
async fn a_hub_with_one_thread_leaves_it_to_the_stores() {
    assert_eq!(threads_of_a_lone_producer(b"x").await, 1);
}

/// The worker that waits for the disk is the one that waited for the sockets before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_attends_to_the_sockets_meanwhile() {
    for _ in 0..20 {
        let stage = Stage::start(config()).await;
        let mut node = stage.node("crane").await;
        let mut other = stage.node("heron").await;
        node.enqueue("mail", b"x").await;
        stage.faults.stall_commits(Moment::Before);
        let asked = node.ask(enqueue("mail", vec![item(new_id(), "y")])).await;
        stage.stalled().await;
        // A pool that there is not: nobody needs the store for it.
        let claim = Request::Revive {
            pool: super::verbs::pool("straw"),
            tasks: None,
        };
        let answer = other.request(claim).await;
        assert!(matches!(answer, Response::Refused(_)), "{answer:?}");
        stage.faults.release();
        let answer = within(node.answer(asked)).await;
        assert!(matches!(answer, Response::Enqueued(_)), "{answer:?}");
        drop(node.claim("mail", 2, Duration::ZERO).await);
    }
}
