//! What nodes saw: only the newest lease's answer takes effect, a completion stays, payloads are
//! what they were.

use crate::{
    Found, Kind, Life, Outcome, Violation,
    replay::is_newer,
    story::{Start, Stories, Story, Told},
};

pub(crate) fn check(stories: &Stories<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (task, story) in stories {
        found.extend(payloads(task, story));
        found.extend(completed_twice(task, story));
        found.extend(stale(task, story));
        found.extend(vanished(task, story));
        found.extend(attempts(task, story));
    }
    found
}

fn payloads(task: &str, story: &Story<'_>) -> Option<Violation> {
    let wrong = story.starts.iter().find(|start| !start.is_right)?;
    let said = format!("{} was given something else", wrong.node);
    let violation = Violation::new(Kind::WrongPayload, task, said);
    Some(violation.showing(story.asked.into_iter().chain([wrong.recorded])))
}

fn completions<'a, 's>(story: &'s Story<'a>) -> impl Iterator<Item = &'s Told<'a>> {
    story
        .taken()
        .filter(|told| told.outcome == Outcome::Complete)
}

fn completed_twice(task: &str, story: &Story<'_>) -> Option<Violation> {
    let mut by = completions(story);
    let first = by.next();
    let second = first.and_then(|first| by.find(|told| told.lease != first.lease));
    if let (Some(first), Some(second)) = (first, second) {
        let said = format!(
            "completions under {} and {} were both acknowledged",
            first.lease, second.lease
        );
        let violation = Violation::new(Kind::CompletedTwice, task, said);
        return Some(violation.showing([first.recorded, second.recorded]));
    }
    let (found, recorded) = story.found?;
    if found.completed_by.len() < 2 {
        return None;
    }
    let said = format!(
        "its history tells of {} completions",
        found.completed_by.len()
    );
    Some(Violation::new(Kind::CompletedTwice, task, said).showing([recorded]))
}

/// A lease is stale from the grant of a newer one on. A completion under it can never have taken
/// effect, for a completed task is not granted; another answer only before the newer grant.
fn stale(task: &str, story: &Story<'_>) -> Option<Violation> {
    for told in story.taken() {
        let asked_at = story.asked_at(told.lease).unwrap_or(told.at_us);
        let is_too_late = |start: &&Start<'_>| {
            is_newer(start.lease, told.lease)
                && (told.outcome == Outcome::Complete || start.at_us < asked_at)
        };
        let Some(newer) = story.starts.iter().find(is_too_late) else {
            continue;
        };
        let said = format!(
            "a {} under {} was acknowledged, and {} had it under {}, which is newer",
            told.outcome, told.lease, newer.node, newer.lease
        );
        let violation = Violation::new(Kind::StaleAnswer, task, said);
        return Some(violation.showing([newer.recorded, told.recorded]));
    }
    None
}

fn vanished(task: &str, story: &Story<'_>) -> Option<Violation> {
    let told = completions(story).next()?;
    let (found, recorded) = story.found?;
    let (kind, said) = if found.life != Life::Completed {
        let said = format!(
            "a completion under {} was acknowledged, and the task is {} at the end",
            told.lease, found.life
        );
        (Kind::Vanished, said)
    } else {
        let other = other_lease(found, told.lease)?;
        let said = format!(
            "a completion under {} was acknowledged, and at the end it counts as completed by {other}",
            told.lease
        );
        // Nobody may have seen the newer grant, if its node died at once.
        let was_stale = is_newer(other, told.lease);
        let kind = if was_stale {
            Kind::StaleAnswer
        } else {
            Kind::Vanished
        };
        (kind, said)
    };
    let violation = Violation::new(kind, task, said);
    Some(violation.showing([told.recorded, recorded]))
}

/// Under which other lease the task is said to have completed, or left a result.
fn other_lease<'a>(found: &'a Found, lease: &str) -> Option<&'a String> {
    let mut leases = found.completed_by.iter().chain(&found.result);
    leases.find(|other| *other != lease)
}

/// The attempt that completed it is the last that counts.
fn attempts(task: &str, story: &Story<'_>) -> Option<Violation> {
    let (found, recorded) = story.found?;
    let by = found.completed_by.first()?;
    let start = story.starts.iter().find(|start| start.lease == by)?;
    if found.life != Life::Completed || found.attempt == start.attempt {
        return None;
    }
    let said = format!(
        "it completed in attempt {}, and at the end {} are counted",
        start.attempt, found.attempt
    );
    let violation = Violation::new(Kind::Miscounted, task, said);
    Some(violation.showing([start.recorded, recorded]))
}
