//! A pool in partitions: one pool to its nodes.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use leasehold_core::{LeaseRef, PoolId, PoolSettings, Rejection, StateKind, TaskId};
use leasehold_hub::{Fault, Hub, HubConfig};
use leasehold_store::{MemoryDisk, MemoryStore};
use leasehold_wire::{Delivery, EnqueuedItem, FromHub, Hello, Request, Response};

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{LONG, await_end, claim, credit, enqueue, fail, item, new_id, pool},
};

pub(crate) const PARTS: usize = 4;

pub(crate) fn parted() -> HubConfig {
    parted_in(4)
}

fn parted_in(partitions: u32) -> HubConfig {
    let mut config = config();
    config.pool_defaults.partitions = partitions;
    config
}

pub(crate) fn pools_of(tasks: &[Delivery]) -> BTreeMap<PoolId, Vec<u32>> {
    let mut pools: BTreeMap<PoolId, Vec<u32>> = BTreeMap::new();
    for task in tasks {
        let of = pools.entry(task.proof.lease.pool).or_default();
        of.push(task.priority);
    }
    pools
}

pub(crate) async fn delivered(node: &mut Node, count: usize) -> Vec<Delivery> {
    let mut tasks = Vec::new();
    while tasks.len() < count {
        tasks.extend(node.delivered().await);
    }
    tasks
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_a_second_enqueue_finds_the_first() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    let ids: Vec<TaskId> = (0..200).map(|_| new_id()).collect();
    let known = ids.iter().step_by(3).copied().collect::<Vec<_>>();
    let items = |ids: &[TaskId]| ids.iter().map(|id| item(*id, Bytes::new())).collect();
    node.enqueue_items("mail", items(&known)).await;
    let answers = node.enqueue_items("mail", items(&ids)).await;
    let wanted = ids.iter().map(|id| {
        let known_as = known.contains(id).then_some(StateKind::Ready);
        Ok(EnqueuedItem { id: *id, known_as })
    });
    assert!(answers.into_iter().eq(wanted));
    assert_eq!(node.pool_status("mail").await.ready, 200);
}

#[tokio::test]
async fn requests_of_one_read_are_answered_each_with_its_own() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    let mut asked = Vec::new();
    for count in [1, 5, 0, 40] {
        let ids: Vec<TaskId> = (0..count).map(|_| new_id()).collect();
        let tasks = ids.iter().map(|id| item(*id, Bytes::new())).collect();
        asked.push((node.feed(enqueue("mail", tasks)).await, ids));
    }
    node.flush().await;
    for (request, ids) in asked {
        let Response::Enqueued(items) = node.answer(request).await else {
            panic!("not an answer to an enqueue");
        };
        let answered = items.into_iter().map(|item| item.unwrap().id);
        assert!(answered.eq(ids));
    }
}

#[tokio::test]
async fn what_is_asked_of_a_task_takes_effect_in_order() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue("mail", b"x").await;
    let ids: Vec<TaskId> = (0..20).map(|_| new_id()).collect();
    let items = ids.iter().map(|id| item(*id, Bytes::new())).collect();
    node.feed(enqueue("mail", items)).await;
    let tasks = ids.clone();
    let cancel = node.feed(Request::Cancel { tasks }).await;
    let mut awaits = Vec::new();
    for id in &ids {
        awaits.push(node.feed(await_end("mail", *id, LONG)).await);
    }
    node.flush().await;
    assert_eq!(node.answer(cancel).await, Response::Done(vec![Ok(()); 20]));
    for request in awaits {
        let Response::Task(detail) = node.answer(request).await else {
            panic!("not a task");
        };
        assert_eq!(detail.summary.state, StateKind::Cancelled);
    }
}

#[tokio::test]
async fn whoever_waits_is_woken_whichever_partition_gets_the_task() {
    let stage = Stage::start(parted()).await;
    let mut waiters = Vec::new();
    for number in 0..10 {
        let mut node = stage.inside(&format!("node-{number}")).await;
        let request = node.ask(claim("mail", 1, LONG)).await;
        let waiting = number + 1;
        node.until(|status| status.pools[0].waiting == waiting)
            .await;
        waiters.push((node, request));
    }
    let mut producer = stage.inside("producer").await;
    for (mut node, request) in waiters {
        // First come, first served.
        let id = producer.enqueue("mail", b"x").await;
        let tasks = node.claimed(request).await;
        assert_eq!(tasks[0].proof.task, id);
    }
}

