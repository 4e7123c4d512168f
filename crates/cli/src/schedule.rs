//! `leasehold schedule`

use std::{ffi::OsStr, fs, iter, os::unix::ffi::OsStrExt};

use leasehold_node::{
    Inspector, NewTask, PoolName, RequestError, ScheduleName, ScheduleSpec, ScheduleView,
    Timestamp, When,
};
use serde::Serialize;

use crate::{
    args::{MISFIRES, PutArgs, Reach, ScheduleArgs, ScheduleVerb},
    exit::Failure,
    output::{
        self, json,
        table::{Lean, Table, facts},
        words,
    },
};

/// Keeps, shows or drops schedules.
pub(crate) async fn run(args: ScheduleArgs) -> Result<(), Failure> {
    match args.verb {
        ScheduleVerb::Put(args) => put(*args).await,
        ScheduleVerb::Ls(args) => {
            let of = Of::new(&args.reach, &args.pool);
            of.list(&of.done("list the schedules", of.inspector.schedules(of.pool).await)?)
        }
        ScheduleVerb::Show(args) => {
            let of = Of::new(&args.reach, &args.pool);
            let all = of.done(
                "look at the schedules",
                of.inspector.schedules(of.pool).await,
            )?;
            let found = all.into_iter().find(|view| view.spec.name == args.name);
            let found = found.ok_or_else(|| of.no_such(&args.name))?;
            of.show(&found)
        }
        ScheduleVerb::Rm(args) => {
            let of = Of::new(&args.reach, &args.pool);
            let gone = of.inspector.remove_schedule(of.pool, args.name.clone());
            of.done(&format!("drop the schedule {}", args.name), gone.await)?;
            of.tell(&args.name, "dropped")
        }
        ScheduleVerb::Pause(args) => {
            let of = Of::new(&args.reach, &args.pool);
            let paused = of.inspector.pause_schedule(of.pool, args.name.clone());
            of.done(&format!("pause the schedule {}", args.name), paused.await)?;
            of.tell(&args.name, "paused")
        }
        ScheduleVerb::Resume(args) => {
            let of = Of::new(&args.reach, &args.pool);
            let resumed = of.inspector.resume_schedule(of.pool, args.name.clone());
            of.done(&format!("resume the schedule {}", args.name), resumed.await)?;
            of.tell(&args.name, "resumed")
        }
    }
}

async fn put(args: PutArgs) -> Result<(), Failure> {
    let of = Of::new(&args.reach, &args.pool);
    let spec = spec(&args)?;
    let all = of.done(
        &format!("keep the schedule {}", args.name),
        of.inspector.put_schedule(of.pool, spec).await,
    )?;
    let found = all.into_iter().find(|view| view.spec.name == args.name);
    of.show(&found.ok_or_else(|| of.no_such(&args.name))?)
}

fn spec(args: &PutArgs) -> Result<ScheduleSpec, Failure> {
    if let Some(flag) = args.wishes.of_one_task() {
        let why = format!("{flag} is for one task: a schedule's tasks are due at its instants");
        return Err(Failure::Usage(why));
    }
    let when = match (&args.cron, args.every) {
        (Some(expr), _) => When::Cron {
            expr: expr.clone(),
            zone: args.zone.clone(),
        },
        (None, every) => When::Every {
            ms: (Timestamp::default() + every.unwrap_or_default()).as_millis(),
            from: args.from.unwrap_or_default(),
        },
    };
    let task = NewTask::new(payload(args)?)
        .priority(args.priority)
        .attempts_max(args.attempts_max);
    let mut spec = args.wishes.onto(task).on_schedule(args.name.clone(), when);
    (spec.misfire, spec.paused) = (args.misfire, args.paused);
    Ok(spec)
}

fn payload(args: &PutArgs) -> Result<Vec<u8>, Failure> {
    let Some(path) = &args.file else {
        let payload = args.payload.as_deref().unwrap_or_default();
        return Ok(OsStr::as_bytes(payload).to_vec());
    };
    let what = format!("read {}", path.display());
    fs::read(path).map_err(|error| Failure::failed(what, error))
}

/// A pool's schedules, and how they are shown.
struct Of<'a> {
    inspector: Inspector,
    as_json: bool,
    pool: &'a PoolName,
}

impl<'a> Of<'a> {
    fn new(reach: &Reach, pool: &'a PoolName) -> Self {
        Self {
            inspector: reach.inspector(),
            as_json: reach.json,
            pool,
        }
    }

    fn done<T>(&self, what: &str, done: Result<T, RequestError>) -> Result<T, Failure> {
        let what = format!("{what} of {}", self.pool);
        done.map_err(|error| Failure::request(what, &error))
    }

    fn no_such(&self, name: &ScheduleName) -> Failure {
        Failure::Failed(format!("{} has no schedule {name}", self.pool))
    }

    fn tell(&self, name: &ScheduleName, done: &'static str) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Line<'a> {
            pool: &'a str,
            schedule: &'a str,
            done: &'static str,
        }
        let (pool, schedule) = (self.pool.as_str(), name.as_str());
        output::lines([if self.as_json {
            json::line(&Line {
                pool,
                schedule,
                done,
            })
        } else {
            format!("{schedule}: {done}")
        }])
    }

