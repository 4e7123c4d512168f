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

/// Room for a state without a history, in bytes.
const STATE_BYTES: usize = 256;

pub(super) fn put_task(task: &Task, to: &mut Vec<u8>) {
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
    } = task;
    to.reserve(STATE_BYTES);
    to.extend_from_slice(id.as_bytes());
    put(*place, to);
    put(*priority, to);
    put(*attempts_max, to);
    put_time(*enqueued_at, to);
    put_time(*ready_at, to);
    put(*attempt, to);
    put(*interruptions, to);
    put(*losses_in_a_row, to);
    put(*payload_len, to);
    to.push(u8::from(result_len.is_some()));
    if let Some(len) = result_len {
        put(*len, to);
    }
    put_state(state, to);
    to.push(u8::from(lease.is_some()));
    if let Some(lease) = lease {
        put_lease(lease, to);
    }
    put_len(history.len(), to);
    history.iter().for_each(|attempt| put_attempt(attempt, to));
}

fn put_state(state: &State, to: &mut Vec<u8>) {
    let (variant, at) = match state {
        State::Scheduled { run_at } => (0, Some(*run_at)),
        State::Ready => (1, None),
        State::Claimed => (2, None),
        State::Completed { at } => (3, Some(*at)),
        State::Cancelled { at } => (4, Some(*at)),
        State::Dead { at, cause: _ } => (5, Some(*at)),
    };
    to.push(variant);
    if let Some(at) = at {
        put_time(at, to);
    }
    if let State::Dead { at: _, cause } = state {
        to.push(match cause {
            Death::AttemptsSpent => 0,
            Death::LostTooOften => 1,
            Death::InterruptedTooOften => 2,
        });
    }
}

fn put_lease(lease: &Lease, to: &mut Vec<u8>) {
    let Lease {
        id,
        node,
        granted_at,
        lease_ms,
    } = lease;
    put_lease_id(*id, to);
    put_node(node, to);
    put_time(*granted_at, to);
    put(*lease_ms, to);
}

fn put_attempt(of: &Attempt, to: &mut Vec<u8>) {
    let Attempt {
        attempt,
        lease,
        node,
        started_at,
        ended_at,
        ending,
        reason,
    } = of;
    put(*attempt, to);
    put_lease_id(*lease, to);
    put_node(node, to);
    put_time(*started_at, to);
    put_time(*ended_at, to);
    to.push(match ending {
        AttemptEnding::Completed => 0,
        AttemptEnding::Failed => 1,
        AttemptEnding::Expired => 2,
        AttemptEnding::Cut => 3,
        AttemptEnding::Silence => 4,
        AttemptEnding::Released => 5,
        AttemptEnding::Interrupted => 6,
        AttemptEnding::Cancelled => 7,
    });
    put_text(reason, to);
}

fn put_lease_id(id: LeaseId, to: &mut Vec<u8>) {
    let LeaseId {
        pool,
        epoch,
        number,
    } = id;
    put(pool.0, to);
    put(epoch.0, to);
    put(number, to);
}

fn put_node(node: &Node, to: &mut Vec<u8>) {
    let Node { name, incarnation } = node;
    put_text(name.as_str(), to);
    put(incarnation.0, to);
}

fn put_text(text: &str, to: &mut Vec<u8>) {
    put_len(text.len(), to);
    to.extend_from_slice(text.as_bytes());
}

fn put_time(at: Timestamp, to: &mut Vec<u8>) {
    put(at.as_millis(), to);
}

fn put_len(len: usize, to: &mut Vec<u8>) {
    put(len as u64, to);
}

fn put(number: impl Into<u64>, to: &mut Vec<u8>) {
    let number = number.into();
    if let Ok(short) = u8::try_from(number)
        && short <= SINGLE
    {
        to.push(short);
    } else if let Ok(short) = u16::try_from(number) {
        put_long(TWO, &short.to_le_bytes(), to);
    } else if let Ok(long) = u32::try_from(number) {
        put_long(FOUR, &long.to_le_bytes(), to);
    } else {
        put_long(EIGHT, &number.to_le_bytes(), to);
    }
}

fn put_long(tag: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(tag);
    to.extend_from_slice(bytes);
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

    const ENDINGS: [AttemptEnding; 8] = [
        AttemptEnding::Completed,
        AttemptEnding::Failed,
        AttemptEnding::Expired,
        AttemptEnding::Cut,
        AttemptEnding::Silence,
        AttemptEnding::Released,
        AttemptEnding::Interrupted,
        AttemptEnding::Cancelled,
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
            name: NodeName::new(&"n".repeat(1 + attempts * 15)).unwrap(),
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
        }
    }

    #[test]
    fn the_bytes_are_those_of_bincode() {
        for number in NUMBERS {
            for (attempts, state) in states(Timestamp::from_millis(number))
                .into_iter()
                .enumerate()
            {
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
