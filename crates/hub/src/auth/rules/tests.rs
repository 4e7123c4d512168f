//! Every request and verb, for every role, in and out of scope.

use leasehold_core::{Epoch, LeaseId, LeaseRef, PoolId, PoolName, ScheduleName, TaskId, Which};
use leasehold_wire::{
    BackupVerb, CompleteItem, CompleteMoreItem, FailItem, FailMoreItem, FailThen, Identity,
    PoolVerb, ProgressItem, Request, Role, ScheduleSpec, ScheduleVerb, Secret, TokenSpec,
    TokenVerb,
};

use super::*;

const IN: PoolId = PoolId(1);
const IN_PARTITION: PoolId = PoolId(2);
const OUT: PoolId = PoolId(3);
const GONE: PoolId = PoolId(4);

fn name(text: &str) -> PoolName {
    PoolName::new(text).unwrap()
}

fn name_of(id: PoolId) -> Option<PoolName> {
    match id {
        IN => Some(name("mail")),
        IN_PARTITION => Some(name("mail").numbered(1)),
        OUT => Some(name("billing")),
        _ => None,
    }
}

fn grant(roles: &[Role], pools: &[&str]) -> Grant {
    let identity = Identity {
        name: "me".to_owned(),
        roles: roles.to_vec(),
        pools: pools.iter().map(|text| name(text)).collect(),
    };
    Grant::new(identity, None)
}

fn proof(pool: PoolId) -> LeaseRef {
    LeaseRef {
        task: TaskId::from_u128(1),
        lease: LeaseId {
            pool,
            epoch: Epoch(1),
            number: 1,
        },
    }
}

fn complete(pool: PoolId) -> CompleteItem {
    CompleteItem {
        proof: proof(pool),
        result: None,
    }
}

fn fail(pool: PoolId) -> FailItem {
    FailItem {
        proof: proof(pool),
        reason: String::new(),
    }
}

fn schedule() -> ScheduleSpec {
    ScheduleSpec {
        name: nightly(),
        seed: TaskId::from_u128(1),
        when: leasehold_core::When::Every {
            ms: 60_000,
            from: leasehold_core::Timestamp::from_millis(0),
        },
        misfire: leasehold_core::Misfire::Skip,
        priority: 0,
        attempts_max: None,
        wishes: vec![],
        payload: bytes::Bytes::new(),
        paused: false,
    }
}

fn nightly() -> ScheduleName {
    ScheduleName::new("nightly").unwrap()
}

fn spec() -> TokenSpec {
    TokenSpec {
        name: "t".to_owned(),
        roles: vec![],
        pools: vec![],
        node: None,
        labels: vec![],
        good_for_ms: None,
    }
}

/// Who may: a producer, a node, an admin; each in its pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct May(bool, bool, bool);

const PRODUCER: May = May(true, false, true);
const NODE: May = May(false, true, true);
const ALL: May = May(true, true, true);
const ADMIN: May = May(false, false, true);

/// Requests that name a pool.
fn named(pool: &str) -> Vec<(Request, May)> {
    [producing(pool), looking(pool), governing(pool)].concat()
}

/// Enqueues and claims.
fn producing(pool: &str) -> Vec<(Request, May)> {
    let pool = || name(pool);
    let task = TaskId::from_u128(1);
    let (tasks_max, wait_ms, lease_ms) = (1, 0, None);
    vec![
        (
            Request::Enqueue {
                pool: pool(),
                tasks: vec![],
            },
            PRODUCER,
        ),
        (
            Request::EnqueueMore {
                pool: pool(),
                tasks: vec![],
            },
            PRODUCER,
        ),
        (
            Request::Claim {
                pool: pool(),
                tasks_max,
                wait_ms,
                lease_ms,
            },
            NODE,
        ),
        (
            Request::Credit {
                pool: pool(),
                tasks: 1,
                lease_ms,
            },
            NODE,
        ),
        (
            Request::Await {
                pool: pool(),
                task,
                wait_ms,
            },
            PRODUCER,
        ),
    ]
}

