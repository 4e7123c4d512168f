//! Who may do what: one table over every request.
//!
//! | | producer | node | admin |
//! |---|---|---|---|
//! | enqueue, await, look at tasks and schedules, cancel | its pools | | its pools |
//! | claim, credit, extend, complete (with what follows), fail, release, progress, resume | | its pools | its pools |
//! | status, how a pool is set | its pools | its pools | its pools |
//! | revive, purge, make and change pools and schedules | | | its pools |
//! | tokens, backups | | | only one of all pools |
//!
//! Whoever enqueues may call off, for it takes nothing from others that he could not enqueue before
//! them. A schedule goes on when the token that made it is revoked, so it is the owner's to make. What
//! follows a completion goes into the same pool, and is a part of finishing.

use leasehold_core::{LeaseRef, PoolId, PoolName};
use leasehold_wire::{
    CompleteItem, CompleteMoreItem, FailItem, FailMoreItem, PoolVerb, ProgressItem, Request,
    ScheduleVerb,
};

use super::grant::{Grant, Roles};

/// What a request takes.
pub(super) struct Need<'a> {
    /// As people say it.
    pub(super) verb: &'static str,
    /// One of these.
    pub(super) roles: Roles,
    /// Where.
    pub(super) reach: Reach<'a>,
}

