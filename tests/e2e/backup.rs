//! `leasehold backup` of a hub that works on, `leasehold restore`, and what becomes of leases.

mod support;

#[path = "backup/choke.rs"]
mod choke;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use choke::Choke;
use leasehold_node::{NewTask, Outcome, Producer, Rejection, StateKind, TaskId, Worker};
use leasehold_wire::{Delivery, Request, Response};
use serde_json::Value;
use support::{
    hub::Hub,
    node::tireless,
    pool,
    process::{Process, leasehold},
    raw::Raw,
    shell::{Told, run, text_of},
    within,
};
use tokio::{sync::Semaphore, task::JoinHandle};

/// What was acknowledged to those who asked.
#[derive(Debug, Clone, Default)]
struct Books(Arc<Mutex<Written>>);

#[derive(Debug, Clone, Default)]
struct Written {
    enqueued: BTreeSet<TaskId>,
    /// How often a handler began on each.
    began: BTreeMap<TaskId, u32>,
}

impl Books {
    fn read(&self) -> Written {
        self.0.lock().expect("nobody panics with it").clone()
    }

    fn write(&self, how: impl FnOnce(&mut Written)) {
        how(&mut self.0.lock().expect("nobody panics with it"));
    }
}

/// Tasks that are enqueued at once.
const BATCH: u8 = 20;

/// Batches for each backup.
const BATCHES: usize = 25;

/// Enqueues until it is aborted, a batch for each permit.
fn produce(producer: Producer, books: Books, permits: Arc<Semaphore>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            permits.acquire().await.expect("it is open").forget();
            let tasks = (0..BATCH).map(|n| NewTask::new(vec![n; 300])).collect();
            let Ok(enqueued) = producer.enqueue_batch(&pool(), tasks).await else {
                return;
            };
            let ids = enqueued
                .into_iter()
                .filter_map(Result::ok)
                .map(|task| task.id);
            books.write(|books| books.enqueued.extend(ids));
        }
    })
}

fn worker(hub: &Hub, books: &Books) -> Worker {
    let began = books.clone();
    Worker::builder(hub.endpoint(), tireless())
        .pool(pool())
        .slots(16)
        .handler(move |task: leasehold_node::Task| {
            began.write(|books| *books.began.entry(task.id).or_default() += 1);
            async move { Outcome::Complete(Some(task.payload)) }
        })
        .start()
}

/// How each task of the pool stands.
async fn states(hub: &Hub) -> BTreeMap<TaskId, StateKind> {
    let (inspector, pool) = (hub.inspector(), pool());
    let all = inspector.tasks(&pool, None, None, usize::MAX);
    let all = within("all tasks", all).await.expect("the hub answers");
    all.into_iter().map(|task| (task.id, task.state)).collect()
}

/// The hub runs on what was restored of this backup from here on.
async fn run_on(hub: &mut Hub, backup: &Path) {
    hub.kill().await;
    let data = hub.data();
    fs::remove_dir_all(&data).expect("no hub is in it");
    restore(backup, &data).await.ok();
    hub.restart().await;
}

async fn restore(backup: &Path, data: &Path) -> Told {
    let (backup, data) = (text_of(backup), text_of(data));
    run(leasehold(&["restore", &backup, "--data", &data])).await
}

