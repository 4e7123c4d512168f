//! Who is let in, what he may do then, and until when: tokens over sockets.

use std::time::Duration;

use leasehold_core::{LeaseRef, Rejection};
use leasehold_hub::HubConfig;
use leasehold_wire::{
    FromNode, HANDSHAKE_BYTES_MAX, Hello, Identity, RefusalCode, Request, Response, Role, Secret,
    TokenSpec, TokenVerb, TokenView,
};

use super::{
    raw::{Node, Stage, config, hello},
    verbs::{LONG, claim, enqueue, item, new_id, pool},
};

pub(crate) fn closed() -> HubConfig {
    let mut config = config();
    config.auth.required = true;
    config
}

/// A hub that does not look after its sessions by itself while a test runs.
fn closed_and_calm() -> HubConfig {
    let mut config = closed();
    config.session.heartbeat = Duration::from_secs(60);
    config.session.silence_after = Duration::from_secs(3600);
    config
}

pub(crate) fn spec(name: &str, roles: &[Role], pools: &[&str]) -> TokenSpec {
    TokenSpec {
        name: name.to_owned(),
        roles: roles.to_vec(),
        pools: pools.iter().map(|name| pool(name)).collect(),
        node: None,
        labels: vec![],
        good_for_ms: None,
    }
}

fn show(token: &Secret) -> Request {
    let token = token.clone();
    Request::Authenticate { token }
}

pub(crate) fn denied(answer: Response) -> String {
    match answer {
        Response::Refused(Rejection::Denied(why)) => why,
        other => panic!("not a denial: {other:?}"),
    }
}

impl Stage {
    /// One from inside the hub's process, which is trusted.
    pub(crate) async fn owner(&self) -> Node {
        self.inside("owner").await
    }

    pub(crate) async fn token(&self, spec: TokenSpec) -> Secret {
        let verb = TokenVerb::Create(Box::new(spec));
        match self.owner().await.request(Request::Tokens { verb }).await {
            Response::TokenMade { token, .. } => token,
            other => panic!("not a token: {other:?}"),
        }
    }

    async fn revoke(&self, name: &str) -> Vec<TokenView> {
        let verb = TokenVerb::Revoke(name.to_owned());
        match self.owner().await.request(Request::Tokens { verb }).await {
            Response::Tokens(left) => left,
            other => panic!("not an answer to a revocation: {other:?}"),
        }
    }

    /// A node over TCP that shows this token.
    pub(crate) async fn known(&self, hello: Hello, token: &Secret) -> Node {
        let mut node = Node::over_tcp(self.address(), hello).await;
        let answer = node.request(show(token)).await;
        assert!(matches!(answer, Response::Authenticated(_)), "{answer:?}");
        node
    }

    /// With a token of these roles for these pools.
    pub(crate) async fn with(&self, name: &str, roles: &[Role], pools: &[&str]) -> Node {
        let token = self.token(spec(name, roles, pools)).await;
        self.known(hello(name), &token).await
    }
}

pub(crate) const ALL: [Role; 3] = [Role::Producer, Role::Node, Role::Admin];

#[tokio::test]
async fn whoever_says_nothing_of_himself_may_do_nothing() {
    let stage = Stage::start(closed()).await;
    let mut owner = stage.owner().await;
    for request in [
        enqueue("mail", vec![item(new_id(), "x")]),
        Request::Status { pool: None },
        Request::Resume { leases: vec![] },
        Request::Tokens {
            verb: TokenVerb::List,
        },
    ] {
        let mut node = stage.node("stranger").await;
        node.ask(request).await;
        let refusal = node.refused().await;
        assert_eq!(refusal.code, RefusalCode::Denied, "{refusal:?}");
        assert!(refusal.reason.contains("token"), "{refusal:?}");
    }
    let status = owner.status().await;
    assert_eq!(status.pools, [], "nothing was opened for it");
    assert_eq!(status.sessions_open, 1);
}

#[tokio::test]
async fn whoever_has_said_nothing_yet_is_no_session_and_takes_over_none() {
    let stage = Stage::start(closed()).await;
    let token = stage.token(spec("a", &ALL, &[])).await;
    let who = hello("crane");
    let mut node = stage.known(who.clone(), &token).await;
    let mut stranger = Node::over_tcp(stage.address(), who).await;
    let mut owner = stage.owner().await;
    assert_eq!(owner.status().await.sessions_open, 2);
    stranger.ask(Request::Status { pool: None }).await;
    stranger.refused().await;
    node.enqueue("mail", b"still there").await;
}

#[tokio::test]
async fn a_stranger_has_short_frames_and_little_time() {
    let mut config = closed();
    config.session.handshake_within = Duration::from_secs(1);
    let stage = Stage::start(config).await;
    let mut silent = stage.node("silent").await;
    let refusal = silent.refused().await;
    assert_eq!(refusal.code, RefusalCode::HandshakeTimeout, "{refusal:?}");
    // A heartbeat is no reason to wait for longer.
    let mut alive = stage.node("alive").await;
    alive.say(FromNode::Ping).await;
    assert_eq!(alive.refused().await.code, RefusalCode::HandshakeTimeout);
    let stage = Stage::start(closed()).await;
    let mut long = stage.node("long").await;
    let payload = vec![0; HANDSHAKE_BYTES_MAX as usize];
    long.ask(enqueue("mail", vec![item(new_id(), payload)]))
        .await;
    assert_eq!(long.refused().await.code, RefusalCode::FrameTooLong);
}

