//! `leasehold revive`

use leasehold_node::{Edit, Inspector, RequestError, Revivals, Which};

use crate::{args::ReviveArgs, enqueue::payload_of, exit::Failure};

/// Brings dead tasks back.
pub(crate) async fn run(args: ReviveArgs) -> Result<(), Failure> {
    let edits = edits(&args)?;
    let items = revive(&args.reach.inspector(), &args, edits)
        .await
        .map_err(|error| Failure::request(format!("revive tasks of {}", args.pool), &error))?;
    super::tell_each(("revive", "revived"), &items, args.reach.json)
}

fn edits(args: &ReviveArgs) -> Result<Vec<Edit>, Failure> {
    let payload = args.payload.as_deref().map(payload_of).transpose()?;
    let expires_after = args.expires_after.map(|time| {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Edit::ExpiresAfter(Some(ms))
    });
    let edits = [
        payload.map(|bytes| Edit::Payload(bytes.into())),
        args.priority.map(Edit::Priority),
        args.attempts_max.map(Edit::AttemptsMax),
        expires_after,
    ];
    Ok(edits.into_iter().flatten().collect())
}

/// What any hub can do is asked of it in words that any hub knows.
async fn revive(
    inspector: &Inspector,
    args: &ReviveArgs,
    edits: Vec<Edit>,
) -> Result<Revivals, RequestError> {
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
