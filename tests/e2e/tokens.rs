//! Tokens through the binary: made, shown, denied, revoked; and that no secret is anywhere.

mod support;

#[path = "tokens/page.rs"]
mod page;
#[path = "tokens/secrets.rs"]
mod secrets;

use std::{fs, time::Duration};

use leasehold_node::{
    NewTask, NodeOptions, Producer, RefusalCode, Rejection, RequestError, Secret,
};
use leasehold_wire::{Request, Response};
use nix::sys::signal::Signal;
use support::{
    fifo::Ledger,
    hub::Hub,
    pool,
    process::{Process, leasehold},
    raw::Raw,
    shell::{Told, run},
    within,
};
use tokio::process::Command;

/// What the hub is told from its second start on.
const CLOSED: &str = "[auth]\nrequired = true\n";

/// The exit code of what a token does not allow.
const DENIED: i32 = 77;

impl Hub {
    /// A hub that lets nobody in without a token, and has one for its owner.
    async fn closed(variables: &[(&str, &str)]) -> Self {
        let mut hub = Self::with_variables("", variables).await;
        hub.make("me", &["--role", "admin"]).await;
        hub.file("hub.toml", CLOSED);
        hub.end(Signal::SIGTERM).await;
        hub.restart().await;
        hub
    }

    /// The file of a token.
    fn token_file(&self, name: &str) -> String {
        let path = self.folder().join(format!("{name}.token"));
        path.to_str().expect("paths of tests are text").to_owned()
    }

    /// A token as it is shown.
    fn token(&self, name: &str) -> String {
        let text = fs::read_to_string(self.token_file(name));
        text.expect("it was made").trim().to_owned()
    }

    /// A command that shows this token.
    fn command_as(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.command(args);
        command.env("LEASEHOLD_TOKEN_FILE", self.token_file(name));
        command
    }

    async fn run_as(&self, name: &str, args: &[&str]) -> Told {
        run(self.command_as(name, args)).await
    }

    /// Makes a token into its file, as the owner if there is one.
    async fn make(&self, name: &str, more: &[&str]) {
        let out = self.token_file(name);
        let args = [&["token", "create", name, "--out", &out], more].concat();
        let mut command = self.command(&args);
        let owner = self.token_file("me");
        if name != "me" {
            command.env("LEASEHOLD_TOKEN_FILE", owner);
        }
        run(command).await.ok();
    }

    /// Whether the token is good for an enqueue.
    async fn is_good(&self, name: &str) -> bool {
        match self.run_as(name, &["enqueue", "p", "x"]).await.code {
            Some(0) => true,
            Some(DENIED) => false,
            other => panic!("it ended with {other:?}"),
        }
    }

    /// A worker of the pool `p` under a token.
    fn work_as(&self, token: &str, node: &str, exec: &str) -> Process {
        let args = ["work", "p", "--name", node, "--exec", exec];
        let mut command = self.command_as(token, &args);
        command.env("E2E", self.folder());
        Process::start(node, command)
    }
}

#[tokio::test]
async fn nobody_does_anything_without_a_token_that_is_good_for_it() {
    let hub = Hub::closed(&[]).await;
    for args in [
        &["enqueue", "p", "x"][..],
        &["status"],
        &["work", "p", "--exec", "cat"],
        &["token", "list"],
    ] {
        let told = hub.run(args).await.failed(DENIED);
        assert!(told.contains("--token-file"), "{told}");
    }
    hub.make("shop", &["--role", "producer", "--pool", "p"])
        .await;
    assert!(hub.is_good("shop").await);
    let told = hub.run_as("shop", &["enqueue", "billing", "x"]).await;
    let told = told.failed(DENIED);
    assert!(
        told.contains("may not enqueue in the pool billing"),
        "{told}"
    );
    let told = hub.run_as("shop", &["work", "p", "--exec", "cat"]).await;
    let told = told.failed(DENIED);
    assert!(told.contains("takes the role node or admin"), "{told}");
    let told = hub.run_as("shop", &["token", "list"]).await.failed(DENIED);
    assert!(told.contains("admin"), "{told}");
    hub.file("wrong.token", format!("lh1.shop.{}\n", "A".repeat(43)));
    assert!(!hub.is_good("wrong").await);
    let status = hub.run_as("me", &["status", "p", "--json"]).await.json();
    assert_eq!(status["pools"][0]["ready"], 1, "{status}");
}

