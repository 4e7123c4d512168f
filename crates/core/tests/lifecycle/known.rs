//! Cancelling with a grace, progress, dead letters.

use leasehold_core::*;

use crate::harness::*;

/// A pool of which one task is on lease.
struct Scene {
    world: World,
    me: SessionId,
    producer: SessionId,
    proof: LeaseRef,
}

fn scene() -> Scene {
    scene_with(PoolSettings::default())
}

fn scene_with(settings: PoolSettings) -> Scene {
    let mut world = World::new(settings);
    let me = world.open(1, &node("me", 1));
    let producer = world.open(2, &node("producer", 1));
    world.enqueue(producer, &[1]);
    let proof = world.must_take(me);
    Scene {
        world,
        me,
        producer,
        proof,
    }
}

impl Scene {
    fn stop(&mut self, grace: Option<std::time::Duration>) -> Vec<Reply> {
        let command = Command::CancelWithin(vec![id(1)], grace);
        self.world.send(self.producer, command)
    }

    fn tell(&mut self, fraction: u16, note: &str) -> Answer {
        let note = note.into();
        let proof = self.proof;
        let told = Told {
            proof,
            fraction,
            note,
        };
        only(self.world.ask(self.me, Command::Progress(vec![told])))
    }

    fn last_attempt(&self) -> (AttemptEnding, StateKind) {
        let task = self.world.task(1);
        let last = task.history.last().expect("an attempt ended");
        (last.ending, task.state.kind())
    }

    fn progress(&self) -> Option<Progress> {
        self.world.task(1).extras?.progress.as_deref().cloned()
    }
}

#[test]
fn completing_beats_a_stop() {
    let mut scene = scene();
    scene.stop(None);
    scene.world.pass(ms(9_999));
    assert_eq!(scene.world.complete(scene.me, scene.proof), done());
    assert_eq!(
        scene.last_attempt(),
        (AttemptEnding::Completed, StateKind::Completed)
    );
}

#[test]
fn however_a_stopped_attempt_ends_the_task_is_cancelled_and_its_history_says_how() {
    type End = fn(&mut Scene);
    let ends: [(AttemptEnding, End); 6] = [
        (AttemptEnding::Failed, |of| {
            of.world.fail(of.me, of.proof);
        }),
        (AttemptEnding::Released, |of| {
            of.world.release(of.me, of.proof);
        }),
        (AttemptEnding::Silence, |of| {
            of.world.end(of.me, Ending::Silence);
        }),
        (AttemptEnding::Released, |of| {
            of.world.end(of.me, Ending::Bye);
        }),
        (AttemptEnding::Cut, |of| {
            of.world.end(of.me, Ending::Cut);
            of.world.pass(ms(500));
        }),
        (AttemptEnding::Expired, |of| {
            of.world.pass(secs(30));
        }),
    ];
    for (ending, end) in ends {
        let mut scene = scene();
        scene.stop(Some(secs(60)));
        end(&mut scene);
        assert_eq!(scene.last_attempt(), (ending, StateKind::Cancelled));
    }
}

#[test]
fn the_holder_of_a_stopped_lease_that_ran_out_is_told_that_it_was_called_off() {
    let mut scene = scene();
    scene.stop(Some(secs(60)));
    let told = Reply::Revoke(scene.me, scene.proof, Revocation::Cancelled);
    assert_eq!(scene.world.pass(secs(30)), [told]);
}

#[test]
fn who_resumes_is_told_again_of_a_stop_and_how_long_there_is_left() {
    let mut scene = scene();
    scene.stop(Some(secs(20)));
    scene.world.pass(secs(5));
    scene.world.restart();
    let again = scene.world.open(11, &node("me", 1));
    let resume = |scene: &mut Scene, of| {
        let resume = Command::Resume(vec![scene.proof]);
        scene.world.send(of, resume)
    };
    let told = Reply::AskStop(again, scene.proof, secs(15));
    assert!(resume(&mut scene, again).contains(&told));
    let stranger = scene.world.open(12, &node("stranger", 1));
    let said = resume(&mut scene, stranger);
    assert!(!said.iter().any(|of| matches!(of, Reply::AskStop(..))));
}

#[test]
fn a_stop_is_forced_at_the_millisecond_and_its_holder_is_told() {
    let mut scene = scene();
    let within = secs(10);
    let asked = Reply::AskStop(scene.me, scene.proof, within);
    assert!(scene.stop(None).contains(&asked));
    assert_eq!(scene.world.pass(ms(9_999)), []);
    assert_eq!(scene.world.state(1), Some(StateKind::Claimed));
    let told = Reply::Revoke(scene.me, scene.proof, Revocation::Cancelled);
    assert_eq!(scene.world.pass(ms(1)), [told]);
    assert_eq!(
        scene.last_attempt(),
        (AttemptEnding::Cancelled, StateKind::Cancelled)
    );
}

