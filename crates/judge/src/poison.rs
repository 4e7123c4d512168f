//! Tasks that kill every node that works on them: they back off, are dead of it within their budget of
//! losses, and meanwhile others went on.

use std::collections::BTreeSet;

use crate::{
    Answer, History, Kind, Life, Outcome, Recorded, Terms, Violation, What,
    replay::LOST_TOO_OFTEN,
    requeue::Timeline,
    story::{Start, Stories, Story},
};

/// The hub counts in milliseconds.
const ROUNDED_US: u64 = 2_000;

/// Of so many others that were acknowledged meanwhile, one at the least has completed.
const OTHERS: usize = 10;

pub(crate) fn check(history: &History, terms: &Terms, stories: &Stories<'_>) -> Vec<Violation> {
    let timeline = Timeline::new(history);
    let mut violations = Vec::new();
    for (task, story) in stories.iter().filter(|(_, story)| story.is_poison()) {
        violations.extend(undying(task, story, terms));
        violations.extend(unsuspected(task, story, terms));
        violations.extend(held_up(task, story, stories, &timeline));
    }
    violations
}

fn undying(task: &str, story: &Story<'_>, terms: &Terms) -> Option<Violation> {
    let (found, recorded) = story.found?;
    if !found.life.is_end() {
        return None;
    }
    let losses_max = story.losses_max().unwrap_or(terms.losses_max);
    let kills = kills(story);
    // An attempt that counts is a loss or a failure, and it did not die of its failures.
    let bound = losses_max.saturating_add(terms.attempts_max);
    let said = if found.life != Life::Dead {
        format!("it killed {kills} nodes and is {} at the end", found.life)
    } else if !found.reason.is_empty() && !found.reason.starts_with(LOST_TOO_OFTEN) {
        format!("it killed {kills} nodes and died of \"{}\"", found.reason)
    } else if found.attempt < losses_max || found.attempt >= bound {
        format!(
            "it is dead after {} attempts, and {losses_max} losses are what it may have",
            found.attempt
        )
    } else if kills > found.attempt as usize + found.interruptions as usize {
        format!(
            "it killed {kills} nodes, and {} attempts and {} interruptions are counted",
            found.attempt, found.interruptions
        )
    } else {
        return None;
    };
    let shown = story
        .asked
        .into_iter()
        .chain(story.poisoned.last().copied());
    let violation = Violation::new(Kind::Undying, task, said);
    Some(violation.showing(shown.chain([recorded])))
}

/// When it killed the node that had it under this lease.
fn killed_at(story: &Story<'_>, lease: &str) -> Option<u64> {
    let of = |recorded: &&&Recorded| matches!(&recorded.entry.what, What::Poisoned { lease: of, .. } if of == lease);
    let killed = story.poisoned.iter().find(of)?;
    Some(killed.entry.at_us)
}

/// Under how many leases it has killed a node.
fn kills(story: &Story<'_>) -> usize {
    let lease = |what: &What| {
        if let What::Poisoned { lease, .. } = what {
            Some(lease.clone())
        } else {
            None
        }
    };
    let each = story.poisoned.iter();
    let leases: BTreeSet<_> = each.filter_map(|of| lease(&of.entry.what)).collect();
    leases.len()
}

/// From the loss on that makes it a suspect it waits, after the grace that its node had to come back.
fn unsuspected(task: &str, story: &Story<'_>, terms: &Terms) -> Option<Violation> {
    let losses_max = story.losses_max().unwrap_or(terms.losses_max);
    // It is not known, or what was a failure was no loss in a row.
    if terms.back_off_least_ms == 0 {
        return None;
    }
    if story
        .found
        .is_some_and(|(found, _)| found.attempt > losses_max)
    {
        return None;
    }
    let waits = (terms.cut_grace_ms + terms.back_off_least_ms) * 1_000;
    for pair in story.starts.windows(2) {
        let [before, after] = pair else { continue };
        let died_at = killed_at(story, before.lease).unwrap_or(before.at_us);
        let took = after.at_us.saturating_sub(died_at);
        if !is_loss_of_suspect(before, after, terms) || took + ROUNDED_US >= waits {
            continue;
        }
        let said = format!(
            "it was lost {} times in a row, and ran again after {} ms, of which {} ms are its node's \
             to come back and {} ms the least that it has to wait",
            before.attempt,
            took / 1_000,
            terms.cut_grace_ms,
            terms.back_off_least_ms
        );
        let violation = Violation::new(Kind::Unsuspected, task, said);
        return Some(violation.showing([before.recorded, after.recorded]));
    }
    None
}

/// Whether the attempt counted, as the next one tells, and all that do are losses.
const fn is_loss_of_suspect(before: &Start<'_>, after: &Start<'_>, terms: &Terms) -> bool {
    before.attempt >= terms.suspect_after && after.attempt == before.attempt + 1
}

/// From the first node that it killed to the last, while nothing was wrong with the hub.
fn held_up(
    task: &str,
    story: &Story<'_>,
    stories: &Stories<'_>,
    timeline: &Timeline<'_>,
) -> Option<Violation> {
    let (first, last) = (story.poisoned.first()?, story.poisoned.last()?);
    let (from, to) = (first.entry.at_us, last.entry.at_us);
    if !timeline.is_calm(from, to) {
        return None;
    }
    let is_within = |at: u64| from <= at && at <= to;
    let others = || stories.values().filter(|story| !story.is_poison());
    let came = others().filter_map(|story| story.acknowledged);
    let came = came.filter(|of| is_within(of.entry.at_us)).count();
    let is_done = |story: &Story<'_>| {
        let mut answers = story.answers.iter();
        answers.any(|told| {
            let is_completion = told.outcome == Outcome::Complete;
            is_completion && *told.answer == Answer::Taken && is_within(told.at_us)
        })
    };
    if came < OTHERS || others().any(is_done) {
        return None;
    }
    let said = format!(
        "in the {} ms from the first node that it killed to the last {came} others came, and none \
         completed",
        (to - from) / 1_000
    );
    let violation = Violation::new(Kind::HeldUp, task, said);
    Some(violation.showing([*first, *last]))
}