#[tokio::test]
async fn a_claim_that_waited_for_nothing_is_answered_with_nothing() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    assert!(node.claim("mail", 5, Duration::ZERO).await.is_empty());
    let wait = Duration::from_millis(20);
    assert!(node.claim("mail", 5, wait).await.is_empty());
    assert_eq!(node.pool_status("mail").await.waiting, 0);
}

#[tokio::test]
async fn credit_is_never_exceeded_and_goes_round() {
    let stage = Stage::start(parted()).await;
    let (mut crane, mut hoist) = (stage.inside("crane").await, stage.inside("hoist").await);
    for node in [&mut crane, &mut hoist] {
        let answer = node.request(credit("mail", 30)).await;
        assert_eq!(answer, Response::Credited(30));
    }
    let mut producer = stage.inside("producer").await;
    producer.enqueue_many("mail", 500).await;
    assert_eq!(delivered(&mut crane, 30).await.len(), 30);
    assert_eq!(delivered(&mut hoist, 30).await.len(), 30);
    assert_eq!(
        crane.request(credit("mail", 0)).await,
        Response::Credited(0)
    );
    let status = producer.pool_status("mail").await;
    assert_eq!((status.claimed, status.ready), (60, 440));
    assert_eq!(status.waiting, 0);
}

#[tokio::test]
async fn bounds_are_those_of_a_pool() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    let too_much = [
        claim("mail", 0, LONG),
        claim("mail", 5000, LONG),
        claim("mail", 1, Duration::from_secs(4000)),
        credit("mail", 5000),
    ];
    for request in too_much {
        let answer = node.request(request).await;
        let is_refused = matches!(answer, Response::Refused(Rejection::OutOfBounds { .. }));
        assert!(is_refused, "{answer:?}");
    }
}

/// Claims them all.
async fn take(node: &mut Node, count: usize) -> Vec<Delivery> {
    let mut tasks = Vec::new();
    while tasks.len() < count {
        tasks.extend(node.claim("mail", 100, LONG).await);
    }
    tasks
}

#[tokio::test]
async fn a_session_that_ends_gives_back_what_it_held_in_every_partition() {
    let stage = Stage::start(parted()).await;
    let mut producer = stage.inside("producer").await;
    producer.enqueue_many("mail", 40).await;
    for bye in [true, false] {
        let mut node = stage.inside("crane").await;
        let tasks = take(&mut node, 40).await;
        assert_eq!(pools_of(&tasks).len(), PARTS);
        // Its credit goes with it.
        node.request(credit("mail", 10)).await;
        if bye {
            node.say(leasehold_wire::FromNode::Bye).await;
        }
        drop(node);
        let is_back = |status: &leasehold_wire::Status| {
            status.pools[0].ready == 40 && status.pools[0].waiting == 0
        };
        producer.until(is_back).await;
    }
}

#[tokio::test]
async fn a_node_that_comes_back_goes_on_in_every_partition() {
    let stage = Stage::start(parted()).await;
    let who = hello("crane");
    let mut node = stage.inside_as(who.clone()).await;
    node.enqueue_many("mail", 20).await;
    let tasks = take(&mut node, 20).await;
    drop(node);
    let mut node = come_back(&stage, who, &tasks).await;
    for task in &tasks {
        node.complete(task).await.unwrap();
    }
    assert_eq!(node.pool_status("mail").await.completed, 20);
}

/// Connects and resumes until it holds them all again.
async fn come_back(stage: &Stage, who: Hello, tasks: &[Delivery]) -> Node {
    let leases: Vec<LeaseRef> = tasks.iter().map(|task| task.proof).collect();
    let back = async {
        loop {
            let mut node = stage.inside_as(who.clone()).await;
            let leases = leases.clone();
            node.try_ask(Request::Resume { leases }).await;
            let Some(FromHub::Response { body, .. }) = node.hear().await else {
                continue;
            };
            let Response::Extended(items) = body else {
                panic!("not an answer to a resume: {body:?}");
            };
            if items.iter().all(Result::is_ok) {
                return node;
            }
            let is_down = |item: &Result<u64, Rejection>| {
                matches!(item, Ok(_) | Err(Rejection::Unavailable { .. }))
            };
            assert!(items.iter().all(is_down), "no lease is lost: {items:?}");
        }
    };
    within(back).await
}