#[test]
fn the_earlier_of_two_stops_stands() {
    let mut scene = scene();
    scene.stop(Some(secs(5)));
    let later = scene.stop(Some(secs(8)));
    assert!(!later.iter().any(|of| matches!(of, Reply::AskStop(..))));
    scene.stop(Some(secs(3)));
    scene.world.pass(ms(2_999));
    assert_eq!(scene.world.state(1), Some(StateKind::Claimed));
    scene.world.pass(ms(1));
    assert_eq!(scene.world.state(1), Some(StateKind::Cancelled));
}

#[test]
fn a_stopped_lease_is_extended_to_the_stop_and_no_further() {
    let mut scene = scene();
    scene.stop(Some(secs(40)));
    scene.world.pass(secs(25));
    let extended = |seconds| Answer::Extended(vec![Ok(secs(seconds))]);
    assert_eq!(scene.world.extend(scene.me, scene.proof), extended(15));
    assert_eq!(scene.tell(1, ""), extended(15));
}

#[test]
fn a_grace_of_more_than_an_hour_is_refused() {
    let mut scene = scene();
    let command = Command::CancelWithin(vec![id(1)], Some(ms(3_600_001)));
    let answer = scene.world.ask(scene.producer, command);
    assert!(matches!(
        answer,
        Answer::Refused(Rejection::OutOfBounds { .. })
    ));
    assert_eq!(scene.world.state(1), Some(StateKind::Claimed));
}

#[test]
fn a_stop_outlives_the_hub() {
    let mut scene = scene();
    scene.stop(Some(secs(7)));
    scene.world.restart();
    assert_eq!(scene.world.due_in(1), Some(secs(7)));
    scene.world.pass(secs(7));
    assert_eq!(
        scene.last_attempt(),
        (AttemptEnding::Cancelled, StateKind::Cancelled)
    );
}

#[test]
fn progress_extends_a_lease_and_is_stored() {
    let mut scene = scene();
    scene.world.pass(secs(20));
    let extended = Answer::Extended(vec![Ok(secs(30))]);
    assert_eq!(scene.tell(2_500, "a quarter"), extended);
    assert_eq!(scene.world.due_in(1), Some(secs(30)));
    scene.world.restart();
    let at = scene.world.now;
    let (fraction, note) = (2_500, "a quarter".into());
    assert_eq!(scene.progress(), Some(Progress { at, fraction, note }));
}

#[test]
fn more_than_all_is_no_progress_and_a_long_note_is_cut_at_a_character() {
    let mut scene = scene();
    let answer = scene.tell(10_001, "");
    assert!(matches!(
        answer,
        Answer::Refused(Rejection::OutOfBounds { .. })
    ));
    assert_eq!(scene.progress(), None);
    scene.tell(10_000, &format!("{}ß", "x".repeat(255)));
    assert_eq!(scene.progress().map(|of| of.note), Some("x".repeat(255)));
}

#[test]
fn progress_is_of_the_newest_attempt_and_a_dead_task_keeps_it() {
    let mut scene = scene_with(PoolSettings {
        attempts_max: 2,
        ..PoolSettings::default()
    });
    scene.tell(2_500, "a quarter");
    scene.world.fail(scene.me, scene.proof);
    assert!(scene.progress().is_some(), "it waits");
    scene.world.pass(secs(1));
    scene.proof = scene.world.must_take(scene.me);
    assert_eq!(scene.progress(), None);
    scene.world.restart();
    assert_eq!(scene.progress(), None);
    scene.me = scene.world.open(11, &node("me", 1));
    scene.tell(5_000, "half");
    scene.world.fail(scene.me, scene.proof);
    assert_eq!(scene.world.state(1), Some(StateKind::Dead));
    assert_eq!(scene.progress().map(|of| of.fraction), Some(5_000));
}

#[test]
fn nobody_else_says_how_far_a_task_is() {
    let mut scene = scene();
    scene.me = scene.producer;
    assert_eq!(scene.tell(1, ""), LOST);
    assert_eq!(scene.progress(), None);
}

#[test]
fn progress_takes_a_task_back_that_nobody_else_was_granted() {
    let mut scene = scene();
    scene.world.pass(secs(31));
    assert_eq!(scene.world.state(1), Some(StateKind::Ready));
    scene.tell(1, "");
    assert_eq!(scene.world.state(1), Some(StateKind::Claimed));
    assert_eq!(scene.world.task(1).attempt, 1);
}

/// Tasks 1 to 3: dead of "it broke", dead of a deadline, completed; 4 is ready.
fn ended() -> (World, SessionId) {
    let mut world = World::new(PoolSettings {
        attempts_max: 1,
        ..PoolSettings::default()
    });
    let me = world.open(1, &node("me", 1));
    world.enqueue(me, &[1, 2, 3]);
    let [one, _, three] = [(); 3].map(|()| world.must_take(me));
    world.fail(me, one);
    world.pass(secs(20));
    world.complete(me, three);
    world.pass(secs(20));
    world.enqueue(me, &[4]);
    (world, me)
}

fn listed(world: &World, which: Vec<Where>) -> Vec<u128> {
    let mut listing = Listing::filtered(which, None, 10).expect("good conditions");
    let page = world.pool.list(&mut listing, usize::MAX);
    let page = page.expect("as many steps as it takes");
    page.iter().map(|(task, _)| task.id.as_u128()).collect()
}

