//! `leasehold wait`

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use leasehold_node::{StateKind, TaskDetail};

use crate::{
    args::WaitArgs,
    exit::{Failure, complain},
    output::{self, json},
};

/// Waits under way at a time.
const WAITS: usize = 256;

/// Waits for the end of tasks and tells of each, in their order: its result if there is one task, a
/// line for each of several. It fails if one has not completed.
pub(crate) async fn run(args: WaitArgs) -> Result<(), Failure> {
    let producer = args.reach.producer();
    let at_most = args.at_most.unwrap_or(Duration::MAX);
    let wait = |id| {
        let (producer, pool) = (producer.clone(), args.pool.clone());
        async move {
            let waited = producer.wait(&pool, id, at_most).await;
            waited.map_err(|error| Failure::request(format!("wait for {id}"), &error))
        }
    };
    let mut ends = stream::iter(args.ids.clone()).map(wait).buffered(WAITS);
    let mut is_whole = true;
    while let Some(ended) = ends.try_next().await? {
        tell(&args, &ended)?;
        is_whole &= ended.summary.state == StateKind::Completed;
    }
    is_whole.then_some(()).ok_or(Failure::Told)
}

fn tell(args: &WaitArgs, task: &TaskDetail) -> Result<(), Failure> {
    let summary = &task.summary;
    let (id, state) = (summary.id, summary.state);
    if state != StateKind::Completed {
        let why = json::text(&summary.reason).unwrap_or("no reason is known");
        complain(format!("the task {id} is {state}: {why}"));
    }
    if args.reach.json {
        let task = json::Task::new(task.pool.as_str(), summary, task.result.as_ref());
        return output::lines([json::line(&task)]);
    }
    if args.ids.len() == 1 {
        return output::write(task.result.as_deref().unwrap_or_default());
    }
    output::lines([format!("{id} {state}")])
}
