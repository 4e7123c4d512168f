//! Pools over their life: settings, pause, purge, deletion, and a configuration that is read again.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{
    fifo::{Gate, Ledger},
    hub::Hub,
    shell::text_of,
};

/// Says what it has, and waits at the gate.
const HOLD: &str = "echo $(cat) > $E2E/ledger; read _ < $E2E/gate";

impl Hub {
    async fn pool_verb(&self, args: &[&str]) -> Value {
        let args = [&["pool"], args, &["--json"]].concat();
        self.run(&args).await.json()
    }

    async fn refuses(&self, args: &[&str], code: i32, why: &str) {
        let args = [&["pool"], args].concat();
        let told = self.run(&args).await.failed(code);
        assert!(told.contains(why), "{told}");
    }
}

fn setting<'a>(shown: &'a Value, key: &str) -> (&'a str, &'a str) {
    let all = shown["settings"].as_array().into_iter().flatten();
    let found = all.into_iter().find(|of| of["key"] == key);
    let found = found.expect("every setting is shown");
    let text = |name: &str| found[name].as_str().unwrap_or_default();
    (text("value"), text("source"))
}

#[tokio::test]
async fn what_is_set_outlives_the_hub_and_is_known_with_who_and_when() {
    let config = "[pool.mail]\nlease = \"5m\"\n";
    let mut hub = Hub::with(config).await;
    let made = hub.pool_verb(&["create", "mail", "attempts_max=7"]).await;
    assert_eq!(setting(&made, "attempts_max"), ("7", "set"));
    assert_eq!(setting(&made, "lease"), ("5m", "configuration"));
    assert_eq!(setting(&made, "suspect_after").1, "default");
    let both = ["set", "mail", "lease=2m", "attempts_max="];
    hub.pool_verb(&both).await;
    hub.kill().await;
    hub.restart().await;
    let shown = hub.pool_verb(&["show", "mail"]).await;
    assert_eq!(setting(&shown, "lease"), ("2m", "set"));
    assert_eq!(setting(&shown, "attempts_max").1, "default");
    let history = shown["history"].as_array().unwrap();
    let what: Vec<_> = history
        .iter()
        .map(|of| of["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["created", "lease = 2m, attempts_max as configured"]);
    assert!(
        history
            .iter()
            .all(|of| of["by"].is_string() && of["at_ms"].is_u64())
    );
}

#[tokio::test]
async fn a_wrong_setting_changes_nothing_and_says_what_is_allowed() {
    let hub = Hub::start().await;
    hub.refuses(&["create", "mail", "lease=forever"], 1, "lease")
        .await;
    hub.refuses(&["show", "mail"], 1, "no such pool").await;
    hub.pool_verb(&["create", "mail"]).await;
    hub.refuses(&["create", "mail"], 1, "already").await;
    hub.refuses(&["set", "mail", "attempts_max=2", "leese=1s"], 1, "lease")
        .await;
    hub.refuses(
        &["set", "mail", "back_off_base=1h", "back_off_cap=1s"],
        1,
        "at least",
    )
    .await;
    hub.refuses(&["set", "mail", "partitions=2"], 1, "configuration")
        .await;
    hub.refuses(&["set", "mail", "lease"], 2, "KEY=VALUE").await;
    hub.refuses(&["set", "mail"], 2, "KEY=VALUE").await;
    let shown = hub.pool_verb(&["show", "mail"]).await;
    assert_eq!(setting(&shown, "attempts_max").1, "default");
    assert_eq!(shown["history"].as_array().unwrap().len(), 1, "{shown}");
}

#[tokio::test]
async fn a_pool_in_partitions_is_shown_and_not_changed() {
    let hub = Hub::with("[pool.wide]\npartitions = 2\n").await;
    for verb in [
        &["create", "wide"][..],
        &["set", "wide", "lease=1m"],
        &["pause", "wide"],
        &["delete", "wide", "--force"],
    ] {
        let there = if verb[0] == "create" {
            "partitions"
        } else {
            "no such pool"
        };
        hub.refuses(verb, 1, there).await;
    }
    hub.run(&["enqueue", "wide", "one"]).await.ok();
    for verb in [
        &["set", "wide", "lease=1m"][..],
        &["pause", "wide"],
        &["delete", "wide", "--force"],
    ] {
        hub.refuses(verb, 1, "partitions").await;
    }
    let shown = hub.pool_verb(&["show", "wide"]).await;
    assert_eq!(setting(&shown, "partitions"), ("2", "configuration"));
}

#[tokio::test]
async fn a_paused_pool_grants_nothing_over_a_restart_until_it_is_resumed() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let mut gate = Gate::new(hub.folder(), "gate");
    let _worker = hub.work("w", HOLD, &[]);
    hub.enqueue(&["one"]).await;
    assert_eq!(ledger.next().await, "one");
    hub.pool_verb(&["pause", "p", "--note", "the relay is down"])
        .await;
    let [two] = &hub.enqueue(&["two"]).await[..] else {
        panic!()
    };
    hub.kill().await;
    hub.restart().await;
    // What runs runs on, and its answer is taken.
    gate.open(1).await;
    let status = async || hub.run(&["status", "p", "--json"]).await.json();
    while status().await["pools"][0]["completed"] != 1 {}
    assert_eq!(hub.task(two).await["state"], "ready");
    let shown = hub.run(&["pool", "show", "p"]).await.ok();
    assert!(shown.contains("paused: the relay is down"), "{shown}");
    hub.pool_verb(&["resume", "p"]).await;
    assert_eq!(ledger.next().await, "two");
    gate.open(1).await;
}

#[tokio::test]
async fn a_purge_forgets_what_ended_and_nothing_else() {
    let hub = Hub::start().await;
    let ids = hub.enqueue(&["one", "two", "three"]).await;
    hub.run(&["cancel", &ids[0], &ids[1]]).await.ok();
    hub.refuses(&["purge", "p", "--state", "ready"], 1, "has not ended")
        .await;
    let none = hub.pool_verb(&["purge", "p", "--state", "completed"]).await;
    assert_eq!(none["purged"], 0);
    let before = ["purge", "p", "--ended-before", "2001-01-01T00:00:00Z"];
    assert_eq!(hub.pool_verb(&before).await["purged"], 0);
    assert_eq!(hub.pool_verb(&["purge", "p"]).await["purged"], 2);
    let left = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], json!(ids[2]));
}

