//! The clock on the wall, as the hub sees it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    cast::Cast,
    error::{ChaosError, Unplayed},
    scenes::NO_COMPILER,
};

const SHIM: &str = include_str!("shim.c");

/// A library that the hub loads before all others, and the file in which it looks.
#[derive(Debug)]
pub(super) struct Wall {
    ahead: File,
    folder: TempDir,
}

impl Wall {
    /// Compiles it.
    pub(super) fn build() -> Result<Self, Unplayed> {
        if !cfg!(target_os = "linux") {
            return Err(Unplayed::PassedOver("not Linux".to_owned()));
        }
        let failed = || ChaosError::io("make a clock that can be set");
        let folder = tempfile::Builder::new()
            .prefix("leasehold-clock-")
            .tempdir();
        let folder = folder.map_err(failed())?;
        let source = folder.path().join("shim.c");
        fs::write(&source, SHIM).map_err(failed())?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([folder.path().join("shim.so"), source])
            .output();
        let what = "compile a clock that can be set";
        match compiled {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(ChaosError::failed(what, why).into());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Unplayed::PassedOver(NO_COMPILER.to_owned()));
            }
            Err(error) => return Err(ChaosError::failed(what, error).into()),
        }
        let wall = Self {
            ahead: File::create(folder.path().join("ahead")).map_err(failed())?,
            folder,
        };
        wall.set(0).map_err(failed())?;
        Ok(wall)
    }

    /// Lets the hub go by it from its next start on.
    pub(super) fn hang(&self, cast: &mut Cast) {
        cast.env("LD_PRELOAD", &self.path("shim.so").to_string_lossy());
        cast.env("CHAOS_CLOCK", &self.path("ahead").to_string_lossy());
    }

    /// Sets it so many milliseconds before what the machine shows, for a hub that runs as well.
    pub(super) fn set(&self, ahead_ms: i64) -> io::Result<()> {
        self.ahead.write_all_at(&ahead_ms.to_ne_bytes(), 0)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
