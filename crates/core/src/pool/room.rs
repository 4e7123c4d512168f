//! Whether there is room for one more task.

use super::Pool;
use crate::{NewTask, Rejection, limits::TASKS_MAX};

impl Pool {
    /// Beside so many others that come with it.
    pub(super) fn check_room(&self, _new: &NewTask, others: usize) -> Result<(), Rejection> {
        let tasks_max = self.settings.tasks_max.min(TASKS_MAX);
        if self.tasks.len() + others as u64 >= tasks_max {
            return Err(Rejection::PoolFull { tasks_max });
        }
        Ok(())
    }
}
