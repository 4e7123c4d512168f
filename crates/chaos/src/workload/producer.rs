//! A producer: enqueues until it is asked to end, and records what it was told.

use std::{process::ExitCode, sync::Arc, time::Duration};

use leasehold_judge::What;
use leasehold_node::{NewTask, Producer, RequestError};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

use super::{asked_to_end, door, options, pool};
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

/// Some tasks rest so many times as long as the others, so that whoever dies holds something.
const LONG: u64 = 20;
const LONG_OF_THOUSAND: u64 = 150;

pub(crate) async fn run(args: ProduceArgs) -> Result<ExitCode, ChaosError> {
    let asked = asked_to_end().map_err(ChaosError::io("listen for signals"))?;
    let recorder = Recorder::open(&args.part.history, &args.part.name);
    let recorder = Arc::new(recorder.map_err(ChaosError::io("record"))?);
    let endpoint = door(&args.part)?.endpoint();
    let (pool, producer) = (
        pool(&args.part)?,
        Producer::new(endpoint, options(&args.part)?),
    );
    let (mut dice, mut answers) = (Dice::new(args.seed), JoinSet::new());
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
        let id = task.id.to_string();
        recorder.record(What::EnqueueAsked {
            pool: pool.to_string(),
            task: id.clone(),
            priority: task.priority,
            attempts_max: task.attempts_max,
        });
        let (producer, pool, recorder) = (producer.clone(), pool.clone(), Arc::clone(&recorder));
        answers.spawn(async move {
            let answer = producer.enqueue(&pool, task).await;
            recorder.record(answered(id, answer.map(|_| ())));
            drop(permit);
        });
        while answers.try_join_next().is_some() {}
    }
    while answers.join_next().await.is_some() {}
    Ok(ExitCode::SUCCESS)
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
        padding: usize::try_from(dice.below(padding)).unwrap_or(0),
    };
    let mut task = task.priority(dice.pick(&PRIORITIES));
    if dice.chance(100) {
        task = task.attempts_max(1 + u32::try_from(dice.below(3)).unwrap_or(0));
    }
    task.payload = payload.to_bytes();
    task
}

fn answered(task: String, answer: Result<(), RequestError>) -> What {
    match answer {
        Ok(()) => What::Acknowledged { task },
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
