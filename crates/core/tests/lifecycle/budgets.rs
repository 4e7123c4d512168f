//! Failures, losses and interruptions: three counts, three bounds.

use leasehold_core::*;

use crate::harness::*;

/// A task in a pool without waits, and what may happen to it.
struct Story {
    world: World,
    sessions: u64,
}

impl Story {
    fn new(settings: PoolSettings, new: NewTask) -> Self {
        let mut world = World::new(PoolSettings {
            back_off: BackOff {
                base: ms(0),
                ..BackOff::default()
            },
            ..settings
        });
        let producer = world.open(1, &node("producer", 1));
        assert!(world.put(producer, new).is_ok());
        Self { world, sessions: 1 }
    }

    fn of(settings: PoolSettings) -> Self {
        Self::new(settings, task(1))
    }

    /// A node that is seen for the first time.
    fn anybody(&mut self) -> (SessionId, Node) {
        self.sessions += 1;
        let node = node("crane", self.sessions);
        (self.world.open(self.sessions, &node), node)
    }

    fn fails(&mut self) {
        let (session, _) = self.anybody();
        let proof = self.world.must_take(session);
        self.world.fail(session, proof);
    }

    fn is_late(&mut self) {
        let (session, _) = self.anybody();
        self.world.must_take(session);
        self.world.pass(secs(30));
    }

    fn is_lost(&mut self) {
        let (session, _) = self.anybody();
        self.world.must_take(session);
        self.world.end(session, Ending::Silence);
    }

    fn is_interrupted(&mut self) {
        let (session, _) = self.anybody();
        self.world.must_take(session);
        self.world.end(session, Ending::Bye);
    }

    /// Failures, losses, interruptions.
    fn counts(&self) -> [u32; 3] {
        let task = self.world.task(1);
        [task.failures(), task.losses(), task.interruptions]
    }
}

fn bounds(attempts_max: u32, losses_max: u32, interruptions_max: u32) -> PoolSettings {
    PoolSettings {
        attempts_max,
        losses_max,
        interruptions_max,
        ..PoolSettings::default()
    }
}

type Happens = fn(&mut Story);

const ENDINGS: [(Happens, [u32; 3]); 4] = [
    (Story::fails, [1, 0, 0]),
    (Story::is_late, [1, 0, 0]),
    (Story::is_lost, [0, 1, 0]),
    (Story::is_interrupted, [0, 0, 1]),
];

#[test]
fn each_ending_is_counted_in_its_own_budget_whatever_came_before() {
    for (first, one) in ENDINGS {
        for (second, two) in ENDINGS {
            for (third, three) in ENDINGS {
                let mut story = Story::of(bounds(9, 9, 9));
                [first, second, third].iter().for_each(|it| it(&mut story));
                let sum = [0, 1, 2].map(|at| one[at] + two[at] + three[at]);
                assert_eq!(story.counts(), sum);
                story.world.restart();
                assert_eq!(story.counts(), sum, "after a restart");
            }
        }
    }
}

#[test]
fn each_budget_ends_at_its_own_bound_and_not_before() {
    let settings = || bounds(2, 3, 4);
    let spent: [(Happens, u32, Death); 4] = [
        (Story::fails, 2, Death::AttemptsSpent),
        (Story::is_late, 2, Death::AttemptsSpent),
        (Story::is_lost, 3, Death::LostTooOften),
        (Story::is_interrupted, 5, Death::InterruptedTooOften),
    ];
    for (ends, times, death) in spent {
        let mut story = Story::of(settings());
        for _ in 1..times {
            ends(&mut story);
            assert_eq!(story.world.death(1), None, "before {death}");
        }
        ends(&mut story);
        assert_eq!(story.world.death(1), Some(death));
    }
}

