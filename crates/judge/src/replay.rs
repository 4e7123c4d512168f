//! The hub's log, replayed: whether each change follows from the one before it.
//!
//! The log is written as the hub changes its memory, which is before the change is on disk. When
//! the hub dies, or a pool fails, the last changes of the log may be gone. Which of them are, it
//! does not say, so a task then has several states that it may be in, and the next change must
//! follow from one of them. Two things narrow them down: what a producer or a node was told was on
//! disk by then, and what one pool writes reaches the disk in the order of the log.

mod known;
mod rules;
mod state;

use std::collections::{BTreeMap, HashMap};

use crate::{
    Change, History, Kind, LogLine, Logged, Terms, Violation,
    replay::{
        known::Known,
        rules::{Bounds, follow},
        state::State,
    },
    story::{Stories, Told},
};

pub(crate) use rules::LOST_TOO_OFTEN;
pub(crate) use state::is_newer;

/// What the log shows.
pub(crate) fn check(history: &History, terms: &Terms, stories: &Stories<'_>) -> Vec<Violation> {
    let mut replay = Replay {
        terms,
        stories,
        known: Known::new(history, stories),
        tasks: BTreeMap::new(),
        recent: HashMap::new(),
        violations: Vec::new(),
    };
    // What a task was before is at 0.
    let mut position = 1;
    for log in &history.logs {
        replay.fall_back(None);
        for logged in log {
            replay.take(position, logged);
            position += 1;
        }
    }
    replay.compare_with_found();
    replay.compare_with_seen();
    replay.violations
}

/// Changes of the log.
pub(crate) fn changes(history: &History) -> impl Iterator<Item = (&Change, &Logged)> {
    let logged = history.logs.iter().flatten();
    logged.filter_map(|logged| match &logged.line {
        LogLine::Changed(change) => Some((change, logged)),
        LogLine::Forgotten { .. }
        | LogLine::Failed { .. }
        | LogLine::Panicked(_)
        | LogLine::Other => None,
    })
}

struct Replay<'a> {
    terms: &'a Terms,
    stories: &'a Stories<'a>,
    known: Known<'a>,
    tasks: BTreeMap<&'a str, Task<'a>>,
    /// Of each pool, the tasks that changed since it was last loaded.
    recent: HashMap<&'a str, Vec<&'a str>>,
    violations: Vec<Violation>,
}

/// A task, as far as the log goes.
#[derive(Default)]
struct Task<'a> {
    /// What it may be now, the likeliest last.
    may_be: Vec<State>,
    /// What it was after each change since its pool was last loaded, and where that stands.
    trail: Vec<(usize, bool, State)>,
    last: Option<&'a Logged>,
    /// It is wrong already: what follows says nothing.
    is_broken: bool,
}

impl<'a> Replay<'a> {
    fn take(&mut self, position: usize, logged: &'a Logged) {
        match &logged.line {
            LogLine::Changed(change) => self.change(position, change, logged),
            LogLine::Forgotten { task } => self.forget(task, logged),
            LogLine::Failed { pool } => self.fall_back(Some(pool)),
            LogLine::Panicked(text) => {
                let said = "a bug of the hub: see its log".to_owned();
                self.violations.push(Violation {
                    kind: Kind::Panicked,
                    task: None,
                    said,
                    quotes: vec![format!("{}  {text}", logged.place)],
                });
            }
            LogLine::Other => {}
        }
    }

    fn change(&mut self, position: usize, change: &'a Change, logged: &'a Logged) {
        let own = self.stories.get(change.task.as_str());
        let bounds = Bounds::of(own, self.terms);
        let task = self.tasks.entry(&change.task).or_default();
        if task.may_be.is_empty() {
            task.may_be.push(State::default());
        }
        if task.trail.is_empty() {
            let recent = self.recent.entry(&change.pool).or_default();
            recent.push(&change.task);
            let before = task.may_be.iter().cloned();
            // Before all that the log tells since then.
            task.trail.extend(before.map(|state| (0, true, state)));
        }
        let mut breach = None;
        let mut next = Vec::new();
        for state in &task.may_be {
            match follow(state, change, bounds) {
                Ok(state) if !next.contains(&state) => next.push(state),
                Ok(_) => {}
                Err(why) => breach = Some(why),
            }
        }
        if let Some((kind, said)) = breach.filter(|_| next.is_empty()) {
            if !task.is_broken {
                let violation = Violation::new(kind, &change.task, said);
                let shown = task.last.into_iter().chain([logged]);
                self.violations.push(violation.showing(shown));
            }
            task.is_broken = true;
            next.push(State::as_told(change));
        }
        let is_durable = !matches!(change.cause.as_str(), "Due" | "Extended");
        let after = next.iter().cloned();
        task.trail
            .extend(after.map(|state| (position, is_durable, state)));
        (task.may_be, task.last) = (next, Some(logged));
    }

