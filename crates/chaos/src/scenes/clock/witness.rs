//! What schedules did while their clock was set: each instant once, and none left out.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};
use leasehold_judge::{History, LogLine};
use leasehold_node::{
    Endpoint, Inspector, Misfire, NewTask, NodeOptions, PoolName, Rejection, RequestError,
    ScheduleName, ScheduleView, TaskId, Timestamp, When,
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

    /// Sets the clock ahead, and waits until the hub has seen that by itself: something is fired.
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
        let until = Instant::now() + FOLLOWS_WITHIN;
        while fired(&inspector).await? == before {
            if Instant::now() > until {
                let what = format!("nothing follows the clock within {FOLLOWS_WITHIN:?}");
                return Err(broken(what));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until the schedules are where the clock is now, and looks at each instant since they
    /// were put.
    pub(super) async fn testify(&self, stage: &Stage) -> Result<String, ChaosError> {
        let inspector = inspector(stage);
        let mut told = Vec::new();
        for (name, _, step) in SCHEDULES {
            let Some(began) = self.began.get(name) else {
                continue;
            };
            let view = settled(&inspector, name, step).await?;
            let first = (began / step + 1) * step;
            let instants: Vec<u64> = (0..)
                .map(|number| first + number * step)
                .take_while(|at| *at <= view.done_until_ms)
                .collect();
            each_once(&inspector, name, &view, &instants).await?;
            told.push(format!("{name}: {} instants, each once", instants.len()));
        }
        leases_lasted(stage)?;
        Ok(told.join("; "))
    }
}

/// Tasks that are there: whoever asks for schedules has the hub look at its clock, this does not.
async fn fired(inspector: &Inspector) -> Result<u64, ChaosError> {
    match inspector.status(Some(pool())).await {
        Ok(status) => Ok(status.pools.iter().map(|pool| pool.ready).sum()),
        Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => Ok(0),
        Err(error) => Err(ChaosError::failed("look at the pool", error)),
    }
}

/// The schedule once it has dealt with all that its clock shows. What comes next tells what that is:
/// nothing is due when it is more than a moment ahead.
async fn settled(inspector: &Inspector, name: &str, step: u64) -> Result<ScheduleView, ChaosError> {
    let until = Instant::now() + FOLLOWS_WITHIN;
    loop {
        let views = inspector.schedules(&pool()).await;
        let views = views.map_err(|error| ChaosError::failed("look at the schedules", error))?;
        let view = find(&views, name)?;
        let next = view.next_ms.first().copied().unwrap_or(0);
        if view.done_until_ms + step >= next {
            return Ok(view.clone());
        }
        if Instant::now() > until {
            let (done, next) = (view.done_until_ms, next);
            return Err(broken(format!(
                "the schedule {name} does not follow its clock within {FOLLOWS_WITHIN:?}: it is done \
                 until {done}, and its next instant is {next} (milliseconds since 1970)"
            )));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn each_once(
    inspector: &Inspector,
    name: &str,
    view: &ScheduleView,
    instants: &[u64],
) -> Result<(), ChaosError> {
    let ids = instants.iter().map(|at| {
        let at = Timestamp::from_millis(*at);
        (at.as_millis(), TaskId::fired(view.spec.seed, at))
    });
    let looks = stream::iter(ids).map(|(at, id)| async move { (at, inspector.task(id).await) });
    let mut looks = looks.buffer_unordered(ASKED_MAX);
    while let Some((at, seen)) = looks.next().await {
        match seen {
            Ok(_) => {}
            Err(RequestError::Rejected(Rejection::NoSuchTask)) => {
                let what = format!("the schedule {name} lost the instant {at} (since 1970, in ms)");
                return Err(broken(what));
            }
            Err(error) => return Err(ChaosError::failed("look at a task", error)),
        }
    }
    // Fired twice is counted twice, though it is one task.
    let count = instants.len() as u64;
    if (view.fired, view.skipped) != (count, 0) {
        let (fired, skipped) = (view.fired, view.skipped);
        return Err(broken(format!(
            "the schedule {name} had {count} instants, and fired {fired} times and skipped {skipped}"
        )));
    }
    Ok(())
}

/// No lease ended by time: nodes live, and extend what they hold.
fn leases_lasted(stage: &Stage) -> Result<(), ChaosError> {
    let history = History::read(stage.folder()).map_err(ChaosError::io("read the history"))?;
    for logged in history.logs.iter().flatten() {
        let LogLine::Changed(change) = &logged.line else {
            continue;
        };
        if BY_TIME
            .iter()
            .any(|why| change.cause == format!("Requeued({why})"))
        {
            return Err(broken(format!("a lease ended by time: {logged}")));
        }
    }
    Ok(())
}

fn broken(what: String) -> ChaosError {
    ChaosError::failed("keep a promise while the clock was set", what)
}

fn find<'a>(views: &'a [ScheduleView], name: &str) -> Result<&'a ScheduleView, ChaosError> {
    let of = views.iter().find(|view| view.spec.name == named(name));
    of.ok_or_else(|| broken(format!("the schedule {name} is gone")))
}

fn inspector(stage: &Stage) -> Inspector {
    let options = NodeOptions::default().give_up_after(ANSWER_WITHIN);
    Inspector::new(Endpoint::tcp(stage.hub().to_string()), options)
}

fn pool() -> PoolName {
    PoolName::new(POOL).expect("letters make a name")
}

fn named(name: &str) -> ScheduleName {
    ScheduleName::new(name).expect("letters make a name")
}
