//! A disk that fails: errors of writes and syncs, none left, read-only, half writes, slow ones; and as
//! root, one that is really full, and that the kernel really makes read-only.

mod mount;
mod remount;

use std::{fmt, io, path::PathBuf, time::Duration};

use leasehold_disk::{Fault, FaultFile, Shim};
use tempfile::TempDir;

use super::ground::ground;
use crate::{
    cast::Cast,
    dice::Dice,
    error::{ChaosError, Unplayed},
    nemesis::{Nemesis, Step, Who},
    stage::Stage,
    teller::print,
};
use mount::Mount;

/// What of the small disk is kept in reserve.
const RESERVE: &str = "32MiB";

/// A disk that fails.
#[derive(Debug)]
pub(crate) struct Disk {
    shim: Shim,
    faults: FaultFile,
    /// A disk of its own, where that is allowed.
    mount: Option<Mount>,
    /// What can be done to it here.
    kinds: Vec<Kind>,
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
    ReadOnly,
    Full,
    Remounted,
}

/// What needs a C compiler and nothing else.
const BY_SHIM: [Kind; 8] = [
    Kind::WritesFail,
    Kind::SyncsFail,
    Kind::SomeFail,
    Kind::NoSpace,
    Kind::HalfWrites,
    Kind::SlowSyncs,
    Kind::VerySlowSyncs,
    Kind::ReadOnly,
];

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
            Self::ReadOnly => "every write says that the file system is read-only (EROFS)",
            Self::Remounted => "the kernel makes the disk read-only (then: umount, e2fsck, mount)",
        }
    }

    /// As it is counted.
    fn name(self) -> &'static str {
        if self == Self::Remounted {
            "remount"
        } else {
            "disk"
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
    pub(crate) fn prepare() -> Result<Self, Unplayed> {
        let (shim, folder) = ground()?;
        let failed = || ChaosError::io("prepare the disk");
        let faults = FaultFile::create(&folder.path().join("faults"), 1).map_err(failed())?;
        let mount = Mount::make(folder.path());
        let kinds = kinds(&mount);
        Ok(Self {
            shim,
            faults,
            mount: mount.ok(),
            kinds,
            folder,
        })
    }

    fn data(&self) -> PathBuf {
        let mounted = self.mount.as_ref().map(Mount::path);
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
            Kind::ReadOnly => {
                set(Fault::MakeErrno, FaultFile::EROFS)?;
                set(Fault::WriteErrno, FaultFile::EROFS)?;
                set(Fault::SyncErrno, FaultFile::EROFS)
            }
            Kind::HalfWrites => set(Fault::ShortWrites, 500),
            Kind::SlowSyncs => set(Fault::SyncMillis, 100),
            Kind::VerySlowSyncs => set(Fault::SyncMillis, 2_000),
            Kind::Full => self.mount.as_ref().map_or(Ok(()), Mount::fill),
            // It has a part of its own.
            Kind::Remounted => Ok(()),
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
    const ENOUGH: Duration = Duration::from_secs(3);

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
        draw(dice, length, &self.kinds)
    }

    async fn act(&mut self, stage: &mut Stage, act: &Failing) -> Result<(), ChaosError> {
        let (what, name) = (act.what.told(), act.what.name());
        if let (Kind::Remounted, Some(mount)) = (act.what, &mut self.mount) {
            stage.fault(name, Who::Hub, what, act.length + remount::MENDING);
            return remount::play(mount, stage, act.length).await;
        }
        stage.fault(name, Who::Hub, what, act.length);
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

/// What can be done on this machine; says what cannot.
fn kinds(mount: &Result<Mount, String>) -> Vec<Kind> {
    let mut kinds = BY_SHIM.to_vec();
    let full = mount.as_ref().map(|_| ()).map_err(Clone::clone);
    let broken = mount.as_ref().map_err(Clone::clone);
    let broken = broken.and_then(Mount::is_breakable);
    let own = [
        (Kind::Full, full, "is really full"),
        (Kind::Remounted, broken, "the kernel makes read-only"),
    ];
    for (kind, can_be_done, what) in own {
        match can_be_done {
            Ok(()) => kinds.push(kind),
            Err(why) => print(format!("passed over: a disk that {what} ({why})")),
        }
    }
    kinds
}

/// Each kind before any comes again.
fn draw(dice: &mut Dice, length: Duration, kinds: &[Kind]) -> Vec<Step<Failing>> {
    let mut at = Duration::from_secs(1);
    let mut steps = Vec::new();
    let mut left = kinds.to_vec();
    while at < length {
        if left.is_empty() {
            left = kinds.to_vec();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_one_schedule_of_what_the_machine_can_do_and_leaves_nothing_out() {
        let length = Duration::from_secs(60);
        let all = [&BY_SHIM[..], &[Kind::Full, Kind::Remounted]].concat();
        for seed in 1..20 {
            for kinds in [&BY_SHIM[..], &all] {
                let steps = draw(&mut Dice::new(seed), length, kinds);
                assert_eq!(steps, draw(&mut Dice::new(seed), length, kinds));
                let first = steps.iter().take(kinds.len()).map(|step| step.act.what);
                let first: Vec<_> = first.collect();
                for kind in kinds {
                    assert!(first.contains(kind), "seed {seed} leaves out {kind:?}");
                }
                assert!(steps.iter().all(|step| kinds.contains(&step.act.what)));
            }
        }
        let draws = [1, 2].map(|seed| draw(&mut Dice::new(seed), length, &all));
        assert_ne!(draws[0], draws[1]);
    }

    #[test]
    fn without_a_disk_of_its_own_it_is_neither_filled_nor_made_read_only() {
        assert_eq!(kinds(&Err("only root mounts a disk".to_owned())), BY_SHIM);
    }

    #[test]
    fn a_remount_is_counted_by_itself() {
        assert_eq!(Kind::Remounted.name(), "remount");
        assert_eq!(Kind::ReadOnly.name(), "disk");
    }
}
