//! Stores that earlier releases left behind, and whether a hub has all of them.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use leasehold_node::{Rejection, RequestError, StateKind, TaskDetail};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::{
    error::{ChaosError, Unplayed},
    stage::Stage,
};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What a release left, as `scripts/record_release.py` recorded it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recording {
    /// The format of the folder, and the engine.
    pub(super) name: &'static str,
    pub(super) engine: &'static str,
    packed: &'static [u8],
    tasks: &'static str,
}

macro_rules! recording {
    ($name:literal, $engine:literal) => {
        Recording {
            name: $name,
            engine: $engine,
            packed: include_bytes!(concat!(
                "../../../../../tests/upgrade/",
                $name,
                "/killed.tar.gz"
            )),
            tasks: include_str!(concat!(
                "../../../../../tests/upgrade/",
                $name,
                "/tasks.json"
            )),
        }
    };
}

/// One of each format and engine that ever was.
pub(super) const ALL: [Recording; 5] = [
    recording!("1-sled", "sled"),
    recording!("2-sled", "sled"),
    recording!("2-fjall", "fjall"),
    recording!("3-sled", "sled"),
    recording!("3-fjall", "fjall"),
];

/// Why it is passed over where nothing can be unpacked.
const NO_TAR: &str = "no tar (Debian: apt-get install tar)";

impl Recording {
    /// The data folder, in a folder of its own.
    pub(super) fn unpack(&self) -> Result<(TempDir, PathBuf), Unplayed> {
        let failed = || ChaosError::io(format!("unpack the store {}", self.name));
        let folder = tempfile::Builder::new()
            .prefix("leasehold-upgrade-")
            .tempdir();
        let folder = folder.map_err(failed())?;
        let mut tar = Command::new("tar")
            .args(["-xzf", "-", "-C"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    return Unplayed::PassedOver(NO_TAR.to_owned());
                }
                failed()(error).into()
            })?;
        if let Some(mut input) = tar.stdin.take() {
            input.write_all(self.packed).map_err(failed())?;
        }
        let status = tar.wait().map_err(failed())?;
        if !status.success() {
            return Err(failed()(io::Error::other(format!("tar ended with {status}"))).into());
        }
        let data = folder.path().join("data");
        Ok((folder, data))
    }

    /// What is not as it was left; the number of tasks that were looked at.
    pub(super) async fn differences(
        &self,
        stage: &Stage,
    ) -> Result<(usize, Vec<String>), ChaosError> {
        let inspector = stage.inspector(ANSWER_WITHIN);
        let tasks: Map<String, Value> = serde_json::from_str(self.tasks)
            .map_err(|error| ChaosError::failed("read what was recorded", error))?;
        let mut wrong = Vec::new();
        for (id, was) in &tasks {
            let known = id
                .parse()
                .map_err(|_| ChaosError::failed("read an id", id))?;
            match inspector.task(known).await {
                Ok(is) => wrong.extend(differs(was, &is).map(|what| format!("task {id}: {what}"))),
                Err(RequestError::Rejected(Rejection::NoSuchTask)) => {
                    wrong.push(format!("task {id} is gone"));
                }
                Err(error) => return Err(ChaosError::failed("look at a task", error)),
            }
        }
        Ok((tasks.len(), wrong))
    }
}

/// What of a task is not as it was. Who held it is gone, so it may be ready again.
fn differs(was: &Value, is: &TaskDetail) -> Option<String> {
    let state = is.summary.state;
    let left = was["state"].as_str().unwrap_or_default();
    let is_free_again = left == "claimed" && state == StateKind::Ready;
    if state.as_str() != left && !is_free_again {
        return Some(format!("it was {left}, and is {state}"));
    }
    let text =
        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let result = text(is.result.as_deref());
    if result.as_deref() != was["result"].as_str() {
        return Some(format!(
            "its result is {result:?}, and was {}",
            was["result"]
        ));
    }
    let payload = text(is.payload.as_deref());
    let is_kept = state != StateKind::Completed;
    if is_kept && payload.as_deref() != was["payload"].as_str() {
        return Some("its payload is another one than it was".to_owned());
    }
    None
}