#[test]
fn the_other_two_budgets_leave_a_bound_where_it_is() {
    let mut story = Story::of(bounds(2, 3, 4));
    story.is_lost();
    story.fails();
    story.is_lost();
    (0..4).for_each(|_| story.is_interrupted());
    assert_eq!(
        (story.counts(), story.world.death(1)),
        ([1, 2, 4], None),
        "one is left of each"
    );
    story.is_lost();
    assert_eq!(story.world.death(1), Some(Death::LostTooOften));
}

#[test]
fn a_task_may_have_bounds_of_its_own() {
    let wishes = [Wish::LossesMax(1), Wish::InterruptionsMax(1)];
    let new = || NewTask {
        attempts_max: Some(1),
        ..wishing(1, wishes.clone())
    };
    let spent: [(Happens, u32, Death); 3] = [
        (Story::fails, 1, Death::AttemptsSpent),
        (Story::is_lost, 1, Death::LostTooOften),
        (Story::is_interrupted, 2, Death::InterruptedTooOften),
    ];
    for (ends, times, death) in spent {
        let mut story = Story::new(PoolSettings::default(), new());
        (0..times).for_each(|_| ends(&mut story));
        assert_eq!(story.world.death(1), Some(death));
        story.world.restart();
        assert_eq!(story.world.task(1).losses_max(&PoolSettings::default()), 1);
    }
}

#[test]
fn a_revival_gives_all_three_back() {
    let mut story = Story::of(bounds(2, 3, 4));
    story.is_lost();
    story.is_interrupted();
    story.fails();
    story.fails();
    assert_eq!(story.counts(), [2, 1, 1]);
    let (producer, _) = story.anybody();
    story.world.revive(producer, 1);
    assert_eq!(story.counts(), [0; 3]);
    story.is_lost();
    story.fails();
    assert_eq!(story.counts(), [1, 1, 0]);
}

#[test]
fn whoever_comes_back_after_a_loss_has_lost_nothing() {
    for before in [[].as_slice(), &[Story::is_lost as Happens]] {
        for between in [[].as_slice(), &[Story::fails as Happens]] {
            let mut story = Story::of(bounds(9, 9, 9));
            before.iter().chain(between).for_each(|it| it(&mut story));
            let counts = story.counts();
            let (session, node) = story.anybody();
            let proof = story.world.must_take(session);
            assert_eq!(story.counts(), counts, "a running attempt is not counted");
            story.world.end(session, Ending::Silence);
            assert_eq!(story.counts()[1], counts[1] + 1);
            let again = story.world.open(99, &node);
            story.world.resume(again, &[proof]);
            assert_eq!(story.counts(), counts);
            story.world.fail(again, proof);
            assert_eq!(story.counts(), [counts[0] + 1, counts[1], counts[2]]);
        }
    }
}

#[test]
fn the_back_off_of_failures_counts_no_loss() {
    let mut story = Story::new(
        bounds(9, 9, 9),
        wishing(
            1,
            [Wish::BackOff {
                base_ms: 1000,
                cap_ms: 60_000,
                factor_percent: 300,
                jitter_percent: 0,
            }],
        ),
    );
    let mut waits = vec![];
    for _ in 0..3 {
        story.is_lost();
        story.fails();
        let wait = story.world.due_in(1).expect("it backs off");
        story.world.pass(wait);
        waits.push(wait);
    }
    assert_eq!(waits, [secs(1), secs(3), secs(9)]);
}

#[test]
fn an_attempt_that_completed_or_was_called_off_is_no_failure() {
    let mut world = World::new(PoolSettings::default());
    let session = world.open(91, &node("any", 1));
    world.enqueue(session, &[1, 2, 3]);
    let first = world.must_take(session);
    world.fail(session, first);
    assert_eq!(world.task(1).failures(), 1);
    let second = world.must_take(session);
    world.complete(session, second);
    assert_eq!(world.task(2).failures(), 0);
    world.must_take(session);
    world.cancel(session, 3);
    assert_eq!(world.task(3).failures(), 0);
}
