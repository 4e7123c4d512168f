//! Every command of docs/OPERATIONS.md, in the order in which it stands there.
//!
//! A block of commands says behind `sh` what must hold before it: `running` or `stopped`, or
//! `damaged`, for which bits of the store are flipped; and with `exits=1` that its last command fails.
//! A line that starts a hub starts the one that runs from there on.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use support::{
    hub::free_address,
    process::{BINARY, Process, unswayed},
    shell::run,
};
use tempfile::TempDir;
use tokio::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md");

/// What stands in the payload of each task.
const LANDMARK: &str = "a letter to number";

struct Block {
    line: usize,
    scene: String,
    commands: Vec<String>,
}

/// The blocks of commands of a page.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_inside = false;
    for (line, text) in (1..).zip(text.lines()) {
        if let Some(info) = text.strip_prefix("```") {
            is_inside = !is_inside && info.split(' ').next() == Some("sh");
            if is_inside {
                let scene = info
                    .strip_prefix("sh")
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                let commands = Vec::new();
                blocks.push(Block {
                    line,
                    scene,
                    commands,
                });
            }
        } else if is_inside && let Some(block) = blocks.last_mut() {
            block.commands.push(text.to_owned());
        }
    }
    blocks
}

struct Stage {
    folder: TempDir,
    address: String,
    hub: Option<Process>,
    /// Where the hub that runs, or ran last, has its data.
    data: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let data = folder.path().join("leasehold-data");
        Self {
            folder,
            address: free_address().to_string(),
            hub: None,
            data,
        }
    }

    /// A shell, in which `leasehold` is the binary that is tested.
    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-e", "-c", script]);
        let mut command = unswayed(command);
        let binary = Path::new(BINARY).parent().expect("it is in a folder");
        let others = std::env::var("PATH").expect("there is a path");
        command.env("PATH", format!("{}:{others}", binary.display()));
        command.env("LEASEHOLD_HUB", &self.address);
        command.env("LEASEHOLD_HUB_LISTEN", &self.address);
        command.current_dir(self.folder.path());
        command
    }

    async fn start(&mut self, line: &str) {
        self.stop().await;
        let hub = Process::start("the hub", self.shell(&format!("exec env {line}")));
        hub.said("listening on ").await;
        self.hub = Some(hub);
        let named = line.split(' ').skip_while(|word| *word != "--data").nth(1);
        self.data = self.folder.path().join(named.unwrap_or("leasehold-data"));
    }

    async fn stop(&mut self) {
        if let Some(mut hub) = self.hub.take() {
            hub.signal(Signal::SIGTERM);
            let status = hub.ended().await;
            assert!(status.success(), "{status}");
        }
    }

    async fn set(&mut self, scene: &str) {
        match scene {
            "" | "exits=1" => {}
            "running" if self.hub.is_some() => {}
            "running" => self.start("leasehold hub").await,
            "stopped" => self.stop().await,
            "damaged" => {
                self.stop().await;
                damage(&self.data);
                let told = run(self.shell("leasehold hub")).await.failed(1);
                assert!(told.contains("is damaged"), "{told}");
            }
            other => panic!("there is no scene {other:?}"),
        }
    }

    /// Runs what stands before a line that starts a hub, and that, and what stands behind it.
    async fn play(&mut self, block: &Block) {
        self.set(&block.scene).await;
        let mut script = String::new();
        for line in &block.commands {
            if is_hub(line) {
                self.run(&std::mem::take(&mut script), block).await;
                self.start(line).await;
            } else {
                script.push_str(line);
                script.push('\n');
            }
        }
        self.run(&script, block).await;
    }

    async fn run(&self, script: &str, block: &Block) {
        let told = run(self.shell(script)).await;
        let wanted = i32::from(block.scene == "exits=1");
        assert_eq!(
            told.code,
            Some(wanted),
            "docs/OPERATIONS.md, the block at line {}:\n{script}\n{}{}",
            block.line,
            told.out,
            told.err
        );
    }
}

fn is_hub(line: &str) -> bool {
    let mut words = line.split(' ').skip_while(|word| word.contains('='));
    words.next() == Some("leasehold") && words.next() == Some("hub")
}

/// Flips a bit of each payload that stands in a file of the store.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut bytes = fs::read(&path).expect("it can be read");
        let length = LANDMARK.len();
        let places: Vec<_> = (0..bytes.len().saturating_sub(length))
            .filter(|at| &bytes[*at..*at + length] == LANDMARK.as_bytes())
            .collect();
        for at in places {
            bytes[at] ^= 1;
        }
        fs::write(&path, bytes).expect("it can be written");
    }
}

#[tokio::test]
async fn every_command_of_the_page_does_what_it_should() {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let blocks = blocks(&page);
    assert!(blocks.len() > 12, "{} blocks", blocks.len());
    let mut stage = Stage::new();
    stage.start("leasehold hub").await;
    let fill = format!(
        "seq 1 60 | sed 's/^/{LANDMARK} /' | leasehold enqueue mail --lines - > ids\n\
         leasehold cancel $(head -n 5 ids)\n\
         leasehold schedule put mail nightly --cron '30 4 * * *' hello"
    );
    let block = &blocks[0];
    stage.run(&fill, block).await;
    for block in &blocks {
        stage.play(block).await;
    }
    // What the page says of what is there then is so.
    let status = fs::read_to_string(stage.folder.path().join("status.json"));
    let status: serde_json::Value =
        serde_json::from_str(&status.expect("it was written")).expect("it is a document");
    assert_eq!(status["store"]["engine"], "fjall", "{status}");
    let pool = &status["pools"][0];
    assert_eq!(
        (&pool["ready"], &pool["cancelled"]),
        (&55.into(), &5.into()),
        "{status}"
    );
    for field in ["oldest_ready_ms", "dead", "lease_lost"] {
        assert!(pool[field].is_number(), "{field} in {pool}");
    }
    for field in ["free_bytes", "disk_bytes", "live_bytes"] {
        assert!(status["store"][field].is_number(), "{field} in {status}");
    }
    assert!(status["hub"]["up_for_ms"].is_number(), "{status}");
    stage.stop().await;
}

/// A block that cannot go wrong would hold nothing.
#[tokio::test]
#[should_panic(expected = "the block at line 3")]
async fn a_command_that_fails_is_noticed() {
    let blocks = blocks("# A page\n\n```sh\nleasehold verify nothing\n```\n");
    Stage::new().play(&blocks[0]).await;
}
