//! What few tasks have, in a task's line.

use leasehold_core::{Extra, Extras, Progress, TaskId, Timestamp, Wish};
use serde::{Deserialize, Serialize};

use super::line::text;

/// An [`Extra`], as it is said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Said(#[serde(with = "ExtraLine")] Extra);

pub(super) fn say(extras: &Extras) -> Vec<Said> {
    let list: Vec<Extra> = extras.clone().into();
    list.into_iter().map(Said).collect()
}

pub(super) fn read(said: Vec<Said>) -> Result<Extras, String> {
    let list: Vec<Extra> = said.into_iter().map(|Said(extra)| extra).collect();
    Extras::try_from(list).map_err(|error| error.to_string())
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Extra", rename_all = "snake_case", deny_unknown_fields)]
enum ExtraLine {
    Wish(#[serde(with = "WishLine")] Wish),
    Schedule(String),
    Losses(u32),
    Stop {
        #[serde(rename = "asked_at_ms")]
        asked_at: Timestamp,
        #[serde(rename = "forced_at_ms")]
        forced_at: Timestamp,
    },
    Progress(#[serde(with = "ProgressLine")] Progress),
    Edited(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Progress", deny_unknown_fields)]
struct ProgressLine {
    #[serde(rename = "at_ms")]
    at: Timestamp,
    fraction: u16,
    note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Wish", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum WishLine {
    #[serde(rename = "run_at_ms")]
    RunAt(Timestamp),
    #[serde(rename = "expires_after_ms")]
    ExpiresAfter(u64),
    #[serde(rename = "max_runtime_ms")]
    MaxRuntime(u64),
    BackOff {
        base_ms: u64,
        cap_ms: u64,
        factor_percent: u32,
        jitter_percent: u32,
    },
    LossesMax(u32),
    InterruptionsMax(u32),
    Key {
        key: String,
        window_ms: Option<u64>,
    },
    Group(String),
    After {
        #[serde(with = "ids")]
        tasks: Vec<TaskId>,
        any_end: bool,
    },
    Trace(String),
}

/// Ids, each as its text.
mod ids {
    use serde::{Deserializer, Serializer};

    use super::{Deserialize, Serialize, TaskId, text};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Id(#[serde(with = "text")] TaskId);

    pub(super) fn serialize<S: Serializer>(
        ids: &[TaskId],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ids.iter().map(|id| Id(*id)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<TaskId>, D::Error> {
        let ids = Vec::<Id>::deserialize(deserializer)?;
        Ok(ids.into_iter().map(|Id(id)| id).collect())
    }
}
