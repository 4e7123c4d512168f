//! `leasehold wait`

use crate::{args::WaitArgs, exit::Failure};

/// Waits for the end of tasks.
pub(crate) fn run(args: &WaitArgs) -> Result<(), Failure> {
    let pool = &args.pool;
    Err(Failure::Failed(format!(
        "leasehold wait {pool}: not supported"
    )))
}
