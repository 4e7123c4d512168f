//! What became of every task, held against the files, the ledger and what the workers were told.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use leasehold_node::{AttemptEnding, LeaseId, StateKind, TaskDetail, TaskId};

use super::{
    findings::Findings, hash::digest_or_why_not, input::Piece, scenes::Scenes, stage::Stage,
};
use crate::exit::Failure;

/// Questions to the hub at a time.
const ASKED_MAX: usize = 64;

/// How a result compares with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Right,
    Wrong,
    /// The file is no longer what it was, so there is nothing to compare with.
    Changed,
}

/// Asks for every task, and counts.
pub(super) async fn judge(
    stage: &Stage,
    tasks: &[TaskId],
    scenes: Scenes,
) -> Result<Findings, Failure> {
    stage.say("all is done; comparing every result with its file");
    let details = details(stage, tasks).await?;
    let accepted = stage.outcomes.completed();
    let compared = compare(&details, &stage.input.pieces).await?;
    let of = |what| compared.iter().filter(|found| **found == what).count();
    let is_completed = |detail: &&TaskDetail| detail.summary.state == StateKind::Completed;
    let completed = details.iter().filter(is_completed).count();
    Ok(Findings {
        enqueued: tasks.len(),
        completed,
        lost: tasks.len() - completed,
        completed_twice: completed_twice(&details, &accepted),
        results_wrong: of(Comparison::Wrong),
        files_changed: of(Comparison::Changed),
        ran_again: stage.ledger()?.ran_again(),
        scenes,
        total: stage.narrator.elapsed(),
    })
}

async fn details(stage: &Stage, tasks: &[TaskId]) -> Result<Vec<TaskDetail>, Failure> {
    let asked = stream::iter(tasks).map(|task| stage.task(*task));
    asked.buffered(ASKED_MAX).try_collect().await
}

/// Tasks of which more than one completion was accepted: as the workers tell it, and the hub.
fn completed_twice(details: &[TaskDetail], accepted: &[(TaskId, LeaseId)]) -> usize {
    let mut leases: HashMap<TaskId, Vec<LeaseId>> = HashMap::new();
    for (task, lease) in accepted {
        leases.entry(*task).or_default().push(*lease);
    }
    // A worker that was killed may not have told of its last one, so the hub's word counts too.
    for detail in details {
        let of = leases.entry(detail.summary.id).or_default();
        let completed = |ending| ending == AttemptEnding::Completed;
        let ended = detail
            .history
            .iter()
            .filter(|attempt| completed(attempt.ending));
        let untold: Vec<_> = ended
            .map(|attempt| attempt.lease)
            .filter(|lease| !of.contains(lease))
            .collect();
        of.extend(untold);
    }
    leases.values().filter(|leases| leases.len() > 1).count()
}

/// Hashes again what is completed.
async fn compare(details: &[TaskDetail], pieces: &[Piece]) -> Result<Vec<Comparison>, Failure> {
    let with_result = details.iter().zip(pieces).filter_map(|(detail, piece)| {
        let is_completed = detail.summary.state == StateKind::Completed;
        is_completed.then(|| (piece.clone(), detail.result.clone().unwrap_or_default()))
    });
    let pairs: Vec<_> = with_result.collect();
    let compared = tokio::task::spawn_blocking(move || {
        let each = pairs
            .iter()
            .map(|(piece, result)| compare_one(piece, result));
        each.collect()
    });
    compared
        .await
        .map_err(|error| Failure::failed("compare the results", error))
}

fn compare_one(piece: &Piece, result: &[u8]) -> Comparison {
    if digest_or_why_not(&piece.range).as_bytes() == result {
        Comparison::Right
    } else if piece.has_changed() {
        Comparison::Changed
    } else {
        Comparison::Wrong
    }
}

#[cfg(test)]
mod tests {
    use leasehold_node::{AttemptDetail, NodeName, PoolName, TaskSummary};

    use super::*;

    fn lease(text: &str) -> LeaseId {
        text.parse().unwrap()
    }

    /// A task that the hub has as completed under this lease.
    fn completed(under: &str) -> TaskDetail {
        let ended = AttemptDetail {
            attempt: 1,
            lease: lease(under),
            node: NodeName::new("a").unwrap(),
            started_at_ms: 0,
            ended_at_ms: 0,
            ending: AttemptEnding::Completed,
            reason: String::new(),
        };
        TaskDetail {
            pool: PoolName::new("p").unwrap(),
            summary: TaskSummary {
                id: TaskId::from_u128(1),
                state: StateKind::Completed,
                priority: 0,
                attempt: 1,
                attempts_max: 5,
                node: None,
                enqueued_at_ms: 0,
                at_ms: None,
                reason: String::new(),
                payload_bytes: 0,
            },
            lease: None,
            interruptions: 0,
            losses_in_a_row: 0,
            ready_at_ms: 0,
            history: vec![ended],
            payload: None,
            result: None,
        }
    }

    #[test]
    fn a_second_completion_is_noticed_whoever_tells_of_it() {
        let (details, task) = ([completed("1-1-2")], TaskId::from_u128(1));
        let told =
            |leases: &[&str]| -> Vec<_> { leases.iter().map(|text| (task, lease(text))).collect() };
        for (leases, twice) in [
            (vec![], 0),
            (vec!["1-1-2"], 0),
            (vec!["1-1-1"], 1),
            (vec!["1-1-1", "1-1-2"], 1),
            (vec!["1-1-2", "1-1-2"], 1),
        ] {
            assert_eq!(
                completed_twice(&details, &told(&leases)),
                twice,
                "{leases:?}"
            );
        }
    }
}
