//! What may become of a backup's folder, and of the one that it is restored into.

use std::{fs, path::PathBuf};

use leasehold_store::{
    LogEngine, StoreError,
    backup::{self, BackupError, Unfinished},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{NOW, contents, fill, finish, restore};

/// A backup of what [`fill`] makes.
fn saved() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (data, saved) = (folder.path().join("data"), folder.path().join("saved"));
    fill(&data, LogEngine::Sled);
    backup::back_up_folder(&data, &saved, NOW, &mut |_, _| {}).unwrap();
    (folder, saved)
}

#[test]
fn a_flipped_bit_anywhere_is_named_and_nothing_is_restored() {
    let (folder, saved) = saved();
    let data = saved.join("data.leasehold");
    let whole = fs::read(&data).unwrap();
    let restored = folder.path().join("restored");
    for at in (0..whole.len()).step_by(1 + whole.len() / 400) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        fs::write(&data, &flipped).unwrap();
        let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
        assert!(
            matches!(
                error,
                BackupError::Damaged { .. }
                    | BackupError::CutShort { .. }
                    | BackupError::Version(_)
            ),
            "{error}"
        );
        if at % 7 == 0 {
            restore(&saved, &restored, LogEngine::Sled).unwrap_err();
            assert!(!restored.exists(), "nothing was begun");
        }
    }
    let named = |at: usize| {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        fs::write(&data, &flipped).unwrap();
        backup::read_back(&saved, &mut |_, _| {})
            .unwrap_err()
            .to_string()
    };
    let error = named(whole.len() / 2);
    for part in [
        "record ",
        "of pool number 1",
        "at byte",
        "data.leasehold",
        "checksum",
    ] {
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
    fs::write(&data, &whole[..whole.len() - 3]).unwrap();
    let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
    fs::write(&data, [&whole[..], b"more"].concat()).unwrap();
    let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("more behind it"), "{error}");
    fs::write(&data, &whole).unwrap();
    backup::read_back(&saved, &mut |_, _| {}).unwrap();
}

/// A manifest with the checksum that fits it.
fn sealed(text: &str) -> String {
    const DIGITS: usize = 64;
    let end = text.rfind("\"\n}\n").unwrap();
    let (body, digits) = text[..end].split_at(end - DIGITS);
    assert!(digits.chars().all(|digit| digit.is_ascii_hexdigit()));
    let sum = Sha256::digest(body);
    let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{body}{hex}{}", &text[end..])
}

