//! Disks that fail, forget and lie, and folders that are taken away: what a person sees of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use support::{
    hub::Hub,
    process::{Process, leasehold},
    shell::{Told, run, text_of},
};
use tokio::process::Command;

/// Plays a scene, however busy the machine is.
async fn play(scene: &str, seed: &str, length: &str) -> String {
    let args = ["chaos", scene, "--seed", seed, "--for", length];
    let mut command = leasehold(&args);
    command.args(["--slack", "20s"]).kill_on_drop(true);
    let output = command.output().await.expect("the binary starts");
    let told = Told {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    told.ok()
}

#[tokio::test]
async fn power_cuts_lose_nothing_on_sled() {
    no_power("power-cut").await;
}

#[tokio::test]
async fn power_cuts_lose_nothing_on_fjall() {
    no_power("power-cut-fjall").await;
}

async fn no_power(scene: &str) {
    let told = play(scene, "2", "5s").await;
    if told.contains("passed over: no cc") {
        return;
    }
    assert!(told.contains("all promises were kept"), "{told}");
    assert!(told.contains("cut the power: "), "{told}");
    assert!(told.contains("were read whole"), "{told}");
}

#[tokio::test]
async fn a_disk_that_fails_for_a_while_loses_nothing() {
    let told = play("disk", "2", "12s").await;
    if told.contains("passed over: no cc") {
        return;
    }
    assert!(told.contains("all promises were kept"), "{told}");
    assert!(told.contains("were failed or cut short"), "{told}");
}

/// The first act of this seed. The scene asks for each of these itself.
#[tokio::test]
async fn a_disk_that_the_kernel_made_read_only_is_mended_without_a_restart() {
    let told = play("disk", "17", "3s").await;
    let passed_over = ["no cc", "a disk that the kernel makes read-only"];
    let is_passed_over = |why: &&str| told.contains(&format!("passed over: {why}"));
    if passed_over.iter().any(is_passed_over) {
        return;
    }
    assert!(told.contains("all promises were kept"), "{told}");
    for promise in [
        "an enqueue to a read-only disk is not acknowledged, and told why",
        "the hub lets go of a disk that is unmounted",
        "the hub takes a disk that is mounted again, without a restart",
    ] {
        assert!(told.contains(promise), "{promise}: {told}");
    }
    assert!(!told.contains("NOT KEPT"), "{told}");
}

#[tokio::test]
async fn a_data_folder_that_is_deleted_is_told_of_and_taken_again_when_it_is_back() {
    for engine in ["sled", "fjall"] {
        let mut hub = Hub::with_variables("", &[("LEASEHOLD_STORE_ENGINE", engine)]).await;
        let ids = hub.enqueue(&["a", "b"]).await;
        hub.end(Signal::SIGTERM).await;
        let copy = hub.folder().join("copy");
        copy_folder(&hub.data(), &copy);
        hub.restart().await;
        fs::remove_dir_all(hub.data()).unwrap();
        let enqueue = ["enqueue", "p", "c", "--timeout", "1s"];
        let error = hub.run(&enqueue).await.failed(1);
        let data = text_of(&hub.data());
        assert!(
            error.contains(&format!("the data folder {data}")),
            "{error}"
        );
        assert!(!error.contains("panicked"), "{error}");
        let said = error.matches("the pool is not available just now").count();
        assert_eq!(said, 1, "{error}");
        assert!(!hub.data().exists(), "nothing is made in its place");
        copy_folder(&copy, &hub.data());
        let late = hub.run(&["enqueue", "p", "c", "--timeout", "60s"]).await;
        late.ok();
        for id in &ids {
            assert_eq!(hub.task(id).await["state"], "ready");
        }
    }
}

/// A disk of its own, where root may mount one.
#[tokio::test]
async fn a_full_disk_refuses_enqueues_before_the_wall_and_goes_on_when_there_is_room() {
    let mut hub = Hub::with("[store]\ndisk_reserve = \"24MiB\"\n").await;
    hub.end(Signal::SIGTERM).await;
    fs::remove_dir_all(hub.data()).unwrap();
    let Some(mount) = Mount::at(&hub.data(), &hub.folder().join("disk.img")) else {
        return;
    };
    hub.restart().await;
    let ids = hub.enqueue(&["a", "b", "c"]).await;
    let filler = hub.data().join("lost+found/filler");
    mount.fill(&filler);
    let refused = loop {
        let told = hub.run(&["enqueue", "p", "d"]).await;
        if told.code != Some(0) {
            break told.failed(1);
        }
    };
    assert!(
        refused.contains("the hub's disk is nearly full"),
        "{refused}"
    );
    let mut worker: Process = hub.work("w", "tr a-z A-Z", &["--until-empty"]);
    assert_eq!(worker.ended().await.code(), Some(0));
    for (id, result) in ids.iter().zip(["A", "B", "C"]) {
        assert_eq!(hub.task(id).await["result"], result);
    }
    fs::remove_file(&filler).unwrap();
    // The same process: it looks twice a second.
    while hub.run(&["enqueue", "p", "e"]).await.code != Some(0) {}
    hub.end(Signal::SIGTERM).await;
}

/// A file system in a file, mounted while this lives.
struct Mount(PathBuf);

impl Mount {
    fn at(path: &Path, image: &Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let disk = fs::File::create(image).unwrap();
        disk.set_len(128 << 20).unwrap();
        let did = |program: &str, arguments: &[&str]| {
            let mut command = std::process::Command::new(program);
            let output = command.args(arguments).output();
            output.is_ok_and(|output| output.status.success())
        };
        let (path_text, image) = (text_of(path), text_of(image));
        let is_mounted = nix::unistd::geteuid().is_root()
            && did("mkfs.ext4", &["-q", "-F", "-m", "0", &image])
            && did("mount", &["-o", "loop", &image, &path_text]);
        is_mounted.then(|| Self(path.to_owned()))
    }

    /// Leaves 8 MiB.
    fn fill(&self, filler: &Path) {
        let disk = fs::File::create(filler).unwrap();
        let told = nix::sys::statvfs::statvfs(&self.0).unwrap();
        let free = told.blocks_available() * told.fragment_size();
        let block = vec![7; 1 << 20];
        for at in 0..(free >> 20).saturating_sub(8) {
            disk.write_all_at(&block, at << 20).unwrap();
        }
        disk.sync_all().unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("umount");
        // Lazily: the hub may still be in it.
        let _ = command.arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn damage_is_named_with_its_file_and_the_hub_does_not_start() {
    // Where there is nothing but what an engine has at its beginning, the middle of a file.
    let sled = [
        ("LEASEHOLD", None),
        ("sled-1/conf", None),
        ("sled-1/journal/0", Some(4096 + 200)),
    ];
    let fjall = [
        ("LEASEHOLD", None),
        ("fjall-1/version", None),
        ("fjall-1/0.jnl", Some(100)),
    ];
    for (engine, files) in [("sled", sled), ("fjall", fjall)] {
        let mut hub = Hub::with_variables("", &[("LEASEHOLD_STORE_ENGINE", engine)]).await;
        let payload = "x".repeat(3_000);
        hub.enqueue(&[&payload, &payload, &payload]).await;
        hub.kill().await;
        for (number, (file, at)) in files.iter().enumerate() {
            let data = hub.folder().join(format!("damaged-{number}"));
            copy_folder(&hub.data(), &data);
            damage(&data.join(file), *at);
            let error = start(engine, &data).await.failed(1);
            assert!(error.contains("failed to start the hub"), "{error}");
            for part in [&text_of(&data), "is damaged", "keep a copy of the folder"] {
                assert!(error.contains(part), "{file}: {part:?} in {error:?}");
            }
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let is_named = name == "0" || name == "version" || error.contains(name);
            assert!(is_named, "{file}: {error}");
        }
    }
}

/// Whatever sled's file lost may stand in the journal before it still: then nothing is missing.
#[tokio::test]
async fn a_database_that_lost_a_block_has_all_or_says_so() {
    for (engine, file) in [("sled", "sled-1/db"), ("fjall", "fjall-1/0.jnl")] {
        let mut hub = Hub::with_variables("", &[("LEASEHOLD_STORE_ENGINE", engine)]).await;
        let payload = "y".repeat(3_000);
        hub.enqueue(&[&payload, &payload, &payload, &payload]).await;
        hub.end(Signal::SIGTERM).await;
        let whole = tasks(&run(export(&hub.data())).await.ok());
        assert_eq!(whole.len(), 4);
        let bytes = fs::read(hub.data().join(file)).unwrap();
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        let mut named = 0;
        for block in 0..=written / 4096 {
            let data = hub.folder().join(format!("{engine}-{block}"));
            copy_folder(&hub.data(), &data);
            let disk = fs::File::options()
                .write(true)
                .open(data.join(file))
                .unwrap();
            disk.write_all_at(&[0; 4096], block as u64 * 4096).unwrap();
            let told = run(export(&data)).await;
            if told.code == Some(0) {
                assert_eq!(tasks(&told.out), whole, "{engine} without block {block}");
                continue;
            }
            let error = told.failed(1);
            assert!(error.contains(&text_of(&data)), "{engine}: {error}");
            named += 1;
        }
        assert!(named > 0, "{engine}");
    }
}

fn export(data: &Path) -> Command {
    let mut command = leasehold(&["export", "--data"]);
    command.arg(data);
    command
}

fn tasks(export: &str) -> Vec<String> {
    let is_task = |line: &&str| line.starts_with(r#"{"task":"#);
    export.lines().filter(is_task).map(str::to_owned).collect()
}

async fn start(engine: &str, data: &Path) -> Told {
    let mut command = leasehold(&["hub", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data).env("LEASEHOLD_STORE_ENGINE", engine);
    run(command).await
}

/// Changes eight bytes, in the middle of a file if nothing else is said.
fn damage(file: &Path, at: Option<u64>) {
    let len = fs::metadata(file).unwrap().len();
    let at = at.unwrap_or(len / 2);
    let disk = fs::File::options().write(true).open(file).unwrap();
    disk.write_all_at(&[0xff; 8], at).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}
