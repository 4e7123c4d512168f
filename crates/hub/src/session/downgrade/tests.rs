//! Each variant of all that a hub says, in a session of either version.

use std::{collections::HashSet, hash::Hash, mem::discriminant, time::Duration};

use leasehold_core::{Epoch, LeaseId, LeaseRef, PoolId, PoolName, StateKind, TaskId};
use leasehold_wire::{
    BackupPart, Delivery, Fact, HubStatus, Identity, PoolView, Refusal, RefusalCode, Role, Secret,
    Status, StoreStatus, TaskSummary, TokenSpec, TokenView, Welcome,
};

use super::*;

/// What a hub says, and what a node of version 1 hears of it.
type Row = (FromHub, Option<FromHub>);

#[test]
fn version_3_is_told_everything_as_it_is() {
    for (said, _) in rows() {
        assert_eq!(for_version(&said, 3).as_deref(), Some(&said));
        assert!(
            matches!(for_version(&said, 3), Some(Cow::Borrowed(_))),
            "{said:?} is copied"
        );
    }
}

#[test]
fn version_2_is_told_everything_but_that_it_may_not() {
    let denied = |said: &FromHub| {
        matches!(said, FromHub::Refused(refusal) if refusal.code == RefusalCode::Denied)
            || matches!(body(said), Some(Response::Refused(Rejection::Denied(_))))
    };
    for (said, _) in rows() {
        let heard = for_version(&said, 2).expect("version 2 is told something");
        assert_eq!(denied(&said), *heard != said, "{said:?}");
        assert!(!denied(&heard), "{said:?}");
    }
}

#[test]
fn version_1_is_told_what_it_knows() {
    for (said, heard) in rows() {
        assert_eq!(for_version(&said, 1).as_deref(), heard.as_ref(), "{said:?}");
    }
}

/// Whoever adds a variant adds its row.
#[test]
fn every_variant_has_its_row() {
    let rows = rows();
    let bodies: Vec<_> = rows.iter().filter_map(|(said, _)| body(said)).collect();
    let refused: Vec<_> = bodies.iter().filter_map(|body| refusal(body)).collect();
    assert_eq!(kinds(rows.iter().map(|(said, _)| discriminant(said))), 9);
    assert_eq!(kinds(bodies.iter().map(|body| discriminant(*body))), 19);
    assert_eq!(kinds(refused.iter().map(|why| discriminant(*why))), 19);
    assert_eq!(
        kinds(revocations().iter().map(|(why, _)| discriminant(why))),
        3
    );
    assert_eq!(kinds(endings().iter().map(|(how, _)| discriminant(how))), 9);
}

fn kinds(of: impl Iterator<Item: Eq + Hash>) -> usize {
    of.collect::<HashSet<_>>().len()
}

fn body(said: &FromHub) -> Option<&Response> {
    if let FromHub::Response { body, .. } = said {
        return Some(body);
    }
    None
}

fn refusal(body: &Response) -> Option<&Rejection> {
    if let Response::Refused(refusal) = body {
        return Some(refusal);
    }
    None
}

fn rows() -> Vec<Row> {
    let mut all = events();
    let revoked = |why| FromHub::Revoked {
        proof: proof(),
        why,
    };
    let heard = |(why, heard)| (revoked(why), Some(revoked(heard)));
    all.extend(revocations().into_iter().map(heard));
    let answered = |body| FromHub::Response { id: 7, body };
    let heard = |(body, heard)| (answered(body), Some(answered(heard)));
    all.extend(responses().into_iter().map(heard));
    all
}

fn events() -> Vec<Row> {
    let deliver = |tasks| FromHub::Deliver {
        pool: pool(),
        tasks,
    };
    let deliver_more = FromHub::DeliverMore {
        pool: pool(),
        tasks: vec![more(), more()],
    };
    let stop = FromHub::StopAsked {
        proof: proof(),
        within_ms: 10_000,
    };
    let bye = FromHub::Bye {
        reason: "the hub restarts".into(),
        retry_after_ms: 200,
        leases_kept_ms: 10_000,
    };
    let refused = FromHub::Refused(Refusal {
        code: RefusalCode::Silence,
        reason: String::new(),
    });
    let mut all: Vec<Row> = [
        FromHub::Welcome(welcome()),
        refused,
        deliver(vec![delivery()]),
        FromHub::Ping,
        bye,
    ]
    .map(|same| (same.clone(), Some(same)))
    .into();
    all.push((deliver_more, Some(deliver(vec![delivery(), delivery()]))));
    all.push((stop, None));
    all
}

