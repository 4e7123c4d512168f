//! How soon what a dead node held runs again.
//!
//! The promise is made by a hub that is there, to tasks that some other node has room for. So a
//! death counts only if nothing else was wrong: neither the hub nor the way to it was disturbed
//! from shortly before until the task should have run again, and another node was up all the
//! while. What the machine itself stood still is allowed on top.

use std::collections::HashMap;

use crate::{
    Answer, Began, Entry, History, How, Kind, Recorded, Terms, Violation, What,
    replay::is_newer,
    story::{Start, Stories, Story, Told},
};

/// So long before a death nothing may have been wrong, so that no backlog stands before the task.
const CALM_BEFORE_US: u64 = 2_000_000;

/// The promise, beside the grace.
const PROMISED_MS: u64 = 1_000;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Requeues {
    /// Tasks of dead nodes that ran again while nothing else was wrong.
    pub(crate) moved: u64,
    pub(crate) longest_us: Option<u64>,
    pub(crate) violations: Vec<Violation>,
}

/// A span of time, in which something was so.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

impl Span {
    const fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    const fn holds(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }
}

/// A node is gone.
struct Death<'a> {
    node: &'a str,
    at: u64,
    /// Since when it had been there: what an earlier start of it held is not its.
    since: u64,
    /// Until when it stays away.
    to: u64,
    grace_ms: u64,
    was_killed: bool,
    recorded: &'a Recorded,
}

pub(crate) fn check(history: &History, terms: &Terms, stories: &Stories<'_>) -> Requeues {
    let timeline = Timeline::new(history);
    let mut requeues = Requeues::default();
    for death in timeline.deaths(history, terms) {
        for (task, story) in stories {
            timeline.judge(task, story, &death, terms, &mut requeues);
        }
    }
    requeues
}

