//! A hub that does not start, and says why.

mod support;

use std::fs;

use nix::sys::signal::Signal;
use support::{
    hub::Hub,
    process::leasehold,
    shell::{Told, run, text_of},
};
use tempfile::tempdir;

/// Tries to start a hub; it must end by itself.
async fn refused(more: &[&str]) -> Told {
    let args = [&["hub", "--listen", "127.0.0.1:0"], more].concat();
    let told = run(leasehold(&args)).await;
    assert_eq!(told.out, "", "it does not listen");
    told
}

#[tokio::test]
async fn a_second_hub_on_the_same_folder() {
    let mut hub = Hub::start().await;
    let data = text_of(&hub.data());
    let error = refused(&["--data", &data]).await.failed(1);
    assert!(
        error.contains(&format!("{data} is in use by another hub")),
        "{error}"
    );
    hub.enqueue(&["the first is undisturbed"]).await;
    hub.kill().await;
    hub.restart().await;
    assert_eq!(hub.pool().await["ready"], 1, "no lock is left by a kill");
}

#[tokio::test]
async fn a_port_in_use() {
    let hub = Hub::start().await;
    let folder = tempdir().unwrap();
    let data = text_of(&folder.path().join("data"));
    let args = ["hub", "--listen", &hub.at(), "--data", &data];
    let error = run(leasehold(&args)).await.failed(1);
    assert!(
        error.contains(&format!("failed to listen on {}", hub.at())),
        "{error}"
    );
    assert!(error.to_lowercase().contains("in use"), "{error}");
}

#[tokio::test]
async fn a_data_folder_that_is_none() {
    let folder = tempdir().unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.txt"), "years of work").unwrap();
    let error = refused(&["--data", &text_of(&other)]).await.failed(1);
    assert!(error.contains("is not a Leasehold data folder"), "{error}");
    assert!(error.contains("thesis.txt"), "{error}");
    assert_eq!(
        fs::read_dir(&other).unwrap().count(),
        1,
        "nothing was put there"
    );
    let error = refused(&["--data", &text_of(&other.join("thesis.txt"))])
        .await
        .failed(1);
    assert!(error.contains("it is not a folder"), "{error}");
    assert_eq!(
        fs::read_to_string(other.join("thesis.txt")).unwrap(),
        "years of work"
    );
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written() {
    // Not even the superuser makes folders here.
    let data = "/proc/leasehold-data";
    let error = refused(&["--data", data]).await.failed(1);
    assert!(error.contains(data), "{error}");
    let folder = tempdir().unwrap();
    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions).unwrap();
    if fs::create_dir(folder.path().join("superuser")).is_ok() {
        return;
    }
    let data = text_of(&folder.path().join("data"));
    let error = refused(&["--data", &data]).await.failed(1);
    assert!(error.contains(&data) && error.contains("denied"), "{error}");
}

#[tokio::test]
async fn a_sled_folder_of_another_program() {
    let mut hub = Hub::start().await;
    hub.enqueue(&["x"]).await;
    hub.end(Signal::SIGTERM).await;
    let engine = fs::read_dir(hub.data())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let engine: Vec<_> = engine.filter(|path| path.is_dir()).collect();
    assert_eq!(engine.len(), 1, "the folder of the engine: {engine:?}");
    let before = listing(&engine[0]);
    let error = refused(&["--data", &text_of(&engine[0])]).await.failed(1);
    assert!(error.contains("is not a Leasehold data folder"), "{error}");
    assert_eq!(listing(&engine[0]), before, "nothing was changed");
    hub.restart().await;
    assert_eq!(hub.pool().await["ready"], 1);
}

fn listing(folder: &std::path::Path) -> Vec<(String, u64)> {
    let entry = |entry: fs::DirEntry| {
        let length = entry.metadata().expect("it is there").len();
        (entry.file_name().to_string_lossy().into_owned(), length)
    };
    let entries = fs::read_dir(folder).expect("it is a folder");
    let mut found: Vec<_> = entries.flatten().map(entry).collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_store_of_a_later_version_or_with_a_damaged_marker() {
    let mut hub = Hub::start().await;
    hub.end(Signal::SIGTERM).await;
    let (marker, data) = (hub.data().join("LEASEHOLD"), text_of(&hub.data()));
    let good = fs::read_to_string(&marker).unwrap();
    fs::write(&marker, good.replace("format ", "format 9")).unwrap();
    let error = refused(&["--data", &data]).await.failed(1);
    assert!(
        error.contains("format version 93, and this hub reads"),
        "{error}"
    );
    fs::write(&marker, "scribble").unwrap();
    let error = refused(&["--data", &data]).await.failed(1);
    assert!(error.contains("is damaged"), "{error}");
    fs::write(&marker, good).unwrap();
    hub.restart().await;
}

#[tokio::test]
async fn a_configuration_that_is_wrong() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    let text = "[session]\nsilence_after = \"10 bananas\"\n[hub]\nlisen = 1\n\
                [pool.mail]\nattempts_max = 0\n";
    fs::write(&file, text).unwrap();
    let file = text_of(&file);
    let error = refused(&["--config", &file]).await.failed(2);
    for words in [
        "hub.toml:2: session.silence_after = \"10 bananas\"",
        "allowed 1s to 1h",
        "hub.toml:4: hub.lisen: no such key; did you mean hub.listen?",
        "hub.toml:6: pool.mail.attempts_max = 0: allowed 1 to 1000",
    ] {
        assert!(error.contains(words), "{words} in {error}");
    }
    let missing = text_of(&folder.path().join("missing.toml"));
    let error = refused(&["--config", &missing]).await.failed(2);
    assert!(error.contains(&missing), "{error}");
    let mut command = leasehold(&["hub", "--check-config"]);
    command.env("LEASEHOLD_SESSION_HEARTBEAT", "never");
    let error = run(command).await.failed(2);
    assert!(error.contains("LEASEHOLD_SESSION_HEARTBEAT"), "{error}");
    assert!(error.contains("session.heartbeat = \"never\""), "{error}");
    let error = run(leasehold(&["hub", "--listen", "everywhere"]))
        .await
        .failed(2);
    assert!(
        error.contains("--listen: hub.listen = \"everywhere\""),
        "{error}"
    );
}

#[tokio::test]
async fn the_later_layer_wins_and_what_is_printed_is_what_is_in_force() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    fs::write(&file, "[pool_defaults]\nlease = \"5s\"\nattempts_max = 7\n").unwrap();
    let file = text_of(&file);
    let mut command = leasehold(&["hub", "--config", &file, "--data", "d", "--print-config"]);
    command.env("LEASEHOLD_POOL_DEFAULTS_LEASE", "6s");
    command.env("LEASEHOLD_STORE_DATA", "e");
    let text = run(command).await.ok();
    for line in [
        "\nlease = \"6s\"\n",
        "\nattempts_max = 7\n",
        "\ndata = \"d\"\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    fs::write(&file, &text).unwrap();
    let again = run(leasehold(&["hub", "--config", &file, "--print-config"]))
        .await
        .ok();
    assert_eq!(again, text);
}
