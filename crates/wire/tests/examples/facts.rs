//! What a hub may say since version 2.

use std::time::Duration;

use leasehold_core::{AttemptEnding, Death, Rejection, Revocation};
use leasehold_wire::{
    DeliveryMore, Fact, FromHub, PolicyChangeView, PoolView, Response, ScheduleView, SettingView,
};

use super::{
    Example, answers::delivery, later, lists::detail, lists::ended, node, other_task, pool, proof,
    response, task,
};

pub(crate) fn answers() -> Vec<(&'static str, Example)> {
    let mut all = tasks();
    all.extend(facts());
    all.extend(deaths());
    all.extend(views());
    all.extend(rejections());
    all
}

fn more() -> DeliveryMore {
    DeliveryMore {
        delivery: delivery(),
        facts: vec![
            Fact::RunsUntil(1_753_000_060_000),
            Fact::Trace(later::TRACE.into()),
        ],
    }
}

fn tasks() -> Vec<(&'static str, Example)> {
    let plain = DeliveryMore {
        facts: vec![],
        ..more()
    };
    let deliver = FromHub::DeliverMore {
        pool: pool(),
        tasks: vec![more(), plain],
    };
    let stop = FromHub::StopAsked {
        proof: proof(),
        within_ms: 10_000,
    };
    let overran = FromHub::Revoked {
        proof: proof(),
        why: Revocation::Overran,
    };
    vec![
        ("FromHub.DeliverMore", Example::Hub(deliver)),
        ("FromHub.StopAsked", Example::Hub(stop)),
        ("Revocation.Overran", Example::Hub(overran)),
        (
            "Response.ClaimedMore",
            response(2, Response::ClaimedMore(vec![more()])),
        ),
        ("Response.Purged", response(8, Response::Purged(251))),
        ("AttemptEnding.Overran", ended(AttemptEnding::Overran)),
    ]
}

fn known(facts: Vec<Fact>) -> Example {
    let detail = Box::new(detail());
    response(20, Response::TaskMore { detail, facts })
}

fn facts() -> Vec<(&'static str, Example)> {
    let progress = Fact::Progress {
        at_ms: 1_753_000_030_000,
        fraction: 10_000,
        note: "all but the index".into(),
    };
    let after = Fact::After {
        left: vec![other_task()],
        any_end: false,
        explained: "waits for one task".into(),
    };
    let budgets = vec![Fact::Failures(1, 5), Fact::Losses(0, 5)];
    let of = |fact| known(vec![fact]);
    vec![
        ("Response.TaskMore", known(budgets)),
        ("Fact.ExpiresAt", of(Fact::ExpiresAt(1_753_000_060_000))),
        ("Fact.RunsUntil", of(Fact::RunsUntil(1_753_000_060_000))),
        ("Fact.MaxRuntime", of(Fact::MaxRuntime(60_000))),
        ("Fact.Failures", of(Fact::Failures(1, 5))),
        ("Fact.Losses", of(Fact::Losses(2, 251))),
        ("Fact.Interruptions", of(Fact::Interruptions(3, 100))),
        ("Fact.Progress", of(progress)),
        ("Fact.Key", of(Fact::Key("invoice-7".into()))),
        ("Fact.Group", of(Fact::Group("tenant-3".into()))),
        ("Fact.After", of(after)),
        ("Fact.Trace", of(Fact::Trace(later::TRACE.into()))),
        ("Fact.Schedule", of(Fact::Schedule("nightly".into()))),
        ("Fact.StopUntil", of(Fact::StopUntil(1_753_000_060_000))),
        ("Fact.Edited", of(Fact::Edited(1))),
        ("Fact.Died", of(Fact::Died(Death::Hopeless))),
    ]
}

fn deaths() -> Vec<(&'static str, Example)> {
    let died = |death| known(vec![Fact::Died(death)]);
    vec![
        ("Death.AttemptsSpent", died(Death::AttemptsSpent)),
        ("Death.LostTooOften", died(Death::LostTooOften)),
        (
            "Death.InterruptedTooOften",
            died(Death::InterruptedTooOften),
        ),
        ("Death.Expired", died(Death::Expired)),
        ("Death.Hopeless", died(Death::Hopeless)),
        ("Death.ParentGone", died(Death::ParentGone)),
    ]
}

fn views() -> Vec<(&'static str, Example)> {
    let lease = SettingView {
        key: "lease".into(),
        value: "2m".into(),
        source: "pool set".into(),
    };
    let change = PolicyChangeView {
        at_ms: 1_753_000_000_000,
        by: node(),
        what: "lease: 30s -> 2m".into(),
    };
    let view = PoolView {
        name: pool(),
        settings: vec![lease],
        paused: Some("upgrade".into()),
        history: vec![change],
        blocked_by: vec!["paused".into()],
    };
    let schedule = ScheduleView {
        spec: later::cron(),
        done_until_ms: 1_753_000_000_000,
        fired: 251,
        skipped: 1,
        last: Some(task()),
        next_ms: vec![1_753_061_400_000, 1_753_147_800_000],
    };
    vec![
        (
            "Response.Pool",
            response(10, Response::Pool(Box::new(view))),
        ),
        (
            "Response.Schedules",
            response(11, Response::Schedules(vec![schedule])),
        ),
    ]
}

fn rejections() -> Vec<(&'static str, Example)> {
    let refused = |rejection| response(8, Response::Refused(rejection));
    let full = Rejection::Full {
        what: "tasks".into(),
        max: 10_000_000,
        retry_after: Duration::from_millis(1500),
    };
    vec![
        (
            "Rejection.Unsupported",
            refused(Rejection::Unsupported("schedules".into())),
        ),
        ("Rejection.Full", refused(full)),
        (
            "Rejection.UnknownParent",
            refused(Rejection::UnknownParent(other_task())),
        ),
        ("Rejection.Cycle", refused(Rejection::Cycle(task()))),
        (
            "Rejection.KeyTaken",
            refused(Rejection::KeyTaken(other_task())),
        ),
        (
            "Rejection.NoSuchSchedule",
            refused(Rejection::NoSuchSchedule("nihgtly".into())),
        ),
        (
            "Rejection.NotEmpty",
            refused(Rejection::NotEmpty { tasks: 251 }),
        ),
        (
            "Rejection.Invalid",
            refused(Rejection::Invalid("run_at and a delay".into())),
        ),
    ]
}
