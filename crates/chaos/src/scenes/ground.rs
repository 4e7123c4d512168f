//! What scenes of the disk need of the machine.

use leasehold_disk::{Shim, ShimError};
use tempfile::TempDir;

use super::NO_COMPILER;
use crate::error::{ChaosError, Unplayed};

/// How the names of folders begin that these scenes make.
pub(super) const FOLDER: &str = "leasehold-disk-";

/// The shim, in a folder of its own.
pub(super) fn ground() -> Result<(Shim, TempDir), Unplayed> {
    if !cfg!(target_os = "linux") {
        return Err(Unplayed::PassedOver("not Linux".to_owned()));
    }
    let folder = tempfile::Builder::new().prefix(FOLDER).tempdir();
    let folder = folder.map_err(ChaosError::io("make a folder"))?;
    match Shim::build(folder.path()) {
        Ok(shim) => Ok((shim, folder)),
        Err(ShimError::NoCompiler(_)) => Err(Unplayed::PassedOver(NO_COMPILER.to_owned())),
        Err(error) => Err(ChaosError::failed("build the disk's shim", error).into()),
    }
}
