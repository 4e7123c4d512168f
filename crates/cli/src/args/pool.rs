//! `leasehold pool`

use leasehold_node::PoolName;

/// `leasehold pool`
#[derive(Debug, clap::Args)]
pub(crate) struct PoolArgs {
    /// The pool
    pub(crate) pool: PoolName,
}
