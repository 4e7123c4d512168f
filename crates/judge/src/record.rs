//! What the processes of a run write down: one line of JSON for each thing that they did or saw.

use serde::{Deserialize, Serialize};

use crate::{Answer, Life, Outcome};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When: microseconds of the machine's monotonic clock, which all its processes share.
    pub at_us: u64,
    /// Whose line it is: `stage`, `hub`, `node-1`, `producer-2`.
    pub by: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The run began.
    Began(Began),
    /// A producer is about to enqueue.
    EnqueueAsked {
        /// Into this pool.
        pool: String,
        /// Under this id.
        task: String,
        /// 0 is the most urgent.
        priority: u32,
        /// Its own number of attempts, if it names one.
        attempts_max: Option<u32>,
        /// Its own number of losses, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        losses_max: Option<u32>,
        /// Whether it kills every node that works on it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_poison: bool,
    },
    /// The hub said that it has the task.
    Acknowledged {
        /// Which.
        task: String,
        /// In which state it has been, if it knew the task before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_as: Option<Life>,
    },
    /// The hub said that it does not take the task.
    EnqueueRefused {
        /// Which.
        task: String,
        /// Its words.
        why: String,
    },
    /// No answer came: the hub may have the task, or not.
    EnqueueUnknown {
        /// Which.
        task: String,
        /// What went wrong.
        why: String,
    },
    /// A node began to work on a task.
    Started {
        /// Which.
        task: String,
        /// Under this lease.
        lease: String,
        /// As the hub counts.
        attempt: u32,
        /// Whether the payload was what the producer had put in.
        is_right: bool,
    },
    /// A node is about to be killed by the task that it works on.
    Poisoned {
        /// Which task.
        task: String,
        /// Under this lease.
        lease: String,
    },
    /// A node is about to answer.
    AnswerAsked {
        /// For this task.
        task: String,
        /// Under this lease.
        lease: String,
        /// With this.
        outcome: Outcome,
    },
    /// The hub said what it makes of an answer.
    Answered {
        /// For this task.
        task: String,
        /// Under this lease.
        lease: String,
        /// The answer was this.
        outcome: Outcome,
        /// What the hub said.
        answer: Answer,
    },
    /// A process was started.
    Up {
        /// Which: `hub`, `node-1`, `producer-2`.
        who: String,
        /// Its process id.
        pid: u32,
    },
    /// A process is about to be ended, or was found to have ended.
    Down {
        /// Which.
        who: String,
        /// Why.
        how: How,
    },
    /// A process is about to be frozen.
    Frozen {
        /// Which.
        who: String,
    },
    /// It goes on.
    Thawed {
        /// Which.
        who: String,
    },
    /// Another fault begins.
    Fault {
        /// A word for the table, such as `cut` or `fsync error`.
        kind: String,
        /// What it befalls.
        on: String,
        /// What is to be known of it beside that, for people.
        detail: String,
        /// How long it lasts, in milliseconds; 0 for what is over at once.
        for_ms: u64,
    },
    /// The machine itself stood still.
    Stalled {
        /// For so long, until now.
        for_us: u64,
    },
    /// Something else that was promised was looked at by the scene itself.
    Checked {
        /// What was promised, in a few words.
        promise: String,
        /// Whether it was kept.
        is_kept: bool,
        /// What was seen, and what the bound is.
        seen: String,
    },
    /// Faults are over; from here on all that is left is worked off.
    Calm,
    /// How a task stood when the run was over.
    Found(Found),
    /// The hub does not know the task, when the run was over.
    NotFound {
        /// Which.
        task: String,
    },
}

/// How a run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// What is played.
    pub scene: String,
    /// Of its schedule.
    pub seed: u64,
    /// What was promised.
    pub terms: Terms,
}

/// What the hub's configuration promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How long the leases of a cut connection stay good.
    pub cut_grace_ms: u64,
    /// How long a node may be silent.
    pub silence_after_ms: u64,
    /// How much younger a task may be, for each step of priority, and still go first; none is by
    /// priority alone.
    pub aging_step_ms: Option<u64>,
    /// Whether nothing but priority and age decides who is next: no limits, groups, partitions.
    pub is_plain_order: bool,
    /// Failures after which a task is dead.
    pub attempts_max: u32,
    /// Losses after which a task is dead.
    pub losses_max: u32,
    /// Interruptions that a task survives.
    pub interruptions_max: u32,
    /// Losses in a row from which on a task backs off.
    pub suspect_after: u32,
    /// How long such a task waits at the least; 0 if that is not known.
    #[serde(default)]
    pub back_off_least_ms: u64,
    /// What is allowed on top of promised times, because this machine is not the hub's alone.
    pub slack_ms: u64,
}

impl Default for Terms {
    /// Those of a hub without a configuration, and two seconds of slack.
    fn default() -> Self {
        Self {
            cut_grace_ms: 500,
            silence_after_ms: 10_000,
            aging_step_ms: Some(60_000),
            is_plain_order: true,
            attempts_max: 5,
            losses_max: 5,
            interruptions_max: 100,
            suspect_after: 3,
            back_off_least_ms: 500,
            slack_ms: 2_000,
        }
    }
}

/// Why a process is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `kill -9`.
    Killed,
    /// It was asked to end.
    Asked,
    /// By itself, which nobody had asked for.
    Itself,
}

/// How a task stood when the run was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub task: String,
    /// Its state.
    pub life: Life,
    /// Attempts begun that count.
    pub attempt: u32,
    /// Leases that ended without counting.
    pub interruptions: u32,
    /// The leases under which it completed, as its history tells: one at the most.
    pub completed_by: Vec<String>,
    /// The lease that its result names, if it has one.
    pub result: Option<String>,
    /// In the hub's words, why it ended; nothing where there is no more to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl What {
    /// The task that it is about.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::EnqueueAsked { task, .. }
            | Self::Acknowledged { task, .. }
            | Self::EnqueueRefused { task, .. }
            | Self::EnqueueUnknown { task, .. }
            | Self::Started { task, .. }
            | Self::Poisoned { task, .. }
            | Self::AnswerAsked { task, .. }
            | Self::Answered { task, .. }
            | Self::NotFound { task }
            | Self::Found(Found { task, .. }) => Some(task),
            Self::Began(_)
            | Self::Up { .. }
            | Self::Down { .. }
            | Self::Frozen { .. }
            | Self::Thawed { .. }
            | Self::Fault { .. }
            | Self::Stalled { .. }
            | Self::Checked { .. }
            | Self::Calm => None,
        }
    }
}