/// Looks at a pool, and its dead.
fn looking(pool: &str) -> Vec<(Request, May)> {
    let pool = || name(pool);
    let (after, tasks_max) = (None, 1);
    vec![
        (
            Request::Tasks {
                pool: pool(),
                state: None,
                after,
                tasks_max,
            },
            PRODUCER,
        ),
        (
            Request::TasksWhere {
                pool: pool(),
                which: vec![],
                after,
                tasks_max,
            },
            PRODUCER,
        ),
        (Request::Status { pool: Some(pool()) }, ALL),
        (
            Request::Revive {
                pool: pool(),
                tasks: None,
            },
            ADMIN,
        ),
        (
            Request::ReviveWhere {
                pool: pool(),
                which: Which::Tasks(vec![]),
                edits: vec![],
            },
            ADMIN,
        ),
        (
            Request::Purge {
                pool: pool(),
                which: vec![],
                tasks_max,
            },
            ADMIN,
        ),
    ]
}

/// Verbs of a pool and of its schedules.
fn governing(pool: &str) -> Vec<(Request, May)> {
    let pool = || name(pool);
    let verb = |verb| Request::Pool { pool: pool(), verb };
    let of_schedule = |verb| Request::Schedule { pool: pool(), verb };
    vec![
        (verb(PoolVerb::Show), ALL),
        (verb(PoolVerb::Create(vec![])), ADMIN),
        (verb(PoolVerb::Set(vec![])), ADMIN),
        (verb(PoolVerb::Pause(String::new())), ADMIN),
        (verb(PoolVerb::Resume), ADMIN),
        (verb(PoolVerb::Delete { force: true }), ADMIN),
        (of_schedule(ScheduleVerb::List), PRODUCER),
        (of_schedule(ScheduleVerb::Put(Box::new(schedule()))), ADMIN),
        (of_schedule(ScheduleVerb::Remove(nightly())), ADMIN),
        (of_schedule(ScheduleVerb::Pause(nightly())), ADMIN),
        (of_schedule(ScheduleVerb::Resume(nightly())), ADMIN),
    ]
}

/// Requests that show leases: of `mail`, and one of this pool.
fn leased(pool: PoolId) -> Vec<(Request, May)> {
    let leases = || vec![proof(IN), proof(pool)];
    let both = [IN, pool];
    let then = FailThen::ByPolicy;
    let more = |pool| CompleteMoreItem {
        item: complete(pool),
        then: vec![],
    };
    let told = |pool| ProgressItem {
        proof: proof(pool),
        fraction: 1,
        note: String::new(),
    };
    vec![
        (
            Request::Extend {
                leases: leases(),
                lease_ms: None,
            },
            NODE,
        ),
        (Request::Release { leases: leases() }, NODE),
        (Request::Resume { leases: leases() }, NODE),
        (
            Request::Complete {
                items: both.map(complete).into(),
            },
            NODE,
        ),
        (
            Request::CompleteMore {
                items: both.map(more).into(),
            },
            NODE,
        ),
        (
            Request::Fail {
                items: both.map(fail).into(),
            },
            NODE,
        ),
        (
            Request::FailMore {
                items: both
                    .map(|pool| FailMoreItem {
                        item: fail(pool),
                        then,
                    })
                    .into(),
            },
            NODE,
        ),
        (
            Request::Progress {
                items: both.map(told).into(),
            },
            NODE,
        ),
    ]
}

/// Requests that go to all pools of whoever asks.
fn anywhere() -> Vec<(Request, May)> {
    let tasks = || vec![TaskId::from_u128(1)];
    vec![
        (Request::Cancel { tasks: tasks() }, PRODUCER),
        (
            Request::CancelWithin {
                tasks: tasks(),
                grace_ms: None,
            },
            PRODUCER,
        ),
        (
            Request::Task {
                task: TaskId::from_u128(1),
            },
            PRODUCER,
        ),
        (Request::Status { pool: None }, ALL),
        (
            Request::Authenticate {
                token: Secret::new(String::new()),
            },
            ALL,
        ),
    ]
}

/// Requests about the hub as a whole.
fn of_the_hub() -> Vec<(Request, May)> {
    let tokens = |verb| Request::Tokens { verb };
    let backup = |verb| Request::Backup { verb };
    vec![
        (tokens(TokenVerb::List), ADMIN),
        (tokens(TokenVerb::Create(Box::new(spec()))), ADMIN),
        (tokens(TokenVerb::Revoke("t".to_owned())), ADMIN),
        (backup(BackupVerb::Begin), ADMIN),
        (backup(BackupVerb::Next { backup: 1, part: 0 }), ADMIN),
        (backup(BackupVerb::End { backup: 1 }), ADMIN),
    ]
}

