//! A store that fails, panics, stalls or fills up.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{Rejection, StateKind, TaskId};
use leasehold_store::Moment;
use leasehold_wire::{EnqueuedItem, FromHub, Request, Response};

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{LONG, claim, complete, enqueue, item, new_id},
};

/// A session in which the pools are up again.
async fn back(stage: &Stage, name: &str) -> Node {
    let coming = async {
        loop {
            let mut node = stage.inside(name).await;
            let pool = Some(super::verbs::pool(name));
            node.try_ask(Request::Status { pool }).await;
            match node.hear().await {
                Some(FromHub::Response {
                    body: Response::Status(_),
                    ..
                }) => return node,
                Some(FromHub::Response {
                    body: Response::Refused(rejection),
                    ..
                }) => {
                    assert!(
                        matches!(rejection, Rejection::Unavailable { .. }),
                        "{rejection}"
                    );
                }
                Some(FromHub::Bye { .. }) => {}
                heard => panic!("{heard:?}"),
            }
        }
    };
    within(coming).await
}

async fn enqueue_into_failure(stage: &Stage, fail: impl Fn(&Stage)) -> (TaskId, TaskId) {
    let mut node = stage.inside("crane").await;
    let there = node.enqueue("mail", b"there").await;
    fail(stage);
    let doubtful = new_id();
    node.ask(enqueue("mail", vec![item(doubtful, "doubtful")]))
        .await;
    // No answer: what is not known to be on disk is not said to be.
    node.dismissed().await;
    (there, doubtful)
}

