//! What is to go wrong, in a file that the shim looks at before each call.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// One number of the file, in the order in which they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// The `errno` of writes; 0 for none.
    WriteErrno,
    /// The `errno` of syncs.
    SyncErrno,
    /// The `errno` of making, renaming and removing files.
    MakeErrno,
    /// How many of a thousand of these fail; 0 is all.
    Rate,
    /// How many of a thousand writes write half.
    ShortWrites,
    /// Milliseconds that each sync takes, more than it does.
    SyncMillis,
    /// Milliseconds that each write takes, more than it does.
    WriteMillis,
    /// How many calls failed or were cut short so far: written by the shim.
    Injected,
    /// How many calls were delayed so far: written by the shim.
    Delayed,
    /// What chance begins with: read when the process starts.
    Seed,
}

/// How many numbers there are.
const FAULTS: usize = 10;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// The file. A process that was started with it sees each change at once.
#[derive(Debug)]
pub struct FaultFile {
    file: File,
    path: PathBuf,
}

impl FaultFile {
    /// "Input/output error", as a broken disk says.
    pub const EIO: i32 = EIO;
    /// "No space left on device".
    pub const ENOSPC: i32 = ENOSPC;
    /// "Read-only file system": of [`Fault::MakeErrno`] it also fails opening a file to write to it.
    pub const EROFS: i32 = EROFS;

    /// Makes it, without a fault.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, seed: u32) -> io::Result<Self> {
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path)?;
        // Written, for who has it in memory is killed where there is no room for it.
        file.write_all_at(&[0; FAULTS * 4], 0)?;
        let path = path.to_owned();
        let faults = Self { file, path };
        faults.set(Fault::Seed, seed.cast_signed())?;
        Ok(faults)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets a number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, fault: Fault, value: i32) -> io::Result<()> {
        self.file.write_all_at(&value.to_le_bytes(), offset(fault))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, fault: Fault) -> io::Result<i32> {
        let mut value = [0; 4];
        self.file.read_exact_at(&mut value, offset(fault))?;
        Ok(i32::from_le_bytes(value))
    }

    /// No fault any more; what was counted stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn heal(&self) -> io::Result<()> {
        for fault in [
            Fault::WriteErrno,
            Fault::SyncErrno,
            Fault::MakeErrno,
            Fault::Rate,
            Fault::ShortWrites,
            Fault::SyncMillis,
            Fault::WriteMillis,
        ] {
            self.set(fault, 0)?;
        }
        Ok(())
    }
}

fn offset(fault: Fault) -> u64 {
    fault as u64 * 4
}
