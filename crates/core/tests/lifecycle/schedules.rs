//! Schedules: what a plan fires, once, and what becomes of instants that were missed.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{limits::*, *};

use crate::harness::*;

/// What a hub's calendar says in these stories: an instant each ten seconds.
const STEP: u64 = 10_000;

const S: SessionId = SessionId(1);

fn name(text: &str) -> ScheduleName {
    ScheduleName::new(text).expect("a name")
}

fn schedule(named: &str) -> Schedule {
    Schedule {
        name: name(named),
        seed: TaskId::from_u128(77),
        when: When::Every {
            ms: STEP,
            from: Timestamp::default(),
        },
        misfire: Misfire::Once,
        priority: 3,
        attempts_max: Some(2),
        wishes: vec![],
        payload: Bytes::from_static(b"tick"),
        paused: false,
        done_until: Timestamp::default(),
        fired: 0,
        skipped: 0,
        last: None,
    }
}

/// A pool with one session, and the calendar beside it.
struct Story(World);

impl Story {
    fn new() -> Self {
        Self::with(PoolSettings::default())
    }

    fn with(settings: PoolSettings) -> Self {
        let mut world = World::new(settings);
        world.open(1, &node("n", 1));
        Self(world)
    }

    fn ask(&mut self, ask: ScheduleAsk) -> Answer {
        let answer = self.0.ask(S, Command::Schedule(ask));
        self.plan();
        answer
    }

    fn put(&mut self, schedule: Schedule) {
        let put = self.ask(ScheduleAsk::Put(Box::new(schedule)));
        assert_eq!(put, Answer::Done(vec![Ok(())]));
    }

    fn refused(&mut self, schedule: Schedule) -> Rejection {
        let answer = self.ask(ScheduleAsk::Put(Box::new(schedule)));
        let Answer::Refused(refusal) = answer else {
            panic!("{answer:?}");
        };
        refusal
    }

    fn kept(&self) -> Schedule {
        let kept = self.0.pool.schedules().next();
        kept.expect("it is kept").clone()
    }

    /// What a hub does whenever it looks: it plans what is due.
    fn plan(&mut self) {
        let due: Vec<Schedule> = self.0.pool.due_schedules().cloned().collect();
        for schedule in due {
            let plan = self.planned(&schedule);
            self.fire(plan);
        }
    }

    fn planned(&self, schedule: &Schedule) -> Plan {
        let When::Every { ms, from } = schedule.when else {
            panic!("these are intervals");
        };
        let (from, now) = (from.as_millis(), self.0.now.as_millis());
        let after = schedule.done_until.as_millis();
        let instants = || (0..).map(|number| from + number * ms);
        let mut due: Vec<_> = instants()
            .skip_while(|at| *at <= after)
            .take_while(|at| *at <= now)
            .map(Timestamp::from_millis)
            .collect();
        let more = due.len() > CATCH_UP_MAX;
        due.drain(..due.len().saturating_sub(CATCH_UP_MAX));
        let next = instants().find(|at| *at > now);
        Plan {
            name: schedule.name.clone(),
            due,
            more,
            next: next.map(Timestamp::from_millis),
        }
    }

    fn fire(&mut self, plan: Plan) {
        let replies = self.0.send(SessionId(0), Command::Plan(Box::new(plan)));
        assert!(
            !replies.iter().any(|reply| reply.session() == SessionId(0)),
            "a plan is answered by nothing"
        );
    }

    /// Time passes while the hub looks when it is due.
    fn pass(&mut self, time: Duration) {
        let until = self.0.now + time;
        while let Some(at) = self.0.pool.next_deadline().filter(|at| *at <= until) {
            self.0.now = self.0.now.max(at);
            self.0.look();
            self.plan();
        }
        self.0.now = until;
    }

    /// Time passes while there is no hub; then it plans what it finds.
    fn down_for(&mut self, time: Duration) {
        self.0.now = self.0.now + time;
        self.0.restart();
        self.0.open(1, &node("n", 1));
        self.plan();
    }

    fn tasks(&self) -> Vec<Task> {
        let mut tasks = self.0.store.load();
        tasks.sort_by_key(|task| task.place);
        tasks
    }
}

const fn steps(number: u64) -> Duration {
    Duration::from_millis(number * STEP)
}

