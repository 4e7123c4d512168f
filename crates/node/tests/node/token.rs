//! A node says who it is before all else, and takes a denial for what it is.

use leasehold_node::{
    Endpoint, Inspector, NewTask, NodeOptions, Outcome, Producer, Refusal, RefusalCode, Rejection,
    RequestError, Secret, Task, Worker, WorkerError,
};
use leasehold_wire::{FromHub, Identity, Request, Response, Role};

use crate::fake_hub::{FakeHub, Session, hub, options, pool_name};

const TOKEN: &str = "lh1.crane.SECRET";

fn with_token() -> NodeOptions {
    options().token(Secret::new(TOKEN.to_owned()))
}

/// A hub that can be shown a token.
fn new_hub() -> (Endpoint, FakeHub) {
    let (endpoint, mut hub) = hub();
    hub.welcome.version = 3;
    (endpoint, hub)
}

fn worker(endpoint: Endpoint, options: NodeOptions) -> Worker {
    let handler = async |_: Task| Outcome::Complete(None);
    Worker::builder(endpoint, options)
        .pool(pool_name("mail"))
        .handler(handler)
        .start()
}

async fn shown(session: &mut Session) -> (u64, Secret) {
    match session.request().await {
        (id, Request::Authenticate { token }) => (id, token),
        (_, other) => panic!("a token, not {other:?}"),
    }
}

fn authenticated() -> Response {
    Response::Authenticated(Identity {
        name: "crane".into(),
        roles: vec![Role::Node],
        pools: vec![],
    })
}

fn denied() -> Rejection {
    Rejection::Denied("as the test wishes".into())
}

#[tokio::test(start_paused = true)]
async fn a_token_comes_first_in_each_session_and_nothing_waits_for_the_answer() {
    let (endpoint, mut hub) = new_hub();
    let _worker = worker(endpoint, with_token());
    let mut first = hub.accept().await;
    let (id, token) = shown(&mut first).await;
    assert_eq!(token.reveal(), TOKEN);
    // Not answered yet.
    first.credit().await;
    first.respond(id, authenticated()).await;
    drop(first);
    let mut second = hub.accept().await;
    assert_eq!(shown(&mut second).await.1.reveal(), TOKEN);
    assert_eq!(second.resume().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_cannot_be_shown_a_token_is_shown_none() {
    for version in [1, 2] {
        let (endpoint, mut hub) = new_hub();
        hub.welcome.version = version;
        let _worker = worker(endpoint, with_token());
        hub.accept().await.credit().await;
    }
    let (endpoint, mut hub) = new_hub();
    let _without = worker(endpoint, options());
    hub.accept().await.credit().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_denied_is_the_end_of_a_worker() {
    for as_answer in [false, true] {
        let (endpoint, mut hub) = new_hub();
        let worker = worker(endpoint, with_token());
        let mut session = hub.accept().await;
        let (id, _) = shown(&mut session).await;
        if as_answer {
            session.respond(id, Response::Refused(denied())).await;
        } else {
            let (code, reason) = (RefusalCode::Denied, "as the test wishes".into());
            let refusal = Refusal { code, reason };
            session.send(FromHub::Refused(refusal)).await;
        }
        let Err(WorkerError::Refused(refusal)) = worker.join().await else {
            panic!("it goes on");
        };
        assert_eq!(refusal.code, RefusalCode::Denied);
        assert!(refusal.reason.contains("as the test wishes"), "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_may_not_claim_ends_with_what_it_was_told() {
    let (endpoint, mut hub) = new_hub();
    let worker = worker(endpoint, options());
    let mut session = hub.accept().await;
    let (id, _) = session.request().await;
    session.respond(id, Response::Refused(denied())).await;
    session.expect_bye().await;
    let Err(WorkerError::Refused(refusal)) = worker.join().await else {
        panic!("it goes on");
    };
    assert_eq!(refusal.code, RefusalCode::Denied);
    assert_eq!(refusal.reason, denied().to_string());
}

#[tokio::test(start_paused = true)]
async fn a_producer_hears_at_once_that_it_may_not_and_may_ask_for_something_else() {
    let (endpoint, mut hub) = new_hub();
    let producer = Producer::new(endpoint, with_token());
    let pool = pool_name("mail");
    let enqueue = producer.enqueue(&pool, NewTask::new("x"));
    let serve = async {
        let mut session = hub.accept().await;
        let (id, _) = shown(&mut session).await;
        session.respond(id, authenticated()).await;
        let (id, _) = session.enqueue().await;
        session.respond(id, Response::Refused(denied())).await;
        session
    };
    let (refused, mut session) = tokio::join!(enqueue, serve);
    assert_eq!(refused.unwrap_err(), RequestError::Rejected(denied()));
    let (accepted, _) = tokio::join!(
        producer.enqueue(&pool, NewTask::new("y")),
        session.serve_enqueue()
    );
    accepted.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tokens_are_asked_of_a_hub_that_has_them() {
    let (endpoint, mut hub) = new_hub();
    hub.welcome.version = 2;
    let inspector = Inspector::new(endpoint, options());
    let (listed, _session) = tokio::join!(inspector.tokens(), hub.accept());
    let error = listed.unwrap_err();
    assert!(
        matches!(&error, RequestError::Rejected(Rejection::Unsupported(why)) if why.contains("version 2")),
        "{error}"
    );
}

#[test]
fn a_token_shows_nowhere() {
    let options = with_token();
    assert!(!format!("{options:?}").contains("SECRET"));
}
