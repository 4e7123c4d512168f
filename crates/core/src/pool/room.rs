//! Whether there is room for one more task.

use super::Pool;
use crate::{NewTask, Rejection, limits::TASKS_MAX};

impl Pool {
    pub(super) fn check_room(&self, _new: &NewTask) -> Result<(), Rejection> {
        let tasks_max = self.settings.tasks_max.min(TASKS_MAX);
        if self.tasks.len() >= tasks_max {
            return Err(Rejection::PoolFull { tasks_max });
        }
        Ok(())
    }
}
