//! What was committed survives a power cut, whenever it comes and whatever of the unsynced writes it
//! leaves.
//!
//! The test runs itself as a child that commits numbered batches, with the disk's shim before it that
//! writes down all it does to its files. From that the files are made that a cut at any moment leaves,
//! and each time the store is opened and looked at. What a seed cuts depends on threads, too: what
//! fails is said with the moment and the seed of the image.
//!
//! `LEASEHOLD_CUTS=30 LEASEHOLD_CUT_LAST=700` cuts a few hundred times within a longer run;
//! `LEASEHOLD_CUT_SEED` draws other moments.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batches;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use leasehold_disk::{
    BLOCK_BYTES, Chance, Deed, Model, Notes, Platter, Recording, SECTOR_BYTES, Shim, ShimError,
};
use leasehold_store::LogEngine;

use crate::batches::{options, verify};

const FOLDER: &str = "LEASEHOLD_CUT_TEST_FOLDER";
const JOURNAL: &str = "LEASEHOLD_CUT_TEST_JOURNAL";
const BATCHES: &str = "LEASEHOLD_CUT_TEST_BATCHES";

/// Batches that the child commits.
const LAST: u64 = 120;

/// Lengths of the journal, in bytes: of one that hardly fills, of one that is written anew all the
/// time, and of one that most batches are too long for.
const JOURNALS: [u64; 3] = [32 << 20, 4 << 20, 1 << 20];

#[test]
fn acknowledged_batches_survive_power_cuts_on_sled() {
    survive(
        LogEngine::Sled,
        "acknowledged_batches_survive_power_cuts_on_sled",
    );
}

#[test]
fn acknowledged_batches_survive_power_cuts_on_fjall() {
    survive(
        LogEngine::Fjall,
        "acknowledged_batches_survive_power_cuts_on_fjall",
    );
}

