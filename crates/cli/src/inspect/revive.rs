//! `leasehold revive`

use crate::{args::ReviveArgs, exit::Failure};

/// Brings dead tasks back.
pub(crate) async fn run(args: ReviveArgs) -> Result<(), Failure> {
    let ReviveArgs {
        pool,
        ids,
        all,
        reach,
    } = args;
    let which = (!all).then_some(ids);
    let items = reach
        .inspector()
        .revive(&pool, which)
        .await
        .map_err(|error| Failure::request(format!("revive tasks of {pool}"), &error))?;
    super::tell_each(("revive", "revived"), &items, reach.json)
}