#[test]
fn all_conditions_of_a_filter_hold() {
    let (world, _) = ended();
    let cases: [(Vec<Where>, &[u128]); 9] = [
        (vec![], &[1, 2, 3, 4]),
        (vec![Where::State(StateKind::Ready)], &[4]),
        (vec![Where::Cause(Death::AttemptsSpent)], &[1, 2]),
        (vec![Where::Cause(Death::LostTooOften)], &[]),
        (vec![Where::Reason("broke".into())], &[1]),
        (vec![Where::Reason("deadline".into())], &[2]),
        (vec![Where::EndedBefore(START + secs(20))], &[1]),
        (vec![Where::EndedBefore(START + ms(20_001))], &[1, 3]),
        (
            vec![
                Where::State(StateKind::Dead),
                Where::EndedBefore(START + secs(60)),
                Where::Reason("broke".into()),
            ],
            &[1],
        ),
    ];
    for (which, expected) in cases {
        assert_eq!(listed(&world, which.clone()), expected, "{which:?}");
    }
}

#[test]
fn a_filter_has_a_bound() {
    let nine = vec![Where::State(StateKind::Dead); limits::WHERE_MAX + 1];
    assert!(Listing::filtered(nine.clone(), None, 1).is_err());
    let empty = vec![Where::Reason(String::new())];
    assert!(Listing::filtered(empty, None, 1).is_err());
    let (mut world, me) = ended();
    let answer = world.ask(me, Command::Purge(nine, 10));
    assert!(matches!(answer, Answer::Refused(_)));
}

fn revive(world: &mut World, me: SessionId, which: Which, edits: Vec<Edit>) -> Answer {
    let revive = Box::new(ReviveWith { which, edits });
    world.ask(me, Command::ReviveWith(revive))
}

#[test]
fn what_a_filter_finds_is_revived_and_the_rest_is_not() {
    let (mut world, me) = ended();
    let broke = || Which::Where(vec![Where::Reason("broke".into())]);
    let answer = revive(&mut world, me, broke(), vec![]);
    assert_eq!(answer, Answer::Revived(vec![(id(1), Ok(()))]));
    assert_eq!(world.state(2), Some(StateKind::Dead));
    let again = revive(&mut world, me, broke(), vec![]);
    assert_eq!(again, Answer::Revived(vec![]));
}

#[test]
fn edits_come_with_a_revival_and_survive_a_restore() {
    let (mut world, me) = ended();
    let edits = vec![
        Edit::Payload("other".into()),
        Edit::Priority(7),
        Edit::AttemptsMax(9),
        Edit::ExpiresAfter(Some(86_400_000)),
    ];
    revive(&mut world, me, Which::Tasks(vec![id(1)]), edits);
    let brought = world.changes.iter().find_map(|change| match change {
        Change::Put { blob, cause, .. } => (*cause == Cause::Revived).then_some(blob.clone()),
        Change::Forget(_) | Change::Note { .. } => None,
    });
    assert_eq!(brought, Some(Some("other".into())));
    world.restart();
    let task = world.task(1);
    let extras = task.extras.expect("it was edited");
    assert_eq!(
        (task.payload_len, task.priority, task.attempts_max),
        (5, 7, 9)
    );
    assert_eq!(
        (extras.edited, extras.expires_after_ms),
        (1, Some(86_400_000))
    );
}

#[test]
fn edits_that_are_out_of_bounds_revive_nothing() {
    let (mut world, me) = ended();
    let bytes_max = world.pool.settings().payload_bytes_max;
    let bad = [
        vec![Edit::Payload(vec![0; bytes_max + 1].into())],
        vec![Edit::AttemptsMax(0)],
        vec![Edit::ExpiresAfter(Some(0))],
        vec![Edit::Priority(1), Edit::Priority(2)],
    ];
    for edits in bad {
        let answer = revive(&mut world, me, Which::All, edits);
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
        assert_eq!(world.count(StateKind::Dead), 2);
    }
}

#[test]
fn a_purge_touches_nothing_that_lives() {
    let (mut world, me) = ended();
    let one = world.ask(me, Command::Purge(vec![], 1));
    assert_eq!(one, Answer::Purged(1));
    let rest = world.ask(me, Command::Purge(vec![], 100));
    assert_eq!(rest, Answer::Purged(2));
    assert_eq!(
        world.ask(me, Command::Purge(vec![], 100)),
        Answer::Purged(0)
    );
    assert_eq!(world.state(4), Some(StateKind::Ready));
    assert_eq!(world.store.load().len(), 1);
    let live = vec![Where::State(StateKind::Ready)];
    let refused = world.ask(me, Command::Purge(live, 100));
    assert!(matches!(refused, Answer::Refused(Rejection::Invalid(_))));
}

#[test]
fn a_purge_by_cause_leaves_what_completed() {
    let (mut world, me) = ended();
    let which = vec![Where::Cause(Death::AttemptsSpent)];
    assert_eq!(world.ask(me, Command::Purge(which, 100)), Answer::Purged(2));
    assert_eq!(world.state(3), Some(StateKind::Completed));
}