#[tokio::test]
async fn a_commit_that_failed_is_not_acknowledged_and_the_pool_is_restored() {
    fail_commits().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_one_that_failed_on_the_thread_of_its_pool() {
    fail_commits().await;
}

async fn fail_commits() {
    type Plan = fn(&Stage);
    let plans: [(Plan, bool); 6] = [
        (|stage| stage.faults.fail_commit(Moment::Before), false),
        (|stage| stage.faults.fail_commit(Moment::After), true),
        (|stage| stage.faults.panic_in_commit(Moment::Before), false),
        (|stage| stage.faults.panic_in_commit(Moment::After), true),
        (
            |stage| {
                stage.faults.fail_reopens(3);
                stage.faults.fail_commit(Moment::Before);
            },
            false,
        ),
        (
            // The disk fails again between the store and its pool.
            |stage| {
                stage.faults.fail_opens(3);
                stage.faults.fail_commit(Moment::Before);
            },
            false,
        ),
    ];
    for (at, (plan, is_written)) in plans.into_iter().enumerate() {
        let stage = Stage::start(config()).await;
        let (there, doubtful) = enqueue_into_failure(&stage, plan).await;
        let mut node = back(&stage, "mail").await;
        drop(node.task(there).await);
        // The producer says it again, under the same id.
        let known_as = is_written.then_some(StateKind::Ready);
        let again = vec![item(doubtful, "doubtful")];
        let answer = within(async {
            loop {
                match node.request(enqueue("mail", again.clone())).await {
                    Response::Enqueued(items) => return items,
                    Response::Refused(Rejection::Unavailable { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
        })
        .await;
        let id = doubtful;
        assert_eq!(answer, [Ok(EnqueuedItem { id, known_as })], "plan {at}");
        assert_eq!(
            node.claim("mail", 9, Duration::ZERO).await.len(),
            2,
            "plan {at}"
        );
    }
}

/// The store that one pool's failure made start again knows nothing of the others: each of them
/// has to be opened again, once.
#[tokio::test]
async fn a_failed_commit_of_one_pool_leaves_no_pool_in_trouble() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    for name in ["mail", "stones", "straw"] {
        node.enqueue(name, b"x").await;
    }
    stage.faults.fail_commit(Moment::Before);
    node.try_ask(enqueue("mail", vec![item(new_id(), "y")]))
        .await;
    node.dismissed().await;
    let steady = async {
        for _ in 0..5 {
            for name in ["mail", "stones", "straw"] {
                let id = new_id();
                let mut node = stage.inside("crane").await;
                loop {
                    node.try_ask(enqueue(name, vec![item(id, "y")])).await;
                    match node.hear().await {
                        Some(FromHub::Response {
                            body: Response::Enqueued(_),
                            ..
                        }) => break,
                        Some(FromHub::Response { .. }) => tokio::task::yield_now().await,
                        Some(FromHub::Bye { .. }) => node = stage.inside("crane").await,
                        heard => panic!("{heard:?}"),
                    }
                }
            }
        }
    };
    within(steady).await;
    let mut node = stage.inside("crane").await;
    for pool in node.status().await.pools {
        assert_eq!(pool.epoch, 2, "restored once: {pool:?}");
        assert_eq!(pool.ready, 6, "{pool:?}");
    }
}

#[tokio::test]
async fn leases_outlive_a_failed_commit() {
    let stage = Stage::start(config()).await;
    let who = hello("crane");
    let mut node = stage.inside_as(who.clone()).await;
    let id = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    stage.faults.fail_commit(Moment::After);
    node.try_ask(complete(task.proof, Some(b"done"))).await;
    node.dismissed().await;
    let again = async {
        loop {
            let mut node = stage.inside_as(who.clone()).await;
            node.try_ask(complete(task.proof, Some(b"done"))).await;
            match node.hear().await {
                Some(FromHub::Response {
                    body: Response::Done(items),
                    ..
                }) => match &items[0] {
                    Ok(()) => return node,
                    Err(Rejection::Unavailable { .. }) => {}
                    Err(rejection) => panic!("{rejection}"),
                },
                Some(FromHub::Bye { .. }) => {}
                heard => panic!("{heard:?}"),
            }
        }
    };
    let mut node = within(again).await;
    let detail = node.ended("mail", id).await;
    assert_eq!(detail.summary.attempt, 1);
    assert_eq!(detail.result, Some(Bytes::from_static(b"done")));
}

#[tokio::test]
async fn while_a_commit_stalls_its_answers_wait_and_looks_do_too_but_nobody_ends() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    let mut other = stage.inside("other").await;
    other.enqueue("stones", b"x").await;
    let before = other.status().await.store.commits;
    stage.faults.stall_commits(Moment::Before);
    let id = new_id();
    let enqueued = node.ask(enqueue("mail", vec![item(id, "x")])).await;
    let claimed = node.ask(claim("mail", 1, LONG)).await;
    stage.stalled().await;
    // Another pool has nothing on its way, and tells what it knows.
    assert_eq!(other.pool_status("stones").await.ready, 1);
    assert_eq!(other.pool_status("stones").await.ready, 1);
    node.say(leasehold_wire::FromNode::Ping).await;
    stage.faults.release();
    let Response::Enqueued(items) = node.answer(enqueued).await else {
        panic!("an enqueue was asked for");
    };
    assert!(items[0].is_ok());
    assert_eq!(node.claimed(claimed).await[0].proof.task, id);
    assert!(other.status().await.store.commits > before);
}

/// As many tasks as make a commit a long one.
fn crowd() -> Vec<leasehold_wire::EnqueueItem> {
    (0..200).map(|_| item(new_id(), "x")).collect()
}

/// Two long commits of a pool, the first of them on its way to a disk that stands still, the second
/// ready behind it.
async fn two_under_way(stage: &Stage, node: &mut Node) -> [u64; 2] {
    let begun = stage.faults.begun();
    stage.faults.stall_commits(Moment::After);
    let first = node.ask(enqueue("mail", crowd())).await;
    stage.stalled().await;
    let second = node.ask(enqueue("mail", crowd())).await;
    stage.begun(begun + 2).await;
    [first, second]
}

#[tokio::test]
async fn a_long_commit_begins_while_another_is_written_and_ends_after_it() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue("mail", b"x").await;
    let written = stage.faults.commits();
    let asked = two_under_way(&stage, &mut node).await;
    assert_eq!(stage.faults.commits(), written + 1, "the second waits");
    let quiet = tokio::time::timeout(Duration::from_millis(100), node.hear()).await;
    assert!(quiet.is_err(), "an answer overtook its commit: {quiet:?}");
    stage.faults.release();
    for request in asked {
        let Response::Enqueued(items) = node.answer(request).await else {
            panic!("an enqueue was asked for");
        };
        assert!(items.iter().all(Result::is_ok));
    }
    assert_eq!(node.pool_status("mail").await.ready, 401);
}

#[tokio::test]
async fn a_long_commit_that_fails_takes_the_one_behind_it_along() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    let there = node.enqueue("mail", b"there").await;
    two_under_way(&stage, &mut node).await;
    stage.faults.fail_commit(Moment::After);
    stage.faults.release();
    // Neither is answered, though both may be on disk.
    node.dismissed().await;
    let mut node = back(&stage, "mail").await;
    drop(node.task(there).await);
    assert_eq!(node.pool_status("mail").await.epoch, 2, "restored once");
    node.enqueue("mail", b"after").await;
}

/// What has not been read cannot have been: nothing comes before the release.
#[tokio::test]
async fn no_answer_overtakes_its_commit() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    let mut other = stage.inside("other").await;
    node.request(super::verbs::credit("mail", 10)).await;
    stage.faults.stall_commits(Moment::After);
    let id = new_id();
    let enqueued = other.ask(enqueue("mail", vec![item(id, "x")])).await;
    stage.stalled().await;
    let quiet = tokio::time::timeout(Duration::from_millis(100), node.hear()).await;
    assert!(quiet.is_err(), "a grant overtook its enqueue: {quiet:?}");
    let quiet = tokio::time::timeout(Duration::from_millis(100), other.hear()).await;
    assert!(quiet.is_err(), "an answer overtook its commit: {quiet:?}");
    stage.faults.release();
    other.answer(enqueued).await;
    assert_eq!(node.delivered().await[0].proof.task, id);
}

