//! The instants of cron expressions and intervals, on the clock of a time zone.
//!
//! Cron is as Vixie's: five fields, or six with the seconds first; 0 and 7 are Sunday; of the day
//! of the month and the day of the week either one is enough. Where a clock is set forward, a fixed
//! time that it leaves out comes at the end of the gap; where it is set back, a fixed time that
//! comes twice comes once.

use std::{collections::VecDeque, iter, time::Duration};

use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Zoned, tz::TimeZone};
use leasehold_core::{Plan, Rejection, Schedule, Timestamp, When, limits::CATCH_UP_MAX};

/// The longest expression, in bytes.
const EXPR_BYTES_MAX: usize = 256;

/// The longest name of a zone, in bytes.
const ZONE_BYTES_MAX: usize = 64;

/// Zones that are named to somebody who misnamed one.
const NEAR_MAX: usize = 5;

/// When a schedule fires.
pub(crate) enum Instants {
    /// By the calendar.
    Calendar(Box<(Cron, TimeZone)>),
    /// At equal intervals, from the first.
    Every(u64, Timestamp),
}

impl Instants {
    /// Refuses what is no expression, no zone, or never comes.
    pub(crate) fn of(when: &When, now: Timestamp) -> Result<Self, Rejection> {
        match when {
            When::Every { ms, from } => Ok(Self::Every((*ms).max(1), *from)),
            When::Cron { expr, zone } => {
                let calendar = (cron(expr)?, time_zone(zone)?);
                let instants = Self::Calendar(Box::new(calendar));
                if instants.after(now).is_none() {
                    let why = format!("the cron expression {expr:?} never comes");
                    return Err(Rejection::Invalid(why));
                }
                Ok(instants)
            }
        }
    }

    /// The first one after that moment.
    pub(crate) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(ms, from) if at < *from => Some(*from).filter(|_| *ms > 0),
            Self::Every(ms, from) => {
                let passed = at.since(*from).as_millis() / u128::from(*ms);
                let passed = u64::try_from(passed).ok()?;
                let next = passed.checked_add(1)?.checked_mul(*ms)?;
                Some(*from + Duration::from_millis(next))
            }
            Self::Calendar(calendar) => {
                let (cron, zone) = calendar.as_ref();
                let found = cron.find_next_occurrence(&zoned(at, zone)?, false);
                moment(&found.ok()?)
            }
        }
    }

    /// The next ones after that moment, at most so many.
    pub(crate) fn next(&self, at: Timestamp, most: usize) -> Vec<Timestamp> {
        let next = |at: &Timestamp| self.after(*at);
        iter::successors(self.after(at), next).take(most).collect()
    }

    /// Those after `done_until` and up to `now`: the newest, ascending, and whether there are more.
    ///
    /// Looks forward from ever farther back, until there are enough: looking back, croner 4.0.3
    /// does not get past an hour that comes twice.
    pub(crate) fn due(&self, done_until: Timestamp, now: Timestamp) -> (Vec<Timestamp>, bool) {
        /// How much farther at a time.
        const FARTHER: u32 = 4;
        let mut span = self.first_span();
        loop {
            let from = done_until.max(now - span);
            let next = |at: &Timestamp| self.after(*at);
            let mut due = VecDeque::new();
            for at in iter::successors(self.after(from), next).take_while(|at| *at <= now) {
                due.push_back(at);
                if due.len() > CATCH_UP_MAX + 1 {
                    due.pop_front();
                }
            }
            let more = due.len() > CATCH_UP_MAX;
            if more || from == done_until {
                let older = due.len().saturating_sub(CATCH_UP_MAX);
                return (due.into_iter().skip(older).collect(), more);
            }
            span = span.saturating_mul(FARTHER);
        }
    }

    /// How far back to look at first.
    fn first_span(&self) -> Duration {
        const HOUR: Duration = Duration::from_secs(3600);
        match self {
            Self::Every(ms, _) => {
                let enough = u64::try_from(CATCH_UP_MAX + 1).unwrap_or(u64::MAX);
                Duration::from_millis(ms.saturating_mul(enough))
            }
            Self::Calendar(_) => HOUR,
        }
    }
}

/// What is due of a schedule by now.
pub(super) fn plan(schedule: &Schedule, now: Timestamp) -> Plan {
    let name = schedule.name.clone();
    // It was sound when it was put, but a time zone may have been dropped since.
    let Ok(instants) = Instants::of(&schedule.when, now) else {
        tracing::warn!(schedule = %name, "its cron expression or its time zone is not known any more");
        return Plan {
            name,
            due: Vec::new(),
            more: false,
            next: None,
        };
    };
    let (due, more) = instants.due(schedule.done_until, now);
    // What a clock that was set back shows a second time is dealt with.
    let next = instants.after(schedule.done_until.max(now));
    Plan {
        name,
        due,
        more,
        next,
    }
}

fn cron(expr: &str) -> Result<Cron, Rejection> {
    let invalid = |why: String| Rejection::Invalid(format!("the cron expression {expr:?} {why}"));
    if expr.len() > EXPR_BYTES_MAX {
        let why = format!("is longer than {EXPR_BYTES_MAX} bytes");
        return Err(invalid(why));
    }
    // croner 4.0.3 reads a list of nothing, and looks for its minutes for minutes.
    let mut lists = expr.split_whitespace().map(|field| field.split(','));
    if lists.any(|mut list| list.any(str::is_empty)) {
        let why = "has a list in which something is missing beside a comma";
        return Err(invalid(why.to_owned()));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    let said = |error: CronError| {
        let fields = "five fields: minute, hour, day of the month, month, day of the week; \
                      or six, with the second first";
        invalid(format!("is none: {error}; it has {fields}"))
    };
    parser.parse(expr).map_err(said)
}

fn time_zone(name: &str) -> Result<TimeZone, Rejection> {
    let known = Some(name).filter(|name| name.len() <= ZONE_BYTES_MAX);
    if let Some(Ok(zone)) = known.map(|name| jiff::tz::db().get(name)) {
        return Ok(zone);
    }
    let shown: String = name.chars().take(ZONE_BYTES_MAX).collect();
    let near = near(&shown);
    let meant = if near.is_empty() {
        "give a name of the IANA database, such as Europe/Vienna".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    let why = format!("there is no time zone {shown:?}: {meant}");
    Err(Rejection::Invalid(why))
}

/// Zones whose last part begins as it does, or has it in it.
fn near(name: &str) -> Vec<String> {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let start: String = wanted.chars().take(3).collect();
    if start.is_empty() {
        return Vec::new();
    }
    let all = jiff::tz::db().available().map(|zone| zone.to_string());
    let is_near = |zone: &String| {
        let city = zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
        city.starts_with(&start)
    };
    let mut near: Vec<String> = all.filter(is_near).collect();
    near.sort();
    near.truncate(NEAR_MAX);
    near
}

/// What the clocks of a time zone show at a moment, such as `2026-11-24 04:30:00 CET`; none for a
/// zone that is not in the IANA database, or a moment after the year 9999.
#[must_use]
pub fn clock_time(zone: &str, at: Timestamp) -> Option<String> {
    let shown = zoned(at, &time_zone(zone).ok()?)?;
    Some(shown.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let millis = i64::try_from(at.as_millis()).ok()?;
    let at = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(at.to_zoned(zone.clone()))
}

fn moment(at: &Zoned) -> Option<Timestamp> {
    let millis = u64::try_from(at.timestamp().as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests;
