//! The shim under a real process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use leasehold_disk::{Deed, Fault, FaultFile, Model, Notes, Platter, Recording, Shim, ShimError};
use tempfile::TempDir;

struct Ground {
    folder: TempDir,
    shim: Shim,
}

impl Ground {
    /// Nothing where there is no compiler, unless there must be one.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        match Shim::build(folder.path()) {
            Ok(shim) => Some(Self { folder, shim }),
            Err(ShimError::NoCompiler(_)) if env::var_os("CI").is_none() => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn run(&self, script: &str, faults: Option<&Path>) -> Output {
        let (data, log) = (self.path("data"), self.path("log"));
        // It may be there from before.
        let _ = fs::remove_file(data.join("a"));
        let environment = self.shim.environment(&data, Some(&log), faults).unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", script]).current_dir(&data);
        command.envs(environment).output().unwrap()
    }

    fn platter(&self) -> Platter {
        let recording = Recording::read(&self.path("log")).unwrap();
        let mut platter = Platter::new(&self.path("data"), None).unwrap();
        recording.deeds().for_each(|deed| platter.go_on(deed));
        platter
    }
}

const WRITES: &str = r#"
import os
os.mkdir("sub")
f = os.open("sub/a", os.O_CREAT | os.O_RDWR)
os.write(f, b"one ")
os.pwrite(f, b"two", 4)
os.fsync(f)
d = os.open("sub", os.O_RDONLY)
os.fsync(d)
os.fsync(os.open(".", os.O_RDONLY))
os.pwrite(f, b"TWO", 4)
os.ftruncate(f, 20)
g = os.open("b.new", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
os.write(g, b"x"); os.writev(g, [b"y", b"z"])
os.rename("b.new", "b")
os.close(g)
os.open("c", os.O_CREAT | os.O_WRONLY)
os.unlink("c")
"#;

#[test]
fn what_a_process_does_is_written_down() {
    let Some(ground) = Ground::new() else { return };
    let output = ground.run(WRITES, None);
    assert!(output.status.success(), "{output:?}");
    let platter = ground.platter();
    assert_eq!(platter.compare(&ground.path("data")).unwrap(), None);
    fs::write(ground.path("data/b"), "other").unwrap();
    let said = platter.compare(&ground.path("data")).unwrap().unwrap();
    assert!(said.contains("b has 5 bytes"), "{said}");
    platter.image(Model::Worst, &ground.path("image")).unwrap();
    assert_eq!(fs::read(ground.path("image/sub/a")).unwrap(), b"one two");
    assert!(!ground.path("image/b").exists());
}

#[test]
fn notes_stand_where_they_were_made() {
    let Some(ground) = Ground::new() else { return };
    let notes = Notes::open(&ground.path("log")).unwrap();
    notes.add("before").unwrap();
    assert!(ground.run("open('a', 'w')", None).status.success());
    notes.add("after").unwrap();
    let recording = Recording::read(&ground.path("log")).unwrap();
    let deeds: Vec<_> = recording.deeds().collect();
    assert_eq!(deeds.first(), Some(&Deed::Note("before")));
    assert_eq!(deeds.last(), Some(&Deed::Note("after")));
    assert!(recording.at_us(0).is_none() && recording.at_us(1).is_some());
}

#[test]
fn faults_happen_as_long_as_they_are_set() {
    let Some(ground) = Ground::new() else { return };
    let faults = FaultFile::create(&ground.path("faults"), 1).unwrap();
    let write = "import os\nf = os.open('a', os.O_CREAT | os.O_WRONLY)\nprint(os.write(f, b'12'))\nos.fsync(f)";
    for (fault, value, said) in [
        (Fault::WriteErrno, FaultFile::EIO, "Input/output error"),
        (Fault::SyncErrno, FaultFile::EIO, "Input/output error"),
        (Fault::MakeErrno, FaultFile::ENOSPC, "No space left"),
        (Fault::MakeErrno, FaultFile::EROFS, "Read-only file system"),
    ] {
        faults.set(fault, value).unwrap();
        let output = ground.run(write, Some(faults.path()));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(said), "{fault:?}: {told}");
        faults.heal().unwrap();
    }
    assert_eq!(faults.get(Fault::Injected).unwrap(), 4);
    faults.set(Fault::ShortWrites, 1000).unwrap();
    faults.set(Fault::SyncMillis, 1).unwrap();
    let output = ground.run(write, Some(faults.path()));
    assert_eq!(output.stdout, b"1\n");
    assert_eq!(faults.get(Fault::Delayed).unwrap(), 1);
    faults.heal().unwrap();
    let output = ground.run(write, Some(faults.path()));
    assert_eq!(output.stdout, b"2\n");
}