fn revocations() -> Vec<(Revocation, Revocation)> {
    use Revocation::{Cancelled, Lost, Overran};
    vec![(Cancelled, Cancelled), (Lost, Lost), (Overran, Lost)]
}

fn endings() -> Vec<(AttemptEnding, AttemptEnding)> {
    use AttemptEnding::{
        Cancelled, Completed, Cut, Expired, Failed, Interrupted, Overran, Released, Silence,
    };
    let same = [
        Completed,
        Failed,
        Expired,
        Cut,
        Silence,
        Released,
        Interrupted,
        Cancelled,
    ];
    let mut all: Vec<_> = same.map(|ending| (ending, ending)).into();
    all.push((Overran, Expired));
    all
}

fn responses() -> Vec<(Response, Response)> {
    let mut all = plain_responses();
    all.push((
        Response::ClaimedMore(vec![more()]),
        Response::Claimed(vec![delivery()]),
    ));
    for (how, heard) in endings() {
        let (said, heard) = (detail(how), detail(heard));
        let task = Response::Task(Box::new(heard));
        all.push((Response::Task(Box::new(said.clone())), task.clone()));
        let facts = vec![Fact::Edited(1)];
        let detail = Box::new(said);
        all.push((Response::TaskMore { detail, facts }, task));
    }
    for (why, heard) in rejections() {
        all.push((
            Response::Refused(why.clone()),
            Response::Refused(heard.clone()),
        ));
        all.extend(within_items(&why, &heard));
    }
    all
}

/// A rejection beside what went well, in every list that may hold one.
fn within_items(why: &Rejection, heard: &Rejection) -> [(Response, Response); 4] {
    let known = leasehold_wire::EnqueuedItem {
        id: task(),
        known_as: Some(StateKind::Dead),
    };
    let both = |of: &dyn Fn(Rejection) -> Response| (of(why.clone()), of(heard.clone()));
    [
        both(&|why| Response::Enqueued(vec![Ok(known), Err(why)])),
        both(&|why| Response::Extended(vec![Err(why), Ok(30_000)])),
        both(&|why| Response::Done(vec![Ok(()), Err(why)])),
        both(&|why| Response::Revived(vec![(task(), Ok(())), (task(), Err(why))])),
    ]
}

/// What says the same in both versions, and what only a node of version 2 can have asked for.
fn plain_responses() -> Vec<(Response, Response)> {
    let view = PoolView {
        name: pool(),
        settings: vec![],
        paused: None,
        history: vec![],
        blocked_by: vec![],
    };
    let identity = Identity {
        name: "mailer".into(),
        roles: vec![Role::Producer],
        pools: vec![],
    };
    let token = TokenView {
        spec: TokenSpec {
            name: "mailer".into(),
            roles: vec![Role::Producer],
            pools: vec![],
            node: None,
            labels: vec![],
            good_for_ms: None,
        },
        made_at_ms: 1,
        made_by: "root".into(),
        ends_at_ms: None,
        sessions: 0,
    };
    let same = [
        Response::Claimed(vec![delivery()]),
        Response::Credited(3),
        Response::Tasks(vec![summary()]),
        Response::Status(Box::new(status())),
        Response::Purged(9),
        Response::Pool(Box::new(view)),
        Response::Schedules(vec![]),
        Response::Authenticated(identity),
        Response::Tokens(vec![]),
        Response::TokenMade {
            token: Secret::new("it".into()),
            view: Box::new(token),
        },
        Response::Backup(BackupPart {
            backup: 1,
            part: 0,
            bytes: vec![7].into(),
            is_last: true,
            bytes_in_all: 1,
        }),
    ];
    same.map(|body| (body.clone(), body)).into()
}