/// In each of the three ways in which it may be shown, and in none that others see.
#[tokio::test]
async fn a_token_comes_from_a_file_or_from_the_environment() {
    let hub = Hub::closed(&[]).await;
    let (file, token) = (hub.token_file("me"), hub.token("me"));
    hub.run(&["status", "--token-file", &file]).await.ok();
    let mut command = hub.command(&["status"]);
    command.env("LEASEHOLD_TOKEN", &token);
    run(command).await.ok();
    // The flag goes before the variable.
    let mut command = hub.command(&["status", "--token-file", &file]);
    command.env("LEASEHOLD_TOKEN", "junk");
    run(command).await.ok();
    let told = hub.run(&["status", "--token-file", &token]).await.failed(2);
    let (_, secret) = token.rsplit_once('.').unwrap();
    assert!(
        told.contains("revoke it") && !told.contains(secret),
        "{told}"
    );
    let told = hub.run(&["status", "--token-file", "/nowhere"]).await;
    let told = told.failed(2);
    assert!(told.contains("/nowhere cannot be read"), "{told}");
    let open = hub.file("open.token", &token);
    let told = hub.run(&["status", "--token-file", &open]).await;
    assert!(told.err.contains("chmod 600"), "{told:?}");
}

#[tokio::test]
async fn a_token_may_be_for_one_node_and_for_a_while() {
    let hub = Hub::closed(&[]).await;
    let args = ["--role", "node", "--node", "worker-1", "--label", "zone=a"];
    hub.make("w", &args).await;
    hub.run_as("me", &["enqueue", "p", "x"]).await.ok();
    let work = |node| {
        [
            "work",
            "p",
            "--name",
            node,
            "--exec",
            "cat",
            "--until-empty",
        ]
    };
    let told = hub.run_as("w", &work("worker-2")).await.failed(DENIED);
    assert!(
        told.contains("for the node worker-1, and this is worker-2"),
        "{told}"
    );
    hub.run_as("w", &work("worker-1")).await.ok();
    hub.make("short", &["--role", "node", "--for", "1s"]).await;
    let mut worker = hub.work_as("short", "worker-3", "cat");
    let ended = worker.ended().await;
    assert_eq!(ended.code(), Some(DENIED));
    worker.said("has expired").await;
    let listed = hub.run_as("me", &["token", "ls", "--json"]).await.json();
    let of = |at: usize, key: &str| listed[at][key].clone();
    assert_eq!(
        (of(2, "name"), of(2, "node")),
        ("w".into(), "worker-1".into())
    );
    assert_eq!(of(2, "labels")[0], "zone=a");
    assert_eq!(of(1, "name"), "short");
    assert!(of(1, "ends_at_ms").is_u64());
}

#[tokio::test]
async fn a_revocation_ends_a_worker_and_its_task_runs_elsewhere() {
    let hub = Hub::closed(&[]).await;
    hub.make("stolen", &["--role", "node", "--pool", "p"]).await;
    hub.make("good", &["--role", "node", "--pool", "p"]).await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    hub.run_as("me", &["enqueue", "p", "x"]).await.ok();
    let exec = "echo $LEASEHOLD_NODE > $E2E/ledger; [ $LEASEHOLD_NODE = good ] || sleep 1000";
    let mut thief = hub.work_as("stolen", "thief", exec);
    assert_eq!(ledger.next().await, "thief");
    let mut good = hub.work_as("good", "good", exec);
    let told = hub.run_as("me", &["token", "revoke", "stolen"]).await.ok();
    assert_eq!(told, "stolen: revoked\n");
    assert_eq!(thief.ended().await.code(), Some(DENIED));
    thief.said("was revoked").await;
    assert_eq!(ledger.next().await, "good");
    good.signal(Signal::SIGTERM);
    assert!(good.ended().await.success());
    assert!(!hub.is_good("stolen").await);
    let listed = hub.run_as("me", &["token", "list"]).await.ok();
    assert!(
        listed.contains("good") && !listed.contains("stolen"),
        "{listed}"
    );
}

#[tokio::test]
async fn what_was_answered_holds_whatever_becomes_of_the_hub() {
    let mut hub = Hub::closed(&[]).await;
    for round in 0..3 {
        let name = format!("shop-{round}");
        hub.make(&name, &["--role", "producer"]).await;
        hub.kill().await;
        hub.restart().await;
        assert!(hub.is_good(&name).await, "{name} was made");
        hub.run_as("me", &["token", "revoke", &name]).await.ok();
        hub.kill().await;
        hub.restart().await;
        assert!(!hub.is_good(&name).await, "{name} was revoked");
    }
}

