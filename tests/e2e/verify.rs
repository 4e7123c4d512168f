//! `leasehold verify` of a data folder: what is whole, what is not, and not a byte changed.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::{
    hub::Hub,
    process::leasehold,
    shell::{Told, run, text_of},
};

/// A payload that stands in one file, and can be found there.
const LANDMARK: &str = "the-quick-brown-fox-jumps-over-the-lazy-dog";

async fn verify(folder: &Path) -> Told {
    run(leasehold(&["verify", &text_of(folder), "--json"])).await
}

fn document(told: &Told) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error} in {told:?}"))
}

/// Every file under a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("it can be read"));
        }
    }
    found
}

#[tokio::test]
async fn a_store_of_sled_is_read_whole_and_left_as_it_is() {
    whole("sled", Signal::SIGTERM).await;
    whole("sled", Signal::SIGKILL).await;
}

#[tokio::test]
async fn so_is_one_of_fjall() {
    whole("fjall", Signal::SIGTERM).await;
    whole("fjall", Signal::SIGKILL).await;
}

async fn stopped(engine: &str, how: Signal) -> Hub {
    let mut hub = Hub::with(&format!("[store]\nengine = \"{engine}\"\n")).await;
    let long = "y".repeat(30_000);
    hub.enqueue(&[LANDMARK, &long, "third"]).await;
    let mut at_work = hub.work("w", "head -c 3", &["--until-empty"]);
    at_work.ended().await;
    hub.enqueue(&[LANDMARK, &long, "sixth"]).await;
    hub.run(&["enqueue", "q", LANDMARK]).await.ok();
    hub.end(how).await;
    hub
}

async fn whole(engine: &str, how: Signal) {
    let hub = stopped(engine, how).await;
    let before = files(&hub.data());
    let told = verify(&hub.data()).await;
    let found = document(&told);
    told.ok();
    assert_eq!(
        (&found["ok"], &found["engine"]),
        (&true.into(), &engine.into()),
        "{found}"
    );
    let pool = &found["pools"][0];
    assert_eq!(
        (&pool["name"], &pool["tasks"]),
        (&"p".into(), &6.into()),
        "{found}"
    );
    let of = &pool["by_state"];
    assert_eq!(
        (&of["completed"], &of["ready"]),
        (&3.into(), &3.into()),
        "{found}"
    );
    assert_eq!(
        (&found["pools"][1]["tasks"], &pool["result_bytes"]),
        (&1.into(), &9.into())
    );
    assert!(files(&hub.data()) == before, "a byte was changed");
    let beside = fs::read_dir(hub.folder()).expect("it is there");
    let names = beside.map(|entry| entry.expect("it can be read").file_name());
    assert!(
        !names
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with(".leasehold")),
        "the copy is gone"
    );
}

#[tokio::test]
async fn a_flipped_bit_in_a_store_of_sled_is_found() {
    flipped("sled").await;
}

#[tokio::test]
async fn so_is_one_in_a_store_of_fjall() {
    flipped("fjall").await;
}

/// In every place at which a payload stands that is still wanted.
async fn flipped(engine: &str) {
    let hub = stopped(engine, Signal::SIGKILL).await;
    let landmark = LANDMARK.as_bytes();
    let mut places = Vec::new();
    for (path, bytes) in files(&hub.data()) {
        let found = bytes.windows(landmark.len()).enumerate();
        let found = found.filter(|(_, window)| *window == landmark);
        places.extend(found.map(|(at, _)| (path.clone(), at)));
    }
    assert!(!places.is_empty(), "the payload stands nowhere");
    let mut noticed = 0;
    for (path, at) in places {
        let whole = fs::read(&path).expect("it can be read");
        let mut bytes = whole.clone();
        bytes[at + 5] ^= 0x20;
        fs::write(&path, bytes).expect("it can be written");
        let told = verify(&hub.data()).await;
        let found = document(&told);
        if found["ok"] == false {
            noticed += 1;
            let text = told.failed(1);
            assert!(text.contains("is damaged"), "{text}");
            let folder = text_of(&hub.data());
            assert!(text.contains(&folder), "{folder} in {text}");
            assert!(!text.contains(".leasehold-verify"), "{text}");
        } else {
            // What stands there is of no use any more: all that is wanted is as it was.
            assert_eq!(found["pools"][0]["tasks"], 6, "{found}");
        }
        fs::write(&path, whole).expect("it can be written");
    }
    assert!(noticed > 0, "none of them mattered");
    verify(&hub.data()).await.ok();
}

#[tokio::test]
async fn what_is_no_store_or_in_use_is_refused() {
    let hub = Hub::start().await;
    hub.enqueue(&["a"]).await;
    let in_use = verify(&hub.data()).await.failed(1);
    assert!(in_use.contains("in use by another hub"), "{in_use}");
    assert!(in_use.contains("leasehold backup"), "{in_use}");
    let none = verify(hub.folder()).await.failed(1);
    assert!(none.contains("there is no store in it"), "{none}");
    let missing = verify(&hub.folder().join("missing")).await.failed(1);
    assert!(missing.contains("there is no such folder"), "{missing}");
}
