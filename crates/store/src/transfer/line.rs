//! A line of an export. What stands here is for ever: old exports stay readable.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use leasehold_core::{
    Attempt, AttemptEnding, Death, Epoch, Incarnation, Lease, LeaseId, Node, NodeName, PoolId,
    PoolName, State, Task, TaskId, Timestamp, limits,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{extras, notes::NoteLine};

/// What the header says that it is.
pub(super) const FORMAT: &str = "leasehold export";

/// The version that is written. What came with version 2, extras and notes, version 1 does not
/// have: it is read as it is.
pub(super) const VERSION: u32 = 2;

/// The versions that are read.
pub(super) const READABLE: RangeInclusive<u32> = 1..=VERSION;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Header(HeaderLine),
    Pool(PoolLine),
    Task(Box<TaskLine>),
    Note(Box<NoteLine>),
    End(EndLine),
}

/// Says more than is known here if it is of a later version: so the version is looked at first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeaderLine {
    pub(super) format: String,
    pub(super) version: u32,
    #[serde(rename = "latest_at_ms")]
    pub(super) latest_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolLine {
    pub(super) id: PoolId,
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub(super) name: PoolName,
    pub(super) epoch: Epoch,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) pools: u64,
    pub(super) tasks: u64,
    /// Since version 2.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) notes: u64,
}

/// A task with its pool, payload and result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskLine {
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub(super) pool: PoolName,
    #[serde(with = "text")]
    id: TaskId,
    place: u64,
    priority: u32,
    attempts_max: u32,
    enqueued_at_ms: u64,
    ready_at_ms: u64,
    attempt: u32,
    interruptions: u32,
    losses_in_a_row: u32,
    payload_len: u32,
    result_len: Option<u32>,
    #[serde(with = "StateLine")]
    state: State,
    lease: Option<LeaseLine>,
    history: Vec<AttemptLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extras: Option<Vec<extras::Said>>,
    #[serde(rename = "payload_base64")]
    payload: Option<Base64>,
    #[serde(rename = "result_base64")]
    result: Option<Base64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "State", rename_all = "snake_case", deny_unknown_fields)]
