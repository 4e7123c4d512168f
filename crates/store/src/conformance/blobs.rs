//! Payloads and results.

use bytes::Bytes;
use leasehold_core::{Cause, Change, PoolId};

use super::{Open, Owner, id, sample};
use crate::Blob;

const LENGTHS: [usize; 12] = [
    0,
    1,
    255,
    4 * 1024,
    4 * 1024 + 1,
    6 * 1024 - 5,
    6 * 1024 - 4,
    16 * 1024,
    32 * 1024,
    100 * 1024,
    1024 * 1024,
    leasehold_core::limits::BLOB_BYTES_MAX,
];

pub(super) fn all_lengths_are_kept(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    for (n, len) in (0..).zip(LENGTHS) {
        owner.commit(&mut *store, vec![sample::enqueued(id(n), &bytes(len, 1))]);
        let done = sample::completed(id(100 + n), &bytes(len, 2));
        owner.commit(&mut *store, vec![done]);
    }
    for restart in [false, true] {
        for (n, len) in (0..).zip(LENGTHS) {
            let payload = owner.blob(&*store, id(n), Blob::Payload);
            assert!(payload == Some(bytes(len, 1)), "the payload of {len}");
            let result = owner.blob(&*store, id(100 + n), Blob::Result);
            assert!(result == Some(bytes(len, 2)), "the result of {len}");
        }
        if !restart {
            drop(store);
            store = open();
        }
    }
}

pub(super) fn own_by_pool(open: Open<'_>) {
    let mut store = open();
    let one = Owner::of_empty(&mut *store, "one");
    let two = Owner::of_empty(&mut *store, "two");
    for len in [10, 50_000] {
        let change = vec![sample::enqueued(id(len as u128), &bytes(len, 1))];
        one.commit(&mut *store, change);
        let task = id(len as u128);
        assert_eq!(two.blob(&*store, task, Blob::Payload), None);
        two.commit(&mut *store, vec![sample::claimed(task)]);
        assert_eq!(
            two.blob(&*store, task, Blob::Payload),
            None,
            "it never had one"
        );
        assert_eq!(
            one.blob(&*store, task, Blob::Result),
            None,
            "it has none yet"
        );
        assert_eq!(one.blob(&*store, task, Blob::Payload), Some(bytes(len, 1)));
    }
}

pub(super) fn go_with_their_task(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let before = store.stats().live_bytes;
    for (n, len) in (0..).zip([0, 100, 20_000, 1_000_000]) {
        owner.commit(&mut *store, vec![sample::enqueued(id(n), &bytes(len, 1))]);
        assert!(store.stats().live_bytes >= before + len as u64);
        owner.commit(&mut *store, vec![sample::completed(id(n), &bytes(len, 2))]);
        assert!(store.stats().live_bytes >= before + len as u64);
        owner.commit(&mut *store, vec![Change::Forget(id(n))]);
        assert_eq!(store.stats().live_bytes, before);
    }
    drop(store);
    let store = open();
    for n in 0..4 {
        assert_eq!(owner.blob(&*store, id(n), Blob::Payload), None);
        assert_eq!(owner.blob(&*store, id(n), Blob::Result), None);
    }
    assert_eq!(store.stats().live_bytes, before);
}

pub(super) fn a_payload_goes_with_a_completion(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let lengths = [0, 100, 5_000, 20_000, 1_000_000];
    let ends = [sample::died, sample::cancelled];
    for (n, len) in (0..).zip(lengths) {
        let enqueued = |task| sample::enqueued(id(task), &bytes(len, 1));
        owner.commit(&mut *store, vec![enqueued(n)]);
        owner.commit(&mut *store, vec![sample::claimed(id(n))]);
        let full = store.stats().live_bytes;
        let done = sample::completed(id(n), b"done");
        owner.commit(&mut *store, vec![done]);
        let left = store.stats().live_bytes;
        assert!(left + len as u64 <= full + 200, "{full} to {left}");
        // All of its life in one commit, and others that end otherwise.
        let done = sample::completed(id(10 + n), b"done");
        owner.commit(&mut *store, vec![enqueued(10 + n), done]);
        for (end, task) in ends.iter().zip([20 + n, 30 + n]) {
            owner.commit(&mut *store, vec![enqueued(task), end(id(task))]);
        }
    }
    for restart in [false, true] {
        for (n, len) in (0..).zip(lengths) {
            for task in [n, 10 + n] {
                assert_eq!(owner.blob(&*store, id(task), Blob::Payload), None);
                let result = owner.blob(&*store, id(task), Blob::Result);
                assert_eq!(result.as_deref(), Some(&b"done"[..]));
            }
            for task in [20 + n, 30 + n] {
                let payload = owner.blob(&*store, id(task), Blob::Payload);
                assert!(payload == Some(bytes(len, 1)), "{task} may be revived");
            }
        }
        if !restart {
            drop(store);
            store = open();
        }
    }
}