#[tokio::test]
async fn a_partition_or_a_front_that_panics_is_restored() {
    let mail = pool("mail");
    for part in [mail.clone(), mail.numbered(2), mail.numbered(0)] {
        let stage = Stage::start(parted()).await;
        let who = hello("crane");
        let mut node = stage.inside_as(who.clone()).await;
        node.enqueue_many("mail", 40).await;
        let held = take(&mut node, 40).await;
        node.enqueue_many("mail", 40).await;
        let request = node.ask(credit("mail", 0)).await;
        node.answer(request).await;
        stage.hub.provoke(Fault::PoolPanics(part));
        let (reason, _) = node.dismissed().await;
        assert!(reason.contains("the pool mail has ended"), "{reason}");
        let mut node = come_back(&stage, who, &held).await;
        for task in &held {
            node.complete(task).await.unwrap();
        }
        let mut left = 40;
        while left > 0 {
            // Until all are up again, claims are refused.
            let answer = node
                .request(claim("mail", 10, Duration::from_millis(10)))
                .await;
            if let Response::Claimed(tasks) = answer {
                left -= tasks.len();
                for task in &tasks {
                    node.complete(task).await.unwrap();
                }
            }
        }
        assert_eq!(node.pool_status("mail").await.completed, 80);
    }
}

#[tokio::test]
async fn it_is_shown_and_served_as_one_pool() {
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    let ids = node.enqueue_many("mail", 30).await;
    let status = node.status().await;
    assert_eq!(status.pools.len(), 1);
    assert_eq!(
        (status.pools[0].name.as_str(), status.pools[0].ready),
        ("mail", 30)
    );

    let list = |after, tasks_max| Request::Tasks {
        pool: pool("mail"),
        state: None,
        after,
        tasks_max,
    };
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let Response::Tasks(page) = node.request(list(after, 7)).await else {
            panic!("not a list");
        };
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        after = Some(last.id);
        listed.extend(page.iter().map(|task| task.id));
    }
    assert_eq!(listed, ids);
    assert_eq!(node.task(ids[9]).await.pool, pool("mail"));

    let tasks = ids[..10].to_vec();
    let cancelled = node.request(Request::Cancel { tasks }).await;
    assert_eq!(cancelled, Response::Done(vec![Ok(()); 10]));
    for id in &ids[..10] {
        let detail = node.ended("mail", *id).await;
        assert_eq!(detail.summary.state, StateKind::Cancelled);
    }
    let unknown = node.request(await_end("mail", new_id(), LONG)).await;
    assert_eq!(unknown, Response::Refused(Rejection::NoSuchTask));
}

#[tokio::test]
async fn the_dead_are_revived_in_every_partition() {
    let mut config = parted();
    config.pool_defaults.attempts_max = 1;
    let stage = Stage::start(config).await;
    let mut node = stage.inside("crane").await;
    let ids = node.enqueue_many("mail", 20).await;
    let kill = async |node: &mut Node| {
        for task in take(node, 20).await {
            node.done(fail(task.proof, "no")).await.unwrap();
        }
    };
    kill(&mut node).await;
    let revive = |tasks| Request::Revive {
        pool: pool("mail"),
        tasks,
    };
    let of = |node: &Response| match node {
        Response::Revived(items) => items.clone(),
        other => panic!("not an answer to a revive: {other:?}"),
    };
    let some = of(&node.request(revive(Some(ids.clone()))).await);
    let wanted: Vec<_> = ids.iter().map(|id| (*id, Ok(()))).collect();
    assert_eq!(some, wanted, "in the order of the request");
    kill(&mut node).await;
    assert_eq!(of(&node.request(revive(None)).await).len(), 20);
    assert!(of(&node.request(revive(None)).await).is_empty());
}

