//! Recurring schedules, over the death of the hub.

mod support;

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use support::{
    fifo::Ledger,
    hub::Hub,
    process::leasehold,
    shell::{run, text_of},
};

/// Says which task it has.
const SAYS: &str = "echo $LEASEHOLD_TASK_ID $(cat) > $E2E/ledger";

impl Hub {
    async fn schedule(&self, args: &[&str]) -> Value {
        let args = [&["schedule"], args, &["--json"]].concat();
        self.run(&args).await.json()
    }

    async fn refuses(&self, args: &[&str], code: i32, why: &str) {
        let args = [&["schedule"], args].concat();
        let told = self.run(&args).await.failed(code);
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn an_interval_fires_each_instant_once_though_the_hub_is_killed() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let every = ["put", "p", "beat", "tick", "--every", "1s"];
    let put = hub.schedule(&every).await;
    assert_eq!((&put["every_ms"], &put["fired"]), (&json!(1000), &json!(0)));
    let _worker = hub.work("w", SAYS, &[]);
    let mut seen = BTreeSet::new();
    let mut take = async |ledger: &mut Ledger| {
        let line = ledger.next().await;
        let (id, payload) = line.split_once(' ').unwrap();
        assert_eq!(payload, "tick");
        assert!(seen.insert(id.to_owned()), "{id} ran twice");
    };
    take(&mut ledger).await;
    take(&mut ledger).await;
    hub.kill().await;
    hub.restart().await;
    take(&mut ledger).await;
    take(&mut ledger).await;
    let shown = hub.schedule(&["show", "p", "beat"]).await;
    let last = shown["last"].as_str().unwrap();
    assert_eq!(hub.task(last).await["schedule"], "beat");
    assert!(shown["fired"].as_u64().unwrap() >= 4, "{shown}");
    assert_eq!(shown["skipped"], 0, "{shown}");
}

#[tokio::test]
async fn what_the_hub_missed_is_made_up_as_the_schedule_says() {
    let mut hub = Hub::start().await;
    for (name, misfire) in [("none", "skip"), ("newest", "once"), ("each", "all")] {
        let hourly = ["--cron", "0 * * * *", "--zone", "Europe/Vienna"];
        let put = ["put", name, "hourly", "report", "--misfire", misfire];
        hub.schedule(&[&put[..], &hourly].concat()).await;
    }
    hub.kill().await;
    // Ten hours and a half pass without a hub: so its store says.
    let (file, data) = (hub.folder().join("export"), hub.folder().join("data"));
    let export = [
        "export",
        "--data",
        &text_of(&data),
        "--out",
        &text_of(&file),
    ];
    run(leasehold(&export)).await.ok();
    let aged = aged(&fs::read_to_string(&file).unwrap());
    let aged = hub.file("aged.jsonl", aged);
    fs::remove_dir_all(&data).unwrap();
    let import = ["import", &aged, "--data", &text_of(&data)];
    run(leasehold(&import)).await.ok();
    hub.restart().await;
    for (pool, most) in [("none", 1), ("newest", 2), ("each", 11)] {
        let shown = hub.schedule(&["show", pool, "hourly"]).await;
        let fired = shown["fired"].as_u64().unwrap();
        // An instant of the last minute is on time.
        assert!((most - 1..=most).contains(&fired), "{pool}: {shown}");
        let tasks = hub.run(&["tasks", pool, "--json"]).await.json_lines();
        assert_eq!(tasks.len() as u64, fired, "{pool}");
    }
    hub.kill().await;
    hub.restart().await;
    let again = hub.run(&["tasks", "each", "--json"]).await.json_lines();
    assert!((10..=11).contains(&again.len()), "none fires twice");
}

/// The export, with all schedules dealt with until ten hours and a half before that.
fn aged(export: &str) -> String {
    let aged = export.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("a line of JSON");
        let until = line.pointer_mut("/note/says/schedule/done_until_ms");
        if let Some(until) = until {
            *until = json!(until.as_u64().expect("a moment") - 37_800_000);
        }
        line.to_string() + "\n"
    });
    aged.collect()
}

#[tokio::test]
async fn a_paused_schedule_stays_so_and_a_dropped_one_is_gone_over_a_restart() {
    let mut hub = Hub::start().await;
    let mut ledger = Ledger::new(hub.folder(), "ledger");
    let put = |name| ["put", "p", name, name, "--every", "1s"];
    for name in ["paused", "dropped", "kept"] {
        hub.schedule(&put(name)).await;
    }
    hub.run(&["schedule", "pause", "p", "paused"]).await.ok();
    hub.run(&["schedule", "rm", "p", "dropped"]).await.ok();
    let fired = hub.schedule(&["show", "p", "paused"]).await["fired"].clone();
    hub.kill().await;
    hub.restart().await;
    let before = hub.run(&["tasks", "p", "--json"]).await.json_lines();
    let all: Vec<_> = before.iter().map(|task| task["id"].to_string()).collect();
    let _worker = hub.work("w", SAYS, &[]);
    let mut next = String::new();
    while !next.ends_with("kept") || all.iter().any(|id| id.contains(&next[..36])) {
        next = ledger.next().await;
    }
    let shown = hub.schedule(&["show", "p", "paused"]).await;
    assert_eq!((&shown["paused"], &shown["fired"]), (&json!(true), &fired));
    let listed = hub.run(&["schedule", "ls", "p"]).await.ok();
    assert!(
        listed.contains("paused") && !listed.contains("dropped"),
        "{listed}"
    );
    hub.run(&["schedule", "resume", "p", "paused"]).await.ok();
    while !next.ends_with("paused") {
        next = ledger.next().await;
    }
}

#[tokio::test]
async fn what_comes_next_is_shown_by_the_clocks_of_the_zone_and_by_utc() {
    let hub = Hub::start().await;
    let put = ["schedule", "put", "p", "noon", "--cron", "0 12 * * *"];
    // There it is always two hours later than UTC.
    let zone = ["--zone", "Africa/Johannesburg"];
    hub.run(&[&put[..], &zone].concat()).await.ok();
    let shown = hub.run(&["schedule", "show", "p", "noon"]).await.ok();
    let lines = shown.lines().filter(|line| line.contains(" 12:00:00 SAST"));
    let utc = |line: &&str| line.ends_with(" 10:00:00 UTC");
    assert_eq!(lines.filter(utc).count(), 5, "{shown}");
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_with_a_reason() {
    let hub = Hub::start().await;
    let put = ["put", "p", "s", "x"];
    let refuses = async |flags: &[&str], code, why| {
        hub.refuses(&[&put[..], flags].concat(), code, why).await;
    };
    refuses(&["--cron", "61 * * * *"], 1, "five fields").await;
    refuses(&["--cron", "0 0 30 2 *"], 1, "never comes").await;
    let zone = ["--cron", "0 0 * * *", "--zone", "Europe/Viena"];
    refuses(&zone, 1, "Europe/Vienna").await;
    refuses(&["--every", "10ms"], 1, "1000").await;
    refuses(&["--every", "1h", "--delay", "1s"], 2, "--delay").await;
    refuses(
        &["--every", "1h", "--misfire", "twice"],
        2,
        "skip, once, all",
    )
    .await;
    refuses(&[], 2, "--cron").await;
    hub.refuses(&["show", "p", "s"], 1, "no schedule").await;
    hub.refuses(&["rm", "nowhere", "s"], 1, "no such pool")
        .await;
}
