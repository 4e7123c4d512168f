//! What was recorded.

use std::{fs, path::PathBuf, process::Command};

use leasehold_wire::{FromHub, FromNode, Message, decode_message};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Nothing that a recording remembers is forgotten for its age.
const FOR_EVER: &str = "completed_kept_for = \"3650d\"\ndead_kept_for = \"3650d\"\n";

/// What one release left behind, with one engine.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) name: String,
    folder: PathBuf,
}

/// A line of a session.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Run {
        run: Vec<String>,
    },
    Said {
        said: String,
        code: i32,
    },
    Frame {
        connection: u64,
        by: By,
        frame: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    Node,
    Hub,
}

/// A command, what was said on its connections, and what it came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) args: Vec<String>,
    pub(crate) frames: Vec<(u64, By, Vec<u8>)>,
    pub(crate) said: String,
    pub(crate) code: i32,
}

pub(crate) fn recordings() -> Vec<Recording> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/upgrade");
    let entries = fs::read_dir(folder).expect("the recordings are there");
    let folders = entries.map(|entry| entry.expect("a folder can be read").path());
    let mut found: Vec<_> = folders
        .filter(|path| path.is_dir())
        .map(|folder| {
            let name = folder.file_name().expect("it has a name");
            let name = name.to_string_lossy().into_owned();
            Recording { name, folder }
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let names: Vec<_> = found.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["1-sled", "2-fjall", "2-sled", "3-fjall", "3-sled"]);
    found
}

impl Recording {
    /// The configuration of a hub over it.
    pub(crate) fn config(&self, knobs: &str) -> String {
        let (_, engine) = self.name.split_once('-').expect("a format and an engine");
        let session = "[session]\nheartbeat = \"1m\"\nsilence_after = \"5m\"\n";
        format!("[store]\nengine = \"{engine}\"\n{session}[pool_defaults]\n{FOR_EVER}{knobs}")
    }

    /// Puts the store, killed or ended, where a hub will look for it.
    pub(crate) fn unpack(&self, kind: &str, into: &std::path::Path) {
        let packed = self.folder.join(format!("{kind}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(packed).arg("-C").arg(into);
        assert!(tar.status().expect("there is tar").success());
    }

    /// What the release said of each task.
    pub(crate) fn tasks(&self) -> Map<String, Value> {
        let text = fs::read_to_string(self.folder.join("tasks.json")).expect("it is there");
        serde_json::from_str(&text).expect("an object")
    }

    /// What was done on the command line, one after the other.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let text = fs::read_to_string(self.folder.join("sessions.jsonl")).expect("it is there");
        let mut runs: Vec<Run> = Vec::new();
        for line in text.lines() {
            match serde_json::from_str(line).expect("a line of a session") {
                Line::Run { run } => runs.push(Run {
                    args: run,
                    frames: Vec::new(),
                    said: String::new(),
                    code: 0,
                }),
                Line::Said { said, code } => {
                    let run = runs.last_mut().expect("something was run");
                    (run.said, run.code) = (said, code);
                }
                Line::Frame {
                    connection,
                    by,
                    frame,
                } => {
                    let run = runs.last_mut().expect("something was run");
                    run.frames.push((connection, by, bytes(&frame)));
                }
            }
        }
        runs
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digit).collect()
}

pub(crate) fn of_node(frame: &[u8]) -> FromNode {
    message(frame)
}

pub(crate) fn of_hub(frame: &[u8]) -> FromHub {
    message(frame)
}

fn message<M: Message>(frame: &[u8]) -> M {
    decode_message(frame).unwrap_or_else(|error| panic!("{frame:02x?}: {error}"))
}
