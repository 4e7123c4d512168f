//! Rates: how often something may happen.

use std::time::Duration;

use leasehold_core::Rate;

use super::{Kind, Raw, duration, is_whole_ms, whole};

/// The most tasks of a rate, and the most at once.
const TASKS_MAX: u32 = 1_000_000;

/// Between which times a rate is given.
const PER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(24 * 3600));

/// What stands before the number at once.
const BURST: &str = " burst ";

/// So many tasks in a time, as in "100/1s" or "100/1m burst 20".
pub(in crate::config) struct RateKind;

impl Kind<Rate> for RateKind {
    fn read(&self, raw: &Raw) -> Result<Rate, String> {
        raw.text().and_then(rate).ok_or_else(|| self.allowed())
    }

    fn show(&self, value: &Rate) -> String {
        let Rate { tasks, per, burst } = *value;
        let rate = format!("{tasks}/{}", duration(per));
        if burst == tasks {
            return rate;
        }
        format!("{rate}{BURST}{burst}")
    }

    fn allowed(&self) -> String {
        format!(
            "allowed tasks/time such as \"100/1s\" or \"100/1m burst 20\", of 1 to {TASKS_MAX} \
             tasks in {} to {}",
            duration(PER.0),
            duration(PER.1)
        )
    }

    fn is_quoted(&self, _: &Rate) -> bool {
        true
    }
}

fn rate(text: &str) -> Option<Rate> {
    let (rate, burst) = match text.split_once(BURST) {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let (tasks, per) = rate.split_once('/')?;
    let tasks = count(tasks)?;
    let burst = burst.map_or(Some(tasks), count)?;
    let per = humantime::parse_duration(per).ok()?;
    let is_fair = is_whole_ms(per) && (PER.0..=PER.1).contains(&per);
    is_fair.then_some(Rate { tasks, per, burst })
}

fn count(text: &str) -> Option<u32> {
    let count = u32::try_from(whole(text)?).ok()?;
    (1..=TASKS_MAX).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_shown() {
        for text in ["100/1s", "1/24h", "100/1m burst 20", "1000000/1ms"] {
            let read = RateKind.read(&Raw::Plain(text.into()));
            assert_eq!(read.map(|rate| RateKind.show(&rate)), Ok(text.into()));
        }
    }

    #[test]
    fn what_is_no_rate_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "100",
            "0/1s",
            "1/0s",
            "1/25h",
            "1/1us",
            "1/1s burst 0",
            "1/1s burst",
            "x/1s",
        ] {
            let read = RateKind.read(&Raw::Plain(text.into()));
            assert_eq!(read, Err(RateKind.allowed()), "{text}");
        }
    }
}
