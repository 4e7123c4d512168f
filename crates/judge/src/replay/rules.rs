//! Which change may follow on what. One rule for each verb, from the documents.

use super::state::{Ending, State, is_newer};
use crate::{Change, Kind, Life, Terms, story::Story};

/// The three budgets of a task: its own, or those of its pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    attempts_max: u32,
    losses_max: u32,
    interruptions_max: u32,
}

impl Bounds {
    pub(super) fn of(story: Option<&Story<'_>>, terms: &Terms) -> Self {
        let attempts_max = story.and_then(Story::attempts_max);
        let losses_max = story.and_then(Story::losses_max);
        Self {
            attempts_max: attempts_max.unwrap_or(terms.attempts_max),
            losses_max: losses_max.unwrap_or(terms.losses_max),
            interruptions_max: terms.interruptions_max,
        }
    }
}

type Followed = Result<State, (Kind, String)>;

/// The state after a change, or what is wrong with it.
pub(super) fn follow(from: &State, change: &Change, bounds: Bounds) -> Followed {
    let to = match change.cause.as_str() {
        "Enqueued" => enqueued(from, change),
        "Claimed" => claimed(from, change),
        "Extended" | "StopAsked" | "Progressed" => held(from, change),
        "Resumed" => resumed(from, change),
        "Completed" => completed(from, change),
        "Due" | "Freed" => due(from, change),
        "Cancelled" | "Expired" | "ParentGone" | "Requeued(Cancelled)" => called_off(from, change),
        "Revived" => revived(from, change),
        _ => requeued(from, change, bounds),
    }?;
    if to.attempt != change.attempt {
        let said = format!(
            "it is attempt {} now, and the log says {}",
            to.attempt, change.attempt
        );
        return Err((Kind::Miscounted, said));
    }
    Ok(to)
}

fn unexplained(from: &State, change: &Change) -> (Kind, String) {
    let kind = match from.life {
        Some(life) if life.is_end() => Kind::EndedTwice,
        Some(_) | None => Kind::Unexplained,
    };
    let said = format!("it was {from}; then: {}, {}", change.cause, change.life);
    (kind, said)
}

/// The state with the life that the log tells, if it is one of these.
fn to(from: &State, change: &Change, lives: &[Life]) -> Followed {
    if !lives.contains(&change.life) {
        return Err(unexplained(from, change));
    }
    let mut to = from.clone();
    to.life = Some(change.life);
    Ok(to)
}

fn enqueued(from: &State, change: &Change) -> Followed {
    if from.life.is_some() {
        return Err(unexplained(from, change));
    }
    to(from, change, &[Life::Ready, Life::Scheduled])
}

fn claimed(from: &State, change: &Change) -> Followed {
    let lease = change.lease.clone().unwrap_or_default();
    if from.life == Some(Life::Claimed) {
        let held = from.lease.as_deref().unwrap_or("another lease");
        let said = format!("it was granted under {lease} while {held} was live");
        return Err((Kind::TwoLeases, said));
    }
    if from.life != Some(Life::Ready) {
        return Err(unexplained(from, change));
    }
    if let Some(newest) = from.newest.as_deref().filter(|of| !is_newer(&lease, of)) {
        let said = format!("it was granted under {lease}, which is not newer than {newest}");
        return Err((Kind::TwoLeases, said));
    }
    let mut to = to(from, change, &[Life::Claimed])?;
    to.attempt += 1;
    (to.lease, to.newest) = (Some(lease.clone()), Some(lease));
    to.ending = None;
    Ok(to)
}

/// The lease that the log names must be the newest.
fn under(from: &State, lease: Option<&String>) -> Result<(), (Kind, String)> {
    let Some(lease) = lease else { return Ok(()) };
    if from.lease.as_ref() == Some(lease) {
        return Ok(());
    }
    let held = from.lease.as_deref().unwrap_or("none");
    let said = format!("something was done under {lease}, and the lease that is good is {held}");
    Err((Kind::StaleAnswer, said))
}

fn held(from: &State, change: &Change) -> Followed {
    if from.life != Some(Life::Claimed) {
        return Err(unexplained(from, change));
    }
    under(from, change.lease.as_ref())?;
    to(from, change, &[Life::Claimed])
}

/// As it is when its holder speaks: an attempt that the hub had given up goes on.
fn in_hand(from: &State, change: &Change, lease: Option<&String>) -> Followed {
    if from.has_ended() {
        if (from.life, change.life) == (Some(Life::Completed), Life::Completed) {
            let said = "it was completed, and then completed again".to_owned();
            return Err((Kind::CompletedTwice, said));
        }
        return Err(unexplained(from, change));
    }
    under(from, lease)?;
    let mut to = from.clone();
    match from.life {
        Some(Life::Claimed) => {}
        Some(Life::Ready | Life::Scheduled) if from.lease.is_some() => to.take_back(),
        Some(Life::Ready | Life::Scheduled | Life::Completed | Life::Cancelled | Life::Dead)
        | None => return Err(unexplained(from, change)),
    }
    Ok(to)
}