async fn until_free(node: &mut Node, bytes: Option<u64>) {
    node.until(|status| status.store.free_bytes == bytes).await;
}

#[tokio::test]
async fn below_the_reserve_nothing_new_comes_in_and_everything_else_goes_on() {
    let mut config = config();
    config.store.disk_reserve = 1000;
    let stage = Stage::start(config).await;
    let mut node = stage.inside("crane").await;
    let known = node.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    stage.faults.set_free_bytes(Some(999));
    until_free(&mut node, Some(999)).await;

    let tasks = vec![item(known, "x"), item(new_id(), "y")];
    let answer = node.enqueue_items("mail", tasks.clone()).await;
    let refused = Rejection::DiskNearlyFull {
        free: 999,
        reserve: 1000,
    };
    let known_as = Some(StateKind::Claimed);
    assert_eq!(
        answer,
        [
            Ok(EnqueuedItem {
                id: known,
                known_as
            }),
            Err(refused)
        ]
    );
    node.complete(&task).await.unwrap();

    stage.faults.set_free_bytes(Some(2000));
    until_free(&mut node, Some(2000)).await;
    let answer = node.enqueue_items("mail", tasks).await;
    assert!(answer.iter().all(Result::is_ok), "{answer:?}");
}

/// Measured while much is written, too: that is when disks fill.
#[tokio::test]
async fn a_full_disk_is_noticed_under_load() {
    let mut config = config();
    config.store.disk_reserve = 1000;
    let stage = Stage::start(config).await;
    let mut node = stage.inside("crane").await;
    stage.faults.set_free_bytes(Some(5));
    let filling = async {
        loop {
            let answer = node.enqueue_items("mail", vec![item(new_id(), "x")]).await;
            if answer[0].is_err() {
                return answer;
            }
        }
    };
    let answer = within(filling).await;
    assert_eq!(
        answer,
        [Err(Rejection::DiskNearlyFull {
            free: 5,
            reserve: 1000
        })]
    );
    let request = Request::Status { pool: None };
    assert!(matches!(node.request(request).await, Response::Status(_)));
}
