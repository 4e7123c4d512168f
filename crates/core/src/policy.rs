//! What is stored of a pool beside its tasks: its policy and its schedules.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{NodeName, PoolSettings, Schedule, ScheduleName, Timestamp};

/// What was decided about a pool while the hub ran, exactly as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Knobs and their values, as a file would say them; they go before the file's.
    pub set: Vec<(String, String)>,
    /// Nothing is granted; with what whoever paused it said of it.
    pub paused: Option<String>,
    /// It is to be started no more, until somebody uses its name again.
    pub deleted: bool,
    /// When it was made; zero if its first use made it.
    pub made_at: Timestamp,
    /// The last changes, oldest first; at most [`crate::limits::POLICY_HISTORY_MAX`].
    pub history: Vec<PolicyChange>,
}

/// A change of a pool's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: NodeName,
    /// What was changed, in at most 256 bytes.
    pub what: String,
}

/// A policy, and the settings that its pool has by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Govern {
    /// The whole settings, validated by the pool's owner.
    pub settings: PoolSettings,
    /// What is stored.
    pub policy: Policy,
}

/// Which note of a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteName {
    /// Its policy.
    Policy,
    /// The schedule of this name.
    Schedule(ScheduleName),
}

/// What a store keeps of a pool beside its tasks. New ones are appended, and none is ever changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// Its policy.
    Policy(Policy),
    /// One of its schedules.
    Schedule(Schedule),
}

impl Note {
    /// Under what it is kept.
    #[must_use]
    pub fn name(&self) -> NoteName {
        match self {
            Self::Policy(_) => NoteName::Policy,
            Self::Schedule(schedule) => NoteName::Schedule(schedule.name.clone()),
        }
    }
}

impl From<Note> for crate::Change {
    fn from(note: Note) -> Self {
        Self::Note {
            name: note.name(),
            body: Some(Box::new(note)),
        }
    }
}