async fn verify(folder: &Path) -> Told {
    run(leasehold(&["verify", &text_of(folder), "--json"])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_acknowledged_before_comes_back_and_nothing_runs_twice() {
    let mut hub = Hub::start().await;
    let books = Books::default();
    hub.inspector()
        .create_pool(&pool(), vec![])
        .await
        .expect("it is made");
    let permits = Arc::new(Semaphore::new(BATCHES));
    let produce = || produce(hub.producer(), books.clone(), permits.clone());
    let producers = [produce(), produce()];
    let at_work = worker(&hub, &books);
    let mut taken: Vec<(PathBuf, BTreeSet<TaskId>, BTreeSet<TaskId>)> = Vec::new();
    for number in 0..3 {
        permits.add_permits(BATCHES);
        let before = books.read().enqueued;
        let states_before = states(&hub).await;
        let completed = states_before
            .into_iter()
            .filter(|(_, state)| *state == StateKind::Completed);
        let completed = completed.map(|(id, _)| id).collect();
        let backup = hub.folder().join(format!("backup-{number}"));
        let told = hub
            .run(&["backup", &text_of(&backup), "--json"])
            .await
            .json();
        assert_eq!(told["pools"][0]["name"], "p", "{told}");
        taken.push((backup, before, completed));
        // The hub goes on: all permits are used up.
        let enough = (usize::from(BATCH) * BATCHES) * (number + 2);
        within("more tasks", async {
            while books.read().enqueued.len() < enough {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    producers.iter().for_each(JoinHandle::abort);
    within("the end of the worker", at_work.stop())
        .await
        .expect("it stops");
    let known = books.read().enqueued;
    for (backup, before, completed) in &taken {
        let told = verify(backup).await.json();
        assert_eq!(told["ok"], true, "{told}");
        run_on(&mut hub, backup).await;
        let restored = states(&hub).await;
        assert!(
            before.iter().all(|id| restored.contains_key(id)),
            "one is lost"
        );
        let of = |id: &TaskId| restored.get(id).copied();
        assert!(
            completed
                .iter()
                .all(|id| of(id) == Some(StateKind::Completed))
        );
        assert!(
            restored.keys().all(|id| known.contains(id)),
            "one came from nowhere"
        );
        work_off(&hub, &restored).await;
    }
}

/// What had not completed runs once more, and what had runs no more.
async fn work_off(hub: &Hub, restored: &BTreeMap<TaskId, StateKind>) {
    let books = Books::default();
    let at_work = worker(hub, &books);
    for (id, state) in restored {
        if *state != StateKind::Completed {
            let ended = hub.producer().wait(&pool(), *id, support::PATIENCE).await;
            let ended = ended.expect("it ends").summary.state;
            assert_eq!(ended, StateKind::Completed);
        }
    }
    within("the end of the worker", at_work.stop())
        .await
        .expect("it stops");
    let began = books.read().began;
    for (id, state) in restored {
        let times = began.get(id).copied().unwrap_or(0);
        assert_eq!(
            times,
            u32::from(*state != StateKind::Completed),
            "{id}, {state}"
        );
    }
}

async fn claim(hub: &Hub, name: &str) -> (Raw, Delivery) {
    let mut node = Raw::open(hub.address(), name, 1).await;
    let held = node.claim(1).await.remove(0);
    (node, held)
}

/// Leases that were granted after the backup, at its epoch and at later ones, are good for nothing;
/// one that is in it goes on.
#[tokio::test]
async fn leases_from_after_the_backup_are_lost_and_one_in_it_goes_on() {
    let mut hub = Hub::with("[pool_defaults]\nrestart_grace = \"1h\"\n").await;
    hub.enqueue(&["a", "b", "c"]).await;
    let (before, in_it) = claim(&hub, "before").await;
    let backup = hub.folder().join("backup");
    hub.run(&["backup", &text_of(&backup)]).await.ok();
    let (_at_its_epoch, first) = claim(&hub, "first").await;
    drop(before);
    for _ in 0..3 {
        hub.kill().await;
        hub.restart().await;
    }
    let (_later, second) = claim(&hub, "second").await;
    assert!(second.proof.lease.epoch > first.proof.lease.epoch);

    run_on(&mut hub, &backup).await;
    // Granted anew, to somebody else, under leases that the old hub never gave out.
    let mut heir = Raw::open(hub.address(), "heir", 1).await;
    let anew = heir.claim(2).await;
    assert_eq!(anew.len(), 2);
    for granted in &anew {
        assert!(granted.proof.lease.epoch > second.proof.lease.epoch);
    }
    for (name, stale) in [("first", &first), ("second", &second)] {
        let mut node = Raw::open(hub.address(), name, 1).await;
        let leases = vec![stale.proof];
        let resumed = node.ask(Request::Resume { leases }).await;
        assert_lost(&resumed);
        assert_eq!(
            node.complete(stale.proof, "stale").await,
            Err(Rejection::LeaseLost)
        );
    }
    for granted in anew {
        assert_eq!(heir.complete(granted.proof, "heir").await, Ok(()));
    }
    let mut node = Raw::open(hub.address(), "before", 1).await;
    let leases = vec![in_it.proof];
    let resumed = node.ask(Request::Resume { leases }).await;
    assert!(!format!("{resumed:?}").contains("LeaseLost"), "{resumed:?}");
    assert_eq!(node.complete(in_it.proof, "before").await, Ok(()));
}

fn assert_lost(response: &Response) {
    assert!(
        format!("{response:?}").contains("LeaseLost"),
        "{response:?}"
    );
}

/// What came of the first restore was lost as well.
#[tokio::test]
async fn leases_of_an_earlier_restore_are_lost_on_the_next() {
    let mut hub = Hub::start().await;
    hub.enqueue(&["a"]).await;
    let backup = hub.folder().join("backup");
    hub.run(&["backup", &text_of(&backup)]).await.ok();
    run_on(&mut hub, &backup).await;
    let (_node, first) = claim(&hub, "first").await;
    run_on(&mut hub, &backup).await;
    let (mut heir, anew) = claim(&hub, "heir").await;
    assert!(anew.proof.lease.epoch > first.proof.lease.epoch);
    let mut stale = Raw::open(hub.address(), "first", 1).await;
    assert_eq!(
        stale.complete(first.proof, "stale").await,
        Err(Rejection::LeaseLost)
    );
    assert_eq!(heir.complete(anew.proof, "heir").await, Ok(()));
}

const KEYED: &str = "enqueue p keyed --key invoice-7 --group tenant-7";

/// Words of a command.
fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

/// All that there is beside tasks comes back.
#[tokio::test]
async fn policies_schedules_results_and_histories_come_back() {
    let mut hub = Hub::start().await;
    let mut ids = hub.enqueue(&["done", "fails", "stands"]).await;
    let exec = "p=$(cat); test $p = done && echo $p || { echo no >&2; exit 65; }";
    let mut at_work = hub.work("w", exec, &["--until-empty"]);
    at_work.ended().await;
    let keyed = hub.run(&words(KEYED)).await.ok();
    ids.push(keyed.trim().to_owned());
    let put = [
        "schedule",
        "put",
        "p",
        "night",
        "--cron",
        "0 3 * * *",
        "tidy",
    ];
    hub.run(&put).await.ok();
    hub.run(&words("pool set p lease=2m")).await.ok();
    hub.run(&words("pool pause p --note printer")).await.ok();
    let before = told(&hub, &ids).await;
    let backup = hub.folder().join("backup");
    hub.run(&["backup", &text_of(&backup)]).await.ok();
    run_on(&mut hub, &backup).await;
    assert_eq!(told(&hub, &ids).await, before);
    // The key is known still: a second invoice is the first.
    assert_eq!(hub.run(&words(KEYED)).await.ok(), keyed);
}

/// What a hub says of its pool, and of these tasks.
async fn told(hub: &Hub, ids: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    for ask in ["pool show p --json", "schedule ls p --json"] {
        told.push(hub.run(&words(ask)).await.ok());
    }
    for id in ids {
        told.push(hub.run(&["task", id, "--json"]).await.ok());
    }
    told
}

#[tokio::test]
async fn a_backup_goes_into_the_other_engine_and_into_lines() {
    let mut hub = Hub::start().await;
    hub.enqueue(&["one", "two", "three"]).await;
    let from = text_of(&hub.folder().join("backup"));
    hub.run(&["backup", &from]).await.ok();
    hub.kill().await;
    let to = text_of(&hub.folder().join("other"));
    let restore = ["restore", &from, "--data", &to, "--engine", "fjall"];
    let told = run(leasehold(&restore)).await.ok();
    let next = "LEASEHOLD_STORE_ENGINE=fjall leasehold hub";
    assert!(told.contains(next), "{told}");
    let of_other = run(leasehold(&["export", "--data", &to])).await.ok();
    let lines = text_of(&hub.folder().join("lines"));
    let export = ["export", "--backup", &from, "--out", &lines];
    run(leasehold(&export)).await.ok();
    let of_backup = fs::read_to_string(lines).expect("it was written");
    assert_eq!(tasks_in(&of_other).len(), 3);
    assert_eq!(tasks_in(&of_other), tasks_in(&of_backup));
}

fn tasks_in(lines: &str) -> Vec<&str> {
    let is_task = |line: &&str| line.starts_with("{\"task\"");
    lines.lines().filter(is_task).collect()
}

/// A hub with more than one part of a backup.
async fn big() -> Hub {
    let hub = Hub::start().await;
    let payload = "x".repeat(900);
    let payloads = vec![payload.as_str(); 4000];
    hub.enqueue(&payloads).await;
    hub
}

fn left(hub: &Hub) -> Vec<String> {
    let entries = fs::read_dir(hub.folder()).expect("it is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names
        .filter(|name| name.contains("backup") || name.contains("unfinished"))
        .collect()
}

fn backing_up(hub: &Hub, at: &str) -> Process {
    let folder = text_of(&hub.folder().join("backup"));
    Process::start("the backup", leasehold(&["backup", &folder, "--hub", at]))
}

/// Takes one as soon as nobody else does.
async fn back_up_soon(hub: &Hub) {
    let folder = text_of(&hub.folder().join("backup"));
    within("a backup", async {
        loop {
            let told = hub.run(&["backup", &folder]).await;
            if told.code == Some(0) {
                return;
            }
            assert!(told.err.contains("under way already"), "{told:?}");
        }
    })
    .await;
    let told = verify(&hub.folder().join("backup")).await.json();
    assert_eq!(told["ok"], true, "{told}");
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_nothing_and_hinders_nobody() {
    let hub = big().await;
    let mut cable = Choke::to(hub.address(), 1024 * 1024).await;
    let mut taking = backing_up(&hub, &cable.at());
    cable.choked().await;
    assert_eq!(left(&hub), [".leasehold-unfinished-backup"]);
    // One at a time; and the hub goes on meanwhile.
    let other = text_of(&hub.folder().join("other"));
    let told = hub.run(&["backup", &other]).await.failed(1);
    assert!(told.contains("under way already"), "{told}");
    hub.enqueue(&["more"]).await;
    taking.kill().await;
    drop(cable);
    back_up_soon(&hub).await;
    assert_eq!(left(&hub), ["backup"]);
}

#[tokio::test]
async fn a_hub_that_is_killed_ends_the_backup_and_leaves_nothing() {
    let mut hub = big().await;
    let mut cable = Choke::to(hub.address(), 1024 * 1024).await;
    let mut taking = backing_up(&hub, &cable.at());
    cable.choked().await;
    hub.kill().await;
    hub.restart().await;
    cable.open();
    let status = taking.ended().await;
    assert_eq!(status.code(), Some(1), "{:?}", taking.lines());
    let told = taking.said("no such backup").await;
    assert!(told.contains("begin a new one"), "{told}");
    assert_eq!(left(&hub), [""; 0]);
    back_up_soon(&hub).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_says_why() {
    let mut hub = Hub::start().await;
    hub.enqueue(&["a"]).await;
    let backup = hub.folder().join("backup");
    hub.run(&["backup", &text_of(&backup)]).await.ok();
    let again = hub.run(&["backup", &text_of(&backup)]).await.failed(1);
    assert!(again.contains("is there already"), "{again}");
    let data = restore(&backup, &hub.data()).await.failed(1);
    assert!(data.contains("in use by another hub"), "{data}");
    hub.kill().await;
    let data = restore(&backup, &hub.data()).await.failed(1);
    assert!(
        data.contains("there is a store in the data folder"),
        "{data}"
    );
    let of_stopped = hub.folder().join("of-stopped");
    let (to, from) = (text_of(&of_stopped), text_of(&hub.data()));
    run(leasehold(&["backup", &to, "--data", &from])).await.ok();
    let unreachable = [
        "backup",
        &text_of(&hub.folder().join("x")),
        "--timeout",
        "200ms",
        "--hub",
        &hub.at(),
    ];
    run(leasehold(&unreachable)).await.failed(69);
    assert!(!hub.folder().join("x").exists());

    let file = of_stopped.join("data.leasehold");
    let mut bytes = fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("it can be written");
    let told = verify(&of_stopped).await;
    let document: Value = serde_json::from_str(&told.out).expect("a document");
    assert_eq!(document["ok"], false, "{document}");
    let damaged = told.failed(1);
    let new = hub.folder().join("new");
    let refused = restore(&of_stopped, &new).await.failed(1);
    for text in [damaged, refused] {
        for part in ["record", "data.leasehold", "checksum"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    assert!(!new.exists(), "nothing was begun");
    let memory = Hub::with("[store]\nengine = \"memory\"\n").await;
    let told = memory.run(&["backup", &text_of(&new)]).await.failed(1);
    assert!(told.contains("store in memory"), "{told}");
    assert!(!new.exists());
}
