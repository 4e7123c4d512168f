//! A note of a pool, in a line of its own.

use leasehold_core::{
    Misfire, NodeName, Note, Policy, PolicyChange, PoolName, Schedule, ScheduleName, TaskId,
    Timestamp, When, Wish,
};
use serde::{Deserialize, Serialize};

use super::{
    extras::WishLine,
    line::{Base64, text},
};

/// A note with its pool.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteLine {
    #[serde(deserialize_with = "PoolName::deserialize_stored")]
    pub(super) pool: PoolName,
    says: Says,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Says {
    Policy(#[serde(with = "PolicyLine")] Policy),
    Schedule(ScheduleLine),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Policy", deny_unknown_fields)]
struct PolicyLine {
    set: Vec<(String, String)>,
    paused: Option<String>,
    deleted: bool,
    #[serde(rename = "made_at_ms")]
    made_at: Timestamp,
    #[serde(with = "history")]
    history: Vec<PolicyChange>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleLine {
    name: ScheduleName,
    #[serde(with = "text")]
    seed: TaskId,
    #[serde(with = "WhenLine")]
    when: When,
    #[serde(with = "MisfireLine")]
    misfire: Misfire,
    priority: u32,
    attempts_max: Option<u32>,
    wishes: Vec<Wished>,
    payload_base64: Base64,
    paused: bool,
    done_until_ms: u64,
    fired: u64,
    skipped: u64,
    last: Option<Id>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "When", rename_all = "snake_case", deny_unknown_fields)]
enum WhenLine {
    Cron {
        expr: String,
        zone: String,
    },
    Every {
        ms: u64,
        #[serde(rename = "from_ms")]
        from: Timestamp,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Misfire", rename_all = "snake_case")]
enum MisfireLine {
    Skip,
    Once,
    All,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Wished(#[serde(with = "WishLine")] Wish);

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Id(#[serde(with = "text")] TaskId);

impl NoteLine {
    pub(super) fn new(pool: PoolName, note: Note) -> Self {
        let says = match note {
            Note::Policy(policy) => Says::Policy(policy),
            Note::Schedule(schedule) => Says::Schedule(schedule.into()),
        };
        Self { pool, says }
    }

    pub(super) fn note(self) -> Note {
        match self.says {
            Says::Policy(policy) => Note::Policy(policy),
            Says::Schedule(line) => Note::Schedule(line.into()),
        }
    }
}

impl From<Schedule> for ScheduleLine {
    fn from(schedule: Schedule) -> Self {
        // All of it: a new field must go with it.
        let Schedule {
            name,
            seed,
            when,
            misfire,
            priority,
            attempts_max,
            wishes,
            payload,
            paused,
            done_until,
            fired,
            skipped,
            last,
        } = schedule;
        Self {
            name,
            seed,
            when,
            misfire,
            priority,
            attempts_max,
            wishes: wishes.into_iter().map(Wished).collect(),
            payload_base64: Base64(payload),
            paused,
            done_until_ms: done_until.as_millis(),
            fired,
            skipped,
            last: last.map(Id),
        }
    }
}

impl From<ScheduleLine> for Schedule {
    fn from(line: ScheduleLine) -> Self {
        Self {
            name: line.name,
            seed: line.seed,
            when: line.when,
            misfire: line.misfire,
            priority: line.priority,
            attempts_max: line.attempts_max,
            wishes: line.wishes.into_iter().map(|Wished(wish)| wish).collect(),
            payload: line.payload_base64.0,
            paused: line.paused,
            done_until: Timestamp::from_millis(line.done_until_ms),
            fired: line.fired,
            skipped: line.skipped,
            last: line.last.map(|Id(id)| id),
        }
    }
}

/// The changes of a policy, each in full.
mod history {
    use serde::{Deserializer, Serializer};

    use super::{Deserialize, NodeName, PolicyChange, Serialize, Timestamp};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ChangeLine {
        at_ms: u64,
        by: NodeName,
        what: String,
    }

    pub(super) fn serialize<S: Serializer>(
        history: &[PolicyChange],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(history.iter().map(|of| ChangeLine {
            at_ms: of.at.as_millis(),
            by: of.by.clone(),
            what: of.what.clone(),
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PolicyChange>, D::Error> {
        let lines = Vec::<ChangeLine>::deserialize(deserializer)?;
        let changes = lines.into_iter().map(|line| PolicyChange {
            at: Timestamp::from_millis(line.at_ms),
            by: line.by,
            what: line.what,
        });
        Ok(changes.collect())
    }
}
