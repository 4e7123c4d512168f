//! A task's state in the bytes that bincode makes of it, without its way through serde: field by
//! field, and sixteen calls for an id. That took a fifth of the store's thread.
//!
//! Numbers are as in bincode's standard configuration: up to 250 in one byte; longer ones after a
//! byte that says how many follow, little-endian. The tests hold it to bincode, and the compiler to
//! every field.

use leasehold_core::{Attempt, AttemptEnding, Death, Lease, LeaseId, Node, State, Task, Timestamp};

/// The longest number of one byte.
const SINGLE: u8 = 250;

/// What stands before two, four and eight bytes.
const TWO: u8 = 251;
const FOUR: u8 = 252;
const EIGHT: u8 = 253;

/// The most that stands between two texts, in bytes: before the name of a lease's node there are
/// 120.
const BETWEEN_TEXTS: usize = 160;

pub(super) fn put_task(task: &Task, to: &mut Vec<u8>) {
    let mut pen = Pen {
        to,
        bytes: [0; BETWEEN_TEXTS],
        len: 0,
    };
    pen.task(task);
    pen.flush();
}

/// Puts numbers together before they are appended at once.
struct Pen<'a> {
    to: &'a mut Vec<u8>,
    bytes: [u8; BETWEEN_TEXTS],
    len: usize,
}

