//! One task of each line, many under way at a time, told in the lines' order.

use std::{collections::VecDeque, path::Path};

use leasehold_node::{EnqueueError, Enqueued, NewTask, PoolName, Producer, Rejection, TaskId};
use tokio::task::JoinHandle;

use super::{
    PAYLOAD_BYTES_MAX, new_task,
    progress::Progress,
    reader::{self, Lines},
};
use crate::{
    args::EnqueueArgs,
    exit::{Failure, complain},
    output,
};

/// Batches under way; each is what one read gave.
const UNDER_WAY: usize = 16;

/// Puts a task into the pool for each line of the file.
pub(super) async fn run(args: &EnqueueArgs, path: &Path) -> Result<(), Failure> {
    let failed_to_read = |error| Failure::failed(format!("read {}", path.display()), error);
    let (source, bytes) = reader::open(path).map_err(failed_to_read)?;
    let mut follower = reader::follow(source);
    let mut upload = Upload::new(args, bytes);
    let mut read = Ok(());
    while read.is_ok() {
        tokio::select! {
            lines = follower.recv(), if upload.has_room() => match lines {
                Some(Ok(lines)) => upload.begin(lines).await,
                Some(Err(error)) => read = Err(failed_to_read(error)),
                None => break,
            },
            batch = oldest(&mut upload.under_way), if upload.is_under_way() => {
                upload.tell(batch)?;
            }
        }
    }
    while upload.is_under_way() {
        let batch = oldest(&mut upload.under_way).await;
        upload.tell(batch)?;
    }
    read?;
    upload.verdict()
}

type Answers = Vec<Result<Enqueued, Rejection>>;

/// A batch under way.
struct Batch {
    /// The lines' numbers, and the ids that were drawn for them.
    numbers: Vec<(u64, TaskId)>,
    too_long: Vec<u64>,
    read_bytes: u64,
    answers: JoinHandle<Result<Answers, EnqueueError>>,
}

/// A batch with its answers.
struct Answered {
    batch: Batch,
    answers: Result<Answers, EnqueueError>,
}

struct Upload<'a> {
    args: &'a EnqueueArgs,
    producer: Producer,
    under_way: VecDeque<Batch>,
    progress: Progress,
    enqueued: u64,
    refused: u64,
}

impl<'a> Upload<'a> {
    fn new(args: &'a EnqueueArgs, bytes: Option<u64>) -> Self {
        Self {
            args,
            producer: args.reach.producer_that_waits(args.wait_when_full),
            under_way: VecDeque::new(),
            progress: Progress::new(bytes),
            enqueued: 0,
            refused: 0,
        }
    }

    fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY
    }

    /// In the order of these calls the tasks are put in.
    async fn begin(&mut self, lines: Lines) {
        let mut batch = (Vec::new(), Vec::new(), Vec::new());
        for line in lines.lines {
            match line.bytes {
                Some(bytes) => {
                    let task = new_task(self.args, bytes);
                    batch.0.push((line.number, task.id));
                    batch.1.push(task);
                }
                None => batch.2.push(line.number),
            }
        }
        let (numbers, tasks, too_long) = batch;
        let answers = begin_enqueue(&self.producer, &self.args.pool, tasks).await;
        self.under_way.push_back(Batch {
            numbers,
            too_long,
            read_bytes: lines.read_bytes,
            answers,
        });
    }

    fn tell(&mut self, answered: Option<Answered>) -> Result<(), Failure> {
        let Some(Answered { batch, answers }) = answered else {
            return Ok(());
        };
        let answers = answers.map_err(|error| self.gave_up(&error))?;
        let why = format!("a payload is at most {PAYLOAD_BYTES_MAX} bytes long");
        for number in &batch.too_long {
            self.refuse(*number, &why);
        }
        let mut told = Vec::new();
        for ((number, asked), answer) in batch.numbers.iter().zip(answers) {
            match answer {
                Ok(enqueued) => {
                    told.push(super::told(
                        &self.args.pool,
                        *asked,
                        &enqueued,
                        self.args.reach.json,
                    ));
                }
                Err(why) => self.refuse(*number, &why.to_string()),
            }
        }
        self.enqueued += told.len() as u64;
        self.progress.advance(told.len() as u64, batch.read_bytes);
        output::lines(told)
    }

    fn refuse(&mut self, number: u64, why: &str) {
        self.refused += 1;
        self.progress
            .aside(|| complain(format!("line {number} was refused: {why}")));
    }

    fn gave_up(&self, error: &EnqueueError) -> Failure {
        let what = format!(
            "enqueue in {} after {} tasks",
            self.args.pool, self.enqueued
        );
        Failure::request(what, error)
    }

    fn verdict(self) -> Result<(), Failure> {
        if self.refused == 0 {
            return Ok(());
        }
        let lines = self.enqueued + self.refused;
        let why = "see the lines above";
        let what = format!("enqueue {} of {lines} lines", self.refused);
        Err(Failure::failed(what, why))
    }
}

/// Waits for the answers to the oldest batch. Nothing is lost when the wait is abandoned.
async fn oldest(under_way: &mut VecDeque<Batch>) -> Option<Answered> {
    let answers = (&mut under_way.front_mut()?.answers).await;
    let batch = under_way.pop_front()?;
    let answers = answers.unwrap_or(Err(EnqueueError::Ended));
    Some(Answered { batch, answers })
}

async fn begin_enqueue(
    producer: &Producer,
    pool: &PoolName,
    tasks: Vec<NewTask>,
) -> JoinHandle<Result<Answers, EnqueueError>> {
    if tasks.is_empty() {
        return tokio::spawn(async { Ok(Vec::new()) });
    }
    let begun = producer.begin_enqueue_batch(pool, tasks).await;
    tokio::spawn(async move { begun?.await })
}
