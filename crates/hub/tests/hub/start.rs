//! Starts that fail, and say why.

use std::fs;

use leasehold_hub::{Engine, Hub, HubConfig, StartError, open_store};
use leasehold_store::{MemoryStore, StoreError};

use super::raw::{Stage, config};

fn in_folder(folder: &std::path::Path) -> HubConfig {
    let mut config = config();
    config.store.engine = Engine::Sled;
    config.store.data = folder.to_owned();
    config
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let stage = Stage::start(config()).await;
    let mut config = config();
    config.hub.listen = Some(stage.address());
    let error = Hub::start(config, Box::new(MemoryStore::new())).await;
    let error = error.expect_err("the port is in use");
    assert!(matches!(error, StartError::Listen { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&stage.address().to_string()),
        "{error}"
    );
    stage.node("crane").await;
}

#[tokio::test]
async fn a_configuration_out_of_bounds_does_not_start() {
    let mut config = config();
    config.session.requests_max = 0;
    let error = Hub::start(config, Box::new(MemoryStore::new())).await;
    assert!(matches!(error, Err(StartError::Config(_))));
}

#[tokio::test]
async fn a_folder_is_one_hubs_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = in_folder(folder.path());
    let hub = Hub::start(config.clone(), open_store(&config).unwrap())
        .await
        .unwrap();
    let error = open_store(&config).err();
    assert!(matches!(error, Some(StoreError::InUse(_))), "{error:?}");
    hub.drain().await;
    drop(open_store(&config).unwrap());
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let letter = folder.path().join("letter.txt");
    fs::write(&letter, "dear").unwrap();
    let error = open_store(&in_folder(folder.path())).err();
    assert!(
        matches!(error, Some(StoreError::NotAStore { .. })),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(letter).unwrap(), "dear");
    let error = open_store(&in_folder(&folder.path().join("letter.txt"))).err();
    assert!(error.is_some(), "a file is no folder");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // Not even root makes a folder in a file.
    let error = open_store(&in_folder(&file.join("data"))).err();
    let error = error.expect("there is no such place");
    assert!(error.to_string().contains("file"), "{error}");
}
