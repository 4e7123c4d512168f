//! `leasehold cancel`

use crate::{args::CancelArgs, exit::Failure};

/// Calls tasks off.
pub(crate) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let CancelArgs { ids, grace, reach } = args;
    let inspector = reach.inspector();
    let cancelled = match grace {
        Some(grace) => inspector.cancel_within(ids.clone(), Some(grace)).await,
        None => inspector.cancel(ids.clone()).await,
    };
    let answers = cancelled.map_err(|error| Failure::request("cancel", &error))?;
    let items: Vec<_> = ids.into_iter().zip(answers).collect();
    super::tell_each(("cancel", "cancelled"), &items, reach.json)
}
