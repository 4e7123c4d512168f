//! Sessions by TLS, and strangers who come to none.

use std::{fs, path::Path, time::Duration};

use leasehold_core::PoolName;
use leasehold_hub::{Fault, Hub, HubConfig, NodeCertificates};
use leasehold_node::{
    Endpoint, NewTask, NodeOptions, Outcome, Producer, RequestError, Task, Tls, Worker, WorkerError,
};
use leasehold_store::MemoryStore;
use leasehold_wire::{FromHub, FromNode, RefusalCode};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::{
    certificates::{Ca, Issued},
    raw::{Stage, Stranger, config, connect, hello, within},
};

/// A hub that speaks TLS, its CA, and a folder for files.
struct Tower {
    stage: Stage,
    config: HubConfig,
    ca: Ca,
    folder: TempDir,
}

impl Tower {
    async fn start() -> Self {
        Self::with(|_, _| ()).await
    }

    async fn with(change: impl FnOnce(&mut HubConfig, &Path)) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let ca = Ca::new("hubs");
        ca.write(folder.path(), "ca.pem");
        let issued = ca.issue(folder.path(), "hub", &["127.0.0.1", "localhost"]);
        let mut config = config();
        config.tls.certificate = Some(issued.certificate);
        config.tls.key = Some(issued.key);
        change(&mut config, folder.path());
        let stage = Stage::start(config.clone()).await;
        Self {
            stage,
            config,
            ca,
            folder,
        }
    }

    /// One that asks nodes for certificates of the CA `nodes`.
    async fn asking(nodes: NodeCertificates, of: &Ca) -> Self {
        Self::with(|config, folder| {
            config.tls.nodes_ca = Some(of.write(folder, "nodes-ca.pem"));
            config.tls.nodes = nodes;
        })
        .await
    }

    fn tls(&self) -> Tls {
        Tls::trusting(self.folder.path().join("ca.pem"))
    }

    fn shows(&self, issued: &Issued) -> Tls {
        self.tls().identity(&issued.certificate, &issued.key)
    }

    fn producer(&self, tls: Tls) -> Producer {
        Producer::new(self.endpoint(tls), patient(Duration::from_secs(10)))
    }

    fn endpoint(&self, tls: Tls) -> Endpoint {
        Endpoint::tls(self.stage.address().to_string(), tls)
    }
}

fn patient(span: Duration) -> NodeOptions {
    NodeOptions::default().give_up_after(span)
}

fn mail() -> PoolName {
    PoolName::new("mail").expect("a word is a name")
}

async fn enqueue(producer: &Producer) -> Result<(), RequestError> {
    let mail = mail();
    within(producer.enqueue(&mail, NewTask::new("x")))
        .await
        .map(drop)
}

/// Why there is no TLS, and never will be.
async fn hopeless(producer: &Producer) -> String {
    match enqueue(producer).await {
        Err(RequestError::Tls(why)) => why,
        other => panic!("it should be hopeless, not {other:?}"),
    }
}

/// It is tried again until patience ends, and this is what went wrong.
async fn in_vain(producer: &Producer, why: &str) {
    let tries = async {
        loop {
            match enqueue(producer).await {
                Err(RequestError::Unreachable { last, .. }) if last.contains(why) => return,
                // The first attempt, or the end of a session, may have taken all of the time.
                Err(RequestError::Unreachable { .. }) => {}
                other => panic!("it should be tried again, not {other:?}"),
            }
        }
    };
    within(tries).await;
}

/// However many attempts it takes: pauses between them have grown.
async fn in_the_end(producer: &Producer) {
    let tries = async {
        loop {
            match enqueue(producer).await {
                Ok(()) => return,
                Err(RequestError::Unreachable { .. }) => {}
                other => panic!("it should be tried again, not {other:?}"),
            }
        }
    };
    within(tries).await;
}

#[tokio::test]
async fn tasks_go_over_tls_in_both_directions_whatever_they_weigh() {
    let tower = Tower::start().await;
    let producer = tower.producer(tower.tls());
    let mail = mail();
    let payload = |n: u8| vec![n; 700_000];
    for n in 0..20 {
        let task = NewTask::new(payload(n));
        within(producer.enqueue(&mail, task)).await.unwrap();
    }
    let (seen, mut payloads) = mpsc::unbounded_channel();
    let handler = move |task: Task| {
        let seen = seen.clone();
        async move {
            seen.send(task.payload).expect("the test listens");
            Outcome::Complete(None)
        }
    };
    let worker = Worker::builder(tower.endpoint(tower.tls()), NodeOptions::default())
        .pool(mail.clone())
        .slots(20)
        .handler(handler)
        .start();
    let mut all = Vec::new();
    for _ in 0..20 {
        all.push(within(payloads.recv()).await.expect("the worker works"));
    }
    all.sort();
    for (n, payload_seen) in (0..).zip(all) {
        assert!(payload_seen == payload(n), "payload {n}");
    }
    within(worker.drain()).await.unwrap();
}

