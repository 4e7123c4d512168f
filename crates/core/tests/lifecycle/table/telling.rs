//! What happened, in the words of the tables.

use leasehold_core::*;

use super::starts::Scene;
use crate::harness::*;

pub(super) fn row(from: &str, scene: &Scene, replies: &[Reply]) -> String {
    let said = replies.iter().map(|reply| said(scene, reply)).collect();
    let changes = scene.world.changes.iter().map(change).collect();
    let (said, changes) = (list(said), list(changes));
    let (then, counts, lease) = match scene.world.pool.task(id(1)) {
        None => ("unknown".to_string(), "-".to_string(), "-".to_string()),
        Some(task) => (
            task.state.kind().to_string(),
            counts(&task),
            lease(scene, &task),
        ),
    };
    format!("{from:26} | {said:32} | {then:9} | {counts:6} | {lease:17} | {changes}")
}

fn list(words: Vec<String>) -> String {
    if words.is_empty() {
        "-".into()
    } else {
        words.join(", ")
    }
}

fn counts(task: &Task) -> String {
    format!(
        "{}/{}/{}",
        task.attempt, task.interruptions, task.losses_in_a_row
    )
}

fn lease(scene: &Scene, task: &Task) -> String {
    let Some(lease) = &task.lease else {
        return "-".into();
    };
    let whose = if lease.node == node("me", 1) {
        "mine"
    } else {
        "another's"
    };
    if task.state != State::Claimed {
        return format!("{whose} kept");
    }
    let mut holders = scene.world.pool.holdings().filter(|(_, tasks)| *tasks > 0);
    let adrift = if holders.next().is_some() {
        ""
    } else {
        " adrift"
    };
    let runs = scene.world.due_in(1).expect("a lease has a deadline");
    format!("{whose}{adrift} {runs:?}")
}

fn said(scene: &Scene, reply: &Reply) -> String {
    let what = match reply {
        Reply::Answer(_, _, answer) => answered(answer.clone()),
        Reply::Deliver(_, grants) => format!("{} delivered", grants.len()),
        Reply::Revoke(_, _, Revocation::Overran) => "overran".into(),
        Reply::AskStop(_, _, within) => format!("stop within {within:?}"),
        Reply::Revoke(_, _, Revocation::Lost) => "revoked".into(),
        Reply::Revoke(_, _, Revocation::Cancelled) => "called off".into(),
    };
    let whom = reply.session();
    match () {
        () if whom == scene.me => format!("me: {what}"),
        () if whom == scene.another => format!("another: {what}"),
        () if whom == scene.producer => format!("producer: {what}"),
        () => format!("{whom:?}: {what}"),
    }
}

fn answered(answer: Answer) -> String {
    match only(answer) {
        Answer::Enqueued(items) => each(&items, accepted),
        Answer::Claimed(grants) => format!("{} granted", grants.len()),
        Answer::Credited(total) => format!("credit {total}"),
        Answer::Extended(items) => each(&items, |runs| format!("{runs:?}")),
        Answer::Done(items) => each(&items, |&()| "done".into()),
        Answer::Revived(items) => {
            let items: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
            each(&items, |&()| "revived".into())
        }
        Answer::Awaited(task) => format!("it is {}", task.state.kind()),
        Answer::Purged(tasks) => format!("{tasks} purged"),
        Answer::Refused(refusal) => refused(&refusal),
    }
}

fn accepted(accepted: &Accepted) -> String {
    accepted
        .known_as
        .map_or("accepted".into(), |kind| format!("known as {kind}"))
}

fn refused(refusal: &Rejection) -> String {
    match refusal {
        Rejection::LeaseLost => "lease lost".into(),
        Rejection::NoSuchTask => "no such task".into(),
        Rejection::Ended(kind) => format!("{kind} already"),
        Rejection::NotDead(kind) => format!("{kind}, not dead"),
        Rejection::PoolFull { .. }
        | Rejection::OutOfBounds { .. }
        | Rejection::SessionEnded
        | Rejection::NoSuchPool(_)
        | Rejection::DiskNearlyFull { .. }
        | Rejection::Unavailable { .. }
        | Rejection::Unsupported(_)
        | Rejection::Full { .. }
        | Rejection::UnknownParent(_)
        | Rejection::Cycle(_)
        | Rejection::KeyTaken(_)
        | Rejection::NoSuchSchedule(_)
        | Rejection::NotEmpty { .. }
        | Rejection::Invalid(_)
        | Rejection::Denied(_) => refusal.to_string(),
    }
}

fn each<T>(items: &[Result<T, Rejection>], word: impl Fn(&T) -> String) -> String {
    let word = |item: &Result<T, Rejection>| item.as_ref().map_or_else(refused, &word);
    list(items.iter().map(word).collect())
}

fn change(change: &Change) -> String {
    let word = match change {
        Change::Put { cause, .. } => caused(*cause),
        Change::Forget(_) => "forgotten".into(),
        Change::Note { name, .. } => format!("note {name:?}"),
    };
    if change.is_durable() {
        word
    } else {
        format!("({word})")
    }
}

fn caused(cause: Cause) -> String {
    match cause {
        Cause::Requeued(ending) => ending.to_string(),
        Cause::Enqueued
        | Cause::Claimed
        | Cause::Extended
        | Cause::Resumed
        | Cause::Completed
        | Cause::Due
        | Cause::Cancelled
        | Cause::Revived
        | Cause::StopAsked
        | Cause::Progressed
        | Cause::Freed
        | Cause::Expired
        | Cause::ParentGone => format!("{cause:?}").to_lowercase(),
    }
}
