//! Bits of sled's file that change: what `leasehold verify` and `leasehold hub` say of it to a person.

mod support;

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

use nix::sys::signal::Signal;
use support::{
    hub::Hub,
    process::leasehold,
    shell::{Told, run, text_of},
};

const DB: &str = "sled-1/db";

/// Places all over the file, beyond those of its head.
const PLACES: u64 = 24;

/// A hub that was killed twice: the second found in the journal what the first had taken, and brought
/// it to where it belongs.
async fn killed() -> Hub {
    let mut hub = Hub::with("[store]\nengine = \"sled\"\n").await;
    let payloads: Vec<String> = (1..8).map(|n| "z".repeat(n * 6_000)).collect();
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    hub.enqueue(&payloads).await;
    hub.end(Signal::SIGKILL).await;
    hub.restart().await;
    hub.end(Signal::SIGKILL).await;
    hub
}

async fn verify(data: &Path) -> Told {
    run(leasehold(&["verify", &text_of(data)])).await
}

async fn start(data: &Path) -> Told {
    let mut command = leasehold(&["hub", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data);
    run(command).await
}

fn flip(data: &Path, at: u64, mask: u8) {
    let file = File::options().read(true).write(true).open(data.join(DB));
    let file = file.expect("it is there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("it can be read");
    let written = file.write_all_at(&[byte[0] ^ mask], at);
    written.expect("it can be written");
}

/// What every look says of damage: where, that it is, what to do; and nothing of an engine's own.
fn assert_told(error: &str, data: &Path) {
    let file = text_of(&data.join(DB));
    for part in [&file, "is damaged", "restore the last good backup"] {
        assert!(error.contains(part), "{part:?} in {error}");
    }
    for part in [
        "panicked at",
        "RUST_BACKTRACE",
        "stack backtrace",
        "thread '",
    ] {
        assert!(!error.contains(part), "{part:?} in {error}");
    }
}

#[tokio::test]
async fn a_flipped_bit_of_the_database_is_told_by_its_file_and_with_what_to_do() {
    let hub = killed().await;
    let whole = hub.data();
    verify(&whole).await.ok();
    let len = fs::metadata(whole.join(DB)).expect("it is there").len();
    let places = (0..24)
        .step_by(5)
        .chain((0..PLACES).map(|n| n * len / PLACES + n));
    let (mut told, mut refused) = (0, 0);
    for at in places {
        flip(&whole, at, 1 << (at % 8));
        let looked = verify(&whole).await;
        if looked.code != Some(0) {
            told += 1;
            let error = looked.failed(1);
            assert_told(&error, &whole);
            // A hub reads long payloads when they are wanted: it may start, and say so then.
            if !error.contains("a payload or result of task") {
                refused += 1;
                // On a copy: what starts may write.
                let data = hub.folder().join(format!("at-{at}"));
                copy(&whole, &data);
                assert_told(&start(&data).await.failed(1), &data);
                fs::remove_dir_all(&data).expect("it is ours");
            }
        }
        flip(&whole, at, 1 << (at % 8));
    }
    verify(&whole).await.ok();
    assert!(told > 8 && refused > 2, "{told} of which {refused}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("it is not there yet");
    for entry in fs::read_dir(from).expect("it is there") {
        let path = entry.expect("it can be read").path();
        let to = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("it can be copied");
        }
    }
}
