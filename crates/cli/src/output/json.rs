//! What programs read. Names and values here are a promise: add, and never change.
//!
//! What is not there is `null`. Times are milliseconds since 1970 by the hub's clock (`_at_ms`),
//! or durations (`_for_ms`, `_ready_ms`).

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use leasehold_node::{AttemptDetail, Fact, Rejection, TaskDetail, TaskId, TaskSummary};
use serde::Serialize;

/// The value on one line.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps here have text for keys")
}

/// A task, of which at least a summary is known.
#[derive(Debug, Serialize)]
pub(crate) struct Task<'a> {
    id: String,
    pool: &'a str,
    state: &'static str,
    priority: u32,
    attempt: u32,
    attempts_max: u32,
    node: Option<&'a str>,
    enqueued_at_ms: u64,
    at_ms: Option<u64>,
    payload_bytes: u32,
    reason: Option<&'a str>,
    #[serde(flatten)]
    result: Blob<'a, ResultKeys>,
}

impl<'a> Task<'a> {
    /// The task of this pool, with its result if it has one.
    pub(crate) fn new(pool: &'a str, summary: &'a TaskSummary, result: Option<&'a Bytes>) -> Self {
        Self {
            id: summary.id.to_string(),
            pool,
            state: summary.state.as_str(),
            priority: summary.priority,
            attempt: summary.attempt,
            attempts_max: summary.attempts_max,
            node: summary.node.as_ref().map(|node| node.as_str()),
            enqueued_at_ms: summary.enqueued_at_ms,
            at_ms: summary.at_ms,
            payload_bytes: summary.payload_bytes,
            reason: text(&summary.reason),
            result: Blob::of(result),
        }
    }
}

/// Everything known of a task.
#[derive(Debug, Serialize)]
pub(crate) struct Detail<'a> {
    #[serde(flatten)]
    task: Task<'a>,
    lease: Option<String>,
    interruptions: u32,
    losses_in_a_row: u32,
    ready_at_ms: u64,
    #[serde(flatten)]
    payload: Blob<'a, PayloadKeys>,
    history: Vec<Attempt<'a>>,
    #[serde(flatten)]
    facts: Option<Facts<'a>>,
}

/// What only some tasks have.
#[derive(Debug, Default, Serialize)]
struct Facts<'a> {
    failures: u32,
    failures_max: u32,
    losses: u32,
    losses_max: Option<u32>,
    interruptions_max: Option<u32>,
    progress: Option<Told<'a>>,
    stop_until_at_ms: Option<u64>,
    expires_at_ms: Option<u64>,
    runs_until_at_ms: Option<u64>,
    max_runtime_for_ms: Option<u64>,
    group: Option<&'a str>,
    trace: Option<&'a str>,
    schedule: Option<&'a str>,
    key: Option<&'a str>,
    after: Option<After<'a>>,
    payload_edits: u32,
    died_of: Option<String>,
}

/// What a task waits for.
#[derive(Debug, Serialize)]
struct After<'a> {
    tasks: Vec<String>,
    any_end: bool,
    explained: &'a str,
}

/// How far an attempt has come.
#[derive(Debug, Serialize)]
struct Told<'a> {
    at_ms: u64,
    /// Of 1.
    fraction: f64,
    note: Option<&'a str>,
}

impl<'a> Facts<'a> {
    fn add(&mut self, fact: &'a Fact) {
        match fact {
            Fact::Progress {
                at_ms,
                fraction,
                note,
            } => {
                let fraction = f64::from(*fraction) / 10_000.0;
                let (at_ms, note) = (*at_ms, text(note));
                self.progress = Some(Told {
                    at_ms,
                    fraction,
                    note,
                });
            }
            Fact::StopUntil(at_ms) => self.stop_until_at_ms = Some(*at_ms),
            Fact::ExpiresAt(at_ms) => self.expires_at_ms = Some(*at_ms),
            Fact::RunsUntil(at_ms) => self.runs_until_at_ms = Some(*at_ms),
            Fact::Trace(trace) => self.trace = Some(trace),
            Fact::Key(key) => self.key = Some(key),
            Fact::After {
                left,
                any_end,
                explained,
            } => {
                self.after = Some(After {
                    tasks: left.iter().map(TaskId::to_string).collect(),
                    any_end: *any_end,
                    explained,
                });
            }
            Fact::Schedule(schedule) => self.schedule = Some(schedule),
            Fact::Edited(times) => self.payload_edits = *times,
            Fact::MaxRuntime(ms) => self.max_runtime_for_ms = Some(*ms),
            Fact::Failures(count, max) => (self.failures, self.failures_max) = (*count, *max),
            Fact::Losses(count, max) => (self.losses, self.losses_max) = (*count, Some(*max)),
            Fact::Interruptions(_, max) => self.interruptions_max = Some(*max),
            Fact::Group(group) => self.group = Some(group),
            Fact::Died(cause) => self.died_of = Some(cause.to_string()),
        }
    }
}

