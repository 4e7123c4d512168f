//! What the program of the hub is asked before there is a hub.

use std::path::Path;

use tokio::process::Command;

use super::process;
use crate::{args::SceneArgs, cast::Cast, error::ChaosError};

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

async fn said(what: &str, mut command: Command) -> Result<String, ChaosError> {
    let output = command.output().await;
    let output = output.map_err(|error| ChaosError::failed(what, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(ChaosError::failed(what, said.trim()))
}
