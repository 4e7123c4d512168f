//! Whatever comes over the wire ends no more than the session that it came from.

mod support;

use std::time::Duration;

use leasehold_node::{NewTask, Rejection, StateKind};
use leasehold_wire::{
    CompleteItem, EnqueueItem, FromHub, FromNode, Hello, MAGIC, RefusalCode, Request, Response,
    encode_message,
};
use serde_json::json;
use support::{
    fifo::Ledger,
    hub::Hub,
    named, pool,
    raw::{Raw, done, listen, say},
    shell::run,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

/// Strangers are waited for not long, and the silent neither.
const IMPATIENT: &str = "[session]\nheartbeat = \"200ms\"\nsilence_after = \"1s\"\n\
                         handshake_within = \"300ms\"\n[pool_defaults]\ncut_grace = \"0s\"\n";

/// A message as a frame.
fn frame(message: &FromNode) -> Vec<u8> {
    let mut body = Default::default();
    let length = encode_message(message, 1 << 20, &mut body).expect("it fits");
    [&length.to_be_bytes()[..], &body].concat()
}

fn hello() -> Hello {
    Hello::new(named("stranger"), leasehold_node::Incarnation(7))
}

/// The only thing that was said: a refusal.
fn refusal(said: &[FromHub]) -> (RefusalCode, &str) {
    match said {
        [FromHub::Refused(refusal)] => (refusal.code, &refusal.reason),
        other => panic!("a refusal was due, and this came: {other:?}"),
    }
}

#[tokio::test]
async fn strangers_are_told_what_is_wrong_and_hung_up_on() {
    let hub = Hub::with(IMPATIENT).await;
    let newer = FromNode::Hello(Hello {
        version_min: 8,
        version_max: 9,
        ..hello()
    });
    let not_ours = FromNode::Hello(Hello {
        magic: *b"MAILSHIP",
        ..hello()
    });
    let long_name = [&[0, 0, 0xff, 0xff, 0][..], &MAGIC].concat();
    let mut left_over = frame(&FromNode::Hello(hello()));
    left_over[3] += 1;
    left_over.push(0);
    for (bytes, code, words) in [
        (
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            RefusalCode::Malformed,
            "GET ",
        ),
        (vec![0xff; 64], RefusalCode::Malformed, ""),
        (vec![0; 4], RefusalCode::Malformed, ""),
        (long_name, RefusalCode::FrameTooLong, "65535"),
        (left_over, RefusalCode::Malformed, "left over"),
        (
            frame(&newer),
            RefusalCode::Version,
            "the node speaks 8 to 9, the hub 1 to 3",
        ),
        (frame(&not_ours), RefusalCode::Malformed, "MAILSHIP"),
        (
            frame(&FromNode::Ping),
            RefusalCode::Malformed,
            "the first message",
        ),
        (
            frame(&status()),
            RefusalCode::Malformed,
            "the first message",
        ),
        (vec![0, 0], RefusalCode::HandshakeTimeout, "no hello came"),
    ] {
        let said = say(hub.address(), &bytes).await;
        let (told, reason) = refusal(&said);
        assert_eq!(told, code, "{reason} for {bytes:?}");
        assert!(reason.contains(words), "{words} in {reason}");
    }
    let mut half = TcpStream::connect(hub.address()).await.unwrap();
    half.write_all(&frame(&FromNode::Hello(hello()))[..9])
        .await
        .unwrap();
    half.shutdown().await.unwrap();
    assert_eq!(listen(&mut half).await, [], "who left hears nothing");
    let status = hub.run(&["status", "--json"]).await.json();
    assert_eq!(status["sessions_open"], 1, "{status}");
}

fn status() -> FromNode {
    FromNode::Request {
        id: 1,
        body: Request::Status { pool: None },
    }
}

/// Each of these ends its session; the task that it held runs again, what it had said before holds,
/// and a neighbour notices nothing.
#[tokio::test]
async fn a_session_that_talks_nonsense_ends_alone() {
    let hub = Hub::with(IMPATIENT).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let exec = "echo began > $E2E/ledger; sleep 1000";
    let worker = hub.work("neighbour", exec, &[]);
    let neighbour = hub.enqueue(&["neighbour"]).await.remove(0);
    assert_eq!(ledger.next().await, "began");
    let producer = hub.producer();
    let garbage = [&[0, 0, 0, 3][..], &[0xfe; 3]].concat();
    let too_long = u32::MAX.to_be_bytes().to_vec();
    let truncated = [&[0, 0, 0, 9][..], &frame(&status())[4..]].concat();
    for (incarnation, bytes, code) in [
        (1, garbage, RefusalCode::Malformed),
        (2, too_long, RefusalCode::FrameTooLong),
        (3, frame(&FromNode::Hello(hello())), RefusalCode::Malformed),
        (4, truncated, RefusalCode::Silence),
        (5, vec![0, 0, 0], RefusalCode::Silence),
    ] {
        let mut raw = Raw::open(hub.address(), "fool", incarnation).await;
        let id = enqueue(&mut raw, "held").await;
        let held = raw.claim(1).await.remove(0);
        assert_eq!(held.proof.task.to_string(), id);
        let before = frame(&FromNode::Request {
            id: 99,
            body: Request::Enqueue {
                pool: pool(),
                tasks: vec![item("before", 0)],
            },
        });
        raw.send_bytes(&[before, bytes].concat()).await;
        assert_eq!(raw.refused().await.code, code);
        let mut heir = Raw::open(hub.address(), "heir", incarnation).await;
        let mut taken = heir.claim(2).await;
        taken.extend(if taken.len() < 2 {
            heir.claim(1).await
        } else {
            Vec::new()
        });
        taken.sort_by_key(|task| task.attempt);
        let of: Vec<_> = taken
            .iter()
            .map(|task| (&*task.payload, task.attempt))
            .collect();
        assert_eq!(of, [(&b"before"[..], 1), (b"held", 2)]);
        for task in taken {
            assert_eq!(heir.complete(task.proof, "").await, Ok(()));
            let wait = producer
                .wait(&pool(), task.proof.task, Duration::ZERO)
                .await;
            assert_eq!(wait.unwrap().summary.state, StateKind::Completed);
        }
    }
    let task = hub.task(&neighbour).await;
    assert_eq!(
        (&task["state"], &task["attempt"]),
        (&json!("claimed"), &json!(1)),
        "{task}"
    );
    let lines = worker.lines();
    assert!(lines.is_empty(), "the neighbour notices nothing: {lines:?}");
}

fn item(payload: &str, delay_ms: u64) -> EnqueueItem {
    EnqueueItem {
        id: NewTask::new("").id,
        priority: 0,
        attempts_max: None,
        delay_ms,
        payload: payload.to_owned().into(),
    }
}

async fn enqueue(raw: &mut Raw, payload: &str) -> String {
    let item = item(payload, 0);
    let id = item.id.to_string();
    let told = offer(raw, item).await;
    assert_eq!(told, Ok(()));
    id
}

async fn offer(raw: &mut Raw, item: EnqueueItem) -> Result<(), Rejection> {
    let (pool, tasks) = (pool(), vec![item]);
    let answer = raw.ask(Request::Enqueue { pool, tasks }).await;
    if let Response::Refused(rejection) = answer {
        return Err(rejection);
    }
    let Response::Enqueued(mut items) = answer else {
        panic!("an enqueue was answered with {answer:?}");
    };
    items.remove(0).map(|_| ())
}

#[tokio::test]
async fn values_out_of_bounds_are_refused_and_the_session_goes_on() {
    let hub = Hub::with("[pool_defaults]\npayload_bytes_max = \"1KiB\"\n").await;
    let mut raw = Raw::open(hub.address(), "raw", 1).await;
    let long = "x".repeat(1025);
    for item in [
        item(&long, 0),
        item("too late", u64::MAX),
        EnqueueItem {
            attempts_max: Some(0),
            ..item("no attempt", 0)
        },
    ] {
        let told = offer(&mut raw, item).await;
        assert!(
            matches!(told, Err(Rejection::OutOfBounds { .. })),
            "{told:?}"
        );
    }
    for (tasks_max, wait_ms, lease_ms) in [
        (0, 0, None),
        (5000, 0, None),
        (1, u64::MAX, None),
        (1, 0, Some(1)),
        (1, 0, Some(u64::MAX)),
    ] {
        let pool = pool();
        let told = raw.ask(Request::Claim {
            pool,
            tasks_max,
            wait_ms,
            lease_ms,
        });
        let told = told.await;
        let is_refused = matches!(told, Response::Refused(Rejection::OutOfBounds { .. }));
        assert!(is_refused, "{told:?}");
    }
    enqueue(&mut raw, &long[1..]).await;
    assert_eq!(raw.claim(1).await.len(), 1);
    let file = hub.file("long", &long);
    let error = hub.run(&["enqueue", "p", "--file", &file]).await.failed(1);
    assert!(error.contains("1025") && error.contains("1024"), "{error}");
    let vast = hub.file("vast", vec![b'x'; 5 << 20]);
    let error = hub.run(&["enqueue", "p", "--file", &vast]).await.failed(1);
    assert!(error.contains("at most 4194304 bytes"), "{error}");
}

#[tokio::test]
async fn a_result_that_is_too_long_fails_its_attempt() {
    let hub = Hub::with("[pool_defaults]\nresult_bytes_max = \"1KiB\"\n").await;
    let _worker = hub.work("w", "head -c 2000 /dev/zero", &[]);
    let told = hub
        .run(&["enqueue", "p", "x", "--wait", "--attempts-max", "1"])
        .await;
    let error = told.failed(1);
    assert!(error.contains("2000") && error.contains("1024"), "{error}");
}

#[tokio::test]
async fn pools_that_nobody_named_are_refused_where_the_owner_says_so() {
    let hub = Hub::with("[pools]\nopen = false\n[pool.mail]\n").await;
    hub.run(&["enqueue", "mail", "x"]).await.ok();
    for args in [
        &["enqueue", "mial", "x"][..],
        &["status", "mial"],
        &["tasks", "mial"],
        &["revive", "mial", "--all"],
        &["work", "mial", "--exec", "true", "--until-empty"],
        &["work", "mail", "mial", "--exec", "true", "--until-empty"],
    ] {
        let error = hub.run(args).await.failed(1);
        assert!(error.contains("no such pool: mial"), "{args:?}: {error}");
    }
    let told = hub
        .run(&["work", "mail", "--exec", "true", "--until-empty"])
        .await;
    told.ok();
    let status = hub.run(&["status", "--json"]).await.json();
    let pools = status["pools"].as_array().unwrap();
    assert_eq!(pools.len(), 1, "{status}");
    assert_eq!(pools[0]["completed"], 1, "{status}");
}

#[tokio::test]
async fn ids_that_do_not_exist_and_leases_of_others_change_nothing() {
    let hub = Hub::start().await;
    let mut holder = Raw::open(hub.address(), "holder", 1).await;
    let id = enqueue(&mut holder, "x").await;
    let held = holder.claim(1).await.remove(0).proof;
    let before = hub.task(&id).await;
    let mut thief = Raw::open(hub.address(), "thief", 2).await;
    assert_eq!(
        thief.complete(held, "stolen").await,
        Err(Rejection::LeaseLost)
    );
    let leases = vec![held];
    assert_eq!(
        done(thief.ask(Request::Resume { leases }).await),
        Err(Rejection::LeaseLost)
    );
    let mut forged = held;
    forged.lease.number += 1;
    let mut elsewhere = held;
    elsewhere.lease.pool.0 += 77;
    let mut unknown = held;
    unknown.task = NewTask::new("").id;
    for proof in [forged, elsewhere, unknown] {
        let items = vec![CompleteItem {
            proof,
            result: None,
        }];
        let told = done(holder.ask(Request::Complete { items }).await);
        assert_eq!(told, Err(Rejection::LeaseLost), "{proof:?}");
    }
    let told = thief.ask(Request::Task { task: unknown.task }).await;
    assert_eq!(told, Response::Refused(Rejection::NoSuchTask));
    let tasks = vec![unknown.task];
    assert_eq!(
        done(thief.ask(Request::Cancel { tasks }).await),
        Err(Rejection::NoSuchTask)
    );
    assert_eq!(hub.task(&id).await, before);
    assert_eq!(holder.complete(held, "mine").await, Ok(()));
    assert_eq!(hub.task(&id).await["result"], "mine");
}

#[tokio::test]
async fn a_node_that_was_written_from_the_protocol_page_alone_works() {
    let hub = Hub::start().await;
    let mut python = Command::new("python3");
    python.arg("--version");
    if python.output().await.is_err() {
        return;
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/protocol_example.py"
    );
    let mut python = Command::new("python3");
    python.args([script, &hub.at(), "p"]);
    let told = run(python).await.ok();
    assert!(told.contains("attempt 1, b'hello from python'"), "{told}");
    let tasks = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["result"], "done by python", "{tasks:?}");
}
