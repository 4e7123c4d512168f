//! The library in C, made where it is used.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// What is compiled.
const SOURCE: &str = include_str!("shim.c");

/// The shim, ready to be preloaded.
#[derive(Debug, Clone)]
pub struct Shim {
    library: PathBuf,
}

/// Why there is no shim.
#[derive(Debug)]
pub enum ShimError {
    /// There is no C compiler.
    NoCompiler(io::Error),
    /// The compiler does not take the source.
    Refused(String),
    /// A file cannot be written.
    Io(io::Error),
}

impl std::fmt::Display for ShimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoCompiler(error) => write!(
                f,
                "there is no C compiler (cc: {error}): install one (Debian: apt install gcc libc6-dev)"
            ),
            Self::Refused(said) => write!(f, "cc does not compile the disk's shim: {said}"),
            Self::Io(error) => write!(f, "failed to write the disk's shim: {error}"),
        }
    }
}

impl std::error::Error for ShimError {}

impl Shim {
    /// Compiles it with `cc`, into this folder.
    ///
    /// # Errors
    /// When there is no compiler: then say so and pass over what needs it.
    pub fn build(folder: &Path) -> Result<Self, ShimError> {
        let source = folder.join("disk-shim.c");
        let library = folder.join("disk-shim.so");
        fs::write(&source, SOURCE).map_err(ShimError::Io)?;
        let compiled = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-pthread", "-o"])
            .args([&library, &source])
            .output()
            .map_err(ShimError::NoCompiler)?;
        if !compiled.status.success() {
            let said = String::from_utf8_lossy(&compiled.stderr).into_owned();
            return Err(ShimError::Refused(said));
        }
        Ok(Self { library })
    }

    /// What a process needs in its environment so that the shim stands between it and this folder:
    /// with a log, what it does is written down; with a file of faults, they happen to it.
    ///
    /// # Errors
    /// When the folder cannot be made or found.
    pub fn environment(
        &self,
        root: &Path,
        log: Option<&Path>,
        faults: Option<&Path>,
    ) -> io::Result<Vec<(&'static str, PathBuf)>> {
        fs::create_dir_all(root)?;
        let mut set = vec![
            ("LD_PRELOAD", self.library.clone()),
            ("LEASEHOLD_DISK_ROOT", root.canonicalize()?),
        ];
        set.extend(log.map(|log| ("LEASEHOLD_DISK_LOG", log.to_owned())));
        set.extend(faults.map(|faults| ("LEASEHOLD_DISK_FAULTS", faults.to_owned())));
        Ok(set)
    }
}