#[test]
fn each_instant_makes_one_task_as_the_schedule_says() {
    let mut story = Story::new();
    story.put(schedule("s"));
    story.pass(steps(3));
    let tasks = story.tasks();
    assert_eq!(tasks.len(), 3);
    let first = &tasks[0];
    assert_eq!(
        (first.priority, first.attempts_max, first.payload_len),
        (3, 2, 4)
    );
    let extras = first.extras.as_ref().unwrap();
    assert_eq!(extras.schedule.as_deref(), Some("s"));
    assert_eq!(first.enqueued_at, START + steps(1));
    let kept = story.kept();
    assert_eq!((kept.fired, kept.skipped), (3, 0));
    assert_eq!(kept.last, Some(tasks[2].id));
    assert_eq!(kept.done_until, START + steps(3));
}

#[test]
fn an_instant_makes_the_id_of_its_task() {
    let at = Timestamp::from_millis(0x0123_4567_89ab);
    let id = TaskId::fired(TaskId::from_u128(77), at);
    // Golden: a store may have tasks of schedules of any earlier hub.
    assert_eq!(id.to_string(), GOLDEN);
    assert_ne!(id, TaskId::fired(TaskId::from_u128(78), at));
    let next = TaskId::fired(TaskId::from_u128(77), at + Duration::from_millis(1));
    assert!(id < next, "ids are in the order of their instants");
}

const GOLDEN: &str = "01234567-89ab-8e49-a5a9-5c537caf3fcc";

#[test]
fn a_task_that_was_not_committed_is_fired_again_and_one_that_was_is_not() {
    let mut story = Story::new();
    story.put(schedule("s"));
    let before = story.0.store.clone();
    story.pass(steps(1));
    let [fired] = &story.tasks()[..] else {
        panic!()
    };
    let id = fired.id;
    // The hub dies before the commit: neither the task nor the word of it is there.
    let after = std::mem::replace(&mut story.0.store, before);
    story.down_for(Duration::ZERO);
    assert_eq!(story.tasks().len(), 1);
    assert_eq!(story.tasks()[0].id, id, "it is the same task");
    // It dies after the commit.
    story.0.store = after;
    story.down_for(Duration::ZERO);
    assert_eq!((story.tasks().len(), story.kept().fired), (1, 1));
}

#[test]
fn a_plan_that_comes_twice_fires_once() {
    let mut story = Story::new();
    story.put(schedule("s"));
    let before = story.kept();
    story.pass(steps(1));
    let again = story.planned(&before);
    assert_eq!(again.due.len(), 1);
    story.fire(again);
    assert_eq!((story.tasks().len(), story.kept().fired), (1, 1));
    let nobodys = Plan {
        name: name("other"),
        due: vec![story.0.now],
        more: false,
        next: None,
    };
    story.fire(nobodys);
    assert_eq!(story.tasks().len(), 1);
}

/// Instants missed, policy, tasks made up, instants skipped. An instant at most a minute late is
/// on time, which is the last six.
#[test]
fn what_was_missed_is_skipped_made_up_once_or_made_up_wholly() {
    let rows = [
        (0, Misfire::All, 0, 0),
        (1, Misfire::Skip, 1, 0),
        (6, Misfire::Skip, 6, 0),
        (11, Misfire::Skip, 6, 5),
        (11, Misfire::Once, 7, 4),
        (11, Misfire::All, 11, 0),
        (2000, Misfire::Skip, 6, 994),
        (2000, Misfire::Once, 7, 993),
        (2000, Misfire::All, 1000, 0),
    ];
    for (missed, misfire, fired, skipped) in rows {
        let mut story = Story::new();
        story.put(Schedule {
            misfire,
            ..schedule("s")
        });
        story.down_for(steps(missed) + Duration::from_secs(5));
        let kept = story.kept();
        let found = (kept.fired, kept.skipped, story.tasks().len() as u64);
        assert_eq!(found, (fired, skipped, fired), "{missed} {misfire:?}");
        story.pass(steps(1));
        assert_eq!(story.kept().fired, fired + 1, "it goes on");
    }
}

#[test]
fn what_passes_while_it_is_paused_is_never_made_up() {
    let mut story = Story::new();
    let all = Misfire::All;
    story.put(Schedule {
        misfire: all,
        ..schedule("s")
    });
    story.ask(ScheduleAsk::Pause(name("s"), true));
    story.pass(steps(2));
    story.down_for(steps(20));
    assert_eq!(story.tasks(), []);
    let resumed = story.ask(ScheduleAsk::Pause(name("s"), false));
    assert_eq!(resumed, Answer::Done(vec![Ok(())]));
    assert_eq!(story.tasks(), []);
    story.pass(steps(1));
    assert_eq!(story.tasks().len(), 1);
}

