//! A pool that panics, and what everybody around it notices.

use std::sync::Arc;

use bytes::Bytes;
use leasehold_core::{Rejection, StateKind, TaskId};
use leasehold_hub::Fault;
use leasehold_wire::{FromHub, Hello, Request, Response};

use super::{
    raw::{Node, Stage, config, hello, within},
    verbs::{LONG, claim, complete, credit, enqueue, item, new_id, pool},
};

#[tokio::test]
async fn a_pool_that_panics_is_restored_and_leases_in_it_stay_good() {
    let stage = Stage::start(config()).await;
    let who = hello("crane");
    let mut node = Node::over_tcp(stage.address(), who.clone()).await;
    let first = node.enqueue("mail", b"first").await;
    let second = node.enqueue("mail", b"second").await;
    let task = node.claim_one("mail").await;
    stage.hub.provoke(Fault::PoolPanics(pool("mail")));
    let (reason, retry_after_ms) = node.dismissed().await;
    assert!(reason.contains("mail"), "{reason}");
    assert!(retry_after_ms < 1000, "{retry_after_ms}");

    let mut node = come_back(&stage, who, &[task.proof]).await;
    node.complete(&task).await.unwrap();
    let detail = node.ended("mail", first).await;
    assert_eq!((detail.summary.attempt, detail.interruptions), (1, 0));
    let task = node.claim_one("mail").await;
    assert_eq!(
        (task.proof.task, task.payload),
        (second, Bytes::from_static(b"second"))
    );
    assert_eq!(node.pool_status("mail").await.epoch, 2);
}

/// Connects and resumes, again and again while the pool is being restored.
async fn come_back(stage: &Stage, who: Hello, leases: &[leasehold_core::LeaseRef]) -> Node {
    let back = async {
        loop {
            let mut node = Node::over_tcp(stage.address(), who.clone()).await;
            let leases = leases.to_vec();
            node.try_ask(Request::Resume { leases }).await;
            // If the pool is just going down, there is a bye instead of the response.
            let Some(FromHub::Response { body, .. }) = node.hear().await else {
                continue;
            };
            let Response::Extended(items) = body else {
                panic!("not an answer to a resume: {body:?}");
            };
            if items.iter().all(Result::is_ok) {
                return node;
            }
            for item in items {
                let is_down = matches!(item, Ok(_) | Err(Rejection::Unavailable { .. }));
                assert!(is_down, "the leases are not lost: {item:?}");
            }
        }
    };
    within(back).await
}

#[tokio::test]
async fn a_pools_panic_is_nothing_to_who_holds_nothing_in_it() {
    let stage = Stage::start(config()).await;
    let mut holder = stage.node("holder").await;
    holder.enqueue("mail", b"x").await;
    let mut other = stage.node("other").await;
    other.enqueue("stones", b"y").await;
    // These go to all pools, and hold nothing in any.
    assert_eq!(other.resume(&[]).await, []);
    other.status().await;
    other.enqueue("mail", b"z").await;
    other.request(credit("stones", 1)).await;
    let task = other.delivered().await.remove(0);

    holder.claim_one("mail").await;
    let parked = holder.ask(claim("void", 1, LONG)).await;
    assert!(parked > 0);
    stage.hub.provoke(Fault::PoolPanics(pool("mail")));
    holder.dismissed().await;
    other.complete(&task).await.unwrap();
    within(async {
        loop {
            let again = enqueue("mail", vec![item(new_id(), "again")]);
            match other.request(again).await {
                Response::Enqueued(items) => return assert!(items[0].is_ok()),
                Response::Refused(Rejection::Unavailable { .. }) => {}
                answer => panic!("{answer:?}"),
            }
        }
    })
    .await;
    assert_eq!(other.pool_status("stones").await.completed, 1);
    assert_eq!(other.pool_status("stones").await.epoch, 1);
}

