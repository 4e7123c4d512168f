//! Reading ahead: payloads that memory had no room for come back before they are claimed, in the
//! order in which they will be.

use leasehold_core::{Pool, TaskId};

use crate::{payloads::Cache, store_writer::Payloads};

/// Tasks that are looked at ahead of the next claim.
const TASKS: usize = 4096;

/// Payloads in memory from which on nothing is read ahead.
const ENOUGH: usize = TASKS / 2;

/// What is read at once, in bytes, unless a single payload is longer.
const BYTES: usize = 4 << 20;

/// How a pool stands with the payloads of its ready tasks.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Some may be on disk only. What is enqueued then comes after them, so it is not kept: it
    /// would take the room of what is claimed before it.
    pub(super) is_behind: bool,
    /// Tasks were claimed since it was last asked: without that there is no use in asking again.
    is_moving: bool,
    /// Something is being read.
    is_reading: bool,
}

impl Ahead {
    /// At the beginning, with whatever is ready on disk only.
    pub(super) fn new(pool: &Pool) -> Self {
        Self {
            is_behind: !pool.upcoming(1).is_empty(),
            is_moving: true,
            is_reading: false,
        }
    }

    /// Tasks were claimed.
    pub(super) fn moves(&mut self) {
        self.is_moving = true;
    }

    /// What to read now, if anything.
    pub(super) fn ask(&mut self, pool: &Pool, payloads: &mut Cache) -> Vec<TaskId> {
        let is_due = self.is_behind && self.is_moving && !self.is_reading;
        if !is_due || payloads.len() >= ENOUGH {
            return Vec::new();
        }
        self.is_moving = false;
        let next = pool.upcoming(TASKS);
        self.is_behind = next.len() == TASKS;
        let (mut tasks, mut left) = (Vec::new(), BYTES);
        for (id, bytes) in next {
            if payloads.has(id) {
                continue;
            }
            match left.checked_sub(bytes as usize) {
                Some(rest) => left = rest,
                None if tasks.is_empty() => left = 0,
                None => {
                    self.is_behind = true;
                    break;
                }
            }
            payloads.expect(id);
            tasks.push(id);
        }
        self.is_reading = !tasks.is_empty();
        tasks
    }

    /// Keeps what was read, as far as it is still to be claimed and there is room.
    pub(super) fn come(&mut self, read: Payloads, is_last: bool, payloads: &mut Cache) {
        for (id, payload) in read {
            self.is_behind |= !payloads.come(id, payload);
        }
        if is_last {
            self.is_reading = false;
            self.is_behind |= payloads.expect_no_more();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use leasehold_core::{
        Command, Epoch, Incarnation, NewTask, Node, NodeName, PoolId, PoolSettings, RequestId,
        SessionId, Timestamp, Transition,
    };

    use super::*;
    use crate::payloads::PayloadBudget;

    const SESSION: SessionId = SessionId(1);

    /// With so many ready tasks of so many bytes, by number.
    fn pool(tasks: u128, bytes: usize) -> Pool {
        let (settings, now) = (PoolSettings::default(), Timestamp::from_millis(1));
        let mut pool = Pool::restore(PoolId(1), Epoch(1), settings, now, []);
        let node = Node {
            name: NodeName::new("crane").unwrap(),
            incarnation: Incarnation(1),
        };
        let new = |number| NewTask {
            id: TaskId::from_u128(number),
            priority: 0,
            attempts_max: None,
            delay: std::time::Duration::ZERO,
            payload: Bytes::from(vec![0; bytes]),
            wishes: vec![],
        };
        let tasks: Vec<_> = (1..=tasks).map(new).collect();
        let enqueues = tasks
            .chunks(1000)
            .map(|tasks| Command::Enqueue(tasks.to_vec()));
        for command in [Command::Open(node)].into_iter().chain(enqueues) {
            pool.apply(
                now,
                SESSION,
                RequestId(1),
                command,
                &mut Transition::default(),
            );
        }
        pool
    }

    fn read(asked: &[TaskId], bytes: usize) -> Payloads {
        let payload = |task: &TaskId| (*task, Bytes::from(vec![0; bytes]));
        asked.iter().map(payload).collect()
    }

    #[test]
    fn what_comes_first_is_read_first_and_once() {
        let pool = pool(2 * TASKS as u128, 10);
        let mut payloads = Cache::new(PayloadBudget::new(1 << 20));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &mut payloads);
        let first = (1..=TASKS as u128).map(TaskId::from_u128);
        assert!(asked.iter().copied().eq(first));
        ahead.moves();
        assert_eq!(ahead.ask(&pool, &mut payloads), [], "it is on its way");
        ahead.come(read(&asked, 10), true, &mut payloads);
        assert_eq!(payloads.len(), TASKS);
        assert!(ahead.is_behind, "there are more");
        assert_eq!(ahead.ask(&pool, &mut payloads), [], "that is enough");
    }

    #[test]
    fn long_payloads_come_a_few_at_a_time() {
        let pool = pool(20, 1 << 20);
        let mut payloads = Cache::new(PayloadBudget::new(1 << 30));
        assert_eq!(Ahead::new(&pool).ask(&pool, &mut payloads).len(), 4);
    }

    #[test]
    fn without_room_nothing_is_read_again_until_something_moves() {
        let pool = pool(20, 10);
        let mut payloads = Cache::new(PayloadBudget::new(0));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &mut payloads);
        ahead.come(read(&asked, 10), true, &mut payloads);
        assert!(ahead.is_behind);
        assert_eq!(ahead.ask(&pool, &mut payloads), []);
        ahead.moves();
        assert_eq!(ahead.ask(&pool, &mut payloads).len(), 20);
    }

    #[test]
    fn a_pool_that_fits_into_memory_is_not_behind() {
        let pool = pool(20, 10);
        let mut payloads = Cache::new(PayloadBudget::new(1 << 20));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &mut payloads);
        ahead.come(read(&asked, 10), true, &mut payloads);
        assert!(!ahead.is_behind);
    }

    #[test]
    fn what_could_not_be_read_is_asked_for_again() {
        let pool = pool(20, 10);
        let mut payloads = Cache::new(PayloadBudget::new(1 << 20));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &mut payloads);
        ahead.come(read(&asked[..15], 10), true, &mut payloads);
        assert_eq!(ahead.ask(&pool, &mut payloads), [], "nothing has moved");
        ahead.moves();
        assert_eq!(ahead.ask(&pool, &mut payloads), asked[15..]);
    }
}
