//! What schedules did while their clock was set: each instant once, and none left out.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};
use leasehold_judge::{History, LogLine};
use leasehold_node::{
    Inspector, Misfire, NewTask, PoolName, Rejection, RequestError, ScheduleName, ScheduleView,
    TaskId, Timestamp, When,
};
use tokio::time::{Instant, sleep};

use crate::{error::ChaosError, stage::Stage};

/// Where the schedules are: a pool in which nobody works, so that all that was fired is there.
const POOL: &str = "by-the-clock";

/// Each with what is between two of its instants. More than a thousand missed at once would not be
/// made up: so none is more often than once a minute.
const SCHEDULES: [(&str, &str, u64); 2] = [
    ("minutely", "* * * * *", 60_000),
    ("hourly", "0 * * * *", 3_600_000),
];

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long the hub may take to see that its clock was set, and to do what follows. It says ten
/// seconds.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// More than is fired in so short a time as the run takes.
const AN_HOUR: u64 = 60;

/// Questions to the hub at a time.
const ASKED_MAX: usize = 64;

/// Why a lease ended that should not have: nobody let it run out, but a clock.
const BY_TIME: [&str; 3] = ["Expired", "Silence", "Overran"];

/// What was put, and from when on it fires.
#[derive(Debug, Default)]
pub(super) struct Witness {
    began: BTreeMap<&'static str, u64>,
}

impl Witness {
    /// Puts the schedules.
    pub(super) async fn put(&mut self, stage: &Stage) -> Result<(), ChaosError> {
        let inspector = inspector(stage);
        for (name, expr, _) in SCHEDULES {
            let (expr, zone) = (expr.to_owned(), "UTC".to_owned());
            let when = When::Cron { expr, zone };
            let mut schedule = NewTask::new(name).on_schedule(named(name), when);
            schedule.misfire = Misfire::All;
            let put = inspector.put_schedule(&pool(), schedule).await;
            let views = put.map_err(|error| ChaosError::failed("put a schedule", error))?;
            self.began.insert(name, find(&views, name)?.done_until_ms);
        }
        Ok(())
    }

    /// Sets the clock ahead by more than an hour, and waits until the hub has seen that by itself:
    /// the minutes of an hour are fired.
    pub(super) async fn watch(
        &self,
        stage: &Stage,
        set_ahead: impl FnOnce() -> Result<(), ChaosError>,
    ) -> Result<(), ChaosError> {
        let inspector = inspector(stage);
        let before = fired(&inspector).await?;
        set_ahead()?;
        if self.began.is_empty() {
            return Ok(());
        }
        tell(
            stage,
            "schedules follow a clock that is set",
            follows(&inspector, before).await,
        )
    }

    /// Waits until the schedules are where the clock is now, and looks at each instant since they
    /// were put.
    pub(super) async fn testify(&self, stage: &Stage) -> Result<(), ChaosError> {
        let inspector = inspector(stage);
        for (name, _, step) in SCHEDULES {
            if let Some(began) = self.began.get(name) {
                let seen = each_once(&inspector, name, *began, step).await;
                tell(stage, "each instant of a schedule fires once", seen)?;
            }
        }
        tell(
            stage,
            "no lease ends by a clock that is set",
            leases_lasted(stage),
        )
    }
}

/// Why something was not seen.
enum Wrong {
    /// A promise was not kept.
    Broken(String),
    /// It could not be looked at.
    Failed(ChaosError),
}

impl From<ChaosError> for Wrong {
    fn from(error: ChaosError) -> Self {
        Self::Failed(error)
    }
}

/// Tells the history what was seen of a promise.
fn tell(stage: &Stage, promise: &str, seen: Result<String, Wrong>) -> Result<(), ChaosError> {
    match seen {
        Ok(seen) => stage.checked(promise, true, seen),
        Err(Wrong::Broken(what)) => stage.checked(promise, false, what),
        Err(Wrong::Failed(error)) => return Err(error),
    }
    Ok(())
}

async fn follows(inspector: &Inspector, before: u64) -> Result<String, Wrong> {
    let began = Instant::now();
    while fired(inspector).await? < before + AN_HOUR {
        if began.elapsed() > FOLLOWS_WITHIN {
            let what = format!("no hour is made up within {FOLLOWS_WITHIN:?}");
            return Err(Wrong::Broken(what));
        }
        sleep(LOOK_EVERY).await;
    }
    let took = began.elapsed().as_secs_f64();
    Ok(format!("after {took:.1} s; at most {FOLLOWS_WITHIN:?}"))
}