/// Some requests are still in the pool's mailbox when it panics: of these, too, it is said that
/// they will not be answered.
#[tokio::test]
async fn nobody_waits_for_ever_for_a_pool_that_panicked() {
    let stage = Stage::start(config()).await;
    let mut first = stage.inside("first").await;
    for round in 0..100 {
        first = enqueue_somehow(&stage, first, new_id()).await;
        let mut nodes = Vec::new();
        for number in 0..4 {
            nodes.push(stage.inside(&format!("crane-{round}-{number}")).await);
        }
        stage.hub.provoke(Fault::PoolPanics(pool("mail")));
        for node in &mut nodes {
            node.ask(Request::Status {
                pool: Some(pool("mail")),
            })
            .await;
        }
        for node in &mut nodes {
            let heard = node.hear().await;
            let is_told = matches!(heard, Some(FromHub::Response { .. } | FromHub::Bye { .. }));
            assert!(is_told, "{heard:?}");
        }
        if round >= 5 {
            // The back-off has grown to half a second by then.
            break;
        }
    }
}

/// Enqueues under one id until that is acknowledged, coming back as often as the hub says bye.
async fn enqueue_somehow(stage: &Stage, mut node: Node, id: TaskId) -> Node {
    let trying = async {
        loop {
            node.try_ask(enqueue("mail", vec![item(id, id.to_string())]))
                .await;
            match node.hear().await {
                Some(FromHub::Response {
                    body: Response::Enqueued(items),
                    ..
                }) => {
                    assert!(items[0].is_ok(), "{items:?}");
                    return node;
                }
                Some(FromHub::Response {
                    body: Response::Refused(rejection),
                    ..
                }) => {
                    let is_down = matches!(rejection, Rejection::Unavailable { .. });
                    assert!(is_down, "{rejection:?}");
                    tokio::task::yield_now().await;
                }
                Some(FromHub::Bye { .. }) | None => node = stage.inside("again").await,
                other => panic!("{other:?}"),
            }
        }
    };
    within(trying).await
}