pub(crate) struct Timeline<'a> {
    /// The hub, or the way to it, was not as it should be.
    disturbed: Vec<Span>,
    /// When each node was there.
    up: Vec<(&'a str, Span)>,
    /// When each was frozen: until that is noticed, it is granted tasks.
    frozen: Vec<(&'a str, Span)>,
    /// When the machine stood still, and for how long.
    stalls: Vec<Span>,
    calm_at: u64,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        let mut timeline = Self {
            disturbed: Vec::new(),
            up: Vec::new(),
            frozen: Vec::new(),
            stalls: Vec::new(),
            calm_at: u64::MAX,
        };
        for recorded in &history.entries {
            timeline.take(recorded.entry.at_us, &recorded.entry.what);
        }
        timeline
    }

    fn take(&mut self, at: u64, what: &'a What) {
        match what {
            What::Up { who, .. } | What::Thawed { who } if who == "hub" => self.hub_is_back(at),
            What::Down { who, .. } | What::Frozen { who } if who == "hub" => {
                self.disturbed.push(Span {
                    from: at,
                    to: u64::MAX,
                });
            }
            What::Up { who, .. } | What::Thawed { who } => {
                let asleep = self.frozen.iter_mut().rev().find(|(node, _)| node == who);
                if let Some((_, span)) = asleep {
                    span.to = span.to.min(at);
                }
                let span = Span {
                    from: at,
                    to: u64::MAX,
                };
                self.up.push((who, span));
            }
            What::Down { who, .. } | What::Frozen { who } => {
                if let What::Frozen { .. } = what {
                    let span = Span {
                        from: at,
                        to: u64::MAX,
                    };
                    self.frozen.push((who, span));
                }
                let last = self.up.iter_mut().rev().find(|(node, _)| node == who);
                if let Some((_, span)) = last {
                    span.to = span.to.min(at);
                }
            }
            What::Fault { for_ms, .. } => self.disturbed.push(Span {
                from: at,
                to: at.saturating_add(for_ms.saturating_mul(1_000)),
            }),
            What::Stalled { for_us } => self.stalls.push(Span {
                from: at.saturating_sub(*for_us),
                to: at,
            }),
            What::Calm => self.calm_at = self.calm_at.min(at),
            What::Began(_)
            | What::EnqueueAsked { .. }
            | What::Acknowledged { .. }
            | What::EnqueueRefused { .. }
            | What::EnqueueUnknown { .. }
            | What::Started { .. }
            | What::Poisoned { .. }
            | What::AnswerAsked { .. }
            | What::Answered { .. }
            | What::Checked { .. }
            | What::Found(_)
            | What::NotFound { .. } => {}
        }
    }

    fn hub_is_back(&mut self, at: u64) {
        if let Some(last) = self.disturbed.last_mut().filter(|span| span.to == u64::MAX) {
            last.to = at;
        }
    }

    /// Nodes that were killed, be it by a task, or frozen for longer than the hub waits.
    fn deaths(&self, history: &'a History, terms: &Terms) -> Vec<Death<'a>> {
        let (mut deaths, mut since) = (Vec::new(), HashMap::new());
        for recorded in &history.entries {
            let at = recorded.entry.at_us;
            if let What::Up { who, .. } = &recorded.entry.what {
                since.insert(who, at);
            }
            let Some((node, grace_ms, was_killed)) = death(&recorded.entry, terms) else {
                continue;
            };
            let back = self.up.iter().filter(|(who, _)| who == node);
            let back = back.map(|(_, span)| span.from).filter(|from| *from > at);
            deaths.push(Death {
                node,
                at,
                since: since.get(node).copied().unwrap_or(0),
                to: back.min().unwrap_or(u64::MAX),
                grace_ms,
                was_killed,
                recorded,
            });
        }
        deaths
    }

    fn judge(
        &self,
        task: &str,
        story: &Story<'_>,
        death: &Death<'_>,
        terms: &Terms,
        requeues: &mut Requeues,
    ) {
        let Some(held) = held_by(story, death, terms) else {
            return;
        };
        let is_later = |start: &&Start<'_>| is_newer(start.lease, held.lease);
        let again = story.starts.iter().filter(is_later);
        let Some(again) = again.min_by_key(|start| start.at_us) else {
            // Its answer got through, or what became of it is told elsewhere.
            return;
        };
        // Somebody else had it who died, too, before he had begun.
        if again.attempt > held.attempt + 1 {
            return;
        }
        let promised = (death.grace_ms + PROMISED_MS + terms.slack_ms) * 1_000;
        let window = Span {
            from: death.at,
            to: again.at_us,
        };
        let allowed = promised + self.stood_still(window);
        if !self.is_fair(window, allowed, death) {
            return;
        }
        let took = again.at_us.saturating_sub(death.at);
        requeues.moved += 1;
        requeues.longest_us = requeues.longest_us.max(Some(took));
        if took > allowed {
            let said = format!(
                "{} held it and was gone; it ran again after {} ms, and {} ms were promised, of \
                 which {} ms are slack",
                death.node,
                took / 1_000,
                allowed / 1_000,
                terms.slack_ms
            );
            let violation = Violation::new(Kind::LateRequeue, task, said);
            let shown = [held.recorded, death.recorded, again.recorded];
            requeues.violations.push(violation.showing(shown));
        }
    }

    /// Whether nothing but this death was wrong until it ran again, or until it should have; and
    /// another node was there, and this one was not.
    fn is_fair(&self, window: Span, allowed: u64, death: &Death<'_>) -> bool {
        let around = Span {
            from: window.from.saturating_sub(CALM_BEFORE_US),
            to: window.to.min(window.from + allowed),
        };
        let is_calm = !self.disturbed.iter().any(|span| span.meets(around));
        let is_heir = |(node, span): &&(&str, Span)| {
            *node != death.node && node.starts_with("node") && span.holds(around)
        };
        let has_heir = self.up.iter().any(|up| is_heir(&up));
        let until_then = Span {
            from: window.from,
            ..around
        };
        let misleads = |(node, span): &(&str, Span)| *node != death.node && span.meets(until_then);
        let is_calm = is_calm && !self.frozen.iter().any(misleads);
        let stays_away = death.was_killed || death.to > around.to;
        is_calm && has_heir && stays_away && around.to < self.calm_at
    }

    /// Whether the hub, and the way to it, was as it should be, and faults were not over.
    pub(crate) fn is_calm(&self, from: u64, to: u64) -> bool {
        let span = Span { from, to };
        to < self.calm_at && !self.disturbed.iter().any(|of| of.meets(span))
    }

    fn stood_still(&self, window: Span) -> u64 {
        let within = self.stalls.iter().filter(|stall| stall.meets(window));
        within.map(|stall| stall.to - stall.from).sum()
    }
}

/// Which node is gone, for how long its leases stay good, and whether it was killed.
fn death<'a>(entry: &'a Entry, terms: &Terms) -> Option<(&'a String, u64, bool)> {
    let Entry { by, what, .. } = entry;
    let (who, grace_ms, was_killed) = if let What::Poisoned { .. } = what {
        (by, terms.cut_grace_ms, true)
    } else if let What::Frozen { who } = what {
        (who, terms.silence_after_ms, false)
    } else if let What::Down {
        who,
        how: How::Killed,
    } = what
    {
        (who, terms.cut_grace_ms, true)
    } else {
        return None;
    };
    who.starts_with("node")
        .then_some((who, grace_ms, was_killed))
}

/// The start that the node was at when it died, unless it had answered, or the task is a suspect
/// that backs off.
fn held_by<'a>(story: &Story<'a>, death: &Death<'_>, terms: &Terms) -> Option<Start<'a>> {
    let before = story.starts.iter().filter(|start| start.at_us <= death.at);
    let last = before.max_by_key(|start| start.at_us)?;
    let counts = |told: &Told<'_>| told.at_us <= death.at || *told.answer == Answer::Taken;
    let mut answers = story.answers.iter();
    let was_answered = answers.any(|told| told.lease == last.lease && counts(told));
    let is_its = last.node == death.node && last.at_us >= death.since;
    let is_held = is_its && !was_answered && last.attempt < terms.suspect_after;
    is_held.then_some(*last)
}

/// How a history says that it began.
pub(crate) fn began(history: &History) -> Option<&Began> {
    history.entries.iter().find_map(|recorded| {
        if let What::Began(began) = &recorded.entry.what {
            Some(began)
        } else {
            None
        }
    })
}