#[tokio::test]
async fn the_folder_of_a_hub_that_runs_is_its_own() {
    let mut hub = Hub::closed(&[]).await;
    let data = hub.data();
    let data = data.to_str().expect("paths of tests are text").to_owned();
    let create = ["token", "create", "b", "--role", "admin", "--data", &data];
    let told = hub.run(&create).await.failed(1);
    assert!(told.contains("a hub runs on it"), "{told}");
    hub.end(Signal::SIGTERM).await;
    // Whoever makes the first one may have said already where it will be.
    let mut command = hub.command(&[&create[..], &["--json"]].concat());
    command.env("LEASEHOLD_TOKEN_FILE", "/not/there/yet");
    let made = run(command).await.json();
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["made_by"], "offline");
    let told = hub.run(&create).await.failed(1);
    assert!(told.contains("already"), "{told}");
    hub.run(&["token", "revoke", "me", "--data", &data])
        .await
        .ok();
    hub.restart().await;
    let mut command = hub.command(&["status"]);
    command.env("LEASEHOLD_TOKEN", token);
    run(command).await.ok();
    assert!(!hub.is_good("me").await);
}

#[tokio::test]
async fn a_damaged_file_keeps_the_hub_from_starting_and_is_named_with_its_line() {
    let mut hub = Hub::closed(&[]).await;
    hub.end(Signal::SIGTERM).await;
    let path = hub.data().join("tokens.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"admin\"", "\"king\"")).unwrap();
    let data = hub.data();
    let mut command = leasehold(&["hub", "--listen", "127.0.0.1:0"]);
    command.arg("--data").arg(&data);
    let told = run(command).await.failed(1);
    let named = told.contains(&*path.to_string_lossy()) && told.contains("line ");
    assert!(named && told.contains("king"), "{told}");
}

/// What the library says to a program: at once, and for good.
#[tokio::test]
async fn a_program_that_is_denied_hears_so_at_once() {
    let hub = Hub::closed(&[]).await;
    hub.make("shop", &["--role", "producer", "--pool", "p"])
        .await;
    let producer = |token: Option<&str>| {
        let token = token.map(|text| Secret::new(text.to_owned()));
        Producer::new(hub.endpoint(), NodeOptions::default().token(token))
    };
    let good = producer(Some(&hub.token("shop")));
    within("an enqueue", good.enqueue(&pool(), NewTask::new("x")))
        .await
        .unwrap();
    for token in [None, Some("junk")] {
        let denied = producer(token);
        for _ in 0..2 {
            let error = within("an answer", denied.enqueue(&pool(), NewTask::new("x"))).await;
            let Err(RequestError::Refused(refusal)) = error else {
                panic!("not a refusal: {error:?}");
            };
            assert_eq!(refusal.code, RefusalCode::Denied);
        }
    }
}

/// However often somebody tries, the log has a line for it, and then one a second that counts.
#[tokio::test]
async fn a_flood_of_denials_is_a_few_lines_of_the_audit() {
    const DENIALS: u64 = 300;
    let hub = Hub::closed(&[]).await;
    hub.make("shop", &["--role", "producer", "--pool", "p"])
        .await;
    let mut session = Raw::open(hub.address(), "crane", 1).await;
    let token = Secret::new(hub.token("shop"));
    let answer = session.ask(Request::Authenticate { token }).await;
    assert!(matches!(answer, Response::Authenticated(_)), "{answer:?}");
    for _ in 0..DENIALS {
        let answer = session.ask(claim("billing")).await;
        assert!(
            matches!(answer, Response::Refused(Rejection::Denied(_))),
            "{answer:?}"
        );
    }
    let denials = || {
        let lines = hub.process().lines().into_iter();
        let of_shop = lines.filter(|line| line.contains("denied who=\"shop\""));
        of_shop.collect::<Vec<_>>()
    };
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    within("that all are told", async {
        while denials().iter().map(|line| told(line)).sum::<u64>() < DENIALS {
            tick.tick().await;
        }
    })
    .await;
    let lines = denials();
    assert!(lines.len() < 30, "a line each: {}", lines.len());
    assert!(lines[0].contains("what=\"claim\" pool=\"billing\" address=\"127.0.0.1:"));
}

/// How many doings a line of the audit stands for.
fn told(line: &str) -> u64 {
    let times = line
        .rsplit_once("times=")
        .map(|(_, times)| times.parse::<u64>());
    1 + times.expect("it says how often").expect("it is a number")
}

fn claim(pool: &str) -> Request {
    Request::Claim {
        pool: pool.parse().expect("it is a name"),
        tasks_max: 1,
        wait_ms: 0,
        lease_ms: None,
    }
}
