//! What is measured beside a load.

use std::{fs, time::Duration};

use leasehold_judge::{Answer, History, Outcome, What};
use leasehold_node::{NewTask, PoolName, Producer};
use tokio::time::{Instant, sleep};

use super::{MEMORY_MIB, SERVED_WITHIN, SHARE_PERCENT};
use crate::{error::ChaosError, moment::now_us, stage::Stage};

/// How long the usual work is looked at before anything is done.
const USUAL: Duration = Duration::from_secs(3);

/// How much of its work the pool got done before, and during the load.
#[derive(Debug)]
pub(super) struct Figures {
    usual: Span,
    loads: Vec<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

impl Span {
    fn millis(self) -> u64 {
        (self.to.saturating_sub(self.from) / 1_000).max(1)
    }
}

impl Figures {
    /// Looks at the usual work.
    pub(super) async fn begin(_: &Stage) -> Result<Self, ChaosError> {
        let from = now_us();
        sleep(USUAL).await;
        Ok(Self {
            usual: Span { from, to: now_us() },
            loads: Vec::new(),
        })
    }

    /// There was a load, for so long until now.
    pub(super) fn loaded(&mut self, length: Duration) {
        let to = now_us();
        let length = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        self.loads.push(Span {
            from: to.saturating_sub(length),
            to,
        });
    }

    /// Compares both.
    pub(super) fn share(&self, stage: &Stage) -> Result<(), ChaosError> {
        let history = History::read(stage.folder());
        let history = history.map_err(ChaosError::io("read the history"))?;
        let done: Vec<u64> = history
            .entries
            .iter()
            .filter(|of| is_completion(&of.entry.what))
            .map(|of| of.entry.at_us)
            .collect();
        let within = |span: &Span| {
            let is_in = |at: &&u64| span.from <= **at && **at < span.to;
            done.iter().filter(is_in).count() as u64
        };
        let usual = within(&self.usual) * 1_000_000 / self.usual.millis();
        let (count, millis) = self.loads.iter().fold((0, 1), |(count, millis), span| {
            (count + within(span), millis + span.millis())
        });
        let loaded = count * 1_000_000 / millis;
        let percent = loaded * 100 / usual.max(1);
        stage.checked(
            "a pool whose neighbours are overloaded goes on",
            percent >= SHARE_PERCENT,
            format!(
                "{} tasks a second before, {} during the loads: {percent} %, of which \
                 {SHARE_PERCENT} % are wanted",
                usual / 1_000,
                loaded / 1_000
            ),
        );
        Ok(())
    }
}

fn is_completion(what: &What) -> bool {
    matches!(
        what,
        What::Answered {
            outcome: Outcome::Complete,
            answer: Answer::Taken,
            ..
        }
    )
}

/// Whether somebody who comes now is served.
pub(super) async fn served(stage: &Stage) {
    let began = Instant::now();
    let options = stage.door().options().give_up_after(SERVED_WITHIN);
    let producer = Producer::new(stage.door().endpoint(), options);
    let pool = PoolName::new("probe").expect("letters make a name");
    let answer = producer.enqueue(&pool, NewTask::new("probe")).await;
    let took = began.elapsed();
    let seen = match &answer {
        Ok(_) => format!("a task was taken after {} ms", took.as_millis()),
        Err(error) => format!("a task was not taken: {error}"),
    };
    let is_kept = answer.is_ok() && took < SERVED_WITHIN;
    stage.checked(
        "after the load the hub serves again at once",
        is_kept,
        format!("{seen}, {SERVED_WITHIN:?} are borne"),
    );
}

/// Whether the hub kept within its bound, where the system tells.
pub(super) fn memory(stage: &Stage, pid: Option<u32>) {
    let status = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    let peak = status.as_deref().and_then(peak_mib);
    if let Some(peak) = peak {
        stage.checked(
            "the hub's memory stays within bounds",
            peak <= MEMORY_MIB,
            format!("{peak} MiB at the most, of {MEMORY_MIB}"),
        );
    }
}

fn peak_mib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_process_is_read() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t  204800 kB\n";
        assert_eq!(peak_mib(status), Some(200));
        assert_eq!(peak_mib("Name:\tx\n"), None);
    }
}
