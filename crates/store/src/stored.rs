//! What a pool's new owner finds.

use std::fmt;

use leasehold_core::Task;

use crate::StoreError;

/// The tasks of a pool, each read when it is asked for: all at once would take several times the
/// memory that a pool keeps of them.
pub struct StoredTasks {
    left: usize,
    tasks: Box<dyn Iterator<Item = Result<Task, StoreError>> + Send>,
}

impl StoredTasks {
    /// So many tasks.
    pub(crate) fn new(
        count: usize,
        tasks: impl Iterator<Item = Result<Task, StoreError>> + Send + 'static,
    ) -> Self {
        let tasks = Box::new(tasks);
        Self { left: count, tasks }
    }

    /// Hands all tasks over, one at a time.
    ///
    /// # Errors
    /// When one cannot be read. What was made of those before it is to be thrown away, and is.
    pub fn read<T>(
        mut self,
        take: impl FnOnce(&mut dyn Iterator<Item = Task>) -> T,
    ) -> Result<T, StoreError> {
        let mut failed = None;
        let taken = take(
            &mut self
                .by_ref()
                .map_while(|task| task.map_err(|error| failed = Some(error)).ok()),
        );
        match failed {
            Some(error) => Err(error),
            None => Ok(taken),
        }
    }

    /// All tasks.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all(self) -> Result<Vec<Task>, StoreError> {
        self.read(|tasks| tasks.collect())
    }
}

impl Iterator for StoredTasks {
    type Item = Result<Task, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.tasks.next();
        self.left = self.left.saturating_sub(usize::from(next.is_some()));
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for StoredTasks {}

impl fmt::Debug for StoredTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks", self.left)
    }
}
