//! A disk that fails: errors of writes and syncs, none left, read-only, half writes, slow ones; and as
//! root, one that is really full.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use leasehold_disk::{Fault, FaultFile, Shim};
use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::{
    cast::Cast,
    dice::Dice,
    error::ChaosError,
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
    teller::print,
};

/// The small disk, and what of it is kept in reserve.
const DISK_BYTES: u64 = 192 << 20;
const RESERVE: &str = "32MiB";

/// What is left when it is filled: less than the reserve.
const LEFT_BYTES: u64 = 8 << 20;

/// A disk that fails.
#[derive(Debug)]
pub(crate) struct Disk {
    shim: Shim,
    faults: FaultFile,
    /// A disk of its own, where that is allowed.
    mount: Option<Mount>,
    folder: TempDir,
}

/// What is wrong with it, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failing {
    what: Kind,
    length: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WritesFail,
    SyncsFail,
    SomeFail,
    NoSpace,
    HalfWrites,
    SlowSyncs,
    VerySlowSyncs,
    Full,
    ReadOnly,
}

impl Kind {
    const fn told(self) -> &'static str {
        match self {
            Self::WritesFail => "every write fails (EIO)",
            Self::SyncsFail => "every sync fails (EIO)",
            Self::SomeFail => "one of ten writes and syncs fails (EIO)",
            Self::NoSpace => "no space for any write (ENOSPC)",
            Self::HalfWrites => "half of the writes write half",
            Self::SlowSyncs => "each sync takes 100 ms",
            Self::VerySlowSyncs => "each sync takes 2 s",
            Self::Full => "the disk is full up to less than the reserve",
            Self::ReadOnly => "the file system is read-only (EROFS)",
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {:?}", self.what.told(), self.length)
    }
}

impl Disk {
    /// What it needs of the machine.
    pub(crate) fn new(shim: Shim, folder: TempDir) -> Result<Self, ChaosError> {
        let failed = || ChaosError::io("prepare the disk");
        let faults = FaultFile::create(&folder.path().join("faults"), 1).map_err(failed())?;
        let mount = match Mount::make(folder.path()) {
            Ok(mount) => Some(mount),
            Err(why) => {
                print(format!("passed over: a disk that is really full ({why})"));
                None
            }
        };
        Ok(Self {
            shim,
            faults,
            mount,
            folder,
        })
    }

    fn data(&self) -> PathBuf {
        let mounted = self.mount.as_ref().map(|mount| mount.path.as_path());
        mounted.unwrap_or_else(|| self.folder.path()).join("data")
    }

    fn begin(&self, kind: Kind) -> io::Result<()> {
        let set = |fault, value| self.faults.set(fault, value);
        match kind {
            Kind::WritesFail => set(Fault::WriteErrno, FaultFile::EIO),
            Kind::SyncsFail => set(Fault::SyncErrno, FaultFile::EIO),
            Kind::SomeFail => {
                set(Fault::Rate, 100)?;
                set(Fault::WriteErrno, FaultFile::EIO)?;
                set(Fault::SyncErrno, FaultFile::EIO)
            }
            Kind::NoSpace => {
                set(Fault::MakeErrno, FaultFile::ENOSPC)?;
                set(Fault::WriteErrno, FaultFile::ENOSPC)
            }
            // A file system does that by itself after an error; nobody else can while files are open.
            Kind::ReadOnly => {
                set(Fault::MakeErrno, FaultFile::EROFS)?;
                set(Fault::WriteErrno, FaultFile::EROFS)?;
                set(Fault::SyncErrno, FaultFile::EROFS)
            }
            Kind::HalfWrites => set(Fault::ShortWrites, 500),
            Kind::SlowSyncs => set(Fault::SyncMillis, 100),
            Kind::VerySlowSyncs => set(Fault::SyncMillis, 2_000),
            Kind::Full => self.mount.as_ref().map_or(Ok(()), Mount::fill),
        }
    }

