//! A producer: enqueues until it is asked to end, and records what it was told.

use std::{process::ExitCode, sync::Arc, time::Duration};

use leasehold_judge::What;
use leasehold_node::{Enqueued, NewTask, PoolName, Producer, RequestError};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{again::Again, asked_to_end, door, life, options, pool};
use crate::{
    args::ProduceArgs, dice::Dice, error::ChaosError, payload::Payload, recorder::Recorder,
};

/// Enqueues under way.
const UNDER_WAY: usize = 64;

/// Priorities that are used; with the usual step of a minute they hardly meet.
const PRIORITIES: [u32; 4] = [0, 2, 4, 8];

/// The longest padding, and the one that stands apart from the log of the store.
const PADDING: u64 = 300;
const LARGE: u64 = 20_000;

/// What is sent twice is drawn apart from the rest.
const AGAIN: u64 = 0x2222;

/// Some tasks rest so many times as long as the others, so that whoever dies holds something.
const LONG: u64 = 20;
const LONG_OF_THOUSAND: u64 = 150;

pub(crate) async fn run(args: ProduceArgs) -> Result<ExitCode, ChaosError> {
    let asked = asked_to_end().map_err(ChaosError::io("listen for signals"))?;
    let sender = Arc::new(Sender::new(&args)?);
    let (mut dice, mut answers) = (Dice::new(args.seed), JoinSet::new());
    let mut again = Dice::new(args.seed ^ AGAIN);
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    tokio::pin!(asked);
    loop {
        let pause = dice.millis(0, 2 * millis(args.every));
        tokio::select! {
            () = &mut asked => break,
            () = sleep(pause) => {}
        }
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let task = draw(&args, &mut dice);
        sender.asks(&task);
        let (sender, again) = (Arc::clone(&sender), Again::draw(args.twice, &mut again));
        answers.spawn(async move {
            let is_acknowledged = sender.send(task.clone(), &sender.own).await;
            drop(permit);
            if let Some(again) = again.filter(|_| is_acknowledged) {
                sender.send_again(task, again).await;
            }
        });
        while answers.try_join_next().is_some() {}
    }
    sender.is_over.cancel();
    while answers.join_next().await.is_some() {}
    Ok(ExitCode::SUCCESS)
}

/// Sends tasks, and records what it is told.
struct Sender {
    pool: PoolName,
    recorder: Recorder,
    own: Producer,
    /// As another process would have it: with a connection of its own.
    other: Producer,
    /// It was asked to end: nothing waits any longer.
    is_over: CancellationToken,
}

impl Sender {
    fn new(args: &ProduceArgs) -> Result<Self, ChaosError> {
        let recorder = Recorder::open(&args.part.history, &args.part.name);
        let endpoint = door(&args.part)?.endpoint();
        Ok(Self {
            pool: pool(&args.part)?,
            recorder: recorder.map_err(ChaosError::io("record"))?,
            own: Producer::new(endpoint.clone(), options(&args.part)?),
            other: Producer::new(endpoint, options(&args.part)?),
            is_over: CancellationToken::new(),
        })
    }

    fn asks(&self, task: &NewTask) {
        self.recorder.record(What::EnqueueAsked {
            pool: self.pool.to_string(),
            task: task.id.to_string(),
            priority: task.priority,
            attempts_max: task.attempts_max,
            losses_max: None,
            is_poison: false,
        });
    }

    /// Whether it was acknowledged.
    async fn send(&self, task: NewTask, by: &Producer) -> bool {
        let id = task.id.to_string();
        let answer = by.enqueue(&self.pool, task).await;
        let is_acknowledged = answer.is_ok();
        self.recorder.record(answered(id, answer));
        is_acknowledged
    }

    async fn send_again(&self, task: NewTask, again: Again) {
        tokio::select! {
            () = sleep(again.after) => {}
            () = self.is_over.cancelled() => {}
        }
        self.asks(&task);
        let by = if again.is_elsewhere {
            &self.other
        } else {
            &self.own
        };
        self.send(task, by).await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn draw(args: &ProduceArgs, dice: &mut Dice) -> NewTask {
    let task = NewTask::new(Vec::new());
    let fails = if dice.chance(args.failing) {
        1 + dice.below(5)
    } else {
        0
    };
    let padding = if dice.chance(20) { LARGE } else { PADDING };
    let payload = Payload {
        task: task.id.to_string(),
        rest: if dice.chance(LONG_OF_THOUSAND) {
            dice.millis(0, LONG * millis(args.rest_max))
        } else {
            dice.millis(0, millis(args.rest_max))
        },
        fails: u32::try_from(fails).unwrap_or(0),
        is_deadly: false,
        padding: usize::try_from(dice.below(padding)).unwrap_or(0),
    };
    let mut task = task.priority(dice.pick(&PRIORITIES));
    if dice.chance(100) {
        task = task.attempts_max(1 + u32::try_from(dice.below(3)).unwrap_or(0));
    }
    task.payload = payload.to_bytes();
    task
}

/// What the hub said to an enqueue.
pub(crate) fn answered(task: String, answer: Result<Enqueued, RequestError>) -> What {
    match answer {
        Ok(said) => What::Acknowledged {
            task,
            known_as: said.known_as.map(life),
        },
        Err(RequestError::Rejected(why)) => What::EnqueueRefused {
            task,
            why: why.to_string(),
        },
        Err(
            why @ (RequestError::Unreachable { .. }
            | RequestError::Refused(_)
            | RequestError::Tls(_)
            | RequestError::TooLong(_)
            | RequestError::Unexpected
            | RequestError::Ended),
        ) => What::EnqueueUnknown {
            task,
            why: why.to_string(),
        },
    }
}