fn rejections() -> Vec<(Rejection, Rejection)> {
    let mut all: Vec<_> = [
        Rejection::LeaseLost,
        Rejection::NoSuchTask,
        Rejection::Ended(StateKind::Completed),
        Rejection::NotDead(StateKind::Ready),
        Rejection::PoolFull { tasks_max: 10 },
        out_of_bounds("the delay"),
        Rejection::SessionEnded,
        Rejection::NoSuchPool("mial".into()),
        Rejection::DiskNearlyFull {
            free: 1,
            reserve: 2,
        },
        away("it is being restored"),
    ]
    .map(|same| (same.clone(), same))
    .into();
    let full = |what: &str| Rejection::Full {
        what: what.into(),
        max: 10,
        retry_after: SOON,
    };
    all.push((full("tasks"), Rejection::PoolFull { tasks_max: 10 }));
    all.push((full("bytes"), away(&full("bytes").to_string())));
    let new = [
        Rejection::Unsupported("schedules".into()),
        Rejection::UnknownParent(task()),
        Rejection::Cycle(task()),
        Rejection::KeyTaken(task()),
        Rejection::NoSuchSchedule("nightly".into()),
        Rejection::NotEmpty { tasks: 3 },
        Rejection::Invalid("two keys".into()),
        Rejection::Denied("enqueue in mail needs the role producer".into()),
    ];
    all.extend(new.map(|new| {
        let text = new.to_string();
        (new, out_of_bounds(&text))
    }));
    all
}

const SOON: Duration = Duration::from_millis(1500);

fn away(reason: &str) -> Rejection {
    Rejection::Unavailable {
        reason: reason.into(),
        retry_after: SOON,
    }
}

fn out_of_bounds(what: &str) -> Rejection {
    Rejection::OutOfBounds {
        what: what.into(),
        value: 0,
        min: 0,
        max: 0,
    }
}

fn pool() -> PoolName {
    PoolName::new("mail").expect("a good name")
}

fn task() -> TaskId {
    TaskId::from_u128(7)
}

fn lease() -> LeaseId {
    LeaseId {
        pool: PoolId(1),
        epoch: Epoch(3),
        number: 42,
    }
}

fn proof() -> LeaseRef {
    LeaseRef {
        task: task(),
        lease: lease(),
    }
}

fn delivery() -> Delivery {
    Delivery {
        proof: proof(),
        attempt: 1,
        lease_ms: 30_000,
        priority: 4,
        enqueued_at_ms: 1_753_000_000_000,
        payload: bytes::Bytes::from_static(b"hello"),
    }
}

fn more() -> DeliveryMore {
    DeliveryMore {
        delivery: delivery(),
        facts: vec![Fact::Losses(1, 5)],
    }
}

fn summary() -> TaskSummary {
    TaskSummary {
        id: task(),
        state: StateKind::Dead,
        priority: 4,
        attempt: 1,
        attempts_max: 5,
        node: None,
        enqueued_at_ms: 1,
        at_ms: Some(2),
        reason: "expired".into(),
        payload_bytes: 5,
    }
}

/// A task with an attempt that ended well, and one that ended like this.
fn detail(ending: AttemptEnding) -> TaskDetail {
    let attempt = |ending| AttemptDetail {
        attempt: 1,
        lease: lease(),
        node: "crane".parse().expect("a good name"),
        started_at_ms: 1,
        ended_at_ms: 2,
        ending,
        reason: String::new(),
    };
    TaskDetail {
        pool: pool(),
        summary: summary(),
        lease: None,
        interruptions: 0,
        losses_in_a_row: 0,
        ready_at_ms: 1,
        history: vec![attempt(AttemptEnding::Completed), attempt(ending)],
        payload: None,
        result: None,
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        session: 7,
        hub: "leasehold".into(),
        heartbeat_ms: 3000,
        silence_after_ms: 10_000,
        frame_bytes_max: 1,
        payload_bytes_max: 1,
        result_bytes_max: 1,
        batch_max: 1,
        requests_max: 1,
    }
}

fn status() -> Status {
    Status {
        pools: vec![],
        sessions: vec![],
        sessions_open: 0,
        store: StoreStatus {
            engine: "memory".into(),
            disk_bytes: 0,
            live_bytes: 0,
            free_bytes: None,
            commits: 0,
            changes: 0,
        },
        hub: HubStatus {
            version: "0.1.0".into(),
            up_for_ms: 1,
            draining: false,
        },
    }
}