#[tokio::test]
async fn versions_that_cannot_say_who_they_are_are_refused_as_versions() {
    let stage = Stage::start(closed()).await;
    for version_max in [1, 2] {
        let mut stranger = stage.stranger().await;
        let old = Hello {
            version_max,
            ..hello("old")
        };
        stranger.say(FromNode::Hello(old)).await;
        let refusal = stranger.refused().await;
        assert_eq!(refusal.code, RefusalCode::Version);
        let named = refusal.reason.contains(&format!("version {version_max}"));
        assert!(named && refusal.reason.contains("token"), "{refusal:?}");
    }
}

/// A node that comes back does not wait for the answer, and may have much to resume.
#[tokio::test]
async fn what_comes_right_behind_the_token_is_heard_however_long_it_is() {
    let stage = Stage::start(closed()).await;
    let token = stage.token(spec("a", &ALL, &["mail"])).await;
    let who = hello("crane");
    let mut node = stage.known(who.clone(), &token).await;
    let ids = node.enqueue_many("mail", 1000).await;
    let tasks = node.claim("mail", 1000, LONG).await;
    let leases: Vec<LeaseRef> = tasks.iter().map(|task| task.proof).collect();
    assert_eq!(leases.len(), ids.len());
    drop(node);
    let mut node = Node::over_tcp(stage.address(), who).await;
    let shown = node.feed(show(&token)).await;
    let resumed = node.feed(Request::Resume { leases }).await;
    node.flush().await;
    let identity = Identity {
        name: "a".to_owned(),
        roles: ALL.to_vec(),
        pools: vec![pool("mail")],
    };
    assert_eq!(node.answer(shown).await, Response::Authenticated(identity));
    let Response::Extended(items) = node.answer(resumed).await else {
        panic!("not an answer to a resume");
    };
    assert!(items.len() == 1000 && items.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_wrong_token_ends_the_session_where_none_is_asked_for_too() {
    for config in [config(), closed()] {
        let stage = Stage::start(config).await;
        let token = stage.token(spec("a", &ALL, &[])).await;
        let wrong = Secret::new(format!("lh1.a.{}", "A".repeat(43)));
        for shown in [&wrong, &Secret::new("junk".to_owned())] {
            let mut node = stage.node("crane").await;
            node.ask(show(shown)).await;
            assert_eq!(node.refused().await.code, RefusalCode::Denied);
        }
        let for_one = TokenSpec {
            node: Some("worker-1".parse().unwrap()),
            ..spec("b", &ALL, &[])
        };
        let for_one = stage.token(for_one).await;
        stage.known(hello("worker-1"), &for_one).await;
        let mut node = stage.node("worker-2").await;
        node.ask(show(&for_one)).await;
        let refusal = node.refused().await;
        assert!(
            refusal.reason.contains("for the node worker-1"),
            "{refusal:?}"
        );
        stage.known(hello("worker-2"), &token).await;
    }
}

#[tokio::test]
async fn a_revoked_token_ends_its_sessions_at_once_and_their_tasks_run_elsewhere() {
    let stage = Stage::start(closed_and_calm()).await;
    let token = stage.token(spec("stolen", &ALL, &[])).await;
    let who = hello("thief");
    let mut thief = stage.known(who.clone(), &token).await;
    let mut other = stage.with("other", &ALL, &[]).await;
    other.enqueue("mail", b"x").await;
    let task = thief.claim_one("mail").await;
    let parked = other.ask(claim("mail", 1, LONG)).await;
    let left = stage.revoke("stolen").await;
    assert_eq!(left.len(), 1, "{left:?}");
    let refusal = thief.refused().await;
    assert_eq!(refusal.code, RefusalCode::Denied);
    assert!(
        refusal.reason.contains("\"stolen\" was revoked"),
        "{refusal:?}"
    );
    let mut again = Node::over_tcp(stage.address(), who).await;
    again.ask(show(&token)).await;
    assert_eq!(again.refused().await.code, RefusalCode::Denied);
    let tasks = other.claimed(parked).await;
    assert_eq!(tasks[0].proof.task, task.proof.task);
    other.complete(&tasks[0]).await.unwrap();
}

#[tokio::test]
async fn a_token_that_expires_ends_its_sessions() {
    let stage = Stage::start(closed_and_calm()).await;
    let short = TokenSpec {
        good_for_ms: Some(2000),
        ..spec("short", &ALL, &[])
    };
    let token = stage.token(short).await;
    let mut node = stage.known(hello("crane"), &token).await;
    node.enqueue("mail", b"x").await;
    // Which makes the hub look for what comes next.
    node.say(FromNode::Ping).await;
    let refusal = node.refused().await;
    assert_eq!(refusal.code, RefusalCode::Denied);
    assert!(
        refusal.reason.contains("\"short\" has expired"),
        "{refusal:?}"
    );
    let mut again = stage.node("crane").await;
    again.ask(show(&token)).await;
    let refusal = again.refused().await;
    assert!(refusal.reason.contains("has expired"), "{refusal:?}");
}

#[tokio::test]
async fn where_nobody_has_to_say_who_he_is_a_token_still_allows_what_it_allows() {
    let stage = Stage::start(config()).await;
    let mut free = stage.node("free").await;
    free.enqueue("billing", b"x").await;
    let mut known = stage.with("mail", &[Role::Producer], &["mail"]).await;
    denied(
        known
            .request(enqueue("billing", vec![item(new_id(), "x")]))
            .await,
    );
    known.enqueue("mail", b"y").await;
    assert_eq!(known.status().await.pools.len(), 1);
    assert_eq!(free.status().await.pools.len(), 2);
}

#[tokio::test]
async fn who_one_is_is_said_first_or_not_at_all() {
    let stage = Stage::start(config()).await;
    let token = stage.token(spec("a", &ALL, &["mail"])).await;
    let mut node = stage.node("crane").await;
    node.enqueue("mail", b"x").await;
    let answer = node.request(show(&token)).await;
    assert!(
        matches!(&answer, Response::Refused(Rejection::Invalid(why)) if why.contains("before all")),
        "{answer:?}"
    );
    node.enqueue("billing", b"it is as free as it was").await;
}

#[tokio::test]
async fn tokens_are_the_affair_of_an_admin_of_all_pools() {
    let stage = Stage::start(closed()).await;
    let verbs = || {
        [
            TokenVerb::List,
            TokenVerb::Create(Box::new(spec("more", &ALL, &[]))),
            TokenVerb::Revoke("owner".to_owned()),
        ]
    };
    let mut scoped = stage.with("scoped", &ALL, &["mail"]).await;
    let mut lesser = stage
        .with("lesser", &[Role::Producer, Role::Node], &[])
        .await;
    for verb in verbs() {
        let request = || Request::Tokens { verb: verb.clone() };
        denied(scoped.request(request()).await);
        denied(lesser.request(request()).await);
    }
    let mut admin = stage.with("admin", &[Role::Admin], &[]).await;
    let verb = TokenVerb::List;
    let Response::Tokens(tokens) = admin.request(Request::Tokens { verb }).await else {
        panic!("not a list");
    };
    let seen: Vec<_> = tokens
        .iter()
        .map(|token| (token.spec.name.as_str(), token.sessions))
        .collect();
    assert_eq!(seen, [("admin", 1), ("lesser", 1), ("scoped", 1)]);
    let again = TokenVerb::Create(Box::new(spec("admin", &ALL, &[])));
    let taken = admin.request(Request::Tokens { verb: again }).await;
    assert!(
        matches!(&taken, Response::Refused(Rejection::Invalid(why)) if why.contains("already")),
        "{taken:?}"
    );
}

/// It revokes its own: the answer comes, and then the end.
#[tokio::test]
async fn an_admin_may_revoke_the_token_that_he_shows() {
    let stage = Stage::start(closed()).await;
    let mut admin = stage.with("admin", &[Role::Admin], &[]).await;
    let verb = TokenVerb::Revoke("admin".to_owned());
    let answer = admin.request(Request::Tokens { verb }).await;
    assert_eq!(answer, Response::Tokens(vec![]));
    assert_eq!(admin.refused().await.code, RefusalCode::Denied);
}

#[tokio::test]
async fn one_from_inside_is_trusted_unless_it_shows_a_token() {
    let stage = Stage::start(closed()).await;
    let token = stage.token(spec("a", &[Role::Producer], &["mail"])).await;
    let mut inside = stage.inside("inside").await;
    inside.enqueue("billing", b"x").await;
    let mut modest = stage.inside("modest").await;
    let answer = modest.request(show(&token)).await;
    assert!(matches!(answer, Response::Authenticated(_)), "{answer:?}");
    denied(modest.request(claim("mail", 1, Duration::ZERO)).await);
}

/// Several times what fits between the two and is answered with a megabyte.
const MANY: usize = 60_000;

/// What is refused at once is answered at once; whoever does not read it is not heard for ever.
#[tokio::test]
async fn whoever_does_not_read_that_he_is_denied_is_not_heard_either() {
    let mut config = closed();
    config.session.heartbeat = Duration::from_secs(1);
    config.session.silence_after = Duration::from_secs(2);
    let stage = Stage::start(config).await;
    let token = stage.token(spec("a", &[Role::Producer], &["mail"])).await;
    let mut node = stage.inside("deaf").await;
    node.request(show(&token)).await;
    let mut sent = 0;
    while sent < MANY && node.try_ask(claim("mail", 1, LONG)).await {
        sent += 1;
    }
    assert!(sent < MANY, "it was heard to the end");
}
