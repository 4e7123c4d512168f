//! A producing lane: when to send which task.

use std::{sync::Arc, time::Duration};

use super::{Tally, Work};
use crate::{BenchError, Stamp, stamp::STAMP_BYTES, timer::Timer};

/// Tasks that a lane takes at a time from what there is to do.
const TAKEN_AT_A_TIME: u64 = 64;

/// How often a producer that waits for workers looks again.
const BACKLOG_LOOK: Duration = Duration::from_micros(200);

/// What a producing lane is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send a task: give its stamp back when it is acknowledged.
    Task(Stamp),
    /// Nothing before then.
    At(Stamp),
    /// Nothing before an acknowledgement: as many requests as may be are under way.
    Full,
    /// Nothing any more.
    Over,
}

/// What a producing driver speaks with.
#[derive(Debug)]
pub struct ProducerLane {
    work: Arc<Work>,
    number: u32,
    /// Tasks of the schedule that were handed out by this lane.
    scheduled: u64,
    /// Tasks taken and not handed out yet.
    taken: u64,
    under_way: usize,
    /// Acknowledged, and not told to the others yet.
    untold: u64,
    now: Stamp,
    counts_until: Stamp,
    payload: Vec<u8>,
    timer: Timer,
    tally: Tally,
}

impl ProducerLane {
    pub(super) fn new(work: Arc<Work>, number: u32) -> Result<Self, BenchError> {
        let payload_bytes = work.limits.payload_bytes.max(STAMP_BYTES);
        Ok(Self {
            number,
            scheduled: 0,
            taken: 0,
            under_way: 0,
            untold: 0,
            now: Stamp::now(),
            counts_until: Stamp::default(),
            payload: noise(payload_bytes, number),
            timer: Timer::new().map_err(BenchError::io("make a timer"))?,
            tally: Tally::new()?,
            work,
        })
    }

    /// The lane is connected: waits until all are.
    pub async fn begin(&mut self) {
        self.work.enter().await;
        self.counts_until = self.work.counts_until();
        self.tally.begin(&self.work);
        self.tick();
    }

    /// Looks at the time, and tells the other lanes how far this one is: once for each wake-up.
    pub fn tick(&mut self) {
        self.now = Stamp::now();
        if self.untold > 0 {
            self.work.add_acknowledged(self.untold);
            self.untold = 0;
        }
    }

    /// What to do now.
    #[expect(
        clippy::should_implement_trait,
        reason = "what comes next depends on what was acknowledged meanwhile"
    )]
    pub fn next(&mut self) -> Next {
        if self.now >= self.counts_until {
            return Next::Over;
        }
        if self.under_way >= self.work.limits.in_flight {
            return Next::Full;
        }
        if self.work.is_backlogged() {
            return Next::At(self.now.after(BACKLOG_LOOK));
        }
        let due = self.due_at();
        if due > self.now {
            return Next::At(due);
        }
        if !self.take() {
            return Next::Over;
        }
        self.scheduled += 1;
        self.under_way += 1;
        self.tally.sent(due, self.now);
        Next::Task(due)
    }

    /// When the next task of the schedule is due; without one, now.
    fn due_at(&self) -> Stamp {
        let Some(rate) = self.work.limits.rate else {
            return self.now;
        };
        // Lanes take turns, so that the whole is even.
        let turn = self.scheduled * u64::from(self.work.producers) + u64::from(self.number);
        let after = Duration::from_secs_f64(turn as f64 / rate);
        self.work.began().after(after)
    }

    fn take(&mut self) -> bool {
        if self.taken == 0 {
            let at_a_time = TAKEN_AT_A_TIME.min(self.work.limits.in_flight as u64);
            self.taken = self.work.take(at_a_time.max(1));
        }
        let has_one = self.taken > 0;
        self.taken = self.taken.saturating_sub(1);
        has_one
    }

    /// The payload of a task that is to be sent: begins with its stamp.
    pub fn payload(&mut self, task: Stamp) -> &[u8] {
        task.write(&mut self.payload);
        &self.payload
    }

    /// The task with this stamp was acknowledged, as of the last [`Self::tick`].
    pub fn acknowledged(&mut self, task: Stamp) {
        self.under_way = self.under_way.saturating_sub(1);
        self.untold += 1;
        self.tally.acknowledge(task, self.now);
    }

    /// The task acknowledged last is not for workers: no producer waits until it is completed.
    pub fn stays(&mut self) {
        self.untold = self.untold.saturating_sub(1);
    }

    /// Tasks sent and not acknowledged.
    #[must_use]
    pub const fn under_way(&self) -> usize {
        self.under_way
    }

    /// Requests that may be under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.work.limits.in_flight
    }

    /// Waits until what [`Self::next`] spoke of may be done; for ever where only an
    /// acknowledgement helps. May be dropped and begun anew.
    pub async fn due(&mut self, next: &Next) {
        match next {
            Next::Task(_) => {}
            Next::At(at) => {
                if self.timer.until(*at).await.is_err() {
                    // No reason is known why it might fail; milliseconds are better than none.
                    tokio::time::sleep(Duration::from_nanos(at.since(self.now))).await;
                }
            }
            Next::Full | Next::Over => std::future::pending().await,
        }
    }

    /// What it counted, when it is over.
    #[must_use]
    pub fn into_tally(mut self) -> Tally {
        self.tick();
        self.tally
    }
}

/// Bytes that no system can compress: what is measured is not to be what a compressor makes of
/// zeros.
pub(crate) fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        // xorshift64* (Vigna 2016).
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()[7]
    };
    (0..bytes).map(|_| next()).collect()
}
