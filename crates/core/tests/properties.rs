//! What holds whatever happens: sequences of commands from several nodes, with stale and foreign
//! leases, ends of sessions, time and restarts, judged after each step by a model.

#[expect(dead_code, reason = "most of the harness serves the other tests")]
mod harness;

mod properties {
    pub(crate) mod aging;
    pub(crate) mod machine;
    mod model;
    mod observing;
    pub(crate) mod steps;
}

use leasehold_core::StateKind;
use proptest::prelude::*;

use crate::properties::{
    aging::{Crowd, arrivals, overtakers},
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

    /// A task of priority p goes before all that are ready `p * step` after it or later.
    #[test]
    fn nobody_is_overtaken_whose_time_is_up(
        step_ms in prop_oneof![Just(1), 2..50u64, 50..5000u64],
        arrivals in arrivals(),
    ) {
        let mut crowd = Crowd::new(step_ms);
        for (at, arrival) in arrivals.iter().enumerate() {
            crowd.arrives(*arrival);
            if at % 2 == 1 {
                crowd.claims_one();
            }
        }
        while crowd.claims_one().is_some() {}
    }

    /// So of a stream that never ends only so many go before it, and not one less.
    #[test]
    fn a_steady_stream_overtakes_for_the_time_of_the_priority_and_no_longer(
        step_ms in 1..1000u64, every_ms in 20..500u64, priority in 0..32u32,
    ) {
        let time = u64::from(priority) * step_ms;
        // Who is ready at the very moment comes after it: it was enqueued later.
        let expected = time.saturating_sub(1) / every_ms;
        prop_assume!(expected < 300);
        prop_assert_eq!(overtakers(step_ms, every_ms, priority), expected);
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
