//! Public names use the words of the house, and no other project's.

use super::{
    house::Finding,
    source::{self, Source},
};

/// Words with a word of ours instead. `lock` and `message` are not here: files are locked, and
/// messages go over the wire and between actors. Nor is
/// `token`: it is what somebody shows to say who he is, and never a lease id.
const AVOIDED: [(&str, &str); 31] = [
    ("ack", "complete"),
    ("agent", "node"),
    ("broker", "hub"),
    ("client", "node"),
    ("consumer", "worker"),
    ("dequeue", "claim"),
    ("disconnect", "bye, cut or silence"),
    ("enlist", "enqueue"),
    ("executor", "worker"),
    ("job", "task"),
    ("kick", "revive"),
    ("manager", "hub"),
    ("master", "hub"),
    ("nack", "fail or release"),
    ("peer", "node"),
    ("publish", "enqueue"),
    ("queue", "pool"),
    ("redelivery", "requeue"),
    ("redrive", "revive"),
    ("renew", "extend"),
    ("resurrect", "revive"),
    ("server", "hub"),
    ("shutdown", "drain, stop or kill"),
    ("slave", "node"),
    ("submit", "enqueue"),
    ("subscriber", "parked claim"),
    ("subscription", "credit"),
    ("ticket", "lease id"),
    ("topic", "pool"),
    ("tube", "pool"),
    ("zombie", "stale holder"),
];

/// Where the bench drives other systems: those have words of their own, and it is of them that the
/// drivers speak. The word "peer" is theirs, too.
const OF_OTHERS: &str = "bench/src/peers/";

/// Names of files that say nothing.
const EMPTY: [&str; 6] = ["common", "helper", "misc", "shared", "util", "utility"];

/// What begins an item whose name is public when `pub` stands before it.
const ITEMS: [&str; 9] = [
    "fn", "struct", "enum", "trait", "mod", "const", "static", "type", "union",
];

/// Words that may stand between `pub` and those.
const QUALIFIERS: [&str; 4] = ["async", "const", "unsafe", "extern"];

/// Public names of the product, its files and folders.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let Some(in_crate) = source.path.strip_prefix("crates/") else {
        return Vec::new();
    };
    if in_crate.starts_with(OF_OTHERS) {
        return Vec::new();
    }
    let files = in_crate
        .split('/')
        .flat_map(|part| check_file(&source.path, part));
    let names = names(source);
    let words = names
        .iter()
        .flat_map(|(line, name)| check_name(&source.path, *line, name));
    files.chain(words).collect()
}

fn check_file(path: &str, part: &str) -> Vec<Finding> {
    let stem = part.strip_suffix(".rs").unwrap_or(part);
    let is_empty = |word: &String| EMPTY.contains(&singular(word));
    if parts(stem).iter().any(is_empty) {
        let rule = format!("\"{stem}\" says nothing of what is in it");
        return vec![Finding::new(path, 0, rule)];
    }
    check_name(path, 0, stem)
}

fn check_name(path: &str, line: usize, name: &str) -> Vec<Finding> {
    let words = parts(name);
    let avoided =
        |(avoided, _): &&(&str, &str)| words.iter().any(|word| singular(word) == *avoided);
    AVOIDED
        .iter()
        .filter(avoided)
        .map(|(word, ours)| {
            let rule = format!("`{name}` says \"{word}\"; here the word is {ours}");
            Finding::new(path, line, rule)
        })
        .collect()
}

fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(one) if !one.ends_with('s') => one,
        _ => word,
    }
}

/// The public names of a file, and the lines they are on.
fn names(source: &Source) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (line, code) in source.product() {
        let Some(rest) = after_pub(code) else {
            continue;
        };
        let Some((is_enum, name)) = named(rest) else {
            continue;
        };
        names.push((line, name.to_owned()));
        if is_enum {
            names.extend(variants(source, line));
        }
    }
    names
}

