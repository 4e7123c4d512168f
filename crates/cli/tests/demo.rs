//! `leasehold demo` keeps its promises, says so, and leaves nothing behind.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The demonstration itself gives up after 30 s.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

fn start(args: &[&str], temporary: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .arg("demo")
        .args(args)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary starts")
}

/// Runs it to its end, with a folder for what is temporary.
fn demo(args: &[&str], temporary: &Path) -> Output {
    let demo = start(args, temporary);
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(demo.wait_with_output()));
    let ended = end.recv_timeout(ENDS_WITHIN);
    ended
        .expect("it ends in time")
        .expect("its pipes can be read")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the line of the table that begins so ends with.
fn found(table: &str, what: &str) -> Vec<String> {
    let line = table.lines().find_map(|line| line.strip_prefix(what));
    let words = line.unwrap_or_else(|| panic!("no line \"{what}\" in {table}"));
    words.split_whitespace().map(Into::into).collect()
}

#[test]
fn every_promise_is_kept_on_a_small_folder() {
    let (input, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for file in 0..20 {
        fs::write(
            input.path().join(format!("{file}.txt")),
            format!("file {file}"),
        )
        .unwrap();
    }
    let ended = demo(&[input.path().to_str().unwrap()], temporary.path());
    let (table, story) = (text(&ended.stdout), text(&ended.stderr));
    assert!(ended.status.success(), "{story}{table}");
    assert_eq!(found(&table, "tasks enqueued"), ["320"]);
    assert_eq!(found(&table, "tasks completed "), ["320", "320", "✓"]);
    assert_eq!(found(&table, "tasks lost"), ["0", "0", "✓"]);
    assert_eq!(found(&table, "tasks completed twice"), ["0", "0", "✓"]);
    assert_eq!(found(&table, "results that are wrong"), ["0", "0", "✓"]);
    for scene in [
        "dead worker:",
        "frozen worker:",
        "connection cut:",
        "hub killed:",
    ] {
        let last = found(&table, scene).pop();
        assert_eq!(last.as_deref(), Some("✓"), "{scene} {story}{table}");
    }
    assert!(story.contains("each is hashed in 16 parts"), "{story}");
    assert_eq!(
        fs::read_dir(temporary.path()).unwrap().count(),
        0,
        "not cleaned up"
    );
}

#[test]
fn a_folder_without_files_is_a_clear_error() {
    let temporary = tempfile::tempdir().unwrap();
    let ended = demo(&[temporary.path().to_str().unwrap()], temporary.path());
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(
        said.contains("there are no files in it that can be read"),
        "{said}"
    );
}

/// The one folder of a demonstration among what is temporary.
fn only_folder(temporary: &Path) -> PathBuf {
    let found = fs::read_dir(temporary).expect("it can be read");
    let found: Vec<_> = found.flatten().map(|entry| entry.path()).collect();
    let [folder] = &found[..] else {
        panic!("one folder was expected, not {found:?}");
    };
    folder.clone()
}

#[test]
fn one_that_fails_says_what_was_logged_and_keeps_it() {
    let (input, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(input.path().join("file"), "some bytes").unwrap();
    let mut demo = start(&[input.path().to_str().unwrap()], temporary.path());
    let mut story = BufReader::new(demo.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("a hub on") {
        assert_ne!(story.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // A witness that nobody can read.
    let folder = only_folder(temporary.path());
    let ledger = folder.join("ledger");
    let mut ledger = OpenOptions::new()
        .append(true)
        .create(true)
        .open(ledger)
        .unwrap();
    ledger.write_all(b"\xFF\n").unwrap();
    story.read_to_string(&mut said).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("failed to read the ledger"), "{said}");
    let kept = format!("kept in {}", folder.canonicalize().unwrap().display());
    assert!(said.contains(&kept), "{kept}: {said}");
    for log in ["hub.log", "demo-1.log", "demo-2.log", "demo-3.log"] {
        assert!(
            said.contains(&format!("{log}, at the end:")),
            "{log}: {said}"
        );
        assert!(folder.join(log).is_file(), "{log}");
    }
    assert!(said.contains("the hub is ready"), "{said}");
    assert!(folder.join("outcomes").is_file());
    let store = fs::read_dir(folder.join("data")).unwrap();
    assert_ne!(store.count(), 0, "the hub's store is kept");
}