fn may(grant: &Grant, request: &Request) -> bool {
    check(grant, request, name_of).is_ok()
}

/// Who of the three may do it, each with these pools.
fn who_may(request: &Request, pools: &[&str]) -> May {
    let may = |role| may(&grant(&[role], pools), request);
    May(may(Role::Producer), may(Role::Node), may(Role::Admin))
}

const NOBODY: May = May(false, false, false);

#[test]
fn each_role_may_do_what_the_table_says_and_nothing_else() {
    let all = [named("mail"), leased(IN), anywhere(), of_the_hub()];
    for (request, may) in all.into_iter().flatten() {
        assert_eq!(who_may(&request, &[]), may, "{request:?}");
    }
}

#[test]
fn what_names_a_pool_takes_that_pool() {
    for (request, may) in named("mail") {
        assert_eq!(who_may(&request, &["a", "mail"]), may, "{request:?}");
        assert_eq!(who_may(&request, &["a", "mailing"]), NOBODY, "{request:?}");
    }
}

#[test]
fn what_shows_leases_takes_the_pools_of_all_of_them() {
    for pool in [IN, IN_PARTITION, GONE] {
        for (request, may) in leased(pool) {
            assert_eq!(who_may(&request, &["mail"]), may, "{request:?}");
        }
    }
    for (request, may) in leased(OUT) {
        assert_eq!(who_may(&request, &["mail"]), NOBODY, "{request:?}");
        assert_eq!(who_may(&request, &["mail", "billing"]), may, "{request:?}");
    }
}

/// It is the pools that are asked which are held to the scope.
#[test]
fn what_names_no_pool_goes_to_those_that_one_may_reach() {
    for (request, may) in anywhere() {
        assert_eq!(who_may(&request, &["mail"]), may, "{request:?}");
    }
    let scoped = grant(&[Role::Producer], &["mail"]);
    assert!(scoped.reaches(&name("mail")));
    assert!(scoped.reaches(&name("mail").numbered(7)));
    assert!(!scoped.reaches(&name("billing")));
    assert!(!scoped.reaches(&name("billing").numbered(7)));
}

/// Or an admin of one pool could make himself one of all.
#[test]
fn what_is_about_the_hub_takes_an_admin_of_all_pools() {
    for (request, may) in of_the_hub() {
        assert_eq!(who_may(&request, &[]), may, "{request:?}");
        assert_eq!(who_may(&request, &["mail"]), NOBODY, "{request:?}");
    }
    assert!(grant(&[Role::Admin], &[]).sees_all());
    assert!(!grant(&[Role::Admin], &["mail"]).sees_all());
    assert!(!grant(&[Role::Producer, Role::Node], &[]).sees_all());
}

#[test]
fn roles_add_up() {
    let both = grant(&[Role::Producer, Role::Node], &["mail"]);
    for (request, of) in [named("mail"), leased(IN)].into_iter().flatten() {
        assert_eq!(may(&both, &request), of.0 || of.1, "{request:?}");
    }
}

#[test]
fn a_denial_says_what_would_be_needed() {
    let claim = &named("mail")[2].0;
    let of_role = check(&grant(&[Role::Producer], &[]), claim, name_of).unwrap_err();
    assert_eq!(
        of_role.why,
        "to claim takes the role node or admin; \"me\" has producer"
    );
    assert_eq!(of_role.pool, Some(name("mail")));
    let of_pool = check(&grant(&[Role::Node], &["a", "b"]), claim, name_of).unwrap_err();
    assert_eq!(
        of_pool.why,
        "\"me\" may not claim in the pool mail; it is for a, b"
    );
    let leased = &leased(OUT)[3].0;
    let of_lease = check(&grant(&[Role::Node], &["mail"]), leased, name_of).unwrap_err();
    assert_eq!(
        (of_lease.verb, of_lease.pool),
        ("complete", Some(name("billing")))
    );
    let tokens = &of_the_hub()[0].0;
    let of_hub = check(&grant(&[Role::Admin], &["a"]), tokens, name_of).unwrap_err();
    assert_eq!(
        of_hub.why,
        "to see to tokens takes an admin of all pools; \"me\" is for a"
    );
}
