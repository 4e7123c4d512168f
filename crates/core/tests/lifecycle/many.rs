//! What happens to very many tasks at once is done in slices, and other work goes on in between.

use leasehold_core::{limits::DUE_MAX, *};

use crate::harness::*;

const SESSIONS: u64 = 50;
const LEASES: u32 = 100;
const TASKS: u64 = SESSIONS * LEASES as u64;
const SLICES: u64 = TASKS.div_ceil(DUE_MAX as u64);

/// A pool without a store, for more than a store in memory is good for.
struct Crowd {
    pool: Pool,
    now: Timestamp,
}

impl Crowd {
    fn new(settings: PoolSettings, stored: impl IntoIterator<Item = Task>) -> Self {
        let pool = Pool::restore(PoolId(1), Epoch(1), settings, START, stored);
        Self { pool, now: START }
    }

    fn send(&mut self, session: u64, command: Command) -> Transition {
        let mut out = Transition::default();
        let (session, request) = (SessionId(session), RequestId(1));
        self.pool
            .apply(self.now, session, request, command, &mut out);
        out
    }

    /// As a hub does it: until nothing is due. Returns how many calls that took.
    fn catch_up(&mut self, mut between: impl FnMut(&mut Self)) -> u64 {
        let mut calls = 0;
        while self.pool.next_deadline().is_some_and(|at| at <= self.now) {
            let mut out = Transition::default();
            self.pool.advance(self.now, &mut out);
            assert!((1..=2 * DUE_MAX).contains(&out.changes.len()));
            calls += 1;
            between(self);
        }
        assert_eq!(self.pool.check(), Ok(()));
        calls
    }

    fn count(&self, kind: StateKind) -> u64 {
        self.pool.summary().counts.of(kind)
    }
}

fn stored(number: u64, state: State) -> Task {
    Task {
        id: id(number.into()),
        place: number,
        priority: 0,
        attempts_max: 5,
        enqueued_at: START,
        ready_at: START,
        attempt: 0,
        interruptions: 0,
        losses_in_a_row: 0,
        payload_len: 0,
        result_len: None,
        state,
        lease: None,
        history: vec![],
        extras: None,
    }
}

/// Each session holds as many leases, and they are all cut.
fn cut_off() -> Crowd {
    let ready = (0..TASKS).map(|number| stored(number, State::Ready));
    let mut crowd = Crowd::new(PoolSettings::default(), ready);
    for session in 1..=SESSIONS {
        crowd.send(session, Command::Open(node("crane", session)));
        crowd.send(session, claim(LEASES));
    }
    assert_eq!(crowd.count(StateKind::Claimed), TASKS);
    for session in 1..=SESSIONS {
        let out = crowd.send(session, Command::End(Ending::Cut));
        assert_eq!((out.changes.len(), out.replies.len()), (0, 0));
    }
    crowd.now = crowd.now + ms(500);
    crowd
}

#[test]
fn leases_that_end_at_once_are_done_in_slices() {
    let mut crowd = cut_off();
    let calls = crowd.catch_up(|_| {});
    assert_eq!(calls, SLICES);
    assert_eq!(crowd.count(StateKind::Ready), TASKS);
}

#[test]
fn other_work_goes_on_between_the_slices() {
    let mut crowd = cut_off();
    crowd.send(99, Command::Open(node("derrick", 99)));
    let mut granted = 0;
    crowd.catch_up(|crowd| {
        let out = crowd.send(99, claim(1));
        granted += usize::from(matches!(
            out.replies.as_slice(),
            [Reply::Answer(_, _, Answer::Claimed(grants))] if grants.len() == 1
        ));
    });
    assert!(granted > 1);
    assert_eq!(crowd.count(StateKind::Claimed), granted as u64);
}

#[test]
fn who_waits_is_not_sent_away_while_what_may_serve_it_is_due() {
    let mut crowd = cut_off();
    crowd.now = START;
    crowd.send(99, Command::Open(node("derrick", 99)));
    // Their waits are over when the leases end: the first of those serve them.
    for _ in 0..100 {
        crowd.send(99, claim_for(64, ms(500)));
    }
    crowd.now = crowd.now + ms(500);
    crowd.catch_up(|_| {});
    assert_eq!(crowd.count(StateKind::Claimed), TASKS);
    assert_eq!(crowd.pool.summary().waiting, 0);
}

#[test]
fn a_smaller_memory_is_reached_in_slices() {
    let settings = PoolSettings {
        completed_kept_max: 10,
        ..PoolSettings::default()
    };
    let done = (0..TASKS).map(|number| stored(number, State::Completed { at: START }));
    let mut crowd = Crowd::new(settings, done);
    assert_eq!(
        crowd.catch_up(|_| {}),
        (TASKS - 10).div_ceil(DUE_MAX as u64)
    );
    let left: Vec<Task> = crowd.pool.tasks(None, None, usize::MAX);
    let oldest_gone: Vec<TaskId> = left.iter().map(|task| task.id).collect();
    let last: Vec<TaskId> = (TASKS - 10..TASKS)
        .map(|number| id(number.into()))
        .collect();
    assert_eq!(oldest_gone, last);
}

#[test]
fn what_is_forgotten_by_age_goes_in_slices() {
    let done = (0..TASKS).map(|number| stored(number, State::Completed { at: START }));
    let mut crowd = Crowd::new(PoolSettings::default(), done);
    crowd.now = crowd.now + crowd.pool.settings().completed_kept_for;
    assert_eq!(crowd.catch_up(|_| {}), SLICES);
    assert_eq!(crowd.pool.tasks(None, None, 1), []);
    assert_eq!(crowd.pool.next_deadline(), None);
}

#[test]
fn what_is_scheduled_for_one_moment_comes_in_slices_and_in_order() {
    let run_at = START + secs(5);
    let scheduled = (0..TASKS).map(|number| Task {
        ready_at: run_at,
        ..stored(number, State::Scheduled { run_at })
    });
    let mut crowd = Crowd::new(PoolSettings::default(), scheduled);
    assert_eq!(crowd.pool.next_deadline(), Some(run_at));
    crowd.now = run_at;
    assert_eq!(crowd.catch_up(|_| {}), SLICES);
    let upcoming = crowd.pool.upcoming(10).into_iter().map(|(task, _)| task);
    assert!(upcoming.eq((0..10).map(id)));
}
