//! `leasehold schedule`

use leasehold_node::PoolName;

/// `leasehold schedule`
#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArgs {
    /// The pool
    pub(crate) pool: PoolName,
}
