//! What a node may ask since version 2.

use bytes::Bytes;
use leasehold_core::{Edit, Misfire, ScheduleName, StateKind, Timestamp, When, Where, Which, Wish};
use leasehold_wire::{
    CompleteItem, CompleteMoreItem, EnqueueItem, EnqueueMoreItem, FailItem, FailMoreItem, FailThen,
    PoolVerb, ProgressItem, Request, ScheduleSpec, ScheduleVerb, Setting,
};

use super::{Example, long_proof, other_task, pool, proof, request, task};

pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) fn requests() -> Vec<(&'static str, Example)> {
    let mut all = verbs();
    all.extend(wishes());
    all.extend(failures());
    all.extend(conditions());
    all.extend(edits());
    all.extend(pools());
    all.extend(schedules());
    all
}

fn item() -> EnqueueItem {
    EnqueueItem {
        id: task(),
        priority: 4,
        attempts_max: None,
        delay_ms: 0,
        payload: Bytes::from_static(b"hello"),
    }
}

pub(crate) fn enqueue(wishes: Vec<Wish>) -> Example {
    let more = EnqueueMoreItem {
        item: item(),
        wishes,
    };
    let tasks = vec![more];
    request(
        1,
        Request::EnqueueMore {
            pool: pool(),
            tasks,
        },
    )
}

fn verbs() -> Vec<(&'static str, Example)> {
    let followed = CompleteMoreItem {
        item: CompleteItem {
            proof: proof(),
            result: Some(Bytes::from_static(b"ok")),
        },
        then: vec![EnqueueMoreItem {
            item: item(),
            wishes: vec![Wish::MaxRuntime(60_000)],
        }],
    };
    let half = ProgressItem {
        proof: long_proof(),
        fraction: 5000,
        note: "half — die Hälfte".into(),
    };
    let later = Request::CancelWithin {
        tasks: vec![task(), other_task()],
        grace_ms: Some(10_000),
    };
    let by_pool = Request::CancelWithin {
        tasks: vec![task()],
        grace_ms: None,
    };
    let items = vec![followed];
    vec![
        (
            "Request.EnqueueMore",
            enqueue(vec![Wish::ExpiresAfter(3_600_000), Wish::LossesMax(1)]),
        ),
        ("Request.EnqueueMore.plain", enqueue(vec![])),
        (
            "Request.CompleteMore",
            request(2, Request::CompleteMore { items }),
        ),
        ("Request.CancelWithin", request(3, later)),
        ("Request.CancelWithin.by_pool", request(4, by_pool)),
        (
            "Request.Progress",
            request(5, Request::Progress { items: vec![half] }),
        ),
    ]
}

fn wishes() -> Vec<(&'static str, Example)> {
    let own = Wish::BackOff {
        base_ms: 1000,
        cap_ms: 300_000,
        factor_percent: 200,
        jitter_percent: 50,
    };
    let key = |window_ms| Wish::Key {
        key: "invoice-7".into(),
        window_ms,
    };
    let after = Wish::After {
        tasks: vec![other_task()],
        any_end: true,
    };
    let of = |wish| enqueue(vec![wish]);
    vec![
        (
            "Wish.RunAt",
            of(Wish::RunAt(Timestamp::from_millis(1_753_000_060_000))),
        ),
        ("Wish.ExpiresAfter", of(Wish::ExpiresAfter(1))),
        ("Wish.MaxRuntime", of(Wish::MaxRuntime(100))),
        ("Wish.BackOff", of(own)),
        ("Wish.LossesMax", of(Wish::LossesMax(1000))),
        ("Wish.InterruptionsMax", of(Wish::InterruptionsMax(251))),
        ("Wish.Key", of(key(None))),
        ("Wish.Key.window", of(key(Some(86_400_000)))),
        ("Wish.Group", of(Wish::Group("tenant-3".into()))),
        ("Wish.After", of(after)),
        ("Wish.Trace", of(Wish::Trace(TRACE.into()))),
    ]
}

fn failures() -> Vec<(&'static str, Example)> {
    let failed = |then| {
        let item = FailItem {
            proof: proof(),
            reason: "no route to host".into(),
        };
        let items = vec![FailMoreItem { item, then }];
        request(6, Request::FailMore { items })
    };
    vec![
        ("Request.FailMore", failed(FailThen::Wait(60_000))),
        ("FailThen.ByPolicy", failed(FailThen::ByPolicy)),
        ("FailThen.Wait", failed(FailThen::Wait(0))),
        ("FailThen.Never", failed(FailThen::Never)),
    ]
}

