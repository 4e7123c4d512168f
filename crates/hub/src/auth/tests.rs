//! Who is let in, and until when.

use std::time::Duration;

use leasehold_core::{PoolName, Rejection, Timestamp};
use leasehold_wire::{Role, TokenSpec};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::auth::tokens::Author as By;

fn auth(config: &HubConfig) -> Auth {
    Auth::open(
        config,
        Clock::starting_no_earlier_than(Timestamp::from_millis(0)),
    )
    .unwrap()
}

fn in_memory() -> HubConfig {
    let mut config = HubConfig::default();
    config.store.engine = Engine::Memory;
    config
}

fn spec(name: &str) -> TokenSpec {
    TokenSpec {
        name: name.to_owned(),
        roles: vec![Role::Producer],
        pools: vec!["mail".parse().unwrap()],
        node: None,
        labels: vec![],
        good_for_ms: None,
    }
}

fn by() -> By {
    By {
        name: "me".to_owned(),
        address: "here".to_owned(),
        session: 1,
    }
}

type Shown = (Result<Known, String>, UnboundedReceiver<Out>);

fn show(auth: &Auth, token: &Secret, node: &str) -> Shown {
    let (back, outs) = unbounded_channel();
    let node = NodeName::new(node).unwrap();
    let caller = Caller {
        session: SessionId(7),
        node: &node,
        address: "there",
    };
    (auth.authenticate(token, &caller, &back), outs)
}

fn why(shown: Shown) -> String {
    match shown.0 {
        Ok(known) => panic!("it is let in as {}", known.identity().name),
        Err(why) => why,
    }
}

#[tokio::test]
async fn a_token_is_good_from_its_making_until_it_is_revoked_in_open_sessions_too() {
    let auth = auth(&in_memory());
    let (token, _) = auth.create_token(spec("a"), by()).await.unwrap();
    let (known, mut outs) = show(&auth, &token, "crane");
    let known = known.unwrap();
    assert_eq!(
        known.identity().pools,
        ["mail".parse::<PoolName>().unwrap()]
    );
    assert_eq!(auth.tokens().await[0].sessions, 1);
    let request = leasehold_wire::Request::Status { pool: None };
    assert!(known.check(&request, |_| None).is_ok());

    auth.revoke_token("a".to_owned(), by()).await.unwrap();
    assert!(matches!(outs.try_recv(), Ok(Out::Denied(why)) if why.contains("\"a\" was revoked")));
    // Also before the session has heard of it.
    let refused = known.check(&request, |_| None);
    assert!(matches!(refused, Err(Refused::Session(why)) if why.contains("revoked")));
    assert!(why(show(&auth, &token, "crane")).contains("not known here"));
    let again = auth.revoke_token("a".to_owned(), by()).await;
    assert!(matches!(again, Err(Rejection::Invalid(why)) if why.contains("no token \"a\"")));
}

#[tokio::test]
async fn a_session_that_ends_is_not_counted_any_more() {
    let auth = auth(&in_memory());
    let (token, _) = auth.create_token(spec("a"), by()).await.unwrap();
    let (one, _outs) = show(&auth, &token, "crane");
    let (other, _outs) = show(&auth, &token, "crane");
    assert_eq!(auth.tokens().await[0].sessions, 2);
    drop((one, other));
    assert_eq!(auth.tokens().await[0].sessions, 0);
}

/// A wrong secret and a name that there is not are told apart by nobody.
#[tokio::test]
async fn what_is_not_the_token_is_denied() {
    let auth = auth(&in_memory());
    let (token, _) = auth.create_token(spec("a"), by()).await.unwrap();
    let (_, secret) = token.reveal().rsplit_once('.').unwrap();
    let wrong = Secret::new(format!("lh1.a.{}", "A".repeat(43)));
    let misnamed = Secret::new(format!("lh1.b.{secret}"));
    let denied = why(show(&auth, &wrong, "crane"));
    assert_eq!(denied, why(show(&auth, &misnamed, "crane")));
    let no_token = Secret::new(secret.to_owned());
    let denied = why(show(&auth, &no_token, "crane"));
    assert!(
        denied.contains("lh1.NAME.SECRET") && !denied.contains(secret),
        "{denied}"
    );
}