/// Also in what is nowhere else: when it was taken, and by which version.
#[test]
fn any_changed_byte_of_any_file_is_named_by_its_file_and_nothing_is_restored() {
    let (folder, saved) = saved();
    let restored = folder.path().join("restored");
    for (name, step) in [("manifest.json", 1), ("data.leasehold", 11)] {
        let path = saved.join(name);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(step) {
            // To the next letter or digit, to one that looks like it, to one of no text at all.
            for mask in [0x01, 0x03, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= mask;
                fs::write(&path, &changed).unwrap();
                let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
                assert!(
                    matches!(error, BackupError::Damaged { .. }),
                    "{at} of {name} by {mask}: {error}"
                );
                assert!(error.to_string().contains(name), "{error}");
            }
            if at % 55 == 0 {
                let error = restore(&saved, &restored, LogEngine::Sled).unwrap_err();
                assert!(error.to_string().contains(name), "{error}");
                assert!(!restored.exists(), "nothing was begun");
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    let path = saved.join("manifest.json");
    let whole = fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
        assert!(
            matches!(error, BackupError::Damaged { .. }),
            "{cut}: {error}"
        );
    }
    fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
    backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
    fs::write(&path, &whole).unwrap();
    backup::read_back(&saved, &mut |_, _| {}).unwrap();
}

#[test]
fn a_manifest_that_tells_of_something_else_is_named() {
    let (_folder, saved) = saved();
    let path = saved.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, why) in [
        ("\"tasks\": 4", "\"tasks\": 5", "does not tell of the tasks"),
        ("\"dead\": 1", "\"dead\": 2", "does not tell of the tasks"),
        ("\"sha256\": \"", "\"sha256\": \"0", "SHA-256"),
        ("\"version\": 2", "\"version\": 3", "has format 3"),
        ("leasehold backup\"", "something else\"", "is not a backup"),
        ("{", "", "is damaged"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let told = sealed(&text.replacen(from, to, 1));
        fs::write(&path, told).unwrap();
        let error = backup::read_back(&saved, &mut |_, _| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{why:?} in {error:?}");
    }
    fs::remove_file(&path).unwrap();
    let error = backup::read_back(&saved, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, BackupError::NotABackup { .. }), "{error}");
}

#[test]
fn a_restore_goes_into_a_new_folder_only() {
    let (folder, saved) = saved();
    let taken = restore(&saved, &folder.path().join("data"), LogEngine::Sled);
    assert!(
        matches!(taken, Err(BackupError::Store(StoreError::Taken(_)))),
        "{taken:?}"
    );
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "x").unwrap();
    restore(&saved, &foreign, LogEngine::Sled).unwrap_err();
    assert_eq!(
        fs::read_dir(&foreign).unwrap().count(),
        1,
        "it is left as it is"
    );
    let before = contents(&folder.path().join("data"));
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    restore(&saved, &empty, LogEngine::Fjall).unwrap();
    assert_eq!(contents(&empty), before);
}

#[test]
fn what_is_not_finished_does_not_stay_and_hinders_nobody() {
    let folder = TempDir::new().unwrap();
    let saved = folder.path().join("saved");
    let left = || fs::read_dir(folder.path()).unwrap().count();
    let mut unfinished = Unfinished::begin(&saved).unwrap();
    unfinished.write(b"leasehold backup 1\n").unwrap();
    assert!(!saved.exists());
    // Somebody is at it.
    assert!(matches!(
        Unfinished::begin(&saved),
        Err(BackupError::Taken(_))
    ));
    let cut_short = finish(unfinished).unwrap_err();
    assert!(
        matches!(cut_short, BackupError::CutShort { .. }),
        "{cut_short}"
    );
    assert_eq!(left(), 0);
    // What a kill leaves: nobody holds it.
    let dead = folder.path().join(".leasehold-unfinished-yesterday");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("data.leasehold"), b"half").unwrap();
    drop(Unfinished::begin(&saved).unwrap());
    assert_eq!(left(), 0);
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join("x"), b"x").unwrap();
    assert!(matches!(
        Unfinished::begin(&saved),
        Err(BackupError::Taken(_))
    ));
}

/// What was written by the first version that took backups, and by the first with a checksum of the
/// manifest.
#[test]
fn a_backup_of_any_version_is_read_for_ever() {
    for manifest in [
        include_str!("../golden/backup-v1.json"),
        include_str!("../golden/backup-v2.json"),
    ] {
        golden_is_read(manifest);
    }
}

fn golden_is_read(manifest: &str) {
    let folder = TempDir::new().unwrap();
    let saved = folder.path().join("saved");
    fs::create_dir(&saved).unwrap();
    let hex: String = include_str!("../golden/backup-v1.hex")
        .split_whitespace()
        .collect();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    fs::write(saved.join("data.leasehold"), bytes).unwrap();
    fs::write(saved.join("manifest.json"), manifest).unwrap();
    for engine in LogEngine::ALL {
        let restored = folder.path().join(engine.name());
        let manifest = restore(&saved, &restored, engine).unwrap();
        assert_eq!(
            (manifest.tasks, manifest.taken_at_ms),
            (1, 1_700_000_005_000)
        );
        let lines = contents(&restored);
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[2].contains("nightly"), "{lines:?}");
        let task = "\"id\":\"00000000-0000-0000-0000-000000000001\"";
        assert!(
            lines[3].contains(task) && lines[3].contains("dG86IGFkYQ=="),
            "{lines:?}"
        );
    }
}
