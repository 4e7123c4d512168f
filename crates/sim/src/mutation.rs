//! Bugs, planted around the core to see whether the oracle finds them.
//!
//! Nothing in the core is touched: a [`Patient`] is a pool whose commands, outcomes and restored
//! tasks are twisted on their way in and out. A few bugs are the hub's, and are planted there.

mod later;
mod patient;

pub(crate) use patient::Patient;

use crate::features::{LIFE, LIMITS, LINKS, SCHEDULES, STOPS};

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Who answers under a lease need not be its holder.
    HolderUnchecked,
    /// An older lease of the same node is as good as the newest.
    StaleLeaseAccepted,
    /// A failed attempt is not counted.
    FailureUncounted,
    /// Attempts are forgotten when the hub restarts.
    AttemptsForgotten,
    /// A task gets one attempt more than it may have.
    OneAttemptTooMany,
    /// Replies do not wait for the disk.
    ReplyBeforeCommit,
    /// A commit that failed is taken for one that did not.
    FailedCommitIgnored,
    /// Only the first half of a commit reaches the disk.
    CommitTorn,
    /// The end of a session is not noticed.
    EndUnnoticed,
    /// A cut ends leases at once.
    CutWithoutGrace,
    /// A node that says goodbye uses up an attempt.
    ByeCounted,
    /// Lease ids do not carry the epoch.
    LeaseReissued,
    /// The least urgent goes first.
    PriorityInverted,
    /// Completed tasks are ready again after a restart.
    CompletionForgotten,
    /// A grant is given to a second node.
    GrantedTwice,
    /// An extension is answered, and nothing else.
    ExtensionForgotten,
    /// What a node does not name when it resumes stays with it.
    NeverArrivedKept,
    /// Parked claims are not answered by enqueues, only when their time is up.
    ParkedClaimForgotten,
    /// Who holds a lease is not told that it is lost.
    RevocationUnsaid,
    /// As many losses as failures end a task.
    BudgetsConfused,
    /// A task that waited too long runs all the same.
    ExpiredRuns,
    /// An attempt that ran too long is still good for an extension.
    OverranResumed,
    /// Tasks that are to stop are forgotten when the hub restarts.
    StopForgotten,
    /// Each loss takes one from the number of tasks that may be on lease.
    PermitLeaked,
    /// Who waits for any end of a task is not freed by a bad one.
    ChildOrphaned,
    /// What is to follow a completion does not come.
    FollowUpTorn,
    /// A key is a task's after its end, too.
    KeyOutlives,
    /// After a restart the last instant of a schedule fires again.
    FiredTwice,
    /// The less urgent never grow older.
    PriorityStarved,
    /// Of a commit of several pools only the first one's part reaches the disk.
    PoolsTorn,
    /// The hub's clock follows the wall clock while it runs.
    ClockFollowed,
    /// The hub's clock starts as the wall clock is, whatever the store has seen.
    ClockSetBack,
    /// More tasks of a group are on lease than may be.
    GroupLimitPassed,
    /// Grants come twice as fast as the pool's rate.
    RateDoubled,
    /// Grants of a group come as fast as they can.
    GroupRateForgotten,
    /// Groups do not take turns.
    TurnsForgotten,
    /// What is paused goes on.
    PauseIgnored,
    /// What was decided about a pool is forgotten when the hub restarts.
    PolicyForgotten,
    /// How far a task has come is forgotten when the hub restarts.
    ProgressForgotten,
    /// A purge takes what does not fit its conditions.
    PurgedTooMuch,
    /// A revival changes nothing about its tasks.
    EditsForgotten,
    /// A revived task keeps its old payload on the disk.
    PayloadKept,
}

impl Mutation {
    /// Every one there is.
    pub const ALL: [Self; 42] = [
        Self::HolderUnchecked,
        Self::StaleLeaseAccepted,
        Self::FailureUncounted,
        Self::AttemptsForgotten,
        Self::OneAttemptTooMany,
        Self::ReplyBeforeCommit,
        Self::FailedCommitIgnored,
        Self::CommitTorn,
        Self::EndUnnoticed,
        Self::CutWithoutGrace,
        Self::ByeCounted,
        Self::LeaseReissued,
        Self::PriorityInverted,
        Self::CompletionForgotten,
        Self::GrantedTwice,
        Self::ExtensionForgotten,
        Self::NeverArrivedKept,
        Self::ParkedClaimForgotten,
        Self::RevocationUnsaid,
        Self::BudgetsConfused,
        Self::ExpiredRuns,
        Self::OverranResumed,
        Self::StopForgotten,
        Self::PermitLeaked,
        Self::ChildOrphaned,
        Self::FollowUpTorn,
        Self::KeyOutlives,
        Self::FiredTwice,
        Self::PriorityStarved,
        Self::PoolsTorn,
        Self::ClockFollowed,
        Self::ClockSetBack,
        Self::GroupLimitPassed,
        Self::RateDoubled,
        Self::GroupRateForgotten,
        Self::TurnsForgotten,
        Self::PauseIgnored,
        Self::PolicyForgotten,
        Self::ProgressForgotten,
        Self::PurgedTooMuch,
        Self::EditsForgotten,
        Self::PayloadKept,
    ];

    /// Whether worlds have what it is about.
    #[must_use]
    pub const fn is_there(self) -> bool {
        match self {
            Self::BudgetsConfused | Self::ExpiredRuns | Self::OverranResumed => LIFE,
            Self::StopForgotten => STOPS,
            Self::PermitLeaked
            | Self::GroupLimitPassed
            | Self::RateDoubled
            | Self::GroupRateForgotten
            | Self::TurnsForgotten => LIMITS,
            Self::FiredTwice => SCHEDULES,
            Self::ChildOrphaned | Self::FollowUpTorn | Self::KeyOutlives => LINKS,
            Self::HolderUnchecked
            | Self::StaleLeaseAccepted
            | Self::FailureUncounted
            | Self::AttemptsForgotten
            | Self::OneAttemptTooMany
            | Self::ReplyBeforeCommit
            | Self::FailedCommitIgnored
            | Self::CommitTorn
            | Self::EndUnnoticed
            | Self::CutWithoutGrace
            | Self::ByeCounted
            | Self::LeaseReissued
            | Self::PriorityInverted
            | Self::PriorityStarved
            | Self::CompletionForgotten
            | Self::GrantedTwice
            | Self::ExtensionForgotten
            | Self::NeverArrivedKept
            | Self::ParkedClaimForgotten
            | Self::RevocationUnsaid
            | Self::PoolsTorn
            | Self::ClockFollowed
            | Self::ClockSetBack
            | Self::PauseIgnored
            | Self::PolicyForgotten
            | Self::ProgressForgotten
            | Self::PurgedTooMuch
            | Self::EditsForgotten
            | Self::PayloadKept => true,
        }
    }
}

/// Priorities in a world are 0 to this.
pub(crate) const PRIORITY_MAX: u32 = 9;
