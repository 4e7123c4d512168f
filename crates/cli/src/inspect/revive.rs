//! `leasehold revive`

use leasehold_node::{Edit, Inspector, RequestError, Revivals, Which};

use crate::{args::ReviveArgs, exit::Failure};

/// Brings dead tasks back.
pub(crate) async fn run(args: ReviveArgs) -> Result<(), Failure> {
    let items = revive(&args.reach.inspector(), &args)
        .await
        .map_err(|error| Failure::request(format!("revive tasks of {}", args.pool), &error))?;
    super::tell_each(("revive", "revived"), &items, args.reach.json)
}

/// What any hub can do is asked of it in words that any hub knows.
async fn revive(inspector: &Inspector, args: &ReviveArgs) -> Result<Revivals, RequestError> {
    let edits: Vec<Edit> = [
        args.priority.map(Edit::Priority),
        args.attempts_max.map(Edit::AttemptsMax),
    ]
    .into_iter()
    .flatten()
    .collect();
    if edits.is_empty() && args.dead.is_none() {
        let which = (!args.all).then(|| args.ids.clone());
        return inspector.revive(&args.pool, which).await;
    }
    let which = match args {
        args if args.all => Which::All,
        args if args.dead.is_none() => Which::Tasks(args.ids.clone()),
        args => Which::Where(args.dead.conditions(None)),
    };
    inspector.revive_with(&args.pool, which, edits).await
}
