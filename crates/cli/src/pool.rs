//! `leasehold pool`

use crate::{args::PoolArgs, exit::Failure};

/// Makes, shows, changes or deletes a pool.
pub(crate) fn run(args: &PoolArgs) -> Result<(), Failure> {
    let pool = &args.pool;
    Err(Failure::Failed(format!(
        "leasehold pool {pool}: not supported"
    )))
}
