//! Responses, deliveries and every rejection.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{Rejection, StateKind};
use leasehold_wire::{Delivery, EnqueuedItem, FromHub, Response};

use super::{Example, long_proof, other_task, pool, proof, response, task};

pub(crate) fn enqueued() -> Example {
    let item = EnqueuedItem {
        id: task(),
        known_as: None,
    };
    response(1, Response::Enqueued(vec![Ok(item)]))
}

pub(crate) fn deliver() -> Example {
    Example::Hub(FromHub::Deliver {
        pool: pool(),
        tasks: vec![delivery()],
    })
}

pub(crate) fn delivery() -> Delivery {
    Delivery {
        proof: proof(),
        attempt: 1,
        lease_ms: 30_000,
        priority: 10,
        enqueued_at_ms: 1_753_000_000_000,
        payload: Bytes::from_static(b"hello"),
    }
}

pub(crate) fn responses() -> Vec<(&'static str, Example)> {
    let known = EnqueuedItem {
        id: task(),
        known_as: Some(StateKind::Completed),
    };
    let full = Rejection::PoolFull {
        tasks_max: 10_000_000,
    };
    let again = Delivery {
        proof: long_proof(),
        attempt: 251,
        ..delivery()
    };
    let extended = vec![Ok(30_000), Err(Rejection::LeaseLost), Ok(86_400_000)];
    let revived = vec![(task(), Ok(())), (other_task(), Err(Rejection::NoSuchTask))];
    let lost = Rejection::LeaseLost;
    vec![
        (
            "FromHub.Response",
            response(u64::MAX, Response::Claimed(vec![])),
        ),
        (
            "Response.Enqueued.known",
            response(1, Response::Enqueued(vec![Ok(known), Err(full)])),
        ),
        (
            "Response.Claimed",
            response(2, Response::Claimed(vec![delivery(), again])),
        ),
        (
            "Response.Claimed.nothing",
            response(3, Response::Claimed(vec![])),
        ),
        (
            "Response.Extended",
            response(4, Response::Extended(extended)),
        ),
        (
            "Response.Done.lost",
            response(5, Response::Done(vec![Ok(()), Err(lost.clone())])),
        ),
        ("Response.Revived", response(6, Response::Revived(revived))),
        (
            "Response.Refused",
            response(7, Response::Refused(Rejection::SessionEnded)),
        ),
    ]
}

pub(crate) fn rejections() -> Vec<(&'static str, Example)> {
    let refused = |rejection| response(8, Response::Refused(rejection));
    let out = Rejection::OutOfBounds {
        what: "lease_ms".into(),
        value: 5,
        min: 100,
        max: 86_400_000,
    };
    let disk = Rejection::DiskNearlyFull {
        free: 1 << 30,
        reserve: 1 << 31,
    };
    let away = Rejection::Unavailable {
        reason: "the pool is being restored".into(),
        retry_after: Duration::from_millis(1500),
    };
    vec![
        ("Rejection.LeaseLost", refused(Rejection::LeaseLost)),
        ("Rejection.NoSuchTask", refused(Rejection::NoSuchTask)),
        (
            "Rejection.Ended",
            refused(Rejection::Ended(StateKind::Cancelled)),
        ),
        (
            "Rejection.NotDead",
            refused(Rejection::NotDead(StateKind::Claimed)),
        ),
        (
            "Rejection.PoolFull",
            refused(Rejection::PoolFull {
                tasks_max: 10_000_000,
            }),
        ),
        ("Rejection.OutOfBounds", refused(out)),
        ("Rejection.SessionEnded", refused(Rejection::SessionEnded)),
        (
            "Rejection.NoSuchPool",
            refused(Rejection::NoSuchPool("mial".into())),
        ),
        ("Rejection.DiskNearlyFull", refused(disk)),
        ("Rejection.Unavailable", refused(away)),
    ]
}