    fn end(&self) -> io::Result<()> {
        self.faults.heal()?;
        if let Some(mount) = &self.mount {
            mount.free()?;
        }
        Ok(())
    }
}

impl Nemesis for Disk {
    type Act = Failing;
    const NAME: &'static str = "disk";

    fn set(&mut self, cast: &mut Cast) {
        let data = self.data();
        let faults = Some(self.faults.path());
        let environment = self.shim.environment(&data, None, faults);
        for (name, value) in environment.unwrap_or_default() {
            cast.env(name, &value.to_string_lossy());
        }
        cast.hub_data = Some(data);
        if self.mount.is_some() {
            cast.knob("STORE_DISK_RESERVE", RESERVE);
        }
        cast.knob("POOL_DEFAULTS_INTERRUPTIONS_MAX", "1000");
    }

    fn draw(&mut self, _cast: &Cast, dice: &mut Dice, length: Duration) -> Vec<Step<Failing>> {
        let mut all = vec![
            Kind::WritesFail,
            Kind::SyncsFail,
            Kind::SomeFail,
            Kind::NoSpace,
            Kind::HalfWrites,
            Kind::SlowSyncs,
            Kind::VerySlowSyncs,
            Kind::ReadOnly,
        ];
        if self.mount.is_some() {
            all.push(Kind::Full);
        }
        let mut at = Duration::from_secs(1);
        let mut steps = Vec::new();
        let mut left = all.clone();
        while at < length {
            if left.is_empty() {
                left.clone_from(&all);
            }
            let place = usize::try_from(dice.below(left.len() as u64)).unwrap_or(0);
            let what = left.swap_remove(place);
            let length = dice.millis(500, 3_000);
            let act = Failing { what, length };
            steps.push(Step { at, act });
            at += length + dice.millis(1_000, 3_000);
        }
        steps
    }

    async fn act(&mut self, stage: &mut Stage, act: &Failing) -> Result<(), ChaosError> {
        stage.fault("disk", Who::Hub, act.what.told(), act.length);
        self.begin(act.what)
            .map_err(ChaosError::io("break the disk"))?;
        tokio::time::sleep(act.length).await;
        self.end().map_err(ChaosError::io("mend the disk"))
    }

    async fn relent(&mut self, _stage: &mut Stage) -> Result<(), ChaosError> {
        let failed = || ChaosError::io("mend the disk");
        self.end().map_err(failed())?;
        let injected = self.faults.get(Fault::Injected).map_err(failed())?;
        let delayed = self.faults.get(Fault::Delayed).map_err(failed())?;
        print(format!(
            "           {injected} calls of the hub's were failed or cut short, {delayed} delayed"
        ));
        Ok(())
    }
}

/// A small file system in a file.
#[derive(Debug)]
struct Mount {
    path: PathBuf,
}

impl Mount {
    fn make(folder: &Path) -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("only root mounts a disk".to_owned());
        }
        let (image, path) = (folder.join("disk.img"), folder.join("disk"));
        let made = File::create(&image).and_then(|file| file.set_len(DISK_BYTES));
        made.and_then(|()| fs::create_dir(&path))
            .map_err(|error| error.to_string())?;
        let image = image.to_string_lossy().into_owned();
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &image])?;
        run("mount", &["-o", "loop", &image, &path.to_string_lossy()])?;
        Ok(Self { path })
    }

    fn fill(&self) -> io::Result<()> {
        let mut filler = File::create(self.path.join("filler"))?;
        let block = vec![7; 1 << 20];
        let free = || -> io::Result<u64> {
            let told = nix::sys::statvfs::statvfs(&self.path)?;
            Ok(told.blocks_available() * told.fragment_size())
        };
        while free()? > LEFT_BYTES {
            filler.write_all(&block)?;
            filler.sync_data()?;
        }
        Ok(())
    }

    fn free(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join("filler")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still be in it.
        if let Err(why) = run("umount", &["-l", &self.path.to_string_lossy()]) {
            print(format!("{} stays mounted: {why}", self.path.display()));
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.trim()))
}