/// What a request touches.
pub(super) enum Reach<'a> {
    /// Only the session itself.
    Session,
    /// The pool that it names.
    Pool(&'a PoolName),
    /// The pools of these leases.
    Leases(Leases<'a>),
    /// No pool that it names: it goes to those that whoever asks may reach.
    Own,
    /// The hub as a whole.
    Hub,
}

/// What shows leases.
#[derive(Clone, Copy)]
pub(super) enum Leases<'a> {
    Bare(&'a [LeaseRef]),
    Complete(&'a [CompleteItem]),
    CompleteMore(&'a [CompleteMoreItem]),
    Fail(&'a [FailItem]),
    FailMore(&'a [FailMoreItem]),
    Progress(&'a [ProgressItem]),
}

impl Leases<'_> {
    fn len(self) -> usize {
        match self {
            Self::Bare(of) => of.len(),
            Self::Complete(of) => of.len(),
            Self::CompleteMore(of) => of.len(),
            Self::Fail(of) => of.len(),
            Self::FailMore(of) => of.len(),
            Self::Progress(of) => of.len(),
        }
    }

    fn at(self, index: usize) -> PoolId {
        let proof = match self {
            Self::Bare(of) => of[index],
            Self::Complete(of) => of[index].proof,
            Self::CompleteMore(of) => of[index].item.proof,
            Self::Fail(of) => of[index].proof,
            Self::FailMore(of) => of[index].item.proof,
            Self::Progress(of) => of[index].proof,
        };
        proof.lease.pool
    }

    /// The first that does not satisfy `is_good`; one pool in a row is asked about once.
    fn find_not(self, mut is_good: impl FnMut(PoolId) -> bool) -> Option<PoolId> {
        let mut last = None;
        (0..self.len()).map(|index| self.at(index)).find(|pool| {
            let is_new = last.replace(*pool) != Some(*pool);
            is_new && !is_good(*pool)
        })
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// What was asked, as people say it.
    pub(crate) verb: &'static str,
    /// In which pool, if it was about one.
    pub(crate) pool: Option<PoolName>,
    /// What would be needed.
    pub(crate) why: String,
}

/// Whether whoever has this grant may do it. `name_of` knows pools by number; leases of none that
/// there is are lost, whoever shows them.
pub(crate) fn check(
    grant: &Grant,
    request: &Request,
    name_of: impl Fn(PoolId) -> Option<PoolName>,
) -> Result<(), Denial> {
    let Need { verb, roles, reach } = need(request);
    if !grant.roles().meets(roles) {
        return Err(denied_by_role(grant, verb, roles, &reach));
    }
    let pool = match reach {
        Reach::Session | Reach::Own => return Ok(()),
        Reach::Hub if grant.is_of_all_pools() => return Ok(()),
        Reach::Hub => None,
        Reach::Pool(_) | Reach::Leases(_) if grant.is_of_all_pools() => return Ok(()),
        Reach::Pool(pool) if grant.reaches(pool) => return Ok(()),
        Reach::Pool(pool) => Some(pool.clone()),
        Reach::Leases(leases) => {
            let is_good = |id| name_of(id).is_none_or(|name| grant.reaches(&name));
            let Some(id) = leases.find_not(is_good) else {
                return Ok(());
            };
            return Err(denied_by_lease(grant, verb, name_of(id)));
        }
    };
    Err(denied_by_pool(grant, verb, pool))
}

#[cold]
fn denied_by_role(grant: &Grant, verb: &'static str, needed: Roles, reach: &Reach<'_>) -> Denial {
    let (name, held) = (grant.name(), grant.roles());
    let pool = match reach {
        Reach::Pool(pool) => Some((*pool).clone()),
        Reach::Session | Reach::Leases(_) | Reach::Own | Reach::Hub => None,
    };
    let needed = needed.words().join(" or ");
    let why = format!("to {verb} takes the role {needed}; \"{name}\" has {held}");
    Denial { verb, pool, why }
}

#[cold]
fn denied_by_pool(grant: &Grant, verb: &'static str, pool: Option<PoolName>) -> Denial {
    let (name, held) = (grant.name(), pools(grant));
    let why = match &pool {
        Some(pool) => format!("\"{name}\" may not {verb} in the pool {pool}; it is for {held}"),
        None => format!("to {verb} takes an admin of all pools; \"{name}\" is for {held}"),
    };
    Denial { verb, pool, why }
}

/// What the pool of somebody's lease is called is not for who may not reach it; its owner is told.
#[cold]
fn denied_by_lease(grant: &Grant, verb: &'static str, pool: Option<PoolName>) -> Denial {
    let (name, held) = (grant.name(), pools(grant));
    let why = format!("\"{name}\" may not {verb} in the pool of such a lease; it is for {held}");
    Denial { verb, pool, why }
}

fn pools(grant: &Grant) -> String {
    let names: Vec<&str> = grant
        .identity()
        .pools
        .iter()
        .map(PoolName::as_str)
        .collect();
    names.join(", ")
}

/// The table.
pub(super) fn need(request: &Request) -> Need<'_> {
    const PRODUCES: Roles = Roles::PRODUCER.and(Roles::ADMIN);
    const WORKS: Roles = Roles::NODE.and(Roles::ADMIN);
    const ANY: Roles = PRODUCES.and(WORKS);
    const OWNS: Roles = Roles::ADMIN;
    let (verb, roles, reach) = match request {
        Request::Enqueue { pool, .. } | Request::EnqueueMore { pool, .. } => {
            ("enqueue", PRODUCES, Reach::Pool(pool))
        }
        Request::Claim { pool, .. } | Request::Credit { pool, .. } => {
            ("claim", WORKS, Reach::Pool(pool))
        }
        Request::Extend { leases, .. } => ("extend", WORKS, bare(leases)),
        Request::Release { leases } => ("release", WORKS, bare(leases)),
        Request::Resume { leases } => ("resume", WORKS, bare(leases)),
        Request::Complete { items } => ("complete", WORKS, Reach::Leases(Leases::Complete(items))),
        Request::CompleteMore { items } => (
            "complete",
            WORKS,
            Reach::Leases(Leases::CompleteMore(items)),
        ),
        Request::Fail { items } => ("fail", WORKS, Reach::Leases(Leases::Fail(items))),
        Request::FailMore { items } => ("fail", WORKS, Reach::Leases(Leases::FailMore(items))),
        Request::Progress { items } => (
            "tell progress",
            WORKS,
            Reach::Leases(Leases::Progress(items)),
        ),
        Request::Cancel { .. } | Request::CancelWithin { .. } => ("cancel", PRODUCES, Reach::Own),
        Request::Await { pool, .. } => ("await", PRODUCES, Reach::Pool(pool)),
        Request::Tasks { pool, .. } | Request::TasksWhere { pool, .. } => {
            ("list tasks", PRODUCES, Reach::Pool(pool))
        }
        Request::Task { .. } => ("look at a task", PRODUCES, Reach::Own),
        Request::Status { pool: Some(pool) } => ("see the status", ANY, Reach::Pool(pool)),
        Request::Status { pool: None } => ("see the status", ANY, Reach::Own),
        Request::Revive { pool, .. } | Request::ReviveWhere { pool, .. } => {
            ("revive", OWNS, Reach::Pool(pool))
        }
        Request::Purge { pool, .. } => ("purge", OWNS, Reach::Pool(pool)),
        Request::Pool { pool, verb } => of_pool(pool, verb),
        Request::Schedule { pool, verb } => match verb {
            ScheduleVerb::List => ("list schedules", PRODUCES, Reach::Pool(pool)),
            ScheduleVerb::Put(_)
            | ScheduleVerb::Remove(_)
            | ScheduleVerb::Pause(_)
            | ScheduleVerb::Resume(_) => ("change schedules", OWNS, Reach::Pool(pool)),
        },
        Request::Authenticate { .. } => ("say who one is", ANY, Reach::Session),
        Request::Tokens { .. } => ("see to tokens", OWNS, Reach::Hub),
        Request::Backup { .. } => ("take a backup", OWNS, Reach::Hub),
    };
    Need { verb, roles, reach }
}

const fn bare(leases: &[LeaseRef]) -> Reach<'_> {
    Reach::Leases(Leases::Bare(leases))
}

const fn of_pool<'a>(pool: &'a PoolName, verb: &PoolVerb) -> (&'static str, Roles, Reach<'a>) {
    let any = Roles::PRODUCER.and(Roles::NODE).and(Roles::ADMIN);
    let (verb, roles) = match verb {
        PoolVerb::Show => ("see the settings", any),
        PoolVerb::Create(_) => ("make a pool", Roles::ADMIN),
        PoolVerb::Set(_) => ("change settings", Roles::ADMIN),
        PoolVerb::Pause(_) | PoolVerb::Resume => ("pause or resume", Roles::ADMIN),
        PoolVerb::Delete { .. } => ("delete a pool", Roles::ADMIN),
    };
    (verb, roles, Reach::Pool(pool))
}

#[cfg(test)]
mod tests;
