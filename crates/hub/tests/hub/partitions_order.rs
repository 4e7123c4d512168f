//! What a pool in partitions keeps of the order of its tasks.

use std::time::Duration;

use bytes::Bytes;
use leasehold_wire::{Delivery, EnqueueItem};

use super::{
    partitions::{PARTS, delivered, parted, pools_of},
    raw::Stage,
    verbs::{credit, item, new_id},
};

/// So many tasks, of priorities from 0 on in an order that is not theirs.
fn ranked(count: u32) -> Vec<EnqueueItem> {
    let ranked = |number: u32| EnqueueItem {
        priority: number * 7 % count,
        ..item(new_id(), Bytes::new())
    };
    (0..count).map(ranked).collect()
}

#[tokio::test]
async fn one_claim_at_a_time_gets_the_most_urgent_of_all_partitions() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue_items("mail", ranked(60)).await;
    let mut tasks = Vec::new();
    for _ in 0..60 {
        tasks.extend(node.claim("mail", 1, Duration::ZERO).await);
    }
    let order: Vec<u32> = tasks.iter().map(|task| task.priority).collect();
    assert_eq!(order, (0..60).collect::<Vec<_>>());
    assert_eq!(pools_of(&tasks).len(), PARTS, "each partition has some");
    assert!(node.claim("mail", 1, Duration::ZERO).await.is_empty());
}

#[tokio::test]
async fn in_a_round_every_partition_gives_its_most_urgent_and_no_more_than_its_part() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue_items("mail", ranked(400 + 1)).await;
    node.request(credit("mail", 100)).await;
    let tasks = delivered(&mut node, 100).await;
    node.request(credit("mail", 301)).await;
    let rest = delivered(&mut node, 301).await;
    let (first, then) = (pools_of(&tasks), pools_of(&rest));
    for (pool, granted) in &first {
        assert_eq!(granted.len(), 25);
        let in_order = granted.iter().chain(&then[pool]).is_sorted();
        assert!(in_order, "within a partition order is exact");
    }
    // What stayed was overtaken by no more than the others' parts of the one round.
    for left in &rest {
        let is_less_urgent = |task: &&Delivery| task.priority > left.priority;
        let overtaken_by = tasks.iter().filter(is_less_urgent).count();
        assert!(overtaken_by <= 25 * (PARTS - 1), "{overtaken_by}");
    }
}