enum StateLine {
    Scheduled {
        #[serde(rename = "run_at_ms")]
        run_at: Timestamp,
    },
    Ready,
    Claimed,
    Completed {
        #[serde(rename = "at_ms")]
        at: Timestamp,
    },
    Cancelled {
        #[serde(rename = "at_ms")]
        at: Timestamp,
    },
    Dead {
        #[serde(rename = "at_ms")]
        at: Timestamp,
        #[serde(with = "DeathLine")]
        cause: Death,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Death", rename_all = "snake_case")]
enum DeathLine {
    AttemptsSpent,
    LostTooOften,
    InterruptedTooOften,
    Expired,
    Hopeless,
    ParentGone,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AttemptEnding", rename_all = "snake_case")]
enum EndingLine {
    Completed,
    Failed,
    Expired,
    Cut,
    Silence,
    Released,
    Interrupted,
    Cancelled,
    Overran,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaseLine {
    #[serde(with = "text")]
    id: LeaseId,
    node: NodeName,
    /// As text, here and below: it is past what programs that read numbers as floats keep whole.
    #[serde(with = "text")]
    incarnation: u64,
    granted_at_ms: u64,
    lease_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptLine {
    attempt: u32,
    #[serde(with = "text")]
    lease: LeaseId,
    node: NodeName,
    #[serde(with = "text")]
    incarnation: u64,
    started_at_ms: u64,
    ended_at_ms: u64,
    #[serde(with = "EndingLine")]
    ending: AttemptEnding,
    reason: String,
}

/// Bytes, as text.
#[derive(Debug)]
pub(super) struct Base64(pub(super) Bytes);

impl TaskLine {
    pub(super) fn new(
        pool: PoolName,
        task: Task,
        payload: Option<Bytes>,
        result: Option<Bytes>,
    ) -> Self {
        // All of it: a new field must go with it.
        let Task {
            id,
            place,
            priority,
            attempts_max,
            enqueued_at,
            ready_at,
            attempt,
            interruptions,
            losses_in_a_row,
            payload_len,
            result_len,
            state,
            lease,
            history,
            extras,
        } = task;
        Self {
            pool,
            id,
            place,
            priority,
            attempts_max,
            enqueued_at_ms: enqueued_at.as_millis(),
            ready_at_ms: ready_at.as_millis(),
            attempt,
            interruptions,
            losses_in_a_row,
            payload_len,
            result_len,
            state,
            lease: lease.map(LeaseLine::from),
            history: history.into_iter().map(AttemptLine::from).collect(),
            extras: extras.as_deref().map(extras::say),
            payload: payload.map(Base64),
            result: result.map(Base64),
        }
    }

    /// The task, its payload and its result, if it may be a task of this pool.
    pub(super) fn task(
        self,
        pool: &PoolLine,
    ) -> Result<(Task, Option<Bytes>, Option<Bytes>), String> {
        self.check(pool)?;
        let extras = self.extras.map(extras::read).transpose();
        let extras = extras.map_err(|error| format!("task {}: {error}", self.id))?;
        let task = Task {
            id: self.id,
            place: self.place,
            priority: self.priority,
            attempts_max: self.attempts_max,
            enqueued_at: Timestamp::from_millis(self.enqueued_at_ms),
            ready_at: Timestamp::from_millis(self.ready_at_ms),
            attempt: self.attempt,
            interruptions: self.interruptions,
            losses_in_a_row: self.losses_in_a_row,
            payload_len: self.payload_len,
            result_len: self.result_len,
            state: self.state,
            lease: self.lease.map(Lease::from),
            history: self.history.into_iter().map(Attempt::from).collect(),
            extras: extras.map(Arc::new),
        };
        let bytes = |base64: Option<Base64>| base64.map(|base64| base64.0);
        Ok((task, bytes(self.payload), bytes(self.result)))
    }

    /// What a hub relies on.
    fn check(&self, pool: &PoolLine) -> Result<(), String> {
        let leases = self.lease.iter().map(|lease| lease.id);
        let issued = |id: &LeaseId| id.pool == pool.id && id.epoch <= pool.epoch;
        let length = |blob: &Option<Base64>| blob.as_ref().map(|blob| blob.0.len());
        let fits = |blob: &Option<Base64>, len: u32| {
            length(blob).is_none_or(|found| found == len as usize)
        };
        let longest = length(&self.payload).max(length(&self.result));
        let reasons = self.history.iter().map(|attempt| attempt.reason.len());
        for (is_so, why) in [
            (
                leases
                    .chain(self.history.iter().map(|of| of.lease))
                    .all(|id| issued(&id)),
                "a lease is not of its pool, or of an epoch after the pool's",
            ),
            (
                self.state != State::Claimed || self.lease.is_some(),
                "it is claimed without a lease",
            ),
            (
                fits(&self.payload, self.payload_len),
                "the payload is not of the length that is given",
            ),
            (
                fits(&self.result, self.result_len.unwrap_or(0)),
                "the result is not of the length that is given",
            ),
            (
                longest.unwrap_or(0) <= limits::BLOB_BYTES_MAX,
                "the payload or the result is longer than any may be",
            ),
            (
                self.history.len() <= limits::HISTORY_MAX
                    && reasons.max().unwrap_or(0) <= limits::REASON_BYTES_MAX,
                "the history is longer than any may be",
            ),
            (self.place < u64::MAX, "there is no place after its place"),
        ] {
            if !is_so {
                return Err(format!("task {}: {why}", self.id));
            }
        }
        Ok(())
    }
}

impl From<Lease> for LeaseLine {
    fn from(lease: Lease) -> Self {
        let Lease {
            id,
            node: Node { name, incarnation },
            granted_at,
            lease_ms,
        } = lease;
        Self {
            id,
            node: name,
            incarnation: incarnation.0,
            granted_at_ms: granted_at.as_millis(),
            lease_ms,
        }
    }
}

impl From<LeaseLine> for Lease {
    fn from(line: LeaseLine) -> Self {
        Self {
            id: line.id,
            node: node(line.node, line.incarnation),
            granted_at: Timestamp::from_millis(line.granted_at_ms),
            lease_ms: line.lease_ms,
        }
    }
}

impl From<Attempt> for AttemptLine {
    fn from(attempt: Attempt) -> Self {
        let Attempt {
            attempt,
            lease,
            node: Node { name, incarnation },
            started_at,
            ended_at,
            ending,
            reason,
        } = attempt;
        Self {
            attempt,
            lease,
            node: name,
            incarnation: incarnation.0,
            started_at_ms: started_at.as_millis(),
            ended_at_ms: ended_at.as_millis(),
            ending,
            reason,
        }
    }
}

impl From<AttemptLine> for Attempt {
    fn from(line: AttemptLine) -> Self {
        Self {
            attempt: line.attempt,
            lease: line.lease,
            node: node(line.node, line.incarnation),
            started_at: Timestamp::from_millis(line.started_at_ms),
            ended_at: Timestamp::from_millis(line.ended_at_ms),
            ending: line.ending,
            reason: line.reason,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

fn node(name: NodeName, incarnation: u64) -> Node {
    Node {
        name,
        incarnation: Incarnation(incarnation),
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

/// Whatever has a text of its own.
pub(super) mod text {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer, de};

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in super::super) fn deserialize<'de, T, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