/// Completes one task after the other until there are so many; resumes after each bye.
async fn work(stage: Arc<Stage>, who: Hello, count: usize) -> Vec<TaskId> {
    let mut done = Vec::new();
    let mut held: Option<leasehold_core::LeaseRef> = None;
    'session: while done.len() < count {
        let mut node = stage.inside_as(who.clone()).await;
        let leases: Vec<_> = held.into_iter().collect();
        node.try_ask(Request::Resume { leases }).await;
        // A lease whose completion took effect unheard is lost by now: that is answered below.
        if !matches!(node.hear().await, Some(FromHub::Response { .. })) {
            continue;
        }
        while done.len() < count {
            let request = match held {
                Some(proof) => complete(proof, None),
                None => claim("mail", 1, LONG),
            };
            node.try_ask(request).await;
            match node.hear().await {
                Some(FromHub::Response {
                    body: Response::Claimed(tasks),
                    ..
                }) => {
                    held = tasks.first().map(|task| task.proof);
                }
                Some(FromHub::Response {
                    body: Response::Done(items),
                    ..
                }) => match &items[0] {
                    Ok(()) => done.extend(held.take().map(|proof| proof.task)),
                    Err(Rejection::Unavailable { .. }) => {}
                    Err(rejection) => panic!("{rejection}"),
                },
                Some(FromHub::Response {
                    body: Response::Refused(_),
                    ..
                }) => {
                    tokio::task::yield_now().await;
                }
                _ => continue 'session,
            }
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_panics_again_and_again_under_load_and_nothing_acknowledged_is_lost() {
    const PRODUCERS: usize = 3;
    const EACH: usize = 150;
    let stage = Arc::new(Stage::start(config()).await);
    let workers: Vec<_> = (0..PRODUCERS)
        .map(|number| {
            tokio::spawn(work(
                stage.clone(),
                hello(&format!("worker-{number}")),
                EACH,
            ))
        })
        .collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|number| {
            let stage = stage.clone();
            tokio::spawn(async move {
                let mut node = stage.inside(&format!("producer-{number}")).await;
                let mut ids = Vec::new();
                for at in 0..EACH {
                    ids.push(new_id());
                    node = enqueue_somehow(&stage, node, ids[at]).await;
                    if number == 0 && at % 50 == 20 {
                        stage.hub.provoke(Fault::PoolPanics(pool("mail")));
                    }
                }
                ids
            })
        })
        .collect();
    let mut enqueued = Vec::new();
    for producer in producers {
        enqueued.extend(within(producer).await.expect("a producer does not panic"));
    }
    let mut done = Vec::new();
    for worker in workers {
        done.extend(within(worker).await.expect("a worker does not panic"));
    }
    enqueued.sort();
    done.sort();
    assert_eq!(done, enqueued, "each once");
    let mut witness = stage.inside("witness").await;
    let status = witness.pool_status("mail").await;
    assert_eq!(
        (status.completed, status.ready, status.claimed),
        (enqueued.len() as u64, 0, 0)
    );
    assert!(status.epoch >= 4, "{status:?}");
}

#[tokio::test]
async fn a_pool_that_nobody_named_is_not_made_where_that_is_off() {
    let mut config = config();
    config.pools.open = false;
    config
        .pool
        .insert(pool("mail"), config.pool_defaults.clone());
    let stage = Stage::start(config).await;
    let mut node = stage.node("crane").await;
    let answer = node
        .request(enqueue("male", vec![item(new_id(), "x")]))
        .await;
    let unknown = Response::Refused(Rejection::NoSuchPool("male".to_owned()));
    assert_eq!(answer, unknown);
    assert_eq!(node.request(claim("male", 1, LONG)).await, unknown);
    node.enqueue("mail", b"x").await;
}

/// `pools.open` says whether pools are made: one that is there is never out of reach.
#[tokio::test]
async fn a_pool_with_tasks_is_there_though_nobody_names_it_any_more() {
    let stage = Stage::start(config()).await;
    let mut node = stage.node("crane").await;
    let id = node.enqueue("mail", b"x").await;
    node.enqueue("stones", b"x").await;
    stage.hub.stop().await;

    let mut strict = config();
    strict.pools.open = false;
    strict.pools.pools_max = 1;
    let stage = Stage::start_on(strict, stage.disk).await;
    let mut node = stage.node("crane").await;
    assert_eq!(node.claim_one("mail").await.proof.task, id);
    let answer = node
        .request(enqueue("new", vec![item(new_id(), "x")]))
        .await;
    assert!(matches!(answer, Response::Refused(_)), "{answer:?}");
}

#[tokio::test]
async fn one_pool_too_many_is_refused_for_good() {
    let mut config = config();
    config.pools.pools_max = 2;
    let stage = Stage::start(config).await;
    let mut node = stage.node("crane").await;
    node.enqueue("mail", b"x").await;
    node.enqueue("stones", b"x").await;
    let answer = node
        .request(enqueue("third", vec![item(new_id(), "x")]))
        .await;
    let Response::Refused(Rejection::OutOfBounds { max: 2, what, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert!(what.contains("pools"), "{what}");
    node.enqueue("mail", b"y").await;
}

#[tokio::test]
async fn tasks_of_a_pool_that_is_down_are_not_unknown() {
    let stage = Stage::start(config()).await;
    let mut node = stage.inside("crane").await;
    let id = node.enqueue("mail", b"x").await;
    // The second failure in a row waits longer, and the store comes back only after more.
    stage.faults.fail_reopens(3);
    stage.faults.fail_commit(leasehold_store::Moment::Before);
    node.try_ask(enqueue("mail", vec![item(new_id(), "lost")]))
        .await;
    node.dismissed().await;
    let mut node = stage.inside("crane").await;
    let answer = within(async {
        loop {
            match node.request(Request::Task { task: id }).await {
                Response::Refused(rejection) => {
                    let is_down = matches!(rejection, Rejection::Unavailable { .. });
                    assert!(is_down, "{rejection}");
                }
                answer => return answer,
            }
        }
    })
    .await;
    let Response::Task(detail) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(detail.summary.state, StateKind::Ready);
}