impl<'a> Detail<'a> {
    /// As the hub told it.
    pub(crate) fn new(detail: &'a TaskDetail) -> Self {
        let result = detail.result.as_ref();
        Self {
            task: Task::new(detail.pool.as_str(), &detail.summary, result),
            lease: detail.lease.as_ref().map(ToString::to_string),
            interruptions: detail.interruptions,
            losses_in_a_row: detail.losses_in_a_row,
            ready_at_ms: detail.ready_at_ms,
            payload: Blob::of(detail.payload.as_ref()),
            history: detail.history.iter().map(Attempt::new).collect(),
            facts: None,
        }
    }

    /// As the hub told it, with what only some tasks have.
    pub(crate) fn with_facts(detail: &'a TaskDetail, known: &'a [Fact]) -> Self {
        let mut facts = Facts {
            failures_max: detail.summary.attempts_max,
            ..Facts::default()
        };
        known.iter().for_each(|fact| facts.add(fact));
        Self {
            facts: Some(facts),
            ..Self::new(detail)
        }
    }
}

/// An attempt that ended.
#[derive(Debug, Serialize)]
struct Attempt<'a> {
    attempt: u32,
    lease: String,
    node: &'a str,
    started_at_ms: u64,
    ended_at_ms: u64,
    ending: &'static str,
    reason: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    fn new(detail: &'a AttemptDetail) -> Self {
        Self {
            attempt: detail.attempt,
            lease: detail.lease.to_string(),
            node: detail.node.as_str(),
            started_at_ms: detail.started_at_ms,
            ended_at_ms: detail.ended_at_ms,
            ending: detail.ending.as_str(),
            reason: text(&detail.reason),
        }
    }
}

/// A task of which something was refused.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    id: String,
    reason: String,
}

impl Refused {
    /// This task, for this reason.
    pub(crate) fn new(id: TaskId, why: &Rejection) -> Self {
        Self {
            id: id.to_string(),
            reason: why.to_string(),
        }
    }
}

/// `None` for what is empty.
pub(crate) const fn text(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

/// Opaque bytes under the key `KEY` as text, if that is what they are; else under `KEY_base64`.
#[derive(Debug)]
pub(crate) struct Blob<'a, K> {
    bytes: Option<&'a [u8]>,
    keys: std::marker::PhantomData<K>,
}

impl<'a, K> Blob<'a, K> {
    /// These bytes; none is `null`.
    pub(crate) fn of(bytes: Option<&'a Bytes>) -> Self {
        Self {
            bytes: bytes.map(AsRef::as_ref),
            keys: std::marker::PhantomData,
        }
    }
}

/// The keys of a [`Blob`].
pub(crate) trait Keys {
    /// Its text; always there.
    const TEXT: &'static str;
    /// Its bytes in base64, if they are no text.
    const BASE64: &'static str;
}

/// What came of a task.
#[derive(Debug)]
pub(crate) struct ResultKeys;

impl Keys for ResultKeys {
    const TEXT: &'static str = "result";
    const BASE64: &'static str = "result_base64";
}

/// What a task is about.
#[derive(Debug)]
pub(crate) struct PayloadKeys;

impl Keys for PayloadKeys {
    const TEXT: &'static str = "payload";
    const BASE64: &'static str = "payload_base64";
}

impl<K: Keys> Serialize for Blob<'_, K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let text = self.bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(K::TEXT, &text)?;
        if let (Some(bytes), None) = (self.bytes, text) {
            map.serialize_entry(K::BASE64, &STANDARD.encode(bytes))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
