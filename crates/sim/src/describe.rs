//! Short words for what passes between nodes and hub.

use leasehold_core::{
    Answer, Change, Command, Grant, LeaseRef, Rejection, Reply, Revive, ScheduleAsk, TaskId, Wish,
};

use crate::trace::short;

/// Of so many of a batch the name is told.
const NAMED_MAX: usize = 8;

pub(crate) fn command(command: &Command) -> String {
    match command {
        Command::Open(node) => format!("is there, process {}", node.incarnation.0),
        Command::End(ending) => format!("is gone, by {ending:?}"),
        Command::Enqueue(tasks) => {
            let one = |task: &leasehold_core::NewTask| {
                let delay = task.delay.as_millis();
                let wishes = wishes(task);
                format!(
                    "{} at priority {} in {delay} ms{wishes}",
                    short(task.id),
                    task.priority
                )
            };
            format!("enqueue {}", join(tasks.iter().map(one)))
        }
        Command::Claim(claim) => {
            format!(
                "claim {} within {} ms",
                claim.tasks_max,
                claim.wait.as_millis()
            )
        }
        Command::Credit(credit) => format!("credit {}", credit.tasks),
        Command::Extend(leases, lease) => {
            let millis = lease.map(|lease| lease.as_millis());
            format!("extend {} to {millis:?} ms", proofs(leases))
        }
        Command::Complete(items) => {
            format!(
                "complete {}",
                join(items.iter().map(|item| proof(&item.proof)))
            )
        }
        Command::Fail(items) => {
            format!("fail {}", join(items.iter().map(|item| proof(&item.proof))))
        }
        Command::Release(leases) => format!("release {}", proofs(leases)),
        Command::Resume(leases) => format!("resumes {}", proofs(leases)),
        Command::Cancel(ids) => format!("cancel {}", names(ids)),
        Command::Revive(Revive::All) => "revive all".into(),
        Command::Revive(Revive::Tasks(ids)) => format!("revive {}", names(ids)),
        Command::CancelWithin(ids, grace) => format!("cancel {} within {grace:?}", names(ids)),
        Command::Progress(items) => {
            format!(
                "progress of {}",
                join(items.iter().map(|item| proof(&item.proof)))
            )
        }
        Command::ReviveWith(revive) => format!("revive {:?}", revive.which),
        Command::Purge(which, tasks_max) => format!("purge {tasks_max} of {which:?}"),
        Command::Schedule(ScheduleAsk::Put(new)) => {
            format!("schedule {}: {:?}, {:?}", new.name, new.when, new.misfire)
        }
        Command::Schedule(ask) => format!("schedule {ask:?}"),
        Command::Plan(plan) if plan.due.is_empty() => format!("goes on with {}", plan.name),
        Command::Plan(plan) => format!("{} instants of {} are due", plan.due.len(), plan.name),
        Command::Govern(govern) => {
            let settings = &govern.policy.set.first().map_or("", |(_, value)| value);
            let pause = govern.policy.paused.as_ref().map_or("", |_| ", paused");
            format!("has settings {settings} from now on{pause}")
        }
        Command::Await(wait) => format!("await {}", short(wait.task)),
    }
}

pub(crate) fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Answer(_, request, said) => format!("#{} {}", request.0, answer(said)),
        Reply::Deliver(_, grants) => format!("deliver {}", join(grants.iter().map(grant))),
        Reply::AskStop(_, lease, within) => {
            format!("ask to stop {} within {within:?}", proof(lease))
        }
        Reply::Revoke(_, lease, why) => format!("revoke {}: {why:?}", proof(lease)),
    }
}

pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Put { task, cause, .. } => {
            let lease = task.lease.as_ref().map(|lease| lease.id.to_string());
            let lease = lease.map_or_else(String::new, |lease| format!(", lease {lease}"));
            format!(
                "{} {cause:?}: {}, attempt {}{lease}",
                short(task.id),
                task.state.kind(),
                task.attempt,
            )
        }
        Change::Note { name, .. } => format!("note {name:?}"),
        Change::Forget(id) => format!("{} forgotten", short(*id)),
    }
}

/// What a task is to have beyond a plain one.
fn wishes(task: &leasehold_core::NewTask) -> String {
    let one = |wish: &Wish| match wish {
        Wish::After { tasks, any_end } => {
            let end = if *any_end { "end" } else { "completion" };
            format!("after the {end} of {}", names(tasks))
        }
        Wish::Key { key, .. } => format!("key {key}"),
        Wish::Group(group) => format!("group {group}"),
        other @ (Wish::RunAt(_)
        | Wish::ExpiresAfter(_)
        | Wish::MaxRuntime(_)
        | Wish::BackOff { .. }
        | Wish::LossesMax(_)
        | Wish::InterruptionsMax(_)
        | Wish::Trace(_)) => format!("{other:?}"),
    };
    let all: Vec<String> = task.wishes.iter().map(one).collect();
    if all.is_empty() {
        return String::new();
    }
    format!(" ({})", all.join(", "))
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Enqueued(items) => join(items.iter().map(|item| match item {
            Ok(accepted) => format!("{} accepted {:?}", short(accepted.id), accepted.known_as),
            Err(refusal) => refused(refusal),
        })),
        Answer::Claimed(grants) => format!("claimed {}", join(grants.iter().map(grant))),
        Answer::Credited(total) => format!("credited {total}"),
        Answer::Extended(items) => join(items.iter().map(outcome)),
        Answer::Done(items) => join(items.iter().map(outcome)),
        Answer::Revived(items) => join(
            items
                .iter()
                .map(|(id, item)| format!("{} {}", short(*id), outcome(item))),
        ),
        Answer::Awaited(task) => format!("{} is {}", short(task.id), task.state.kind()),
        Answer::Purged(tasks) => format!("purged {tasks}"),
        Answer::Refused(refusal) => refused(refusal),
    }
}

fn outcome<T>(outcome: &Result<T, Rejection>) -> String {
    outcome.as_ref().err().map_or_else(|| "yes".into(), refused)
}

fn refused(refusal: &Rejection) -> String {
    format!("no: {refusal:?}")
}

fn grant(grant: &Grant) -> String {
    format!(
        "{} under {} (attempt {})",
        short(grant.task),
        grant.lease,
        grant.attempt
    )
}

fn proof(proof: &LeaseRef) -> String {
    format!("{} under {}", short(proof.task), proof.lease)
}

fn proofs(proofs: &[LeaseRef]) -> String {
    join(proofs.iter().map(proof))
}

fn names(ids: &[TaskId]) -> String {
    join(ids.iter().copied().map(short))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return "nothing".into();
    }
    let more = parts.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        parts.truncate(NAMED_MAX);
        parts.push(format!("and {more} more"));
    }
    parts.join(", ")
}