impl Pen<'_> {
    fn task(&mut self, task: &Task) {
        let Task {
            id,
            place,
            priority,
            attempts_max,
            enqueued_at,
            ready_at,
            attempt,
            interruptions,
            losses_in_a_row,
            payload_len,
            result_len,
            state,
            lease,
            history,
            // Stored after it.
            extras: _,
        } = task;
        self.array(*id.as_bytes());
        self.number(*place);
        self.number(*priority);
        self.number(*attempts_max);
        self.time(*enqueued_at);
        self.time(*ready_at);
        self.number(*attempt);
        self.number(*interruptions);
        self.number(*losses_in_a_row);
        self.number(*payload_len);
        self.byte(u8::from(result_len.is_some()));
        if let Some(len) = result_len {
            self.number(*len);
        }
        self.state(state);
        self.byte(u8::from(lease.is_some()));
        if let Some(lease) = lease {
            self.lease(lease);
        }
        self.length(history.len());
        history.iter().for_each(|attempt| self.attempt(attempt));
    }

    fn state(&mut self, state: &State) {
        let (variant, at) = match state {
            State::Scheduled { run_at } => (0, Some(*run_at)),
            State::Ready => (1, None),
            State::Claimed => (2, None),
            State::Completed { at } => (3, Some(*at)),
            State::Cancelled { at } => (4, Some(*at)),
            State::Dead { at, cause: _ } => (5, Some(*at)),
        };
        self.byte(variant);
        if let Some(at) = at {
            self.time(at);
        }
        if let State::Dead { at: _, cause } = state {
            self.byte(match cause {
                Death::AttemptsSpent => 0,
                Death::LostTooOften => 1,
                Death::InterruptedTooOften => 2,
                Death::Expired => 3,
                Death::Hopeless => 4,
                Death::ParentGone => 5,
            });
        }
    }

    fn lease(&mut self, lease: &Lease) {
        let Lease {
            id,
            node,
            granted_at,
            lease_ms,
        } = lease;
        self.lease_id(*id);
        self.node(node);
        self.time(*granted_at);
        self.number(*lease_ms);
    }

    fn attempt(&mut self, of: &Attempt) {
        let Attempt {
            attempt,
            lease,
            node,
            started_at,
            ended_at,
            ending,
            reason,
        } = of;
        self.number(*attempt);
        self.lease_id(*lease);
        self.node(node);
        self.time(*started_at);
        self.time(*ended_at);
        self.byte(match ending {
            AttemptEnding::Completed => 0,
            AttemptEnding::Failed => 1,
            AttemptEnding::Expired => 2,
            AttemptEnding::Cut => 3,
            AttemptEnding::Silence => 4,
            AttemptEnding::Released => 5,
            AttemptEnding::Interrupted => 6,
            AttemptEnding::Cancelled => 7,
            AttemptEnding::Overran => 8,
        });
        self.text(reason);
    }

    fn lease_id(&mut self, id: LeaseId) {
        let LeaseId {
            pool,
            epoch,
            number,
        } = id;
        self.number(pool.0);
        self.number(epoch.0);
        self.number(number);
    }

    fn node(&mut self, node: &Node) {
        let Node { name, incarnation } = node;
        self.text(name.as_str());
        self.number(incarnation.0);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.flush();
        self.to.extend_from_slice(text.as_bytes());
    }

    fn time(&mut self, at: Timestamp) {
        self.number(at.as_millis());
    }

    fn length(&mut self, len: usize) {
        self.number(len as u64);
    }

    fn number(&mut self, number: impl Into<u64>) {
        let number = number.into();
        if let Ok(short) = u8::try_from(number)
            && short <= SINGLE
        {
            self.byte(short);
        } else if let Ok(short) = u16::try_from(number) {
            self.byte(TWO);
            self.array(short.to_le_bytes());
        } else if let Ok(long) = u32::try_from(number) {
            self.byte(FOUR);
            self.array(long.to_le_bytes());
        } else {
            self.byte(EIGHT);
            self.array(number.to_le_bytes());
        }
    }

    const fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }

    fn flush(&mut self) {
        self.to.extend_from_slice(&self.bytes[..self.len]);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use leasehold_core::{Epoch, Incarnation, NodeName, PoolId, TaskId};

    use super::*;
    use crate::record::encode;

    /// Every number in its way of being written, and both sides of each bound.
    const NUMBERS: [u64; 10] = [
        0,
        1,
        250,
        251,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        1_700_000_000_000,
        u64::MAX,
    ];

    const ENDINGS: [AttemptEnding; 9] = [
        AttemptEnding::Completed,
        AttemptEnding::Failed,
        AttemptEnding::Expired,
        AttemptEnding::Cut,
        AttemptEnding::Silence,
        AttemptEnding::Released,
        AttemptEnding::Interrupted,
        AttemptEnding::Cancelled,
        AttemptEnding::Overran,
    ];

    fn states(at: Timestamp) -> Vec<State> {
        let dead = |cause| State::Dead { at, cause };
        vec![
            State::Scheduled { run_at: at },
            State::Ready,
            State::Claimed,
            State::Completed { at },
            State::Cancelled { at },
            dead(Death::AttemptsSpent),
            dead(Death::LostTooOften),
            dead(Death::InterruptedTooOften),
            dead(Death::Expired),
            dead(Death::Hopeless),
            dead(Death::ParentGone),
        ]
    }

    fn task(number: u64, state: State, attempts: usize) -> Task {
        let short = u32::try_from(number).unwrap_or(77);
        let at = Timestamp::from_millis(number);
        let lease = LeaseId {
            pool: PoolId(short),
            epoch: Epoch(short),
            number,
        };
        let node = Node {
            name: NodeName::new(&"n".repeat(1 + attempts * 14)).unwrap(),
            incarnation: Incarnation(number),
        };
        let attempt = |ending| Attempt {
            attempt: short,
            lease,
            node: node.clone(),
            started_at: at,
            ended_at: at,
            ending,
            reason: "ü".repeat(attempts * 64),
        };
        Task {
            id: TaskId::from_u128(u128::from(number) << 40 | 0xab),
            place: number,
            priority: short,
            attempts_max: short,
            enqueued_at: at,
            ready_at: at,
            attempt: short,
            interruptions: short,
            losses_in_a_row: short,
            payload_len: short,
            result_len: (attempts > 0).then_some(short),
            state,
            lease: (attempts < 4).then(|| Lease {
                id: lease,
                node: node.clone(),
                granted_at: at,
                lease_ms: number,
            }),
            history: ENDINGS[..attempts].iter().copied().map(attempt).collect(),
            extras: None,
        }
    }

    #[test]
    fn the_bytes_are_those_of_bincode() {
        for number in NUMBERS {
            for (place, state) in states(Timestamp::from_millis(number))
                .into_iter()
                .enumerate()
            {
                let attempts = place.min(ENDINGS.len());
                for attempts in [attempts, ENDINGS.len() - attempts] {
                    let task = task(number, state, attempts);
                    let (mut one, mut other) = (vec![1], vec![1]);
                    put_task(&task, &mut one);
                    encode(&task, &mut other);
                    assert_eq!(one, other, "{task:?}");
                }
            }
        }
    }
}
