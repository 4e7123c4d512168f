//! All that happened in a world, one line each.

use std::fmt::{self, Write as _};

use leasehold_core::{TaskId, Timestamp};

/// How many lines of a story are told.
const STORY_LINES_MAX: usize = 40;

/// The lines, and a hash over them that two runs of one seed must share.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: Vec<String>,
    hash: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Trace {
    pub(crate) fn note(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        let millis = now.as_millis() % 10_000_000;
        let mut line = format!("{:>5}.{:03}  ", millis / 1000, millis % 1000);
        _ = line.write_fmt(what);
        for byte in line.bytes() {
            // FNV-1a.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines.push(line);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    /// The last lines that tell of this task, or of anything, and of the hub's own fate.
    pub(crate) fn story(&self, of: Option<TaskId>) -> String {
        let name = of.map(short);
        let tells = |line: &&String| {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            let Some(name) = &name else { return true };
            line.contains("***") || line.contains(" end by ") || words.any(|word| word == name)
        };
        let told: Vec<&String> = self.lines.iter().filter(tells).collect();
        let from = told.len().saturating_sub(STORY_LINES_MAX);
        told[from..].iter().fold(String::new(), |mut story, line| {
            _ = writeln!(story, "{line}");
            story
        })
    }
}

/// What a task is called in a story: `t` and the lowest 32 bits of its id.
pub(crate) fn short(id: TaskId) -> String {
    format!("t{}", id.as_u128() & 0xffff_ffff)
}