#[tokio::test]
async fn a_hub_of_another_ca_or_name_is_not_trusted_and_that_is_final() {
    let tower = Tower::start().await;
    let other = Ca::new("others").write(tower.folder.path(), "other.pem");
    let why = hopeless(&tower.producer(Tls::trusting(&other))).await;
    assert!(
        why.contains("not of a CA") && why.contains("--tls-ca"),
        "{why}"
    );
    let why = hopeless(&tower.producer(tower.tls().hub_name("hub.internal"))).await;
    assert!(why.contains("--tls-name"), "{why}");
    assert!(
        why.contains("hub.internal") && why.contains("localhost"),
        "{why}"
    );
    let by_name = tower.producer(tower.tls().hub_name("localhost"));
    enqueue(&by_name).await.unwrap();
    let worker = Worker::builder(
        tower.endpoint(Tls::trusting(&other)),
        NodeOptions::default(),
    )
    .pool(mail())
    .handler(|_: Task| async { Outcome::Complete(None) })
    .start();
    let ended = within(worker.join()).await;
    assert!(matches!(ended, Err(WorkerError::Tls(_))), "{ended:?}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_waited_for() {
    let tower = Tower::start().await;
    let folder = tower.folder.path();
    tower.ca.issue_expired(folder, "hub", "127.0.0.1");
    let lines = tower.stage.hub.reload(tower.config.clone()).await.unwrap();
    let told = &lines[0];
    assert!(
        told.contains("2001-01-09") && told.contains("not good any more"),
        "{told}"
    );
    let options = patient(Duration::from_millis(200));
    let impatient = Producer::new(tower.endpoint(tower.tls()), options);
    in_vain(&impatient, "expired").await;
    let waiting = tower.producer(tower.tls());
    let waits = tokio::spawn(async move { enqueue(&waiting).await });
    tower.ca.issue(folder, "hub", &["127.0.0.1"]);
    tower.stage.hub.reload(tower.config.clone()).await.unwrap();
    within(waits).await.unwrap().unwrap();
}

#[tokio::test]
async fn nodes_show_a_certificate_where_it_is_required() {
    let nodes = Ca::new("nodes");
    let tower = Tower::asking(NodeCertificates::Required, &nodes).await;
    let folder = tower.folder.path();
    let why = hopeless(&tower.producer(tower.tls())).await;
    assert!(why.contains("--tls-certificate"), "{why}");
    let foreign = Ca::new("others").issue(folder, "foreign", &["crane-1"]);
    let why = hopeless(&tower.producer(tower.shows(&foreign))).await;
    assert!(why.contains("nodes_ca"), "{why}");
    let good = nodes.issue(folder, "crane-1", &["crane-1"]);
    enqueue(&tower.producer(tower.shows(&good))).await.unwrap();
    let by_uri = nodes.issue_uri(folder, "crane-2", Some("spiffe://yard/crane-2"));
    enqueue(&tower.producer(tower.shows(&by_uri)))
        .await
        .unwrap();
    let nameless = nodes.issue_uri(folder, "nameless", None);
    let refused = enqueue(&tower.producer(tower.shows(&nameless))).await;
    let Err(RequestError::Refused(refusal)) = refused else {
        panic!("nobody is known by it: {refused:?}");
    };
    assert!(refusal.reason.contains("subjectAltName"), "{refusal:?}");
}

#[tokio::test]
async fn nodes_may_show_a_certificate_where_it_is_optional_and_then_a_good_one() {
    let nodes = Ca::new("nodes");
    let tower = Tower::asking(NodeCertificates::Optional, &nodes).await;
    enqueue(&tower.producer(tower.tls())).await.unwrap();
    let foreign = Ca::new("others").issue(tower.folder.path(), "foreign", &["crane-1"]);
    hopeless(&tower.producer(tower.shows(&foreign))).await;
}

#[tokio::test]
async fn a_node_certificate_that_has_expired_is_renewed_in_place() {
    let nodes = Ca::new("nodes");
    let tower = Tower::asking(NodeCertificates::Required, &nodes).await;
    let folder = tower.folder.path();
    let issued = nodes.issue_expired(folder, "crane-1", "crane-1");
    let options = patient(Duration::from_millis(200));
    let producer = Producer::new(tower.endpoint(tower.shows(&issued)), options);
    in_vain(&producer, "this node's certificate has expired").await;
    nodes.issue(folder, "crane-1", &["crane-1"]);
    in_the_end(&producer).await;
}

#[tokio::test]
async fn plain_words_to_a_hub_that_speaks_tls_are_answered_plainly() {
    let tower = Tower::start().await;
    let mut stranger = tower.stage.stranger().await;
    stranger.say(FromNode::Hello(hello("crane"))).await;
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::Malformed);
    assert!(refusal.reason.contains("speaks TLS"), "{refusal:?}");
    let plain = Endpoint::tcp(tower.stage.address().to_string());
    let producer = Producer::new(plain, patient(Duration::from_secs(10)));
    let refused = enqueue(&producer).await;
    assert!(
        matches!(refused, Err(RequestError::Refused(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn tls_to_a_hub_that_speaks_none_is_answered_in_tls() {
    let stage = Stage::start(config()).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("hubs").write(folder.path(), "ca.pem");
    let endpoint = Endpoint::tls(stage.address().to_string(), Tls::trusting(ca));
    let why = hopeless(&Producer::new(endpoint, patient(Duration::from_secs(10)))).await;
    assert!(why.contains("speaks no TLS"), "{why}");
    let mut line = connect(stage.address()).await;
    line.write_all(&[22, 3, 1, 5, 0, 1, 0]).await.unwrap();
    let mut told = Vec::new();
    // It is a fatal alert of TLS, and the end.
    let read = async {
        line.shutdown().await?;
        line.read_to_end(&mut told).await
    };
    within(read).await.unwrap();
    assert_eq!(told, [21, 3, 3, 0, 2, 2, 10]);
    stage.node("crane").await;
}

#[tokio::test]
async fn who_is_slow_in_the_handshake_is_not_waited_for_and_holds_nobody_up() {
    let tower = Tower::with(|config, _| {
        config.session.handshake_within = Duration::from_millis(400);
    })
    .await;
    let mut slow = Vec::new();
    for n in 0..200 {
        let mut line = connect(tower.stage.address()).await;
        // Nothing at all, or a beginning.
        if n % 2 == 0 {
            line.write_all(&[22, 3, 1, 2]).await.unwrap();
        }
        slow.push(line);
    }
    enqueue(&tower.producer(tower.tls())).await.unwrap();
    for mut line in slow {
        let mut rest = [0; 16];
        // A close or a reset: either way it is over.
        let read = within(line.read(&mut rest)).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}

/// What takes its time after the handshake counts to the same time.
#[tokio::test]
async fn who_says_nothing_after_the_handshake_is_not_waited_for() {
    let tower = Tower::with(|config, _| {
        config.session.handshake_within = Duration::from_millis(100);
    })
    .await;
    let mut stranger = Stranger::new(Box::new(sealed(&tower).await));
    let refusal = stranger.refused().await;
    assert_eq!(refusal.code, RefusalCode::HandshakeTimeout);
    assert!(refusal.reason.contains("100ms"), "{refusal:?}");
}

/// A connection by TLS on which nothing was said.
async fn sealed(tower: &Tower) -> tokio_rustls::client::TlsStream<TcpStream> {
    let pem = fs::read(tower.folder.path().join("ca.pem")).expect("it was written");
    let ca = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).expect("it is PEM");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).expect("it is a CA's");
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("it speaks that")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let line = connect(tower.stage.address()).await;
    let name = "localhost".try_into().expect("that is a name");
    let sealed = within(connector.connect(name, line)).await;
    sealed.expect("the hub speaks TLS")
}

#[tokio::test]
async fn one_session_too_many_is_turned_away_in_tls() {
    let tower = Tower::with(|config, _| config.hub.sessions_max = 1).await;
    let mut first = Stranger::new(Box::new(sealed(&tower).await));
    first.say(FromNode::Hello(hello("crane-1"))).await;
    assert!(matches!(first.hear().await, Some(FromHub::Welcome(_))));
    let mut second = Stranger::new(Box::new(sealed(&tower).await));
    let refusal = second.refused().await;
    assert_eq!(refusal.code, RefusalCode::SessionsMax);
}

#[tokio::test]
async fn a_hub_that_drains_says_bye_in_tls() {
    let tower = Tower::start().await;
    let mut node = Stranger::new(Box::new(sealed(&tower).await));
    node.say(FromNode::Hello(hello("crane-1"))).await;
    assert!(matches!(node.hear().await, Some(FromHub::Welcome(_))));
    let waiting = Stranger::new(Box::new(sealed(&tower).await));
    tower.stage.hub.drain().await;
    assert!(matches!(node.hear().await, Some(FromHub::Bye { .. })));
    drop(waiting);
}

#[tokio::test]
async fn new_sessions_get_new_certificates_and_old_ones_go_on() {
    let tower = Tower::start().await;
    let folder = tower.folder.path();
    let old = tower.producer(tower.tls());
    enqueue(&old).await.unwrap();
    let next = Ca::new("next hubs");
    let next_ca = Tls::trusting(next.write(folder, "next.pem"));
    next.issue(folder, "hub", &["127.0.0.1"]);
    let lines = tower.stage.hub.reload(tower.config.clone()).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("the hub's certificate is for"),
        "{lines:?}"
    );
    enqueue(&old).await.expect("the old session goes on");
    enqueue(&tower.producer(next_ca)).await.unwrap();
    hopeless(&tower.producer(tower.tls())).await;
    let again = tower.stage.hub.reload(tower.config.clone()).await;
    assert_eq!(again, Ok(vec![]), "nothing has changed");
}

#[tokio::test]
async fn a_reload_with_a_bad_file_changes_nothing_and_names_it() {
    let tower = Tower::start().await;
    let folder = tower.folder.path();
    let mut wanted = tower.config.clone();
    wanted.session.requests_max = 7;
    let key = fs::read(folder.join("hub.key")).unwrap();
    let other = tower.ca.issue(folder, "other", &["127.0.0.1"]);
    let garbage = folder.join("garbage");
    fs::write(&garbage, "secret words").unwrap();
    for (file, is) in [
        (folder.join("gone.key"), "cannot be read: No such file"),
        (garbage, "has no key in PEM"),
        (other.key, "does not go with tls.certificate"),
    ] {
        let mut bad = wanted.clone();
        bad.tls.key = Some(file.clone());
        let told = tower.stage.hub.reload(bad).await.unwrap_err().to_string();
        let begin = format!("tls.key = {file:?}: {is}");
        assert!(told.starts_with(&begin), "{told} should begin with {begin}");
        assert!(!told.contains("secret words"), "{told}");
    }
    assert_eq!(fs::read(folder.join("hub.key")).unwrap(), key);
    enqueue(&tower.producer(tower.tls())).await.unwrap();
    let lines = tower.stage.hub.reload(wanted).await.unwrap();
    assert!(lines[0].starts_with("session.requests_max: "), "{lines:?}");
}

/// A mistake with the hub's certificate costs nobody his work: who was let in once comes back.
#[tokio::test]
async fn who_was_let_in_once_does_not_give_up_when_the_hub_is_not_trusted() {
    let tower = Tower::start().await;
    let folder = tower.folder.path();
    let options = patient(Duration::from_millis(300));
    let producer = Producer::new(tower.endpoint(tower.tls()), options);
    enqueue(&producer).await.unwrap();
    Ca::new("others").issue(folder, "hub", &["127.0.0.1"]);
    tower.stage.hub.reload(tower.config.clone()).await.unwrap();
    let mut inside = tower.stage.inside("watch").await;
    let sessions: Vec<u64> = (1..inside.session()).collect();
    for session in sessions {
        tower.stage.hub.provoke(Fault::IoAborted(session));
    }
    inside.until(|status| status.sessions_open == 1).await;
    in_vain(&producer, "not of a CA").await;
    tower.ca.issue(folder, "hub", &["127.0.0.1"]);
    tower.stage.hub.reload(tower.config.clone()).await.unwrap();
    in_the_end(&producer).await;
}

#[tokio::test]
async fn a_hub_does_not_start_on_files_that_do_not_go_together() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("hubs");
    let issued = ca.issue(folder.path(), "hub", &["localhost"]);
    let mut config = config();
    config.tls.certificate = Some(folder.path().join("gone.pem"));
    config.tls.key = Some(issued.certificate);
    let told = config.check_files().unwrap_err().to_string();
    assert!(
        told.contains("tls.certificate") && told.contains("tls.key"),
        "{told}"
    );
    let refused = Hub::start(config, Box::new(MemoryStore::new())).await;
    assert_eq!(refused.unwrap_err().to_string(), told);
}
