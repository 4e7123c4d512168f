//! One phase: lanes begin together, do their work, and are counted together.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    BenchError, Limits, ProducerLane, Stamp, Tally, Target, Work, WorkerLane,
    process::{self, Usage},
};

/// How often it is looked at how far the lanes are.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A system that does nothing for so long has stopped.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// What is to be done, by how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) limits: Limits,
    pub(crate) producers: u32,
    pub(crate) workers: u32,
    /// Whether it is over only when all that was enqueued is completed.
    pub(crate) to_the_end: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// Processor time that the system took, from the beginning to the end, in seconds.
    pub(crate) target_processor: f64,
    /// The same of the generator.
    pub(crate) own_processor: f64,
    /// Memory that the system had at the end, in bytes; 0 where it is not known.
    pub(crate) memory: u64,
    /// Tasks acknowledged and completed from the beginning to the end, the warm-up included.
    pub(crate) tasks: u64,
}

/// Does it.
pub(crate) async fn drive(target: &Arc<dyn Target>, load: Load) -> Result<Outcome, BenchError> {
    let work = Work::new(load.limits, load.producers, load.workers);
    let mut lanes = Lanes::open(target, &work, load.workers)?;
    let pids = target.pids();
    let connected = timeout(STALLED_AFTER, lanes.begin(&work)).await;
    connected.map_err(|_| {
        let why = format!("not all were answered in {STALLED_AFTER:?}");
        BenchError::failed("open all connections", why)
    })??;
    let before = (process::usage(&pids), process::own_usage());
    let tally = lanes.end(&work, load).await?;
    let after = (process::usage(&pids), process::own_usage());
    Ok(Outcome {
        tally,
        target_processor: between(before.0, after.0),
        own_processor: between(before.1, after.1),
        memory: after.0.memory,
        tasks: work.acknowledged().max(work.completed()),
    })
}

fn between(before: Usage, after: Usage) -> f64 {
    after
        .processor
        .saturating_sub(before.processor)
        .as_secs_f64()
}

/// The lanes of a phase, each a task of the runtime; dropped, they end.
struct Lanes {
    producers: JoinSet<Result<ProducerLane, BenchError>>,
    workers: JoinSet<Result<WorkerLane, BenchError>>,
    tally: Tally,
}

impl Lanes {
    fn open(target: &Arc<dyn Target>, work: &Arc<Work>, workers: u32) -> Result<Self, BenchError> {
        let mut lanes = Self {
            producers: JoinSet::new(),
            workers: JoinSet::new(),
            tally: Tally::new()?,
        };
        let (producing, working) = work.lanes(workers)?;
        for lane in producing {
            let target = target.clone();
            lanes
                .producers
                .spawn(async move { target.produce(lane).await });
        }
        for lane in working {
            let target = target.clone();
            lanes.workers.spawn(async move { target.work(lane).await });
        }
        Ok(lanes)
    }

    /// Lets all begin; or says why one did not even connect.
    async fn begin(&mut self, work: &Work) -> Result<(), BenchError> {
        let begin = work.begin();
        tokio::pin!(begin);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.producers.join_next() => self.produced(ended)?,
                Some(ended) = self.workers.join_next() => self.worked(ended)?,
                () = &mut begin => return Ok(()),
            }
        }
    }

    async fn end(mut self, work: &Work, load: Load) -> Result<Tally, BenchError> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut progress = Progress::new(work);
        while !(self.producers.is_empty() && self.workers.is_empty()) {
            tokio::select! {
                Some(ended) = self.producers.join_next() => self.produced(ended)?,
                Some(ended) = self.workers.join_next() => self.worked(ended)?,
                _ = look.tick() => {
                    if self.is_over(work, load) {
                        work.end();
                    }
                    progress.look(work)?;
                }
            }
        }
        Ok(self.tally)
    }

    /// Whether workers have done what they are to do.
    fn is_over(&self, work: &Work, load: Load) -> bool {
        if load.to_the_end {
            return self.producers.is_empty() && work.completed() >= work.acknowledged();
        }
        Stamp::now() >= work.counts_until()
    }

    fn produced(&mut self, ended: Ended<ProducerLane>) -> Result<(), BenchError> {
        self.tally.add(&lane(ended)?.into_tally())
    }

    fn worked(&mut self, ended: Ended<WorkerLane>) -> Result<(), BenchError> {
        self.tally.add(&lane(ended)?.into_tally())
    }
}

type Ended<T> = Result<Result<T, BenchError>, JoinError>;

fn lane<T>(ended: Ended<T>) -> Result<T, BenchError> {
    ended.unwrap_or_else(|error| Err(BenchError::failed("run a lane", error)))
}

/// Whether anything happens at all.
struct Progress {
    done: u64,
    since: Stamp,
}

impl Progress {
    fn new(work: &Work) -> Self {
        Self {
            done: work.acknowledged() + work.completed(),
            since: Stamp::now(),
        }
    }

    fn look(&mut self, work: &Work) -> Result<(), BenchError> {
        let done = work.acknowledged() + work.completed();
        let now = Stamp::now();
        if done != self.done {
            (self.done, self.since) = (done, now);
        }
        let still = Duration::from_nanos(now.since(self.since));
        if still < STALLED_AFTER {
            return Ok(());
        }
        let why = format!("nothing happened for {STALLED_AFTER:?}, after {done} answers");
        Err(BenchError::failed("drive the system", why))
    }
}
