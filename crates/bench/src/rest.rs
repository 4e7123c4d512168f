//! Systems that stand still while another one is measured: some are never quite idle, and on a
//! small machine that costs whoever is measured. What they left in the page cache is written first,
//! for the kernel would do that when it sees fit, at somebody else's cost.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, sync},
};

use crate::{BenchError, Target, target::Spec};

/// The key of a [`Spec`] under which the process stands that begot all of a system's.
const KEY: &str = "rests";

/// The systems that can be made to stand still. All go on when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Rests(Vec<(String, Pid)>);

impl Rests {
    /// Adds a system, if it was said which processes are its own.
    pub(crate) fn add(&mut self, target: &dyn Target, spec: &Spec) -> Result<(), BenchError> {
        let Some(root) = spec.other(KEY) else {
            return Ok(());
        };
        let root = root
            .parse()
            .map_err(|error| BenchError::failed(format!("read {KEY}={root}"), error))?;
        self.0.push((target.name().to_owned(), Pid::from_raw(root)));
        Ok(())
    }

    /// Of all systems only this one goes on, and nothing of the others is on its way to the disk.
    pub(crate) fn all_but(&self, awake: &str) -> Result<(), BenchError> {
        for (name, root) in &self.0 {
            let signal = if name == awake {
                Signal::SIGCONT
            } else {
                Signal::SIGSTOP
            };
            send(*root, signal).map_err(|error| {
                let what = format!("let {name} rest while others are measured");
                BenchError::failed(what, error)
            })?;
        }
        if !self.0.is_empty() {
            sync();
        }
        Ok(())
    }
}

impl Drop for Rests {
    fn drop(&mut self) {
        for (_, root) in &self.0 {
            // One that has ended needs no waking.
            _ = send(*root, Signal::SIGCONT);
        }
    }
}

/// The root first: what is stopped begets no more, and who begot is awake before its own are.
fn send(root: Pid, signal: Signal) -> nix::Result<()> {
    kill(root, signal)?;
    for child in descendants(root.as_raw(), &parents()) {
        // It may have ended since it was seen.
        _ = kill(Pid::from_raw(child), signal);
    }
    Ok(())
}

/// Each process that there is, with its parent.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let of = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parent(&stat)?))
    };
    entries.flatten().filter_map(of).collect()
}

/// The fourth field of `stat`; the second is a name in parentheses, and may have spaces in it.
fn parent(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn descendants(root: i32, parents: &[(i32, i32)]) -> Vec<i32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(of) = found.get(at).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == of);
        found.extend(children.map(|(child, _)| *child));
        at += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_stands_behind_the_name() {
        assert_eq!(parent("17 (a (b) c) S 4 17 17 0 -1"), Some(4));
        assert_eq!(parent("17"), None);
    }

    #[test]
    fn children_of_children_are_found_and_others_are_not() {
        let parents = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5)];
        assert_eq!(descendants(2, &parents), [3, 4]);
        assert_eq!(descendants(1, &parents), [2, 5, 3, 6, 4]);
    }

    #[test]
    fn what_stands_still_goes_on_afterwards() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let state = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
        };
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        let rests = Rests(vec![("redis".to_owned(), pid)]);
        rests.all_but("leasehold").unwrap();
        while state(child.id()) != 'T' {
            std::thread::yield_now();
        }
        drop(rests);
        while state(child.id()) == 'T' {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
