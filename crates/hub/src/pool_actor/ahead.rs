//! Reading ahead: payloads that memory had no room for come back before they are claimed, in the
//! order in which they will be.

use leasehold_core::{Pool, State, TaskId};
use leasehold_store::Blob;

use crate::{payloads::Payloads, store_writer::Blobs};

/// Tasks that are looked at ahead of the next claim.
const TASKS: usize = 1024;

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
    asked: Vec<TaskId>,
    /// They are read with a commit that is on its way.
    is_sent: bool,
}

impl Ahead {
    /// At the beginning, with whatever is ready on disk only.
    pub(super) fn new(pool: &Pool) -> Self {
        Self {
            is_behind: !pool.upcoming(1).is_empty(),
            is_moving: true,
            asked: Vec::new(),
            is_sent: false,
        }
    }

    /// Tasks were claimed.
    pub(super) fn moves(&mut self) {
        self.is_moving = true;
    }

    /// What to read now, if anything.
    pub(super) fn ask(&mut self, pool: &Pool, payloads: &Payloads) -> Vec<(TaskId, Blob)> {
        let is_due = self.is_behind && self.is_moving && self.asked.is_empty();
        if !is_due || payloads.len() >= ENOUGH {
            return Vec::new();
        }
        self.is_moving = false;
        let next = pool.upcoming(TASKS);
        self.is_behind = next.len() == TASKS;
        let mut left = BYTES;
        for (id, bytes) in next {
            if payloads.has(id) {
                continue;
            }
            let is_first = self.asked.is_empty();
            match left.checked_sub(bytes as usize) {
                Some(rest) => left = rest,
                None if is_first => left = 0,
                None => {
                    self.is_behind = true;
                    break;
                }
            }
            self.asked.push(id);
        }
        self.asked.iter().map(|id| (*id, Blob::Payload)).collect()
    }

    /// A commit takes all along that is wanted; returns whether what was asked for here is in it.
    pub(super) fn send(&mut self) -> bool {
        let is_news = !self.asked.is_empty() && !self.is_sent;
        self.is_sent |= is_news;
        is_news
    }

    /// Keeps what has come with that commit, as far as it is still to be claimed and there is room.
    pub(super) fn come(&mut self, blobs: &Blobs, pool: &Pool, payloads: &mut Payloads) {
        self.is_sent = false;
        for id in self.asked.drain(..) {
            if let Some(payload) = blobs.get(&(id, Blob::Payload))
                && pool.state(id) == Some(State::Ready)
            {
                self.is_behind |= !payloads.keep(id, payload);
            }
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
        let tasks = (1..=tasks).map(new).collect();
        for command in [Command::Open(node), Command::Enqueue(tasks)] {
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

    fn blobs(asked: &[(TaskId, Blob)], bytes: usize) -> Blobs {
        let blob = |what: &(TaskId, Blob)| (*what, Bytes::from(vec![0; bytes]));
        asked.iter().map(blob).collect()
    }

    #[test]
    fn what_comes_first_is_read_first_and_once() {
        let pool = pool(2000, 10);
        let mut payloads = Payloads::new(PayloadBudget::new(1 << 20));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &payloads);
        let first = (1..=TASKS as u128).map(TaskId::from_u128);
        assert!(asked.iter().map(|(id, _)| *id).eq(first));
        assert_eq!(ahead.ask(&pool, &payloads), [], "it is on its way");
        assert!(ahead.send());
        assert!(!ahead.send(), "the commit after it has others");
        assert_eq!(ahead.ask(&pool, &payloads), []);
        ahead.come(&blobs(&asked, 10), &pool, &mut payloads);
        assert_eq!(payloads.len(), TASKS);
        assert!(ahead.is_behind, "there are more");
        ahead.moves();
        assert_eq!(ahead.ask(&pool, &payloads), [], "that is enough");
    }

    #[test]
    fn long_payloads_come_a_few_at_a_time() {
        let pool = pool(20, 1 << 20);
        let payloads = Payloads::new(PayloadBudget::new(1 << 30));
        assert_eq!(Ahead::new(&pool).ask(&pool, &payloads).len(), 4);
    }

    #[test]
    fn without_room_nothing_is_read_again_until_something_moves() {
        let pool = pool(20, 10);
        let mut payloads = Payloads::new(PayloadBudget::new(0));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &payloads);
        assert!(ahead.send());
        ahead.come(&blobs(&asked, 10), &pool, &mut payloads);
        assert!(ahead.is_behind);
        assert_eq!(ahead.ask(&pool, &payloads), []);
        ahead.moves();
        assert_eq!(ahead.ask(&pool, &payloads).len(), 20);
    }

    #[test]
    fn a_pool_that_fits_into_memory_is_not_behind() {
        let pool = pool(20, 10);
        let mut payloads = Payloads::new(PayloadBudget::new(1 << 20));
        let mut ahead = Ahead::new(&pool);
        let asked = ahead.ask(&pool, &payloads);
        assert!(ahead.send());
        ahead.come(&blobs(&asked, 10), &pool, &mut payloads);
        assert!(!ahead.is_behind);
    }
}
