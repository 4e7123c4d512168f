//! docs/SECURITY.md does what it says: every command in it, in its order.

use std::path::Path;

use nix::sys::signal::Signal;
use tokio::process::Command;

use super::support::{
    hub::free_address,
    process::{BINARY, Process, unswayed},
    shell::run,
};

const PAGE: &str = include_str!("../../../docs/SECURITY.md");

/// Code blocks of this kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begins = format!("```{kind}\n");
    let blocks = PAGE.split(&begins).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

fn shell(folder: &Path, address: &str, script: &str) -> Command {
    let binaries = Path::new(BINARY).parent().expect("it is in a folder");
    let mut command = Command::new("sh");
    command.args(["-ec", script]);
    let mut command = unswayed(command);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", binaries.display()))
        .env("LEASEHOLD_HUB", address)
        .env("LEASEHOLD_HUB_LISTEN", address);
    command
}

#[tokio::test]
async fn every_command_of_the_page_works_in_its_order() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let address = free_address().to_string();
    let auth = blocks("toml")
        .into_iter()
        .find(|block| block.contains("required = true"));
    let auth = auth.expect("the page says how a hub is closed");
    std::fs::write(folder.path().join("hub.toml"), auth).expect("it can be written");
    let mut hub: Option<Process> = None;
    let mut exports = String::new();
    let all = blocks("sh");
    assert!(all.len() >= 6, "the page has lost its commands");
    for block in all {
        if block.starts_with("leasehold hub ") {
            // In place of the shell, so that it is the hub that is signalled.
            let script = format!("exec {block}");
            let process = Process::start("the hub", shell(folder.path(), &address, &script));
            process.said("listening on ").await;
            hub = Some(process);
            continue;
        }
        // What is done in a folder is done while no hub has it.
        if block.contains("--data ")
            && let Some(mut hub) = hub.take()
        {
            hub.signal(Signal::SIGTERM);
            hub.ended().await;
        }
        let script = format!("{exports}{block}");
        run(shell(folder.path(), &address, &script)).await.ok();
        let lines = block.lines().filter(|line| line.starts_with("export "));
        exports.extend(lines.map(|line| format!("{line}\n")));
    }
    assert!(folder.path().join("me-2.token").exists(), "to the end");
}

/// A command that stands in the text alone was tried by nobody.
#[test]
fn commands_of_the_page_stand_in_its_blocks() {
    let commands = PAGE.lines().filter(|line| line.starts_with("leasehold "));
    let tried: String = blocks("sh").concat();
    for command in commands {
        assert!(tried.contains(command), "{command}");
    }
}
