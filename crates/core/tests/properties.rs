//! What holds whatever happens: sequences of commands from several nodes, with stale and foreign
//! leases, ends of sessions, time and restarts, judged after each step by a model.

#[expect(dead_code, reason = "most of the harness serves the other tests")]
mod harness;

mod properties {
    pub(crate) mod machine;
    mod model;
    mod observing;
    pub(crate) mod steps;
}

use leasehold_core::StateKind;
use proptest::prelude::*;

use crate::properties::{
    machine::Machine,
    steps::{Step, settings, steps},
};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_model_agrees_after_each_step((settings, steps) in (settings(), steps(1..80))) {
        let mut machine = Machine::new(settings);
        steps.iter().for_each(|step| machine.step(step));
        machine.step(&Step::Pass(3_600_000));
        machine.model.nobody_was_left_waiting();
    }

    /// Whatever has happened, a node that completes what it is granted brings all to an end.
    #[test]
    fn every_task_ends_once_somebody_works((settings, steps) in (settings(), steps(1..60))) {
        let mut machine = Machine::new(settings);
        steps.iter().for_each(|step| machine.step(step));
        machine.work_until_done();
        let counts = machine.pool.summary().counts;
        prop_assert_eq!(counts.live(), 0);
        prop_assert_eq!(machine.model.known_as(StateKind::Claimed), 0);
    }

    #[test]
    fn the_same_sequence_makes_the_same_transitions(
        (settings, steps) in (settings(), steps(1..60)),
    ) {
        let run = || {
            let mut machine = Machine::new(settings.clone());
            steps.iter().for_each(|step| machine.step(step));
            machine.log
        };
        prop_assert_eq!(run(), run());
    }
}
