//! `leasehold cancel`

use crate::{args::CancelArgs, exit::Failure};

/// Calls tasks off.
pub(crate) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let CancelArgs { ids, reach } = args;
    let answers = reach
        .inspector()
        .cancel(ids.clone())
        .await
        .map_err(|error| Failure::request("cancel", &error))?;
    let items: Vec<_> = ids.into_iter().zip(answers).collect();
    super::tell_each(("cancel", "cancelled"), &items, reach.json)
}
