//! What a token allows: its roles, in its pools, and nothing beside.

use std::time::Duration;

use leasehold_core::{Rejection, StateKind};
use leasehold_wire::{Request, Response, Role, Status};

use super::{
    auth::{ALL, closed, denied, spec},
    raw::{Stage, hello},
    verbs::{
        LONG, await_end, claim, complete, credit, enqueue, extend, fail, item, new_id, pool,
        release,
    },
};

#[tokio::test]
async fn each_role_does_its_part_and_no_other() {
    let stage = Stage::start(closed()).await;
    let mut producer = stage.with("producer", &[Role::Producer], &["mail"]).await;
    let mut node = stage.with("node", &[Role::Node], &["mail"]).await;
    let id = producer.enqueue("mail", b"x").await;
    let task = node.claim_one("mail").await;
    let why = denied(
        node.request(enqueue("mail", vec![item(new_id(), "x")]))
            .await,
    );
    assert!(why.contains("role producer"), "{why}");
    for request in [
        claim("mail", 1, Duration::ZERO),
        credit("mail", 1),
        extend(task.proof),
        complete(task.proof, None),
        fail(task.proof, "no"),
        release(task.proof),
    ] {
        let why = denied(producer.request(request).await);
        assert!(why.contains("role node"), "{why}");
    }
    let why = denied(
        producer
            .request(Request::Revive {
                pool: pool("mail"),
                tasks: None,
            })
            .await,
    );
    assert!(why.contains("role admin"), "{why}");
    node.complete(&task).await.unwrap();
    assert_eq!(
        producer.ended("mail", id).await.summary.state,
        StateKind::Completed
    );
}

#[tokio::test]
async fn what_names_another_pool_is_denied_and_the_session_goes_on() {
    let stage = Stage::start(closed()).await;
    let mut billing = stage.with("billing", &ALL, &["billing"]).await;
    let mut mail = stage.with("mail", &ALL, &["mail"]).await;
    let id = billing.enqueue("billing", b"x").await;
    let task = billing.claim_one("billing").await;
    for request in [
        enqueue("billing", vec![item(new_id(), "x")]),
        claim("billing", 1, Duration::ZERO),
        complete(task.proof, None),
        extend(task.proof),
        await_end("billing", id, Duration::ZERO),
        Request::Resume {
            leases: vec![task.proof],
        },
        Request::Status {
            pool: Some(pool("billing")),
        },
        // Whether it is there is nobody's affair, either.
        claim("nowhere", 1, Duration::ZERO),
    ] {
        let why = denied(mail.request(request).await);
        assert!(why.contains("it is for mail"), "{why}");
    }
    mail.enqueue("mail", b"y").await;
    billing.complete(&task).await.unwrap();
    let names: Vec<_> = stage.owner().await.status().await.pools;
    let names: Vec<_> = names.iter().map(|pool| pool.name.to_string()).collect();
    assert_eq!(names, ["billing", "mail"], "none was made");
}

/// What goes to all pools goes to those that one may reach.
#[tokio::test]
async fn what_names_no_pool_does_not_leave_ones_own() {
    let stage = Stage::start(closed()).await;
    let mut billing = stage.with("billing", &ALL, &["billing"]).await;
    let mut mail = stage.with("mail", &ALL, &["mail"]).await;
    let theirs = billing.enqueue("billing", b"x").await;
    let own = mail.enqueue("mail", b"y").await;
    let tasks = vec![theirs, own];
    let cancelled = mail.request(Request::Cancel { tasks }).await;
    assert_eq!(
        cancelled,
        Response::Done(vec![Err(Rejection::NoSuchTask), Ok(())])
    );
    let looked = mail.request(Request::Task { task: theirs }).await;
    assert_eq!(looked, Response::Refused(Rejection::NoSuchTask));
    assert_eq!(mail.state(own).await, StateKind::Cancelled);
    assert_eq!(billing.state(theirs).await, StateKind::Ready);
    let Status {
        pools, sessions, ..
    } = mail.status().await;
    assert_eq!(pools.len(), 1);
    assert_eq!(pools[0].name.as_str(), "mail");
    let seen: Vec<u64> = sessions.iter().map(|session| session.session).collect();
    assert_eq!(seen, [mail.session()], "not who else is there");
}

/// A resume says of every pool what is held there, be it nothing: not of those out of reach, whatever
/// name and incarnation somebody says he has.
#[tokio::test]
async fn a_resume_throws_nothing_away_where_one_may_not_go() {
    let stage = Stage::start(closed()).await;
    let token = stage.token(spec("billing", &ALL, &["billing"])).await;
    let who = hello("crane");
    let mut billing = stage.known(who.clone(), &token).await;
    billing.enqueue("billing", b"x").await;
    let task = billing.claim_one("billing").await;
    let lesser = stage.token(spec("mail", &[Role::Node], &["mail"])).await;
    let mut other = stage.known(who.clone(), &lesser).await;
    assert_eq!(other.resume(&[]).await, []);
    drop(other);
    let mut billing = stage.known(who, &token).await;
    assert!(billing.resume(&[task.proof]).await[0].is_ok());
    billing.complete(&task).await.unwrap();
}

#[tokio::test]
async fn a_pool_in_partitions_is_one_pool_to_a_token() {
    let mut config = closed();
    config.pool_defaults.partitions = 4;
    let stage = Stage::start(config).await;
    let mut mail = stage.with("mail", &ALL, &["mail"]).await;
    let mut billing = stage.with("billing", &ALL, &["billing"]).await;
    mail.enqueue_many("mail", 40).await;
    billing.enqueue("billing", b"x").await;
    let tasks = mail.claim("mail", 40, LONG).await;
    for task in &tasks {
        denied(billing.request(complete(task.proof, None)).await);
        mail.complete(task).await.unwrap();
    }
    assert_eq!(mail.status().await.pools.len(), 1);
}