fn resumed(from: &State, change: &Change) -> Followed {
    let from = in_hand(from, change, change.lease.as_ref())?;
    to(&from, change, &[Life::Claimed])
}

fn completed(from: &State, change: &Change) -> Followed {
    let from = in_hand(from, change, change.ended.as_ref())?;
    let mut to = to(&from, change, &[Life::Completed])?;
    (to.lease, to.ending) = (None, None);
    Ok(to)
}

fn due(from: &State, change: &Change) -> Followed {
    match from.life {
        Some(Life::Scheduled | Life::Ready) => to(from, change, &[Life::Ready, Life::Scheduled]),
        Some(Life::Claimed | Life::Completed | Life::Cancelled | Life::Dead) | None => {
            Err(unexplained(from, change))
        }
    }
}

/// Called off, or too late: nothing is counted.
fn called_off(from: &State, change: &Change) -> Followed {
    if from.life.is_none() || from.has_ended() {
        return Err(unexplained(from, change));
    }
    let mut to = to(from, change, &[Life::Cancelled, Life::Dead])?;
    to.attempt = change.attempt;
    (to.lease, to.ending) = (None, None);
    Ok(to)
}

fn revived(from: &State, change: &Change) -> Followed {
    if from.life != Some(Life::Dead) {
        return Err(unexplained(from, change));
    }
    let anew = State {
        newest: from.newest.clone(),
        ..State::default()
    };
    to(&anew, change, &[Life::Ready, Life::Scheduled])
}

fn requeued(from: &State, change: &Change, bounds: Bounds) -> Followed {
    let Some(ending) = Ending::parse(&change.cause) else {
        let said = format!("the log says \"{}\", which is not known here", change.cause);
        return Err((Kind::Unexplained, said));
    };
    let by_holder = matches!(
        change.cause.as_str(),
        "Requeued(Failed)" | "Requeued(Released)"
    );
    let mut now = in_hand(from, change, change.ended.as_ref())?;
    if !by_holder && from.life != Some(Life::Claimed) {
        return Err(unexplained(from, change));
    }
    now.count(ending);
    let lives = [Life::Ready, Life::Scheduled, Life::Dead, Life::Cancelled];
    let mut to = to(&now, change, &lives)?;
    // Whoever ended it himself may say no more under it, and under one that overran nobody may.
    if by_holder || change.lease.is_none() {
        to.lease = None;
    }
    budgets(&to, change, bounds)?;
    Ok(to)
}

/// What a task dies of that kills its nodes, in the hub's words.
pub(crate) const LOST_TOO_OFTEN: &str = "lost with its node too often";

/// Dead exactly when one of the three is spent, and of that one.
fn budgets(to: &State, change: &Change, bounds: Bounds) -> Result<(), (Kind, String)> {
    let Bounds {
        attempts_max,
        losses_max,
        interruptions_max,
    } = bounds;
    let spent = [
        ("attempts spent", to.failures >= attempts_max),
        (LOST_TOO_OFTEN, to.losses >= losses_max),
        (
            "interrupted too often",
            to.interruptions > interruptions_max,
        ),
    ];
    let miscounted = |said: String| Err((Kind::Miscounted, said));
    if change.life == Life::Dead {
        let named = |(of, is_spent): &&(&str, bool)| match change.died.as_deref() {
            Some(died) => died == *of,
            None => *is_spent,
        };
        // It may be dead of something else than these.
        let is_counted = match spent.iter().find(named) {
            Some((_, is_spent)) => *is_spent,
            None => change.died.is_some(),
        };
        if is_counted {
            return Ok(());
        }
        return miscounted(format!(
            "it is dead of \"{}\" after {} failures of {attempts_max}, {} losses of {losses_max}, {} \
             interruptions of {interruptions_max}",
            change.died.as_deref().unwrap_or("one of them"),
            to.failures,
            to.losses,
            to.interruptions
        ));
    }
    let overdue = spent.iter().find(|(_, is_spent)| *is_spent);
    match overdue.filter(|_| change.life != Life::Cancelled) {
        Some((of, _)) => miscounted(format!(
            "it lives on after {} failures of {attempts_max}, {} losses of {losses_max}, {} \
             interruptions of {interruptions_max}: {of}",
            to.failures, to.losses, to.interruptions
        )),
        None => Ok(()),
    }
}