#[tokio::test]
async fn a_pool_that_is_deleted_is_gone_and_its_name_begins_anew() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let old = hub.enqueue(&["held", "waits"]).await;
    let mut worker = hub.work("w", "echo $(cat) > $E2E/ledger; sleep 1000", &[]);
    assert_eq!(ledger.next().await, "held");
    hub.refuses(&["delete", "p"], 1, "--force").await;
    worker.freeze().await;
    hub.pool_verb(&["set", "p", "lease=7m"]).await;
    hub.pool_verb(&["delete", "p", "--force"]).await;
    let gone = async || hub.run(&["pool", "show", "p"]).await;
    while gone().await.failed(1).is_empty() {}
    hub.kill().await;
    hub.restart().await;
    hub.refuses(&["show", "p"], 1, "no such pool").await;
    worker.kill().await;
    let new = hub.enqueue(&["new"]).await;
    let shown = hub.pool_verb(&["show", "p"]).await;
    assert_eq!(setting(&shown, "lease").1, "default", "{shown}");
    let tasks = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["id"], json!(new[0]));
    let told = hub.run(&["task", &old[0]]).await.failed(1);
    assert!(told.contains("no such task"), "{told}");
}

#[tokio::test]
async fn a_configuration_is_read_again_as_a_whole_or_not_at_all() {
    let hub = Hub::with("[pool.mail]\nlease = \"5m\"\n").await;
    hub.pool_verb(&["create", "mail", "attempts_max=7"]).await;
    let file = hub.folder().join("hub.toml");
    let before = fs::read_to_string(&file).unwrap();
    let write = |text: &str| fs::write(&file, text).unwrap();
    write(&before.replace("5m", "2m"));
    hub.process().signal(Signal::SIGHUP);
    hub.process()
        .said("pool.mail.lease: \"5m\" -> \"2m\"")
        .await;
    let shown = hub.pool_verb(&["show", "mail"]).await;
    assert_eq!(setting(&shown, "lease"), ("2m", "configuration"));
    assert_eq!(setting(&shown, "attempts_max"), ("7", "set"));
    write(&(before.replace("5m", "1m") + "[session]\nheartbeat = \"never\"\n"));
    hub.process().signal(Signal::SIGHUP);
    let said = hub.process().said("session.heartbeat").await;
    assert!(said.contains(&text_of(&file)), "{said}");
    hub.process().said("stays as it was").await;
    let shown = hub.pool_verb(&["show", "mail"]).await;
    assert_eq!(setting(&shown, "lease").0, "2m");
    write(&(before.replace("5m", "1m") + "[log]\nformat = \"json\"\n"));
    hub.process().signal(Signal::SIGHUP);
    let said = hub.process().said("log.format").await;
    assert!(said.contains("until the hub is restarted"), "{said}");
    let shown = hub.pool_verb(&["show", "mail"]).await;
    assert_eq!(setting(&shown, "lease").0, "2m");
}
