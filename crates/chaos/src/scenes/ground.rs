//! What scenes of the disk need of the machine.

use std::process::ExitCode;

use leasehold_disk::{Shim, ShimError};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::{Disk, PowerCut};
use crate::{args::SceneArgs, error::ChaosError, play::play, teller::print};

/// How the names of folders begin that these scenes make.
pub(super) const FOLDER: &str = "leasehold-disk-";

/// Plays [`PowerCut`], where there is a C compiler.
pub(crate) async fn power_cut<const FJALL: bool>(args: SceneArgs) -> Result<ExitCode, ChaosError> {
    match ground()? {
        Some((shim, folder)) => play(PowerCut::<FJALL>::new(shim, folder), args).await,
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Plays [`Disk`], where there is a C compiler.
pub(crate) async fn disk(args: SceneArgs) -> Result<ExitCode, ChaosError> {
    match ground()? {
        Some((shim, folder)) => {
            // Before anything is mounted: from here on an interruption is heard, and all of it unmounted.
            let interrupted = signal(SignalKind::interrupt());
            let mut interrupted = interrupted.map_err(ChaosError::io("listen for signals"))?;
            let scene = Disk::new(shim, folder)?;
            tokio::select! {
                ended = play(scene, args) => ended,
                _ = interrupted.recv() => Err(ChaosError::interrupted()),
            }
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The shim, in a folder of its own; nothing where it cannot be made, which is said.
fn ground() -> Result<Option<(Shim, TempDir)>, ChaosError> {
    if !cfg!(target_os = "linux") {
        print("passed over: the disk's shim is for Linux");
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix(FOLDER).tempdir();
    let folder = folder.map_err(ChaosError::io("make a folder"))?;
    match Shim::build(folder.path()) {
        Ok(shim) => Ok(Some((shim, folder))),
        Err(error @ ShimError::NoCompiler(_)) => {
            print(format!("passed over: {error}"));
            Ok(None)
        }
        Err(error) => Err(ChaosError::failed("build the disk's shim", error)),
    }
}