    fn list(&self, all: &[ScheduleView]) -> Result<(), Failure> {
        if self.as_json {
            return output::lines(
                all.iter()
                    .map(|view| json::line(&Shown::new(self.pool, view))),
            );
        }
        let mut table = Table::new(&[
            ("NAME", Lean::Left),
            ("WHEN", Lean::Left),
            ("NEXT", Lean::Left),
            ("FIRED", Lean::Right),
            ("SKIPPED", Lean::Right),
            ("LAST TASK", Lean::Left),
        ]);
        let rows: Vec<_> = all.iter().map(row).collect();
        output::write(table.page(&rows).as_bytes())
    }

    fn show(&self, view: &ScheduleView) -> Result<(), Failure> {
        if self.as_json {
            return output::document(&Shown::new(self.pool, view));
        }
        let spec = &view.spec;
        let mut known = vec![
            ("name", spec.name.to_string()),
            ("pool", self.pool.to_string()),
            ("when", when(&spec.when)),
            ("missed", misfire(view).to_owned()),
            ("paused", if spec.paused { "yes" } else { "no" }.to_owned()),
        ];
        known.extend(next(view));
        known.extend([
            (
                "dealt with",
                format!("until {}", words::moment(view.done_until_ms)),
            ),
            ("fired", words::count(view.fired, "task")),
            ("skipped", words::count(view.skipped, "instant")),
            ("last task", words::or_dash(view.last)),
            ("priority", spec.priority.to_string()),
            (
                "attempts",
                spec.attempts_max
                    .map_or_else(|| "the pool's".into(), |n| n.to_string()),
            ),
            ("payload", words::excerpt(&spec.payload)),
        ]);
        output::write(facts(&known).as_bytes())
    }
}

fn row(view: &ScheduleView) -> Vec<String> {
    let next = if view.spec.paused {
        "paused".to_owned()
    } else {
        let next = view.next_ms.first();
        next.map_or_else(|| "never".to_owned(), |at| words::moment(*at))
    };
    vec![
        view.spec.name.to_string(),
        when(&view.spec.when),
        next,
        view.fired.to_string(),
        view.skipped.to_string(),
        words::or_dash(view.last),
    ]
}

fn when(when: &When) -> String {
    match when {
        When::Cron { expr, zone } => format!("{expr} ({zone})"),
        When::Every { ms, from } => {
            let from = words::moment(from.as_millis());
            format!("every {}, from {from}", words::span(*ms))
        }
    }
}

/// Its next instants, one a line: by the clocks of its time zone, and by UTC.
fn next(view: &ScheduleView) -> Vec<(&'static str, String)> {
    if view.next_ms.is_empty() {
        return vec![("next", "never".to_owned())];
    }
    let keys = iter::once("next").chain(iter::repeat(""));
    let told = view.next_ms.iter().map(|at| told(&view.spec.when, *at));
    keys.zip(told).collect()
}

/// The hub may know a time zone that is not known here.
fn told(when: &When, at: u64) -> String {
    let utc = format!("{} UTC", words::moment(at));
    match when {
        When::Cron { zone, .. } if zone != "UTC" => {
            let local = leasehold_hub::clock_time(zone, Timestamp::from_millis(at));
            local.map_or(utc.clone(), |local| format!("{local}, {utc}"))
        }
        When::Cron { .. } | When::Every { .. } => utc,
    }
}

fn misfire(view: &ScheduleView) -> &'static str {
    let said = MISFIRES
        .into_iter()
        .find(|(misfire, _)| *misfire == view.spec.misfire);
    said.map_or("-", |(_, name)| name)
}

/// A schedule as JSON. Moments are milliseconds since 1970.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    pool: &'a str,
    cron: Option<&'a str>,
    zone: Option<&'a str>,
    every_ms: Option<u64>,
    from_ms: Option<u64>,
    misfire: &'static str,
    paused: bool,
    priority: u32,
    attempts_max: Option<u32>,
    #[serde(flatten)]
    payload: json::Blob<'a, json::PayloadKeys>,
    done_until_ms: u64,
    fired: u64,
    skipped: u64,
    last: Option<String>,
    next_ms: &'a [u64],
}

impl<'a> Shown<'a> {
    fn new(pool: &'a PoolName, view: &'a ScheduleView) -> Self {
        let spec = &view.spec;
        let (cron, zone, every_ms, from_ms) = match &spec.when {
            When::Cron { expr, zone } => (Some(expr.as_str()), Some(zone.as_str()), None, None),
            When::Every { ms, from } => (None, None, Some(*ms), Some(from.as_millis())),
        };
        Self {
            name: spec.name.as_str(),
            pool: pool.as_str(),
            cron,
            zone,
            every_ms,
            from_ms,
            misfire: misfire(view),
            paused: spec.paused,
            priority: spec.priority,
            attempts_max: spec.attempts_max,
            payload: json::Blob::of(Some(&spec.payload)),
            done_until_ms: view.done_until_ms,
            fired: view.fired,
            skipped: view.skipped,
            last: view.last.map(|id| id.to_string()),
            next_ms: &view.next_ms,
        }
    }
}
