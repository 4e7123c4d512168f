//! `leasehold schedule`

use crate::{args::ScheduleArgs, exit::Failure};

/// Keeps, shows or drops schedules.
pub(crate) fn run(args: &ScheduleArgs) -> Result<(), Failure> {
    let pool = &args.pool;
    Err(Failure::Failed(format!(
        "leasehold schedule {pool}: not supported"
    )))
}
