//! Bytes in, bytes out: from memory or from the store, whole and each time.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{LeaseRef, Rejection, StateKind};
use leasehold_store::Moment;
use leasehold_wire::{Delivery, EnqueueItem, FromNode, Request, Response};

use super::{
    raw::{Node, Stage, config},
    verbs::{LONG, claim, complete, credit, item, new_id, release},
};

const MIB: usize = 1 << 20;

/// Bytes that differ from place to place, so that no mix-up goes unnoticed.
fn noise(seed: usize, length: usize) -> Bytes {
    let byte = |at: usize| (seed.wrapping_mul(31) + at * 7 + (at >> 8)).to_le_bytes()[0];
    (0..length).map(byte).collect()
}

/// With room for all payloads in memory, for some and for none.
fn caches() -> [usize; 3] {
    [64 * MIB, 300, 0]
}

async fn stage(payload_cache: usize) -> Stage {
    let mut config = config();
    config.store.payload_cache = payload_cache;
    Stage::start(config).await
}

#[tokio::test]
async fn every_payload_comes_as_it_went() {
    for cache in caches() {
        let stage = stage(cache).await;
        let mut node = stage.node("crane").await;
        let payloads: Vec<Bytes> = [0, 1, 10, 250, 70_000, MIB]
            .into_iter()
            .map(|length| noise(length, length))
            .collect();
        let items: Vec<EnqueueItem> = payloads
            .iter()
            .map(|payload| item(new_id(), payload.clone()))
            .collect();
        let answers = node.enqueue_items("mail", items.clone()).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        for sent in &items {
            let task = node.claim_one("mail").await;
            assert_eq!(task.proof.task, sent.id, "cache {cache}");
            assert!(task.payload == sent.payload, "cache {cache}");
            let detail = node.task(sent.id).await;
            assert_eq!(detail.summary.payload_bytes as usize, sent.payload.len());
            assert!(
                detail.payload.as_ref() == Some(&sent.payload),
                "cache {cache}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_nothing_else_is() {
    let stage = stage(64 * MIB).await;
    let mut node = stage.node("crane").await;
    let ids = [new_id(), new_id(), new_id()];
    let tasks = vec![
        item(ids[0], "short"),
        item(ids[1], noise(1, MIB + 1)),
        item(ids[2], "short, too"),
    ];
    let answers = node.enqueue_items("mail", tasks).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    let Err(Rejection::OutOfBounds { value, max, .. }) = &answers[1] else {
        panic!("{answers:?}");
    };
    assert_eq!((*value, *max), (MIB as u64 + 1, MIB as u64));
    let task = node.claim_one("mail").await;
    let too_long = complete(task.proof, Some(&noise(2, MIB + 1)));
    let answer = node.done(too_long).await;
    assert!(
        matches!(answer, Err(Rejection::OutOfBounds { .. })),
        "{answer:?}"
    );
    assert_eq!(
        node.state(ids[0]).await,
        StateKind::Claimed,
        "it is still held"
    );
    node.complete(&task).await.unwrap();
}

#[tokio::test]
async fn a_result_is_read_back_by_who_waits_and_who_looks() {
    for cache in caches() {
        let stage = stage(cache).await;
        let mut node = stage.node("crane").await;
        let mut other = stage.node("other").await;
        for (length, result) in [(0, None), (3, Some(noise(3, 0))), (9, Some(noise(9, MIB)))] {
            let id = node.enqueue("mail", &noise(1, length)).await;
            let waits = other.ask(super::verbs::await_end("mail", id, LONG)).await;
            let task = node.claim_one("mail").await;
            node.done(complete(task.proof, result.as_deref()))
                .await
                .unwrap();
            let Response::Task(awaited) = other.answer(waits).await else {
                panic!("a task was waited for");
            };
            assert_eq!(awaited.summary.state, StateKind::Completed);
            assert!(awaited.result == result, "{length}");
            assert!(node.task(id).await.result == result, "{length}");
            assert!(node.ended("mail", id).await.result == result, "{length}");
        }
    }
}

#[tokio::test]
async fn a_requeued_task_brings_the_same_payload_each_time() {
    for cache in caches() {
        let stage = stage(cache).await;
        let mut node = stage.node("crane").await;
        let payload = noise(4, 5000);
        let id = node.enqueue("mail", &payload).await;
        for _ in 0..4 {
            let task = node.claim_one("mail").await;
            assert_eq!(
                (task.proof.task, &task.payload),
                (id, &payload),
                "cache {cache}"
            );
            node.done(release(task.proof)).await.unwrap();
        }
    }
}

/// All of this happens while one commit is on its way: not even the enqueue is on disk when the
/// task is granted, given back by its node's bye, and granted again, and again.
#[tokio::test]
async fn a_task_granted_thrice_before_any_commit_brings_its_payload_to_the_last() {
    for cache in caches() {
        let stage = stage(cache).await;
        let mut producer = stage.inside("producer").await;
        producer.enqueue("mail", b"warm").await;
        let warm = producer.claim_one("mail").await;
        stage.faults.stall_commits(Moment::Before);
        producer.ask(complete(warm.proof, None)).await;
        stage.stalled().await;

        let (id, payload) = (new_id(), noise(5, 1000));
        let tasks = vec![item(id, payload.clone())];
        let enqueued = producer.ask(super::verbs::enqueue("mail", tasks)).await;
        for round in 0..3 {
            let mut node = stage.inside(&format!("short-lived-{round}")).await;
            node.ask(claim("mail", 1, LONG)).await;
            node.say(FromNode::Bye).await;
            while node.hear().await.is_some() {}
        }
        let mut last = stage.inside("last").await;
        let claimed = last.ask(claim("mail", 1, LONG)).await;
        // Another pool answers at once, and behind what was sent to this one.
        let pool = Some(super::verbs::pool("nowhere"));
        last.request(Request::Status { pool }).await;
        stage.faults.release();
        producer.answer(enqueued).await;
        let tasks = last.claimed(claimed).await;
        assert_eq!(tasks.len(), 1, "cache {cache}: it was granted, so it comes");
        assert_eq!(
            (tasks[0].proof.task, &tasks[0].payload),
            (id, &payload),
            "cache {cache}"
        );
        assert_eq!(tasks[0].attempt, 1);
    }
}

#[tokio::test]
async fn deliveries_come_in_as_many_frames_as_it_takes() {
    let mut config = config();
    // As short as it may be with payloads of a mebibyte.
    config.session.frame_bytes_max = MIB + (64 << 10);
    for cache in caches() {
        config.store.payload_cache = cache;
        let stage = Stage::start(config.clone()).await;
        let mut node = stage.node("crane").await;
        let mut payloads = std::collections::BTreeMap::new();
        for seed in 0..12 {
            let payload = noise(seed, if seed % 3 == 0 { MIB } else { 300_000 });
            payloads.insert(node.enqueue("mail", &payload).await, payload);
        }
        node.request(credit("mail", 20)).await;
        let mut proofs: Vec<LeaseRef> = Vec::new();
        while proofs.len() < payloads.len() {
            for Delivery { proof, payload, .. } in node.delivered().await {
                assert!(payloads[&proof.task] == payload, "cache {cache}");
                proofs.push(proof);
            }
        }
        for proof in proofs {
            node.done(complete(proof, None)).await.unwrap();
        }
    }
}

/// A claim is answered in one frame: with as many as fit.
#[tokio::test]
async fn a_claim_of_many_long_payloads_is_granted_what_fits() {
    for cache in [64 * MIB, 0] {
        let stage = stage(cache).await;
        let mut node = stage.node("crane").await;
        for seed in 0..6 {
            node.enqueue("mail", &noise(seed, 400_000)).await;
        }
        let mut seen = 0;
        while seen < 6 {
            let tasks = node.claim("mail", 100, LONG).await;
            assert!((1..=3).contains(&tasks.len()), "{}", tasks.len());
            for task in tasks {
                assert!(task.payload == noise(seen, 400_000), "cache {cache}");
                seen += 1;
            }
        }
    }
}

/// A look at a task brings payload and result; where both do not fit, the payload is left out.
#[tokio::test]
async fn a_look_that_does_not_fit_leaves_the_payload_out() {
    let mut config = config();
    config.session.frame_bytes_max = MIB + (64 << 10);
    let stage = Stage::start(config).await;
    let mut node = stage.node("crane").await;
    let id = node.enqueue("mail", &noise(1, MIB)).await;
    let task = node.claim_one("mail").await;
    let result = noise(2, MIB);
    node.done(complete(task.proof, Some(&result)))
        .await
        .unwrap();
    let detail = node.task(id).await;
    assert_eq!(detail.payload, None);
    assert!(detail.result == Some(result));
}

/// Of more tasks than are looked at ahead, with room for fewer.
#[tokio::test]
async fn a_backlog_on_disk_comes_in_order_and_each_with_its_own() {
    const TASKS: usize = 3000;
    let stage = stage(300_000).await;
    let mut node = stage.inside("crane").await;
    let mut sent = Vec::new();
    for batch in 0..TASKS / 1000 {
        let new = |at| item(new_id(), noise(batch * 1000 + at, 200));
        let items: Vec<EnqueueItem> = (0..1000).map(new).collect();
        let answers = node.enqueue_items("mail", items.clone()).await;
        assert!(answers.iter().all(Result::is_ok));
        sent.extend(items);
    }
    let mut come = Vec::new();
    while come.len() < TASKS {
        let some = node.claim("mail", 70, Duration::ZERO).await;
        assert!(!some.is_empty(), "after {}", come.len());
        come.extend(some);
    }
    for (sent, come) in sent.iter().zip(&come) {
        assert_eq!((sent.id, &sent.payload), (come.proof.task, &come.payload));
    }
}

#[tokio::test]
async fn the_cache_gives_its_room_back() {
    // Room for one at a time.
    let stage = stage(1200).await;
    let mut node: Node = stage.inside("crane").await;
    for round in 0..20 {
        let payload = noise(round, 1000);
        let id = node.enqueue("mail", &payload).await;
        if round % 2 == 0 {
            let tasks = vec![id];
            node.done(Request::Cancel { tasks }).await.unwrap();
            assert_eq!(node.claim("mail", 1, Duration::ZERO).await, []);
        } else {
            let task = node.claim_one("mail").await;
            assert_eq!(task.payload, payload);
        }
    }
}
