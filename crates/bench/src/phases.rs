//! What is measured, one file each.

pub(crate) mod cut;
pub(crate) mod deep;
pub(crate) mod latency;
pub(crate) mod mixed;
pub(crate) mod restart;
pub(crate) mod sessions;
pub(crate) mod soak;
pub(crate) mod store;
pub(crate) mod throughput;

use std::{sync::Arc, time::Duration};

use crate::{Limits, Target, book::Book, drive::Outcome, options::Options};

/// A system in one phase, and where its figures go.
pub(crate) struct Trial<'a> {
    pub(crate) options: &'a Options,
    pub(crate) target: &'a Arc<dyn Target>,
    pub(crate) book: &'a mut Book,
}

impl Trial<'_> {
    /// As the command line has it.
    fn limits(&self) -> Limits {
        Limits {
            tasks: self.options.tasks,
            measured_for: self.measured_for(),
            warm_up: self.warm_up(),
            rate: None,
            backlog_max: None,
            in_flight: self.options.in_flight,
            slots: self.options.slots,
            payload_bytes: self.options.payload_bytes,
        }
    }

    /// A number of tasks takes as long as it takes.
    fn measured_for(&self) -> Option<Duration> {
        let is_timed = self.options.tasks.is_none();
        is_timed.then_some(self.options.seconds)
    }

    /// Nothing is warmed up for a given number of tasks: all of them count.
    fn warm_up(&self) -> Duration {
        match self.options.tasks {
            Some(_) => Duration::ZERO,
            None => self.options.seconds / 5,
        }
    }

    fn note(
        &mut self,
        phase: &'static str,
        case: &str,
        name: &str,
        unit: crate::book::Unit,
        value: f64,
    ) {
        let target = self.target.name();
        self.book.note(phase, case, target, name, unit, value);
    }

    /// What a task cost, in processor time of the system and of the generator.
    fn note_cost(&mut self, phase: &'static str, case: &str, outcome: &Outcome) {
        let micros = |seconds: f64| seconds * 1e6 / (outcome.tasks.max(1) as f64);
        if outcome.target_processor > 0.0 {
            let cost = micros(outcome.target_processor);
            self.note(phase, case, "cpu/task", crate::book::Unit::Micros, cost);
        }
        let own = micros(outcome.own_processor);
        self.note(phase, case, "bench cpu", crate::book::Unit::Micros, own);
    }
}