#[test]
fn with_a_key_no_task_is_fired_while_an_earlier_one_lives() {
    let mut story = Story::new();
    let (key, window_ms) = ("one-at-a-time".into(), None);
    story.put(Schedule {
        wishes: vec![Wish::Key { key, window_ms }],
        ..schedule("s")
    });
    story.pass(steps(3));
    let first = story.tasks()[0].id;
    let kept = story.kept();
    let found = (story.tasks().len(), kept.fired, kept.skipped, kept.last);
    assert_eq!(found, (1, 1, 2, Some(first)), "two had to stand back");
    story.0.ask(S, Command::Cancel(vec![first]));
    story.pass(steps(1));
    let kept = story.kept();
    assert_eq!((story.tasks().len(), kept.fired, kept.skipped), (2, 2, 2));
}

#[test]
fn a_full_pool_gets_its_task_as_soon_as_there_is_room() {
    let settings = PoolSettings {
        tasks_max: 2,
        completed_kept_max: 0,
        ..PoolSettings::default()
    };
    let mut story = Story::with(settings);
    story.put(schedule("s"));
    story.pass(steps(4));
    let kept = story.kept();
    assert_eq!((kept.fired, kept.skipped), (2, 0));
    assert_eq!(kept.done_until, START + steps(2));
    let first = story.tasks()[0].id;
    story.0.ask(S, Command::Cancel(vec![first]));
    story.pass(Duration::from_secs(1));
    assert_eq!(story.kept().done_until, START + steps(3));
}

#[test]
fn one_that_is_put_again_goes_on_and_another_interval_begins_anew() {
    let mut story = Story::new();
    story.put(schedule("s"));
    story.pass(steps(2) + Duration::from_secs(3));
    let before = story.kept();
    let again = Schedule {
        seed: TaskId::from_u128(5),
        priority: 9,
        ..schedule("s")
    };
    story.put(again);
    let same = Schedule {
        priority: 9,
        ..before.clone()
    };
    assert_eq!(story.kept(), same);
    let other = When::Every {
        ms: 3 * STEP,
        from: Timestamp::default(),
    };
    story.put(Schedule {
        when: other,
        ..schedule("s")
    });
    let begun = When::Every {
        ms: 3 * STEP,
        from: story.0.now + steps(3),
    };
    let kept = story.kept();
    assert_eq!((&kept.when, kept.seed), (&begun, before.seed));
    assert_eq!(
        kept.done_until, story.0.now,
        "nothing of the new ones was missed"
    );
}

#[test]
fn one_that_is_dropped_fires_no_more_and_is_gone_after_a_restart() {
    let mut story = Story::new();
    story.put(schedule("s"));
    story.pass(steps(1));
    story.ask(ScheduleAsk::Remove(name("s")));
    story.down_for(steps(5));
    assert_eq!(story.tasks().len(), 1, "what it fired stays");
    assert_eq!(story.0.pool.schedules().count(), 0);
    for ask in [
        ScheduleAsk::Remove(name("s")),
        ScheduleAsk::Pause(name("s"), true),
    ] {
        let refused = Answer::Refused(Rejection::NoSuchSchedule("s".into()));
        assert_eq!(story.ask(ask), refused);
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_and_nothing_is_kept() {
    let mut story = Story::new();
    let run_at = Wish::RunAt(START);
    let every = |ms| When::Every {
        ms,
        from: Timestamp::default(),
    };
    let wrong = [
        Schedule {
            when: every(999),
            ..schedule("s")
        },
        Schedule {
            payload: vec![0; SCHEDULE_PAYLOAD_BYTES_MAX + 1].into(),
            ..schedule("s")
        },
        Schedule {
            attempts_max: Some(0),
            ..schedule("s")
        },
        Schedule {
            wishes: vec![run_at],
            ..schedule("s")
        },
        Schedule {
            wishes: vec![Wish::ExpiresAfter(0)],
            ..schedule("s")
        },
    ];
    for schedule in wrong {
        story.refused(schedule);
    }
    assert_eq!(story.0.pool.schedules().count(), 0);
    assert!(story.0.store.1.is_empty());
    for number in 0..SCHEDULES_MAX {
        story.put(schedule(&format!("s{number}")));
    }
    let max = SCHEDULES_MAX as u64;
    let many = Rejection::OutOfBounds {
        what: "the number of schedules".into(),
        value: max + 1,
        min: 0,
        max,
    };
    assert_eq!(story.refused(schedule("one-more")), many);
    story.put(schedule("s0"));
}

#[test]
fn a_pool_in_partitions_has_no_schedules() {
    let settings = PoolSettings {
        partitions: 2,
        ..PoolSettings::default()
    };
    let mut story = Story::with(settings);
    assert!(matches!(
        story.refused(schedule("s")),
        Rejection::Unsupported(_)
    ));
}
