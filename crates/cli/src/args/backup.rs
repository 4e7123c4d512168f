//! Backups, restores, and looks at every record.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ArgsOf};
use leasehold_hub::LogEngine;

use super::{Reach, values};

/// `leasehold backup`
#[derive(Debug, ArgsOf)]
#[command(after_help = BACKUP)]
pub(crate) struct BackupArgs {
    /// The folder of the backup, made when all of it is there and was read back
    pub(crate) folder: PathBuf,
    /// The data folder of a hub that does not run, instead of one that does
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// `leasehold restore`
#[derive(Debug, ArgsOf)]
#[command(after_help = RESTORE)]
pub(crate) struct RestoreArgs {
    /// What leasehold backup made
    pub(crate) backup: PathBuf,
    /// The data folder to make; there may be nothing in it
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// What keeps it from then on: sled, fjall
    #[arg(long, value_name = "ENGINE", default_value = "sled", value_parser = values::engine)]
    pub(crate) engine: LogEngine,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub(crate) json: bool,
}

/// `leasehold verify`
#[derive(Debug, ArgsOf)]
#[command(after_help = VERIFY)]
pub(crate) struct VerifyArgs {
    /// A data folder that no hub has open, or a backup
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Where a data folder is copied to for as long as it is read [default: beside it]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub(crate) json: bool,
}

/// `leasehold export`
#[derive(Debug, ArgsOf)]
#[command(after_help = super::help::EXPORT)]
#[command(group = ArgGroup::new("of").args(["data", "backup"]))]
pub(crate) struct ExportArgs {
    /// The data folder, of either engine
    #[arg(long, value_name = "DIR", default_value = "leasehold-data")]
    pub(crate) data: PathBuf,
    /// What leasehold backup made, instead of a data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) backup: Option<PathBuf>,
    /// A file that is not there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

const BACKUP: &str = "\
The hub goes on with its work meanwhile. In the backup is what it keeps at the moment when the last
of it is read: all that was acknowledged before the command began, with pools, policies, schedules,
results and histories, and what is committed until then. The folder is written under another name
beside where it goes, read back, and named when all of it is on the disk; so what has the name is
whole. One backup is taken at a time, and a hub that keeps its store in memory has none.

In the folder are manifest.json, which says when it was taken and what is in it, and data.leasehold.

Examples:
  leasehold backup /var/backups/leasehold/$(date +%F-%H%M)
  leasehold backup --hub hub.example:7411 monday
  leasehold backup --data leasehold-data monday          of a hub that is stopped";

const RESTORE: &str = "\
The backup is read to its end first. The data folder has all of it or nothing: after an error,
or a kill, there is no store in it. Tasks that were on lease are so again, for as long as after
a restart of a hub, and a node that still works on one goes on. No lease id of the old hub,
whatever it did after the backup, is ever given out again: a node that comes with one that the
backup does not know hears that it lost its lease. What was acknowledged after the backup is not
in it.

Do not let a hub run on the old folder as well: each would hand out the same tasks.

Examples:
  leasehold restore monday --data leasehold-data.new
  leasehold hub --data leasehold-data.new
  leasehold restore monday --data other --engine fjall   into the other engine";

const VERIFY: &str = "\
Reads every record of a data folder, or of a backup: its checksum, its place in the sequence,
the state of its task, its payload and its result. A data folder is copied first, as no engine
can be opened without being written to; the folder itself is not changed by a byte. The copy
needs as much space as the folder, unless the file system shares blocks, and goes when the
command ends.

What is said to be not in use is room that payloads left which are gone: no damage.

Exit code 0 if all is well, 1 if anything is not: each thing that is damaged is named.

Examples:
  leasehold verify /var/backups/leasehold/2026-11-23-0400
  leasehold verify leasehold-data --scratch /mnt/spare
  leasehold verify leasehold-data --json | jq .found";