#[tokio::test]
async fn tasks_are_found_again_after_a_restart() {
    let disk = MemoryDisk::default();
    let stage = Stage::start_on(parted(), disk.clone()).await;
    let who = hello("crane");
    let mut node = stage.inside_as(who.clone()).await;
    let ids = node.enqueue_many("mail", 50).await;
    let held = node.claim("mail", 10, LONG).await;
    stage.hub.drain().await;

    let stage = Stage::start_on(parted(), disk).await;
    let mut node = come_back(&stage, who, &held).await;
    let items = ids.iter().map(|id| item(*id, Bytes::new())).collect();
    let answers = node.enqueue_items("mail", items).await;
    let is_known =
        |item: &Result<EnqueuedItem, _>| matches!(item, Ok(item) if item.known_as.is_some());
    assert!(answers.iter().all(is_known), "{answers:?}");
    take(&mut node, 50 - held.len()).await;
    assert_eq!(node.pool_status("mail").await.claimed, 50);
}

#[tokio::test]
async fn the_number_is_changed_only_while_there_is_no_task() {
    let mut forgetful = parted();
    forgetful.pool_defaults = PoolSettings {
        completed_kept_max: 0,
        ..forgetful.pool_defaults
    };
    let disk = MemoryDisk::default();
    let stage = Stage::start_on(forgetful, disk.clone()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue_many("mail", 20).await;
    stage.hub.drain().await;

    for other in [1, 2, 5] {
        let store = MemoryStore::on(disk.clone());
        let started = Hub::start(parted_in(other), Box::new(store)).await;
        let error = started.expect_err("it does not start").to_string();
        let key = format!("pool.mail.partitions = {other}");
        assert!(error.contains(&key), "{error}");
    }

    let mut same = parted();
    same.pool_defaults.completed_kept_max = 0;
    let stage = Stage::start_on(same, disk.clone()).await;
    let mut node = stage.inside("crane").await;
    for task in take(&mut node, 20).await {
        node.complete(&task).await.unwrap();
    }
    stage.hub.drain().await;
    for other in [1, 8, 2] {
        let stage = Stage::start_on(parted_in(other), disk.clone()).await;
        assert_eq!(
            stage.inside("crane").await.pool_status("mail").await.ready,
            0
        );
        stage.hub.drain().await;
    }
}

#[tokio::test]
async fn no_node_can_name_a_partition() {
    let name = pool("mail").numbered(1);
    assert!(leasehold_core::PoolName::new(name.as_str()).is_err());
    let stage = Stage::start(parted()).await;
    let mut node = stage.inside("crane").await;
    node.enqueue("mail", b"x").await;
    let request = Request::Enqueue {
        pool: name,
        tasks: Vec::new(),
    };
    node.ask(request).await;
    assert!(matches!(node.hear().await, Some(FromHub::Refused(_))));
}

#[tokio::test]
async fn partitions_count_as_pools_and_share_the_bound_on_tasks() {
    let mut config = parted();
    config.pools.pools_max = 7;
    config.pool_defaults.tasks_max = 40;
    config.pool_defaults.completed_kept_max = 4;
    let stage = Stage::start(config).await;
    let mut node = stage.inside("crane").await;
    let items = (0..200).map(|_| item(new_id(), Bytes::new())).collect();
    let answers = node.enqueue_items("mail", items).await;
    assert_eq!(answers.iter().filter(|item| item.is_ok()).count(), 40);
    let answer = node.request(enqueue("stones", Vec::new())).await;
    let is_refused = matches!(answer, Response::Refused(Rejection::OutOfBounds { .. }));
    assert!(is_refused, "{answer:?}");
}

#[tokio::test]
async fn no_task_is_granted_twice_to_many_at_once() {
    let stage = Stage::start(parted()).await;
    let mut producer = stage.inside("producer").await;
    let mut works = Vec::new();
    for number in 0..6 {
        let mut node = stage.inside(&format!("node-{number}")).await;
        works.push(tokio::spawn(async move {
            let (mut done, mut left) = (Vec::new(), 100);
            while left > 0 {
                for task in node.claim("mail", left, LONG).await {
                    node.complete(&task).await.unwrap();
                    done.push(task.proof.task);
                    left -= 1;
                }
            }
            done
        }));
    }
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.extend(producer.enqueue_many("mail", 10).await);
    }
    let mut done = Vec::new();
    for work in works {
        done.extend(within(work).await.unwrap());
    }
    done.sort_unstable();
    assert_eq!(done, ids);
}
