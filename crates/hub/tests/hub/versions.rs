//! Nodes of version 1 in a newer hub: they see what they always saw, whatever else there is
//! to the tasks of their pools.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{AttemptEnding, Rejection, Revocation, StateKind};
use leasehold_hub::HubConfig;
use leasehold_wire::{EnqueueMoreItem, FromHub, Hello, RefusalCode, Request, Response};

use super::{
    raw::{Node, Stage, config, hello},
    verbs::{LONG, credit, extend, fail, item, new_id, pool},
};

/// A node that was built before version 2.
fn old(name: &str) -> Hello {
    Hello {
        version_max: 1,
        ..hello(name)
    }
}

async fn old_node(stage: &Stage, name: &str) -> Node {
    Node::over_tcp(stage.address(), old(name)).await
}

/// Every task of its pools has something beyond a plain one.
fn config_with_extras() -> HubConfig {
    let mut config = config();
    config.pool_defaults.max_runtime = Some(Duration::from_secs(3600));
    config.pool_defaults.expires_after = Some(Duration::from_secs(3600));
    config
}

#[tokio::test]
async fn each_node_is_welcome_in_the_newest_version_that_it_speaks() {
    let stage = Stage::start(config()).await;
    assert_eq!(old_node(&stage, "crane-1").await.welcome.version, 1);
    let second = Hello {
        version_max: 2,
        ..hello("crane-2")
    };
    assert_eq!(stage.inside_as(second).await.welcome.version, 2);
    assert_eq!(stage.node("crane-3").await.welcome.version, 3);
    let alone = Hello {
        version_min: 3,
        ..hello("crane-4")
    };
    assert_eq!(stage.inside_as(alone).await.welcome.version, 3);
}

#[tokio::test]
async fn an_old_node_does_all_that_it_ever_did_with_tasks_that_have_more() {
    let stage = Stage::start(config_with_extras()).await;
    let mut newer = stage.node("producer").await;
    let mut node = old_node(&stage, "crane").await;
    let more = EnqueueMoreItem {
        item: item(new_id(), "from a newer node"),
        wishes: vec![],
    };
    let body = Request::EnqueueMore {
        pool: pool("mail"),
        tasks: vec![more],
    };
    let answer = newer.request(body).await;
    assert!(
        matches!(&answer, Response::Enqueued(items) if items[0].is_ok()),
        "{answer:?}"
    );

    let first = node.claim_one("mail").await;
    assert_eq!(first.payload, Bytes::from_static(b"from a newer node"));
    let extended = node.request(extend(first.proof)).await;
    assert!(
        matches!(&extended, Response::Extended(items) if items[0].is_ok()),
        "{extended:?}"
    );
    assert_eq!(node.done(fail(first.proof, "once")).await, Ok(()));
    let detail = node.task(first.proof.task).await;
    assert_eq!(detail.history.len(), 1, "{detail:?}");

    let own = node.enqueue("mail", b"of its own").await;
    node.request(credit("mail", 1)).await;
    let delivered = node.delivered().await;
    assert_eq!(delivered[0].proof.task, own);
    assert_eq!(node.complete(&delivered[0]).await, Ok(()));
    assert_eq!(
        node.ended("mail", own).await.summary.state,
        StateKind::Completed
    );
}

#[tokio::test]
async fn an_old_node_hears_of_a_full_pool_as_ever() {
    let mut config = config();
    config.pool_defaults.tasks_max = 1;
    config.pool_defaults.completed_kept_max = 0;
    let stage = Stage::start(config).await;
    let mut node = old_node(&stage, "crane").await;
    node.enqueue("mail", b"fits").await;
    let tasks = vec![item(new_id(), "does not")];
    let answers = node.enqueue_items("mail", tasks).await;
    assert_eq!(answers, [Err(Rejection::PoolFull { tasks_max: 1 })]);
}

#[tokio::test]
async fn what_came_with_version_2_is_malformed_in_a_session_of_version_1() {
    let stage = Stage::start(config()).await;
    let mut node = old_node(&stage, "crane").await;
    let before = node.enqueue("mail", b"before").await;
    let tasks = vec![before];
    let grace_ms = None;
    node.ask(Request::CancelWithin { tasks, grace_ms }).await;
    let refusal = node.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(refusal.reason.contains("version 2"), "{refusal:?}");
    let mut other = stage.node("bystander").await;
    let ready = other.claim("mail", 1, LONG).await;
    assert_eq!(ready[0].proof.task, before, "nothing was done");
}

/// It knows no such ending: its lease is lost, and the attempt is told as one that expired.
#[tokio::test]
async fn an_old_node_hears_that_an_attempt_which_ran_too_long_is_lost() {
    let mut config = config();
    config.pool_defaults.max_runtime = Some(Duration::from_millis(100));
    let stage = Stage::start(config).await;
    let mut node = old_node(&stage, "crane").await;
    let id = node.enqueue("mail", b"slow").await;
    let task = node.claim_one("mail").await;
    let heard = node.hear().await;
    let lost = FromHub::Revoked {
        proof: task.proof,
        why: Revocation::Lost,
    };
    assert_eq!(heard, Some(lost));
    assert_eq!(node.complete(&task).await, Err(Rejection::LeaseLost));
    let history = node.task(id).await.history;
    assert_eq!(history[0].ending, AttemptEnding::Expired);
}
