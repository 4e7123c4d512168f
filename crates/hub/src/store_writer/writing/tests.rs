use leasehold_core::Epoch;
use leasehold_store::StoreStats;

use super::*;

/// Of which nothing can be read: the first to ask is told why, and nothing more is taken then, as by
/// a store in a folder.
#[derive(Default)]
struct Unreadable {
    store: MemoryStore,
    is_poisoned: std::cell::Cell<bool>,
}

impl Unreadable {
    fn usable(&self) -> Result<(), StoreError> {
        if self.is_poisoned.get() {
            return Err(StoreError::Poisoned);
        }
        Ok(())
    }
}

impl Store for Unreadable {
    fn pools(&self) -> Vec<PoolName> {
        self.store.pools()
    }

    fn latest(&self) -> Timestamp {
        self.store.latest()
    }

    fn open_pool_past(&mut self, name: &PoolName, epoch: Epoch) -> Result<OpenedPool, StoreError> {
        self.usable()?;
        self.store.open_pool_past(name, epoch)
    }

    fn commit(&mut self, batches: &[PoolBatch]) -> Result<(), StoreError> {
        self.usable()?;
        self.store.commit(batches)
    }

    fn blobs(
        &self,
        _pool: PoolId,
        _wanted: &[(TaskId, Blob)],
    ) -> Result<Vec<Option<bytes::Bytes>>, StoreError> {
        self.usable()?;
        self.is_poisoned.set(true);
        Err(StoreError::Damaged {
            what: "the payload of a task in the/file".to_owned(),
            reason: "it is cut short".to_owned(),
            advice: "restore it",
        })
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.is_poisoned.set(false);
        self.store.reopen()
    }

    fn stats(&self) -> StoreStats {
        self.store.stats()
    }
}

#[test]
fn what_could_not_be_read_is_told_to_whoever_the_store_takes_nothing_of_after_it() {
    let store = Unreadable::default();
    let gauge = Arc::new(Gauge::new(&store.stats(), 0));
    let clock = Clock::starting_no_earlier_than(Timestamp::from_millis(0));
    let mut writing = Writing::new(Box::new(store), gauge, clock);
    let one = "one".parse().unwrap();
    let pool = writing.open(&one).unwrap().id;
    let wanted = || vec![(TaskId::from_u128(1), Blob::Payload)];
    for time in ["the first", "after it"] {
        let error = writing.read(pool, wanted()).unwrap_err();
        assert!(error.contains("the/file is damaged"), "{time}: {error}");
    }
    let other = "other".parse().unwrap();
    let error = writing.open(&other).unwrap_err().to_string();
    assert!(error.contains("the/file is damaged"), "{error}");
    // And starts again with the next.
    writing.open(&other).unwrap();
}
