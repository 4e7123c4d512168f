//! What a task to be may have beyond a plain one, as flags.

use std::time::Duration;

use clap::Args;
use leasehold_node::{BackOff, NewTask, TaskId, Timestamp};

use super::values;

/// Flags of `enqueue`, and of whatever else makes tasks.
#[derive(Debug, Args)]
pub(crate) struct WishArgs {
    /// How long from now it is not to run
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "run_at")]
    delay: Option<Duration>,
    /// Not before this moment, such as 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    run_at: Option<Timestamp>,
    /// How long it may wait to be claimed, from when it is ready; then it is dead [default: the
    /// pool's]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    expires_after: Option<Duration>,
    /// How long an attempt may run, however often its lease is extended [default: the pool's]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    max_runtime: Option<Duration>,
    /// How it waits after failures, as in base=1s,factor=2,cap=5m,jitter=50% [default: the pool's]
    #[arg(long, value_name = "POLICY", value_parser = retry)]
    retry: Option<BackOff>,
    /// After so many losses it is dead, instead of the pool's own number
    #[arg(long, value_name = "N")]
    losses_max: Option<u32>,
    /// After so many interruptions it is dead, instead of the pool's own number
    #[arg(long, value_name = "N")]
    interruptions_max: Option<u32>,
    /// One task at a time for this key: while a task that has it has not ended, an enqueue with it
    /// makes no second one, and answers with that one's id
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The key is the task's for so long from its enqueue, ended or not [default: until it ends]
    #[arg(long, value_name = "DURATION", value_parser = values::duration, requires = "key")]
    key_window: Option<Duration>,
    /// Whom limits and fair shares count it to
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Not before these tasks of the pool have completed: at most 64, each with a flag of its own or
    /// separated by commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    after: Vec<TaskId>,
    /// Not before they have ended, be it badly
    #[arg(long, requires = "after")]
    after_any_end: bool,
    /// The trace that it belongs to: a W3C traceparent
    #[arg(long, value_name = "TRACEPARENT")]
    trace: Option<String>,
}

impl WishArgs {
    /// A flag that was given and means one task alone.
    pub(crate) fn of_one_task(&self) -> Option<&'static str> {
        let given = [
            (self.delay.is_some(), "--delay"),
            (self.run_at.is_some(), "--run-at"),
            (!self.after.is_empty(), "--after"),
            (self.trace.is_some(), "--trace"),
        ];
        let (_, name) = given.into_iter().find(|(is_given, _)| *is_given)?;
        Some(name)
    }

    /// The task, with all that is wished for.
    pub(crate) fn onto(&self, mut task: NewTask) -> NewTask {
        if let Some(delay) = self.delay {
            task = task.delay(delay);
        }
        if let Some(at) = self.run_at {
            task = task.run_at(at);
        }
        if let Some(time) = self.expires_after {
            task = task.expires_after(time);
        }
        if let Some(time) = self.max_runtime {
            task = task.max_runtime(time);
        }
        self.links(self.budgets(task))
    }

    fn budgets(&self, mut task: NewTask) -> NewTask {
        if let Some(back_off) = self.retry {
            task = task.back_off(back_off);
        }
        if let Some(losses) = self.losses_max {
            task = task.losses_max(losses);
        }
        if let Some(interruptions) = self.interruptions_max {
            task = task.interruptions_max(interruptions);
        }
        task
    }

    fn links(&self, mut task: NewTask) -> NewTask {
        if let Some(key) = &self.key {
            task = task.key(key, self.key_window);
        }
        if let Some(group) = &self.group {
            task = task.group(group);
        }
        if !self.after.is_empty() {
            task = task.after(self.after.clone(), self.after_any_end);
        }
        if let Some(trace) = &self.trace {
            task = task.trace(trace);
        }
        task
    }
}

/// A moment such as `2030-01-31T12:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wanted = "a moment is a time of UTC such as 2030-01-31T12:00:00Z, from 1970 on";
    let time = humantime::parse_rfc3339_weak(text).map_err(|_| wanted)?;
    let since = time.duration_since(std::time::UNIX_EPOCH);
    let since = since.map_err(|_| wanted)?;
    Ok(Timestamp::default() + since)
}

/// A policy such as `base=1s,factor=2,cap=5m,jitter=50%`; what is not said is as by default.
fn retry(text: &str) -> Result<BackOff, String> {
    let wanted = "a policy is such as base=1s,factor=2,cap=5m,jitter=50%";
    let mut back_off = BackOff::default();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or(wanted)?;
        match key {
            "base" => back_off.base = values::duration(value)?,
            "cap" => back_off.cap = values::duration(value)?,
            "factor" => back_off.factor_percent = percent(value).ok_or(wanted)?,
            "jitter" => {
                let percent = value.strip_suffix('%').ok_or(wanted)?;
                back_off.jitter_percent = percent.parse().map_err(|_| wanted)?;
            }
            _ => return Err(wanted.into()),
        }
    }
    Ok(back_off)
}

/// A factor such as `2` or `1.5`, in percent.
fn percent(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(part) || part.is_empty() || part.len() > 2 {
        return None;
    }
    let hundredths: u32 = format!("{part:0<2}").parse().ok()?;
    whole
        .parse::<u32>()
        .ok()?
        .checked_mul(100)?
        .checked_add(hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_of_retries_is_read_part_by_part() {
        let all = retry("base=2s,factor=1.5,cap=1m,jitter=0%");
        let expected = BackOff {
            base: Duration::from_secs(2),
            cap: Duration::from_secs(60),
            factor_percent: 150,
            jitter_percent: 0,
        };
        assert_eq!(all, Ok(expected));
        let one = retry("factor=3").map(|back_off| back_off.factor_percent);
        assert_eq!(one, Ok(300));
        for wrong in [
            "",
            "base",
            "base=x",
            "factor=x",
            "factor=1.234",
            "jitter=50",
            "other=1",
        ] {
            assert!(retry(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_read_as_utc() {
        assert_eq!(
            moment("1970-01-01T00:00:02Z"),
            Ok(Timestamp::from_millis(2000))
        );
        assert!(moment("tomorrow").is_err());
    }
}