fn survive(engine: LogEngine, test: &str) {
    if let Some(folder) = env::var_os(FOLDER) {
        let number = |name| env::var(name).unwrap().parse().unwrap();
        return commit(engine, Path::new(&folder), number(JOURNAL), number(BATCHES));
    }
    // Not in memory: what is recorded depends on the file system.
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let Some(shim) = shim(scratch.path()) else {
        return;
    };
    let seed = from_environment("LEASEHOLD_CUT_SEED", 1);
    let cuts = from_environment("LEASEHOLD_CUTS", 4);
    let last = from_environment("LEASEHOLD_CUT_LAST", LAST);
    // fjall has a journal of its own.
    let journals = match engine {
        LogEngine::Sled => &JOURNALS[..],
        LogEngine::Fjall => &JOURNALS[..1],
    };
    for (round, journal) in (0..).zip(journals.iter().copied()) {
        let run = Run {
            engine,
            journal,
            seed: seed + round,
            scratch: scratch.path().join(round.to_string()),
        };
        fs::create_dir(&run.scratch).unwrap();
        run.record(&shim, test, last);
        run.cut(cuts);
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn shim(folder: &Path) -> Option<Shim> {
    match Shim::build(folder) {
        Ok(shim) => Some(shim),
        Err(error @ ShimError::NoCompiler(_)) if env::var_os("CI").is_none() => {
            tell(&format!("passed over: {error}"));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[expect(clippy::print_stderr, reason = "it is for who runs the test")]
fn tell(text: &str) {
    eprintln!("{text}");
}

/// What the child does.
fn commit(engine: LogEngine, folder: &Path, journal: u64, last: u64) {
    let notes = Notes::open(&Notes::log_of_this_process().unwrap()).unwrap();
    batches::commit(&options(engine, journal), folder, last, |number| {
        notes.add(&number.to_string()).unwrap();
    });
}

struct Run {
    engine: LogEngine,
    journal: u64,
    seed: u64,
    scratch: PathBuf,
}

impl Run {
    fn log(&self) -> PathBuf {
        self.scratch.join("log")
    }

    fn data(&self) -> PathBuf {
        let data = self.scratch.join("data");
        fs::create_dir_all(&data).unwrap();
        data.canonicalize().unwrap()
    }

    fn record(&self, shim: &Shim, test: &str, last: u64) {
        let data = self.data();
        let environment = shim.environment(&data, Some(&self.log()), None).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .envs(environment)
            .env(FOLDER, &data)
            .env(JOURNAL, self.journal.to_string())
            .env(BATCHES, last.to_string())
            .output()
            .unwrap();
        assert!(child.status.success(), "{child:?}");
    }

    /// Half of the cuts are where an engine has something to lose, the others anywhere.
    fn cut(&self, cuts: u64) {
        let recording = Recording::read(&self.log()).unwrap();
        let mut platter = Platter::new(&self.data(), None).unwrap();
        let mut risky = Vec::new();
        for (number, deed) in recording.deeds().enumerate() {
            platter.go_on(deed);
            if !matches!(deed, Deed::Note(_)) && is_risky(&platter) {
                risky.push(number);
            }
        }
        assert_eq!(platter.compare(&self.data()).unwrap(), None);
        if self.is_ordered() {
            assert_eq!(late_writes(&recording), 0);
        }
        let mut chance = Chance::new(self.seed);
        let mut points: Vec<_> = (0..cuts)
            .map(|_| chance.below(recording.len() as u64))
            .collect();
        if !risky.is_empty() {
            let draw = |_| risky[usize::try_from(chance.below(risky.len() as u64)).unwrap()] as u64;
            points.extend((0..cuts).map(draw));
        }
        points.sort_unstable();
        self.try_points(&recording, &points);
    }

    fn try_points(&self, recording: &Recording, points: &[u64]) {
        let mut platter = Platter::new(&self.data(), None).unwrap();
        let (mut committed, mut chance) = (0, Chance::new(!self.seed));
        let mut failed = Vec::new();
        let mut points = points.iter().copied().peekable();
        for (number, deed) in (0..).zip(recording.deeds()) {
            platter.go_on(deed);
            if let Deed::Note(text) = deed {
                committed = text.parse().unwrap();
            }
            while points.next_if_eq(&number).is_some() {
                let seed = chance.draw();
                let torn = Model::Mixed {
                    seed,
                    unit: SECTOR_BYTES,
                };
                let mixed = Model::Mixed {
                    seed,
                    unit: BLOCK_BYTES,
                };
                let models = [Model::Worst, mixed, torn];
                let count = if self.is_ordered() { 3 } else { 1 };
                for model in models.into_iter().take(count) {
                    if let Err(said) = self.try_image(&platter, model, committed) {
                        failed.push(format!(
                            "after deed {number} ({committed} batches), {model:?}: {said}"
                        ));
                    }
                }
            }
        }
        let journal = self.journal;
        assert!(
            failed.is_empty(),
            "{} journal {journal} seed {}: {} failed\n{}",
            self.engine.name(),
            self.seed,
            failed.len(),
            failed.join("\n")
        );
    }

    /// Whether writes of sled's can be made to reach the disk in their order: without that only the
    /// worst model is promised anything of it.
    fn is_ordered(&self) -> bool {
        self.engine == LogEngine::Fjall || has_synchronous_files(&self.scratch)
    }

    fn try_image(&self, platter: &Platter, model: Model, committed: u64) -> Result<(), String> {
        let image = images().join(format!(
            "leasehold-cut-{}-{}",
            self.engine.name(),
            std::process::id()
        ));
        platter.image(model, &image).unwrap();
        let options = options(self.engine, self.journal);
        let looked = std::panic::catch_unwind(|| verify(&options, &image, committed));
        let outcome = looked.map(drop).map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            said.unwrap_or_else(|| "it panicked".to_owned())
        });
        fs::remove_dir_all(&image).unwrap();
        outcome
    }
}

#[cfg(target_os = "linux")]
fn has_synchronous_files(folder: &Path) -> bool {
    use rustix::fs::{IFlags, ioctl_setflags};

    let file = fs::File::create(folder.join("synchronous")).unwrap();
    ioctl_setflags(&file, IFlags::SYNC).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_synchronous_files(_folder: &Path) -> bool {
    false
}

/// Writes to sled's file that were not durable when they returned, after the first one that was.
fn late_writes(recording: &Recording) -> usize {
    let (mut is_set, mut late, mut fds) = (false, 0, Vec::new());
    for deed in recording.deeds() {
        if let Deed::Open { fd, path, .. } = deed {
            fds.retain(|known| *known != fd);
            if path.ends_with("/db") {
                fds.push(fd);
            }
        }
        if let Deed::Close(fd) = deed {
            fds.retain(|known| *known != fd);
        }
        if let Deed::Write { fd, durable, .. } = deed
            && fds.contains(&fd)
        {
            is_set |= durable;
            late += usize::from(is_set && !durable);
        }
    }
    assert!(is_set || fds.is_empty(), "nothing makes it synchronous");
    late
}

/// Where images are made: in memory where there is room for that, for they are many.
fn images() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        env::temp_dir()
    }
}

/// Whether the engine has something to lose: all but the journal before it, which is written to
/// and synced at once.
fn is_risky(platter: &Platter) -> bool {
    platter.behind().iter().any(|path| {
        !path.ends_with("witness") && !path.parent().is_some_and(|of| of.ends_with("journal"))
    })
}