/// Tasks that are there: whoever asks for schedules has the hub look at its clock, this does not.
async fn fired(inspector: &Inspector) -> Result<u64, ChaosError> {
    match inspector.status(Some(pool())).await {
        Ok(status) => Ok(status.pools.iter().map(|pool| pool.ready).sum()),
        Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => Ok(0),
        Err(error) => Err(ChaosError::failed("look at the pool", error)),
    }
}

/// The schedule once it has dealt with all that its clock shows: whoever asks is told of the next
/// instant by that clock.
async fn settled(inspector: &Inspector, name: &str, step: u64) -> Result<ScheduleView, Wrong> {
    let began = Instant::now();
    loop {
        let views = inspector.schedules(&pool()).await;
        let views = views.map_err(|error| ChaosError::failed("look at the schedules", error))?;
        let view = find(&views, name)?;
        let (done, next) = (
            view.done_until_ms,
            view.next_ms.first().copied().unwrap_or(0),
        );
        if done + step >= next {
            return Ok(view.clone());
        }
        if began.elapsed() > FOLLOWS_WITHIN {
            return Err(Wrong::Broken(format!(
                "{name} does not follow its clock within {FOLLOWS_WITHIN:?}: it is done until \
                 {done}, and its next instant is {next} (milliseconds since 1970)"
            )));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn each_once(
    inspector: &Inspector,
    name: &str,
    began: u64,
    step: u64,
) -> Result<String, Wrong> {
    let view = settled(inspector, name, step).await?;
    let first = (began / step + 1) * step;
    let instants = (0..).map(|number| first + number * step);
    let instants = instants.take_while(|at| *at <= view.done_until_ms);
    let ids: Vec<_> = instants
        .map(|at| {
            (
                at,
                TaskId::fired(view.spec.seed, Timestamp::from_millis(at)),
            )
        })
        .collect();
    // Fired twice is counted twice, though it is one task.
    let count = ids.len() as u64;
    let (fired, skipped) = (view.fired, view.skipped);
    let looks = stream::iter(ids).map(|(at, id)| async move { (at, inspector.task(id).await) });
    let mut looks = looks.buffer_unordered(ASKED_MAX);
    while let Some((at, seen)) = looks.next().await {
        match seen {
            Ok(_) => {}
            Err(RequestError::Rejected(Rejection::NoSuchTask)) => {
                let what = format!("{name} lost the instant {at} (milliseconds since 1970)");
                return Err(Wrong::Broken(what));
            }
            Err(error) => return Err(ChaosError::failed("look at a task", error).into()),
        }
    }
    let what = format!("{name} had {count} instants, fired {fired} times and skipped {skipped}");
    if (fired, skipped) == (count, 0) {
        return Ok(what);
    }
    Err(Wrong::Broken(what))
}

/// No lease ended by time: nodes live, and extend what they hold.
fn leases_lasted(stage: &Stage) -> Result<String, Wrong> {
    let history = History::read(stage.folder()).map_err(ChaosError::io("read the history"))?;
    let mut grants = 0;
    for logged in history.logs.iter().flatten() {
        let LogLine::Changed(change) = &logged.line else {
            continue;
        };
        grants += u64::from(change.cause == "Claimed");
        if BY_TIME
            .iter()
            .any(|why| change.cause == format!("Requeued({why})"))
        {
            return Err(Wrong::Broken(logged.to_string()));
        }
    }
    Ok(format!("none of {grants}"))
}

fn find<'a>(views: &'a [ScheduleView], name: &str) -> Result<&'a ScheduleView, ChaosError> {
    let of = views.iter().find(|view| view.spec.name == named(name));
    of.ok_or_else(|| ChaosError::failed(format!("find the schedule {name}"), "it is gone"))
}

fn inspector(stage: &Stage) -> Inspector {
    stage.inspector(ANSWER_WITHIN)
}

fn pool() -> PoolName {
    PoolName::new(POOL).expect("letters make a name")
}

fn named(name: &str) -> ScheduleName {
    ScheduleName::new(name).expect("letters make a name")
}
