//! Schedules by the clock on the wall, while somebody sets it.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::*;

use crate::harness::*;

const HOUR: Duration = Duration::from_secs(3600);
const S: SessionId = SessionId(1);

/// What the wall shows when the stories begin: long after the pool's own time, at a full hour.
const WALL: Timestamp = Timestamp::from_millis(1_000 * 3_600_000);

/// A pool with a schedule, and a wall that is looked at every minute.
struct Story {
    world: World,
    /// How far the wall is from the pool's time.
    wall: Timestamp,
}

impl Story {
    /// One that fires at each full hour.
    fn hourly(misfire: Misfire) -> Self {
        let (expr, zone) = ("0 * * * *".into(), "UTC".into());
        Self::of(When::Cron { expr, zone }, misfire)
    }

    fn of(when: When, misfire: Misfire) -> Self {
        let mut world = World::new(PoolSettings::default());
        world.open(1, &node("n", 1));
        let mut story = Self { world, wall: WALL };
        story.look();
        story.ask(ScheduleAsk::Put(Box::new(schedule(when, misfire))));
        story
    }

    fn ask(&mut self, ask: ScheduleAsk) {
        let answer = self.world.ask(S, Command::Schedule(ask));
        assert_eq!(answer, Answer::Done(vec![Ok(())]));
        self.plan();
    }

    /// Looks at the wall, and does what that brings about.
    fn look(&mut self) {
        self.world.look();
        self.world.pool.set_calendar(self.wall);
        self.plan();
    }

    fn plan(&mut self) {
        let due: Vec<Schedule> = self.world.pool.due_schedules().cloned().collect();
        for of in due {
            let now = self.world.pool.schedule_now(&of.when).as_millis();
            let (step, from) = match of.when {
                When::Cron { .. } => (3_600_000, 0),
                When::Every { ms, from } => (ms, from.as_millis()),
            };
            let instants = || (0..).map(|number| from + number * step);
            let due = instants()
                .skip_while(|at| *at <= of.done_until.as_millis())
                .take_while(|at| *at <= now);
            let plan = Plan {
                name: of.name.clone(),
                due: due.map(Timestamp::from_millis).collect(),
                more: false,
                next: instants().find(|at| *at > now).map(Timestamp::from_millis),
            };
            self.world.send(SessionId(0), Command::Plan(Box::new(plan)));
        }
    }

    fn pass(&mut self, time: Duration) {
        const MINUTE: Duration = Duration::from_secs(60);
        for _ in 0..time.as_secs() / 60 {
            self.world.now = self.world.now + MINUTE;
            self.wall = self.wall + MINUTE;
            self.look();
        }
    }

    fn set_forward(&mut self, by: Duration) {
        self.wall = self.wall + by;
        self.look();
    }

    fn set_back(&mut self, by: Duration) {
        self.wall = self.wall - by;
        self.look();
    }

    /// What was fired: the instants, in hours after the wall of the beginning.
    fn fired(&self) -> Vec<i64> {
        let hour = |task: &Task| {
            let at = (0..3000).find(|hour| {
                let at = Timestamp::from_millis(hour * 3_600_000);
                task.id == TaskId::fired(TaskId::from_u128(77), at)
            });
            at.expect("it is of a full hour").cast_signed() - 1_000
        };
        let mut tasks = self.world.store.load();
        tasks.sort_by_key(|task| task.place);
        tasks.iter().map(hour).collect()
    }
}

fn schedule(when: When, misfire: Misfire) -> Schedule {
    Schedule {
        name: ScheduleName::new("s").expect("a name"),
        seed: TaskId::from_u128(77),
        when,
        misfire,
        priority: 3,
        attempts_max: None,
        wishes: vec![],
        payload: Bytes::new(),
        paused: false,
        done_until: Timestamp::default(),
        fired: 0,
        skipped: 0,
        last: None,
    }
}

#[test]
fn it_goes_by_the_wall_and_not_by_the_pools_time() {
    let mut story = Story::hourly(Misfire::Once);
    story.pass(3 * HOUR);
    assert_eq!(story.fired(), [1, 2, 3]);
}

#[test]
fn hours_that_the_wall_leaves_out_were_missed() {
    for (misfire, made_up) in [
        (Misfire::Skip, vec![1, 5]),
        (Misfire::Once, vec![1, 4, 5]),
        (Misfire::All, vec![1, 2, 3, 4, 5]),
    ] {
        let mut story = Story::hourly(misfire);
        story.pass(HOUR + HOUR / 2);
        story.set_forward(3 * HOUR);
        story.pass(HOUR);
        assert_eq!(story.fired(), made_up, "{misfire:?}");
    }
}

#[test]
fn hours_that_the_wall_shows_twice_fire_once() {
    let mut story = Story::hourly(Misfire::All);
    story.pass(4 * HOUR + HOUR / 2);
    story.set_back(3 * HOUR);
    story.pass(2 * HOUR);
    assert_eq!(story.fired(), [1, 2, 3, 4], "it shows 3:30 again");
    story.pass(2 * HOUR);
    assert_eq!(story.fired(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_wall_that_was_days_ahead_does_not_keep_it_waiting_for_days() {
    let mut story = Story::hourly(Misfire::All);
    story.pass(2 * HOUR);
    story.set_back(72 * HOUR);
    story.pass(2 * HOUR);
    assert_eq!(story.fired(), [1, 2, -69, -68]);
}

#[test]
fn leases_end_by_the_pools_time_whatever_the_wall_shows() {
    let mut story = Story::hourly(Misfire::Skip);
    story.world.enqueue(S, &[7]);
    story.world.must_take(S);
    let due = story.world.due_in(7);
    story.set_forward(3 * HOUR);
    story.set_back(6 * HOUR);
    assert_eq!(story.world.state(7), Some(StateKind::Claimed));
    assert_eq!(story.world.due_in(7), due);
}

#[test]
fn intervals_pass_whatever_the_wall_shows() {
    let (ms, from) = (3_600_000, Timestamp::default());
    let mut story = Story::of(When::Every { ms, from }, Misfire::All);
    story.set_forward(3 * HOUR);
    story.pass(HOUR);
    story.set_back(6 * HOUR);
    story.pass(HOUR);
    assert_eq!(story.world.store.load().len(), 2);
}

#[test]
fn what_is_put_or_goes_on_after_the_wall_was_set_goes_by_what_it_shows_now() {
    let mut story = Story::hourly(Misfire::All);
    story.ask(ScheduleAsk::Remove(ScheduleName::new("s").expect("a name")));
    story.set_back(3 * HOUR);
    let (expr, zone) = ("0 * * * *".into(), "UTC".into());
    let new = schedule(When::Cron { expr, zone }, Misfire::All);
    let name = new.name.clone();
    story.ask(ScheduleAsk::Put(Box::new(new)));
    story.pass(HOUR);
    assert_eq!(story.fired(), [-2]);
    story.ask(ScheduleAsk::Pause(name.clone(), true));
    story.set_forward(6 * HOUR);
    story.ask(ScheduleAsk::Pause(name, false));
    story.pass(HOUR);
    assert_eq!(story.fired(), [-2, 5], "what passed meanwhile passed");
}

#[test]
fn a_wall_that_is_right_is_not_heeded() {
    let mut story = Story::hourly(Misfire::Once);
    let wall = story.wall;
    assert_eq!(story.world.pool.set_calendar(wall), None);
    assert_eq!(story.world.pool.set_calendar(wall + HOUR), Some(3_600_000));
    assert_eq!(story.world.pool.set_calendar(wall), Some(-3_600_000));
}
