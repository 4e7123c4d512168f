//! What a power cut leaves of what a process did.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use leasehold_disk::{BLOCK_BYTES, Deed, Model, Platter};
use tempfile::TempDir;

const O_TRUNC: u64 = 0o1000;

struct Disk {
    platter: Platter,
    images: TempDir,
}

impl Disk {
    fn new() -> Self {
        let platter = Platter::new(Path::new("/data"), None).unwrap();
        let images = tempfile::tempdir().unwrap();
        let mut disk = Self { platter, images };
        disk.open(1, "/data", false);
        disk
    }

    fn open(&mut self, fd: i32, path: &str, made: bool) {
        self.platter.go_on(Deed::Open {
            fd,
            path,
            flags: 0,
            made,
        });
    }

    fn write(&mut self, fd: i32, at: u64, bytes: &[u8], durable: Option<u64>) {
        self.platter.go_on(Deed::Write {
            fd,
            at,
            number: durable.unwrap_or(0),
            bytes,
            durable: durable.is_some(),
        });
    }

    fn sync(&mut self, fd: i32) {
        self.platter.go_on(Deed::SyncBegins(fd, 1000));
        self.platter.go_on(Deed::Synced(1000));
    }

    fn image(&self, model: Model) -> PathBuf {
        let count = fs::read_dir(self.images.path()).unwrap().count();
        let image = self.images.path().join(count.to_string());
        self.platter.image(model, &image).unwrap();
        image
    }

    fn read(&self, model: Model, name: &str) -> Option<Vec<u8>> {
        fs::read(self.image(model).join(name)).ok()
    }
}

fn mixed(seed: u64) -> Model {
    let unit = BLOCK_BYTES;
    Model::Mixed { seed, unit }
}

#[test]
fn what_was_synced_stays_and_what_was_not_goes() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a", true);
    disk.write(2, 0, b"one", None);
    disk.sync(2);
    assert_eq!(disk.read(Model::Worst, "a"), None, "the folder was not");
    disk.sync(1);
    disk.write(2, 3, b"two", None);
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"one");
    assert_eq!(disk.read(Model::All, "a").unwrap(), b"onetwo");
}

#[test]
fn a_sync_counts_for_what_was_written_before_it_began() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a", true);
    disk.sync(1);
    disk.write(2, 0, b"one", None);
    disk.platter.go_on(Deed::SyncBegins(2, 7));
    disk.write(2, 3, b"two", None);
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"");
    disk.platter.go_on(Deed::Synced(7));
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"one");
}

#[test]
fn a_durable_write_is_so_when_it_has_ended_and_as_far_as_it_came() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a", true);
    disk.sync(1);
    disk.write(2, 0, b"whole", Some(8));
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"");
    let number = 8;
    disk.platter.go_on(Deed::Written { number, outcome: 3 });
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"who");
    disk.write(2, 0, b"never", Some(9));
    let (number, outcome) = (9, -1);
    disk.platter.go_on(Deed::Written { number, outcome });
    assert_eq!(disk.read(Model::All, "a").unwrap(), b"who");
}

#[test]
fn in_the_mixed_model_each_block_stays_or_goes() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a", true);
    disk.write(2, 0, &[1; 3 * BLOCK_BYTES], None);
    disk.sync(2);
    disk.sync(1);
    disk.write(2, 0, &[2; 3 * BLOCK_BYTES], None);
    let found: BTreeSet<_> = (0..60)
        .map(|seed| {
            let bytes = disk.read(mixed(seed), "a").unwrap();
            assert!(
                bytes
                    .chunks(BLOCK_BYTES)
                    .all(|block| block.iter().all(|byte| *byte == block[0]))
            );
            [bytes[0], bytes[BLOCK_BYTES], bytes[2 * BLOCK_BYTES]]
        })
        .collect();
    assert!(found.len() > 5, "{found:?}");
    assert_eq!(disk.read(mixed(1), "a"), disk.read(mixed(1), "a"));
}

#[test]
fn names_stay_in_their_order() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a.new", true);
    disk.sync(1);
    disk.platter.go_on(Deed::Rename("/data/a.new", "/data/a"));
    disk.platter.go_on(Deed::MakeFolder("/data/b"));
    let mut found = BTreeSet::new();
    for seed in 0..40 {
        let image = disk.image(mixed(seed));
        let has = |name| image.join(name).exists();
        found.insert((has("a.new"), has("a"), has("b")));
    }
    let expected = [
        (true, false, false),
        (false, true, false),
        (false, true, true),
    ];
    assert_eq!(found, BTreeSet::from(expected));
    disk.platter.go_on(Deed::Unlink("/data/a"));
    disk.sync(1);
    assert_eq!(disk.read(Model::Worst, "a"), None);
    assert!(disk.image(Model::Worst).join("b").is_dir());
}

#[test]
fn what_was_cut_off_reads_as_zeros_when_the_file_grows_again() {
    let mut disk = Disk::new();
    disk.open(2, "/data/a", true);
    disk.write(2, 0, b"longer", None);
    disk.sync(2);
    disk.sync(1);
    let (fd, path, flags, made) = (3, "/data/a", O_TRUNC, false);
    disk.platter.go_on(Deed::Open {
        fd,
        path,
        flags,
        made,
    });
    disk.platter.go_on(Deed::Truncate(3, 4));
    assert_eq!(disk.read(Model::Worst, "a").unwrap(), b"longer");
    assert_eq!(disk.read(Model::All, "a").unwrap(), [0; 4]);
    for seed in 0..20 {
        let bytes = disk.read(mixed(seed), "a").unwrap();
        assert!([0, 4, 6].contains(&bytes.len()), "{bytes:?}");
    }
}
