//! `leasehold tasks`

use futures_util::{StreamExt, TryStreamExt, stream};
use leasehold_node::{
    Inspector, PoolName, Rejection, RequestError, StateKind, TaskId, TaskSummary,
};

use crate::{
    args::TasksArgs,
    exit::Failure,
    output::{
        self, json,
        table::{Lean, Table},
        words,
    },
};

/// Tasks of one page.
const PAGE: usize = 1000;

/// Looks at single tasks that are under way at a time.
const LOOKS: usize = 64;

/// Lists the tasks of a pool.
pub(crate) async fn run(args: TasksArgs) -> Result<(), Failure> {
    let inspector = args.reach.inspector();
    let mut shown = Shown::new(&args);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut after: Option<TaskId> = None;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = list(&inspector, &args, after, wanted)
            .await
            .map_err(|error| Failure::request(format!("list tasks of {}", args.pool), &error))?;
        shown.page(&inspector, &page).await?;
        after = page.last().map(|task| task.id);
        left -= page.len() as u64;
        if page.len() < wanted {
            break;
        }
    }
    Ok(())
}

/// What any hub can do is asked of it in words that any hub knows.
async fn list(
    inspector: &Inspector,
    args: &TasksArgs,
    after: Option<TaskId>,
    wanted: usize,
) -> Result<Vec<TaskSummary>, RequestError> {
    let (pool, state) = (&args.pool, args.state);
    if args.dead.is_none() {
        return inspector.tasks(pool, state, after, wanted).await;
    }
    let which = args.dead.conditions(state);
    inspector.tasks_where(pool, which, after, wanted).await
}

enum Shown {
    Text(Table),
    Json(PoolName),
}

impl Shown {
    fn new(args: &TasksArgs) -> Self {
        if args.reach.json {
            return Self::Json(args.pool.clone());
        }
        Self::Text(Table::new(&[
            ("ID", Lean::Left),
            ("STATE", Lean::Left),
            ("PRIORITY", Lean::Right),
            ("ATTEMPTS", Lean::Left),
            ("NODE", Lean::Left),
            ("ENQUEUED", Lean::Left),
            ("PAYLOAD", Lean::Right),
            ("REASON", Lean::Left),
        ]))
    }

    async fn page(&mut self, inspector: &Inspector, page: &[TaskSummary]) -> Result<(), Failure> {
        match self {
            Self::Text(table) => {
                let rows: Vec<_> = page.iter().map(row).collect();
                output::write(table.page(&rows).as_bytes())
            }
            Self::Json(pool) => {
                let lines = stream::iter(page).map(|task| line(inspector, pool, task));
                let lines: Result<Vec<String>, RequestError> =
                    lines.buffered(LOOKS).try_collect().await;
                let failed = |error| Failure::request("look at a task", &error);
                output::lines(lines.map_err(failed)?)
            }
        }
    }
}

fn row(task: &TaskSummary) -> Vec<String> {
    vec![
        task.id.to_string(),
        state(task),
        task.priority.to_string(),
        attempts(task),
        words::or_dash(task.node.as_ref()),
        words::moment(task.enqueued_at_ms),
        words::size(task.payload_bytes.into()),
        task.reason.clone(),
    ]
}

/// The task as JSON, with its result, which a listing does not carry.
async fn line(
    inspector: &Inspector,
    pool: &PoolName,
    task: &TaskSummary,
) -> Result<String, RequestError> {
    if task.state != StateKind::Completed {
        return Ok(json::line(&json::Task::new(pool.as_str(), task, None)));
    }
    let result = match inspector.task(task.id).await {
        Ok(detail) => detail.result,
        // It has been forgotten since it was listed.
        Err(RequestError::Rejected(Rejection::NoSuchTask)) => None,
        Err(error) => return Err(error),
    };
    Ok(json::line(&json::Task::new(
        pool.as_str(),
        task,
        result.as_ref(),
    )))
}

/// The state, and the moment that belongs to it.
pub(super) fn state(task: &TaskSummary) -> String {
    let at = task.at_ms.map(words::moment);
    match (task.state, at) {
        (StateKind::Scheduled, Some(at)) => format!("scheduled for {at}"),
        (StateKind::Claimed, Some(at)) => format!("claimed until {at}"),
        (ended @ (StateKind::Completed | StateKind::Cancelled | StateKind::Dead), Some(at)) => {
            format!("{ended} {at}")
        }
        (state, _) => state.to_string(),
    }
}

/// Attempts begun, of how many.
pub(super) fn attempts(task: &TaskSummary) -> String {
    format!("{} of {}", task.attempt, task.attempts_max)
}
