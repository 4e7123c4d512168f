//! All that happened in a world, one line each, and the story that is made of it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use leasehold_core::{SessionId, TaskId, Timestamp};

use crate::{clock::shift, world::BEGINNING};

/// How many lines of a story are told.
const STORY_LINES_MAX: usize = 22;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Somebody asks the hub for something.
    Asked,
    /// A task or a note changes.
    Changed,
    /// A node hears something.
    Said,
    /// The disk did what it should.
    Stored,
    /// Something went wrong, or the hub started.
    Fault,
    /// What the oracle objects to.
    Judged,
}

/// The lines, and a hash over them that two runs of one seed must share.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: Vec<(Kind, String)>,
    hash: u64,
    /// How far the hub's clock is ahead of the world's.
    pub(crate) skew_ms: i64,
    calls: BTreeMap<SessionId, (usize, u32)>,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            skew_ms: 0,
            calls: BTreeMap::new(),
        }
    }
}

impl Trace {
    /// This session is another one of a node's.
    pub(crate) fn call(&mut self, session: SessionId, node: usize) {
        let before = self.calls.values().filter(|(of, _)| *of == node).count();
        let nth = u32::try_from(before).unwrap_or(u32::MAX) + 1;
        self.calls.insert(session, (node, nth));
    }

    /// What a session is called in a story.
    pub(crate) fn who(&self, session: SessionId) -> String {
        match self.calls.get(&session) {
            Some((node, 1)) => format!("node {node}"),
            Some((node, nth)) => format!("node {node} (connection {nth})"),
            None => "the hub itself".into(),
        }
    }

    pub(crate) fn asked(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Asked, what);
    }

    pub(crate) fn changed(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Changed, what);
    }

    pub(crate) fn said(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Said, what);
    }

    pub(crate) fn stored(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Stored, what);
    }

    pub(crate) fn fault(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Fault, what);
    }

    pub(crate) fn judged(&mut self, now: Timestamp, what: fmt::Arguments<'_>) {
        self.note(now, Kind::Judged, what);
    }

    fn note(&mut self, now: Timestamp, kind: Kind, what: fmt::Arguments<'_>) {
        let millis = shift(now, -self.skew_ms).since(BEGINNING).as_millis();
        let mut line = format!("{:>5}.{:03}  ", millis / 1000, millis % 1000);
        _ = line.write_fmt(what);
        for byte in line.bytes() {
            // FNV-1a.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines.push((kind, line));
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.into_iter().map(|(_, line)| line).collect()
    }

    /// What a person needs to see what went wrong: what was asked, what changed and what went wrong.
    /// Of a large world, the end of that, as far as it is about this task.
    pub(crate) fn story(&self, of: Option<TaskId>) -> String {
        let name = of.map(short);
        self.tell(|(kind, line)| {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            let Some(name) = &name else { return true };
            matches!(kind, Kind::Fault | Kind::Judged) || words.any(|word| word == name)
        })
    }

    /// The same of a world that was made small: all of it, or the end of that.
    pub(crate) fn short_story(&self) -> String {
        self.tell(|_| true)
    }

    fn tell(&self, is_about_it: impl Fn(&(Kind, String)) -> bool) -> String {
        let told = self.lines.iter().filter(|(kind, line)| tells(*kind, line));
        let mut told: Vec<_> = told.filter(|line| is_about_it(line)).collect();
        leave_out_vain(&mut told);
        let from = told.len().saturating_sub(STORY_LINES_MAX);
        let mut story = String::new();
        if from > 0 {
            _ = writeln!(story, "           ({from} lines before)");
        }
        for (_, line) in &told[from..] {
            _ = writeln!(story, "{line}");
        }
        story
    }
}

/// Claims that nothing came of, as far as the line after them tells.
fn leave_out_vain(told: &mut Vec<&(Kind, String)>) {
    let vain = [": claim ", ": credit ", ": schedule Remove"];
    let comes_of_it = |next: Option<&&(Kind, String)>| {
        next.is_none_or(|(kind, _)| matches!(kind, Kind::Changed | Kind::Judged))
    };
    let all = std::mem::take(told);
    for (at, line) in all.iter().enumerate() {
        let is_vain = vain.iter().any(|words| line.1.contains(words));
        if !is_vain || line.0 != Kind::Asked || comes_of_it(all.get(at + 1)) {
            told.push(line);
        }
    }
}

fn tells(kind: Kind, line: &str) -> bool {
    let says_little = [
        "resumes nothing",
        "is there",
        "goes on with",
        "restored, epoch 1",
    ];
    match kind {
        Kind::Said | Kind::Stored => false,
        Kind::Asked | Kind::Fault => !says_little.iter().any(|words| line.contains(words)),
        Kind::Changed | Kind::Judged => true,
    }
}

/// What a task is called in a story: `t` and the lowest 32 bits of its id.
pub(crate) fn short(id: TaskId) -> String {
    format!("t{}", id.as_u128() & 0xffff_ffff)
}