#[tokio::test]
async fn a_token_for_a_node_is_good_for_that_node() {
    let auth = auth(&in_memory());
    let spec = TokenSpec {
        node: Some(NodeName::new("worker-1").unwrap()),
        ..spec("a")
    };
    let (token, _) = auth.create_token(spec, by()).await.unwrap();
    assert!(show(&auth, &token, "worker-1").0.is_ok());
    let denied = why(show(&auth, &token, "worker-2"));
    assert!(
        denied.contains("for the node worker-1, and this is worker-2"),
        "{denied}"
    );
}

#[tokio::test]
async fn a_token_expires() {
    let auth = auth(&in_memory());
    let spec = TokenSpec {
        good_for_ms: Some(1000),
        ..spec("a")
    };
    let (token, view) = auth.create_token(spec, by()).await.unwrap();
    let known = show(&auth, &token, "crane").0.unwrap();
    let identity = known.identity();
    let left = Standing::Known(known).time_left().unwrap();
    assert!(
        left <= Duration::from_secs(1) && !left.is_zero(),
        "{left:?}"
    );
    let ends_at = Timestamp::from_millis(view.ends_at_ms.unwrap());
    let grant = Grant::new(identity, Some(ends_at));
    assert_eq!(grant.ended(|| ends_at - Duration::from_millis(1)), None);
    assert_eq!(grant.ended(|| ends_at), Some("has expired"));
}

#[tokio::test]
async fn tokens_outlive_the_hub_that_made_them_where_they_are_kept_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = in_memory();
    config.auth.file = Some(folder.path().join("t.json"));
    let first = auth(&config);
    let (token, _) = first.create_token(spec("a"), by()).await.unwrap();
    let (gone, _) = first.create_token(spec("b"), by()).await.unwrap();
    first.revoke_token("b".to_owned(), by()).await.unwrap();
    let held = Auth::open(&config, first.0.clock);
    assert!(matches!(held, Err(TokenError::InUse(_))), "{held:?}");
    first.close().await;
    let second = auth(&config);
    assert!(show(&second, &token, "crane").0.is_ok());
    assert!(show(&second, &gone, "crane").0.is_err());
}

/// What cannot be written is not made; and what cannot be struck out is worthless all the same.
#[tokio::test]
async fn a_disk_that_fails_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = in_memory();
    let path = folder.path().join("t.json");
    config.auth.file = Some(path.clone());
    let auth = auth(&config);
    let (token, _) = auth.create_token(spec("a"), by()).await.unwrap();
    let in_the_way = folder.path().join("t.json.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let made = auth.create_token(spec("b"), by()).await;
    assert!(matches!(made, Err(Rejection::Invalid(why)) if why.contains("no token was made")));
    let revoked = auth.revoke_token("a".to_owned(), by()).await;
    assert!(matches!(revoked, Err(Rejection::Invalid(why)) if why.contains("not after a restart")));
    assert!(show(&auth, &token, "crane").0.is_err());
    std::fs::remove_dir(&in_the_way).unwrap();
    auth.revoke_token("a".to_owned(), by()).await.unwrap();
    assert_eq!(file::read(&path).unwrap().all().count(), 0);
}

#[test]
fn a_certificate_is_who_the_configuration_says() {
    let mut config = in_memory();
    let rule = CertificateRule {
        roles: vec![Role::Node],
        pools: vec!["mail".parse().unwrap()],
    };
    config
        .certificates
        .insert("worker-1.example".to_owned(), rule);
    let auth = auth(&config);
    let identity = auth.identity_of_certificate("worker-1.example").unwrap();
    assert_eq!(
        (identity.name.as_str(), identity.roles.as_slice()),
        ("worker-1.example", &[Role::Node][..])
    );
    assert_eq!(identity.pools, ["mail".parse::<PoolName>().unwrap()]);
    assert_eq!(auth.identity_of_certificate("worker-1.example.org"), None);
}