fn conditions() -> Vec<(&'static str, Example)> {
    use leasehold_core::Death;
    let list = |which, after| {
        let (pool, tasks_max) = (pool(), 100);
        let body = Request::TasksWhere {
            pool,
            which,
            after,
            tasks_max,
        };
        request(7, body)
    };
    let by = |condition| list(vec![condition], None);
    let dead_since = vec![
        Where::State(StateKind::Dead),
        Where::EndedBefore(Timestamp::from_millis(1_753_000_060_000)),
    ];
    let purge = Request::Purge {
        pool: pool(),
        which: dead_since.clone(),
        tasks_max: 4096,
    };
    vec![
        ("Request.TasksWhere", list(dead_since, Some(other_task()))),
        ("Request.Purge", request(8, purge)),
        ("Where.State", by(Where::State(StateKind::Completed))),
        ("Where.Cause", by(Where::Cause(Death::Expired))),
        ("Where.Reason", by(Where::Reason("timed out".into()))),
        (
            "Where.EndedBefore",
            by(Where::EndedBefore(Timestamp::from_millis(250))),
        ),
        ("Where.Group", by(Where::Group("tenant-3".into()))),
        ("Where.Key", by(Where::Key("invoice-7".into()))),
    ]
}

fn edits() -> Vec<(&'static str, Example)> {
    let revive = |which, edits| {
        let pool = pool();
        request(9, Request::ReviveWhere { pool, which, edits })
    };
    let edited = |edit| revive(Which::Tasks(vec![task()]), vec![edit]);
    let by_reason = Which::Where(vec![Where::Reason("timed out".into())]);
    vec![
        (
            "Request.ReviveWhere",
            revive(
                by_reason.clone(),
                vec![Edit::Priority(0), Edit::AttemptsMax(9)],
            ),
        ),
        ("Which.All", revive(Which::All, vec![])),
        ("Which.Tasks", revive(Which::Tasks(vec![task()]), vec![])),
        ("Which.Where", revive(by_reason, vec![])),
        (
            "Edit.Payload",
            edited(Edit::Payload(Bytes::from_static(b"hullo"))),
        ),
        ("Edit.Priority", edited(Edit::Priority(16))),
        ("Edit.AttemptsMax", edited(Edit::AttemptsMax(1000))),
        (
            "Edit.ExpiresAfter",
            edited(Edit::ExpiresAfter(Some(60_000))),
        ),
        ("Edit.ExpiresAfter.never", edited(Edit::ExpiresAfter(None))),
    ]
}

fn pools() -> Vec<(&'static str, Example)> {
    let of = |verb| {
        let pool = pool();
        request(10, Request::Pool { pool, verb })
    };
    let setting = |key: &str, value: Option<&str>| Setting {
        key: key.into(),
        value: value.map(Into::into),
    };
    let set = vec![setting("lease", Some("2m")), setting("expires_after", None)];
    vec![
        ("Request.Pool", of(PoolVerb::Show)),
        ("PoolVerb.Show", of(PoolVerb::Show)),
        (
            "PoolVerb.Create",
            of(PoolVerb::Create(vec![setting("attempts_max", Some("3"))])),
        ),
        ("PoolVerb.Set", of(PoolVerb::Set(set))),
        ("PoolVerb.Pause", of(PoolVerb::Pause("upgrade".into()))),
        ("PoolVerb.Resume", of(PoolVerb::Resume)),
        ("PoolVerb.Delete", of(PoolVerb::Delete { force: false })),
        (
            "PoolVerb.Delete.force",
            of(PoolVerb::Delete { force: true }),
        ),
    ]
}

fn nightly() -> ScheduleName {
    ScheduleName::new("nightly").expect("a good name")
}

pub(crate) fn cron() -> ScheduleSpec {
    ScheduleSpec {
        name: nightly(),
        seed: other_task(),
        when: When::Cron {
            expr: "30 3 * * 1-5".into(),
            zone: "Europe/Vienna".into(),
        },
        misfire: Misfire::Once,
        priority: 8,
        attempts_max: Some(3),
        wishes: vec![Wish::MaxRuntime(3_600_000)],
        payload: Bytes::from_static(b"report"),
        paused: false,
    }
}

fn schedules() -> Vec<(&'static str, Example)> {
    let of = |verb| {
        let pool = pool();
        request(11, Request::Schedule { pool, verb })
    };
    let put = |spec| of(ScheduleVerb::Put(Box::new(spec)));
    let every = ScheduleSpec {
        when: When::Every {
            ms: 60_000,
            from: Timestamp::from_millis(1_753_000_000_000),
        },
        attempts_max: None,
        wishes: vec![],
        paused: true,
        ..cron()
    };
    let missed = |misfire| put(ScheduleSpec { misfire, ..cron() });
    vec![
        ("Request.Schedule", of(ScheduleVerb::List)),
        ("ScheduleVerb.List", of(ScheduleVerb::List)),
        ("ScheduleVerb.Put", put(cron())),
        ("ScheduleVerb.Remove", of(ScheduleVerb::Remove(nightly()))),
        ("ScheduleVerb.Pause", of(ScheduleVerb::Pause(nightly()))),
        ("ScheduleVerb.Resume", of(ScheduleVerb::Resume(nightly()))),
        ("When.Cron", put(cron())),
        ("When.Every", put(every)),
        ("Misfire.Skip", missed(Misfire::Skip)),
        ("Misfire.Once", missed(Misfire::Once)),
        ("Misfire.All", missed(Misfire::All)),
    ]
}
