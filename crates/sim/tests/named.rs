//! Seeds that once found something. A world's story depends on the simulator, too: when that
//! changes, these seeds are other worlds, and cost little.

use leasehold_sim::{Boundary, Trial, run, try_out};

fn assert_no_objection(seed: u64) {
    let report = run(seed, None);
    assert!(report.violation.is_none(), "{report}");
}

/// A resume that was heard late, from an earlier connection of its node, took the lease away from
/// the connection that had come after it, and with the end of the earlier one the lease went.
#[test]
fn a_late_resume_takes_nothing_from_a_later_session() {
    assert_no_objection(50);
}

/// A resume named a task under an old lease of it, and the newest lease, which it did not name,
/// stayed with the node until its deadline.
#[test]
fn a_resume_under_an_old_lease_does_not_name_the_newest() {
    assert_no_objection(37);
}

/// A finished task was forgotten to make room and put in again by a producer that had not heard of
/// the first time, all before the answer to its cancel left: the oracle took one for the other.
#[test]
fn a_task_that_was_forgotten_may_live_again() {
    assert_no_objection(1229);
}

/// A resume that was heard late, from an earlier connection of its node, gave back a task that had
/// been granted in a later one, which had been cut a moment before: the node had it all the while.
#[test]
fn a_late_resume_gives_nothing_back_that_a_later_session_had() {
    assert_no_objection(0);
}

/// A node had come back and resumed, and a claim that it had parked on the connection before, which
/// the hub had not seen end, was granted a task that nobody heard of.
#[test]
fn what_was_parked_on_an_earlier_connection_is_granted_nothing() {
    assert_no_objection(15);
}

/// A resume named a lease twice whose task was to stop: its holder was told so twice, and the oracle
/// took the second time for untrue.
#[test]
fn who_names_a_lease_twice_is_asked_to_stop_twice() {
    assert_no_objection(5641);
}

/// A child with a delay was given up with its parent and revived, and waited for its other parent:
/// its moment stood, which the oracle had forgotten with the death.
#[test]
fn a_revived_child_that_waits_again_runs_no_earlier_than_it_was_to() {
    assert_no_objection(6203);
}

/// The last ready task of a group expired, which made the next one of that group ready: the group
/// had nothing to grant for that moment and went to the end of the line, and the oracle, which
/// looked at it after both, had it wait there all the while.
#[test]
fn a_group_that_has_nothing_for_a_moment_loses_its_turn() {
    assert_no_objection(7_001_171);
}

/// A task was to run at a moment of the clock, which was then set back by five hours: it waited for
/// that moment, and the oracle for its end.
#[test]
fn a_moment_that_a_clock_put_off_is_waited_for() {
    assert_no_objection(9_001_972);
}

/// A schedule had put more into a pool than its rate lets out in ten minutes, and the oracle waited
/// no longer for the end of it.
#[test]
fn a_pool_may_take_long_at_the_rate_that_is_set() {
    assert_no_objection(11_035_059);
}

/// A node resumed a lease that had just run out, of a group that had filled up meanwhile, and gave
/// back another task of that group: in between the group was at its limit and lost its turn, and the
/// oracle, which looked at it after both, had it wait there all the while.
#[test]
fn a_group_that_is_full_for_a_moment_loses_its_turn() {
    let trial = Trial {
        crash_at: Some((14, Boundary::Answered)),
        ..Trial::default()
    };
    let report = try_out(20_301_043, trial);
    assert!(report.violation.is_none(), "{report}");
}