/// What stands after `pub` or `pub(crate)`. What only the modules around it see may be short.
fn after_pub(code: &str) -> Option<&str> {
    let rest = code.trim_start().strip_prefix("pub")?;
    rest.strip_prefix("(crate)")
        .unwrap_or(rest)
        .strip_prefix(' ')
}

/// The name that is made public, and whether it is an enum's.
fn named(rest: &str) -> Option<(bool, &str)> {
    let words = source::words(rest);
    let mut words = words.iter();
    let mut last = "";
    for (_, word, after) in words.by_ref() {
        let is_item = ITEMS.contains(word) && (*word != "const" || !after.starts_with(" fn"));
        if !is_item && !QUALIFIERS.contains(word) {
            let is_field = after.starts_with(':') && !after.starts_with("::");
            let is_named = ITEMS.contains(&last) || (last.is_empty() && is_field);
            return is_named.then_some((last == "enum", *word));
        }
        last = word;
    }
    None
}

/// The variants of the enum that begins on this line.
fn variants(source: &Source, line: usize) -> Vec<(usize, String)> {
    let end = source::end_of_item(&source.code, line - 1);
    let indent = source::indent(&source.code[line - 1]) + 4;
    (line..end)
        .filter(|at| source::indent(&source.code[*at]) == indent)
        .filter_map(|at| {
            let code = source.code[at].trim_start();
            let (_, name, _) = *source::words(code).first()?;
            code.starts_with(char::is_uppercase)
                .then(|| (at + 1, name.to_owned()))
        })
        .collect()
}

/// The words of a name, in lower case: `PoolQueue` and `pool_queue` are both of two.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || c == '-' || (c.is_uppercase() && was_lower) {
            parts.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(part) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let found = check(&Source::new(path, text));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn avoided_words_are_found_in_public_names() {
        for text in [
            "pub fn push_job() {}\n",
            "pub(crate) async fn shutdown() {}\n",
            "pub struct JobState;\n",
            "pub trait PoolServers {}\n",
            "pub const JOBS_MAX: usize = 1;\n",
            "pub mod queue;\n",
            "pub struct A {\n    pub client: u8,\n}\n",
            "pub enum B {\n    C,\n    Acked(u8),\n    Ack,\n}\n",
            "pub type Ticket = u8;\n",
            "pub const fn ticket() {}\n",
        ] {
            assert_eq!(findings("crates/hub/src/x.rs", text).len(), 1, "{text}");
        }
        let found = findings("crates/hub/src/x.rs", "\npub struct Job;\n");
        assert_eq!(
            found,
            ["crates/hub/src/x.rs:2: `Job` says \"job\"; here the word is task"]
        );
    }

    #[test]
    fn words_are_compared_whole() {
        for text in [
            "pub fn unlock_blocked(tokenizer: u8) {}\n",
            "pub fn enqueue(back: u8) -> Acknowledged {}\n",
            "pub use tokio_util::sync::CancellationToken;\n",
            "pub(crate) fn packet(self) -> Client {}\n",
            "fn job() {}\n",
            "pub(super) struct Ticket;\n",
            "// pub fn job()\n",
            "#[cfg(test)]\nmod tests {\n    pub fn job() {}\n}\n",
        ] {
            assert_eq!(findings("crates/hub/src/x.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn other_systems_have_their_own_words() {
        let text = "pub struct Queue;\n";
        assert_eq!(findings("crates/bench/src/peers/nats.rs", text), [""; 0]);
        for path in ["crates/bench/src/nats.rs", "crates/hub/src/peers/nats.rs"] {
            assert!(!findings(path, text).is_empty(), "{path}");
        }
    }

    #[test]
    fn files_have_names_that_say_something() {
        for path in [
            "utils.rs",
            "pool/common.rs",
            "helpers/x.rs",
            "misc.rs",
            "job.rs",
        ] {
            let path = format!("crates/hub/src/{path}");
            assert_eq!(findings(&path, "").len(), 1, "{path}");
        }
        assert_eq!(findings("crates/hub/src/utility_belt.rs", "").len(), 1);
        assert_eq!(findings("crates/hub/src/claim.rs", "").len(), 0);
    }
}