    fn forget(&mut self, id: &'a str, logged: &'a Logged) {
        let task = self.tasks.entry(id).or_default();
        if !task.may_be.iter().any(State::has_ended) && !task.is_broken {
            let violation = Violation::new(Kind::Lost, id, "it was forgotten before it had ended");
            let shown = task.last.into_iter().chain([logged]);
            self.violations.push(violation.showing(shown));
        }
        *task = Task {
            last: Some(logged),
            ..Task::default()
        };
    }

    /// A pool is loaded from its store, or all are.
    fn fall_back(&mut self, pool: Option<&str>) {
        let pools: Vec<&str> = match pool {
            Some(pool) => vec![pool],
            None => self.recent.keys().copied().collect(),
        };
        for pool in pools {
            let recent = self.recent.remove(pool).unwrap_or_default();
            let tasks = recent.iter().filter_map(|task| self.tasks.get(task));
            let of_pool = tasks.map(|task| task.on_disk(&self.known)).max();
            for task in recent {
                if let Some(task) = self.tasks.get_mut(task) {
                    // Partitions of a pool are written each for itself.
                    let own = task.on_disk(&self.known);
                    let is_one = self.terms.is_plain_order;
                    task.fall_back(of_pool.filter(|_| is_one).unwrap_or(own));
                }
            }
        }
    }

    fn compare_with_found(&mut self) {
        for (id, story) in self.stories {
            let (Some((found, recorded)), Some(task)) = (story.found, self.tasks.get(id)) else {
                continue;
            };
            let is = |state: &State| {
                state.life == Some(found.life)
                    && state.attempt == found.attempt
                    && state.interruptions == found.interruptions
            };
            if task.is_broken || task.may_be.iter().any(is) {
                continue;
            }
            let Some(state) = task.may_be.last() else {
                continue;
            };
            let kind = match state.life {
                Some(life) if life == found.life => Kind::Miscounted,
                Some(_) | None => Kind::Unexplained,
            };
            let said = format!(
                "by the hub's log it is {state}; the hub says that it is {}, attempt {}, {} \
                 interruptions",
                found.life, found.attempt, found.interruptions
            );
            let violation = Violation::new(kind, id, said);
            let shown = task.last.map(ToString::to_string);
            let shown = shown.into_iter().chain([recorded.to_string()]);
            self.violations.push(violation.showing(shown));
        }
    }

    /// What nodes were given and told must stand in the log.
    fn compare_with_seen(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        for (id, story) in self.stories {
            let unknown = |lease: &str| !self.known.was_granted(id, lease);
            if let Some(start) = story.starts.iter().find(|start| unknown(start.lease)) {
                let said = format!("{} worked under {}", start.node, start.lease);
                let violation = Violation::new(Kind::Ungranted, id, said);
                self.violations.push(violation.showing([start.recorded]));
            }
            let untold = |told: &&Told<'_>| !self.known.has_ended(id, told.lease, told.outcome);
            if let Some(told) = story.taken().find(untold) {
                let said = format!(
                    "a {} under {} was acknowledged, and by the hub's log it had no effect",
                    told.outcome, told.lease
                );
                let violation = Violation::new(Kind::Vanished, id, said);
                self.violations.push(violation.showing([told.recorded]));
            }
        }
    }
}

impl Task<'_> {
    /// Where its last change stands of which it is known that it was on disk.
    fn on_disk(&self, known: &Known<'_>) -> usize {
        let positions = self.trail.iter().map(|(position, ..)| *position);
        let on_disk = positions.filter(|position| known.is_on_disk(*position));
        on_disk.max().unwrap_or(0)
    }

    /// What was on disk stays; what came after may be gone. What need not be on disk may be gone in
    /// any case.
    fn fall_back(&mut self, on_disk: usize) {
        let is_sure =
            |(position, is_durable, _): &&(usize, bool, State)| *position <= on_disk && *is_durable;
        let sure = self.trail.iter().filter(is_sure).map(|(at, ..)| *at).max();
        let from = sure.unwrap_or(0);
        let mut may_be = Vec::new();
        for (position, _, state) in self.trail.drain(..) {
            if position < from {
                continue;
            }
            for state in state.reloaded() {
                if !may_be.contains(&state) {
                    may_be.push(state);
                }
            }
        }
        self.may_be = may_be;
    }
}
