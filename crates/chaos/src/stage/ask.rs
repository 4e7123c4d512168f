//! What a hub is asked before all else, and its program before there is a hub.

use std::{path::Path, time::Duration};

use leasehold_node::PoolName;
use leasehold_reach::Door;
use tokio::process::Command;

use super::{POOL, process};
use crate::{
    args::SceneArgs,
    cast::Cast,
    error::{COMPLAINT, ChaosError},
};

/// The exit code of a command that was asked wrongly, as by a configuration that cannot be.
const ASKED_WRONGLY: i32 = 2;

/// What the hub makes of its settings, as it says itself.
pub(crate) async fn configuration(cast: &Cast, args: &SceneArgs) -> Result<String, ChaosError> {
    let what = "ask the hub for its configuration";
    let mut command = process::hub_command(cast, args.hub_config.as_deref())
        .map_err(|error| ChaosError::failed(what, error))?;
    command.arg("--print-config");
    said(what, command).await
}

/// Makes a token for all that there is, in a file of its own, and the file in which a hub finds that it
/// is good.
pub(crate) async fn make_token(
    cast: &Cast,
    name: &str,
    tokens: &Path,
    out: &Path,
) -> Result<(), ChaosError> {
    let what = "make a token for the run";
    let mut command = process::of_the_hub(cast).map_err(|error| ChaosError::failed(what, error))?;
    command
        .args(["token", "create", name, "--role", "admin", "--file"])
        .arg(tokens)
        .arg("--out")
        .arg(out);
    said(what, command).await.map(drop)
}

/// Whether all who take part will be let in, so that a run says that and nothing else.
pub(crate) async fn knock(door: &Door, within: Duration) -> Result<(), ChaosError> {
    let pool = PoolName::new(POOL).expect("letters make a name");
    let knocked = door.knock(&pool, within).await;
    knocked.map_err(|why| ChaosError::Hub {
        what: format!("play at the hub at {}, in its pool {POOL}", door.address()),
        why,
    })
}

async fn said(what: &str, mut command: Command) -> Result<String, ChaosError> {
    let output = command.output().await;
    let output = output.map_err(|error| ChaosError::failed(what, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    let said = said.strip_prefix(COMPLAINT).unwrap_or(said);
    if output.status.code() == Some(ASKED_WRONGLY) {
        return Err(ChaosError::Usage(said.to_owned()));
    }
    Err(ChaosError::failed(what, said))
}
