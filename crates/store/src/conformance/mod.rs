//! The contract of [`Store`] as checks, which every engine passes.

mod begun;
mod blobs;
mod churn;
mod found;
mod model;
mod notes;
mod owners;
pub mod sample;
mod tasks;

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use leasehold_core::{Change, Epoch, PoolId, Task, TaskId, Timestamp};

use crate::{Blob, PoolBatch, Store, StoreError};

/// Runs all checks, and panics at the first that fails.
///
/// `disk` makes an empty disk: a function that opens a store on it, again and again. It is called
/// only when the store before it was dropped.
///
/// # Panics
/// When an engine does not keep the contract.
pub fn exercise<S: Store, O: FnMut() -> S>(mut disk: impl FnMut() -> O) {
    for (name, check) in CHECKS {
        let mut open = disk();
        let mut open = || Box::new(open()) as Box<dyn Store>;
        let run = AssertUnwindSafe(|| check(&mut open));
        assert!(
            panic::catch_unwind(run).is_ok(),
            "the check {name:?} failed"
        );
    }
}

/// Opens a store on the disk of a check.
type Open<'a> = &'a mut dyn FnMut() -> Box<dyn Store>;

type Check = fn(Open<'_>);

const CHECKS: &[(&str, Check)] = &[
    ("a new store is empty", tasks::new_store_is_empty),
    ("every change is kept", tasks::every_change_is_kept),
    ("extras are kept", tasks::extras_are_kept),
    ("extras come and go", tasks::extras_come_and_go),
    ("the newest state counts", tasks::newest_state_counts),
    (
        "what is not durable is passed over",
        tasks::not_durable_is_passed_over,
    ),
    ("forgotten is forgotten", tasks::forgotten_is_forgotten),
    (
        "a forgotten task may come again",
        tasks::forgotten_may_come_again,
    ),
    ("the latest time is kept", tasks::latest_is_kept),
    ("epochs grow", owners::epochs_grow),
    ("epochs can be gone past", owners::epochs_can_be_gone_past),
    ("an older owner is fenced", owners::older_owner_is_fenced),
    (
        "nobody commits to a pool that is not open",
        owners::unopened_is_refused,
    ),
    (
        "a refused commit leaves nothing",
        owners::refused_leaves_nothing,
    ),
    ("pools keep their numbers", owners::pools_keep_their_numbers),
    (
        "a commit goes to all its pools",
        owners::commit_goes_to_all_pools,
    ),
    ("blobs of all lengths are kept", blobs::all_lengths_are_kept),
    ("blobs are their pool's own", blobs::own_by_pool),
    ("blobs go with their task", blobs::go_with_their_task),
    (
        "a payload goes with a completion",
        blobs::a_payload_goes_with_a_completion,
    ),
    ("a blob can be written anew", blobs::can_be_written_anew),
    ("a revival may edit", blobs::a_revival_may_edit),
    ("many blobs are read at once", blobs::many_are_read_at_once),
    ("what was found is read elsewhere", found::is_read_elsewhere),
    ("what was found may be gone", found::may_be_gone),
    (
        "what was found ends with its store",
        found::ends_with_its_store,
    ),
    ("what has begun is read", begun::is_read),
    ("commits end in their order", begun::ends_in_its_order),
    ("churn leaves little", churn::leaves_little),
    ("what stands through churn is kept", churn::standing_is_kept),
    (
        "a pool at rest gives space back",
        churn::rest_gives_space_back,
    ),
    ("notes are kept", notes::are_kept),
    ("notes are their pool's own", notes::are_their_pools_own),
    ("notes are fenced", notes::are_fenced),
    ("notes stand through churn", notes::stand_through_churn),
    ("a random life is that of the model", model::random_life),
];

/// A pool that a check has opened.
#[derive(Debug, Clone, Copy)]
struct Owner {
    id: PoolId,
    epoch: Epoch,
}

impl Owner {
    /// Opens a pool in which nothing is expected.
    fn of_empty(store: &mut dyn Store, name: &str) -> Self {
        let (owner, tasks) = Self::open(store, name);
        assert_eq!(tasks, [], "the pool is empty");
        owner
    }

    /// Opens a pool, and returns its tasks in the order of their ids.
    fn open(store: &mut dyn Store, name: &str) -> (Self, Vec<Task>) {
        let name = name.parse().expect("it is a name");
        let opened = store.open_pool(&name).expect("the pool opens");
        let mut tasks = opened.tasks.all().expect("the tasks are read");
        tasks.sort_by_key(|task| task.id);
        (
            Self {
                id: opened.id,
                epoch: opened.epoch,
            },
            tasks,
        )
    }

    fn batch(self, at: u64, changes: Vec<Change>) -> PoolBatch {
        let at = Timestamp::from_millis(at);
        PoolBatch {
            pool: self.id,
            epoch: self.epoch,
            at,
            changes,
        }
    }

    fn try_commit(self, store: &mut dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
        store.commit(&[self.batch(1, changes)])
    }

    fn commit(self, store: &mut dyn Store, changes: Vec<Change>) {
        self.try_commit(store, changes)
            .expect("the commit is taken");
    }

    fn blob(self, store: &dyn Store, task: TaskId, kind: Blob) -> Option<Bytes> {
        store.blob(self.id, task, kind).expect("the blob is read")
    }
}

/// A task's id.
fn id(number: u128) -> TaskId {
    TaskId::from_u128(number)
}