pub(super) fn can_be_written_anew(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let lengths = [30_000, 10, 7_000, 100_000, 6_500, 0];
    for (n, len) in (1..).zip(lengths) {
        let put = sample::enqueued(id(1), &bytes(len, n));
        let forgotten = vec![Change::Forget(id(1)), put.clone()];
        owner.commit(&mut *store, if n % 2 == 0 { vec![put] } else { forgotten });
        assert_eq!(
            owner.blob(&*store, id(1), Blob::Payload),
            Some(bytes(len, n))
        );
    }
    let both = [
        sample::enqueued(id(2), &bytes(90_000, 1)),
        sample::enqueued(id(2), &bytes(9_000, 2)),
    ];
    owner.commit(&mut *store, both.to_vec());
    let brought = sample::put(sample::task(id(2)), Cause::Claimed, Some(bytes(9, 9)));
    owner.commit(&mut *store, vec![brought]);
    drop(store);
    let store = open();
    assert_eq!(
        owner.blob(&*store, id(1), Blob::Payload),
        Some(Bytes::new())
    );
    let kept = owner.blob(&*store, id(2), Blob::Payload);
    assert_eq!(kept, Some(bytes(9_000, 2)), "a claim brings no payload");
}

pub(super) fn a_revival_may_edit(open: Open<'_>) {
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let lengths = [30_000, 10, 7_000, 0];
    for (n, len) in (0..).zip(lengths) {
        let put = sample::enqueued(id(n), &bytes(len, 1));
        owner.commit(&mut *store, vec![put, sample::died(id(n))]);
        let other = bytes(lengths[3 - n as usize], 2);
        owner.commit(&mut *store, vec![sample::edited(id(n), &other)]);
        let as_it_is = vec![sample::died(id(n)), sample::revived(id(n))];
        owner.commit(&mut *store, as_it_is);
    }
    for restart in [false, true] {
        for (n, len) in (0..).zip(lengths.iter().rev()) {
            let found = owner.blob(&*store, id(n), Blob::Payload);
            assert!(found == Some(bytes(*len, 2)), "task {n}");
        }
        if !restart {
            drop(store);
            store = open();
        }
    }
}

pub(super) fn many_are_read_at_once(open: Open<'_>) {
    const TASKS: u64 = 300;
    let len = |n: u64| if n.is_multiple_of(50) { 50_000 } else { 200 };
    let mut store = open();
    let owner = Owner::of_empty(&mut *store, "pool");
    let put = |n: u64| sample::enqueued(id(u128::from(n)), &bytes(len(n), n));
    owner.commit(&mut *store, (0..TASKS).map(put).collect());
    // Some of them twice in a record, and some in a later one.
    let again = |n: u64| [sample::enqueued(id(u128::from(n)), b"old"), put(n)];
    owner.commit(&mut *store, (0..9).flat_map(again).collect());
    let result = |n: u64| sample::completed(id(u128::from(n)), &bytes(100, n));
    owner.commit(&mut *store, (0..TASKS).step_by(7).map(result).collect());
    let mut wanted = Vec::new();
    let mut expected = Vec::new();
    for n in (0..=TASKS).rev().chain([3, 3]) {
        wanted.push((id(u128::from(n)), Blob::Payload));
        expected.push((n < TASKS && !n.is_multiple_of(7)).then(|| bytes(len(n), n)));
        wanted.push((id(u128::from(n)), Blob::Result));
        expected.push((n < TASKS && n.is_multiple_of(7)).then(|| bytes(100, n)));
    }
    let read = store.blobs(owner.id, &wanted).expect("they are read");
    assert!(read == expected, "each where it is wanted");
    let nothing = store.blobs(owner.id, &[]).expect("nothing is read");
    assert_eq!(nothing, []);
    let elsewhere = PoolId(owner.id.0 + 1);
    let of_nobody = store
        .blobs(elsewhere, &wanted[..2])
        .expect("it is no error");
    assert_eq!(of_nobody, [None, None]);
}

/// Bytes that differ along the way, so that a part in the wrong place shows.
pub(super) fn bytes(len: usize, seed: u64) -> Bytes {
    let mut random = super::model::Random::new(seed);
    (0..len.div_ceil(8))
        .flat_map(|_| random.next().to_le_bytes())
        .take(len)
        .collect()
}
