//! What is not written here.

use super::{
    house::Finding,
    source::{Source, words},
};

/// What is banned in code, and what to do instead.
const CODE: [(&str, &str); 5] = [
    ("#[allow(", "say `#[expect(…, reason = \"…\")]`"),
    ("#![allow(", "say `#![expect(…, reason = \"…\")]`"),
    ("#[ignore", "a test that is not run holds nothing"),
    ("todo!", "write it, or write that it is absent"),
    ("unimplemented!", "write it, or write that it is absent"),
];

/// What is banned in comments.
const NOTES: [&str; 2] = ["FIXME", "XXX"];

/// Folders that one machine has and another has not.
const MACHINE: [&str; 3] = ["work", "root", "home"];

/// What is banned in Rust.
pub(crate) fn check_source(source: &Source) -> Vec<Finding> {
    let find = |line: usize, rule: String| Finding::new(&source.path, line, rule);
    let mut found = Vec::new();
    for (line, code) in source.lines() {
        let banned = CODE.iter().filter(|(what, _)| code.contains(what));
        found.extend(banned.map(|(what, why)| find(line, format!("`{what}`: {why}"))));
        if source.is_test(line) && sleeps(code) {
            let rule = "a test that sleeps: move the time, or await what it waits for";
            found.push(find(line, rule.to_owned()));
        }
    }
    for (line, comment) in (1..).zip(&source.comments) {
        let notes = words(comment).into_iter().map(|(_, word, _)| word);
        let banned = notes.filter(|word| NOTES.contains(word));
        found.extend(banned.map(|word| find(line, format!("{word}: do it, or file it"))));
    }
    found
}

/// Whether a function of that name is called: a method of some other kind is not meant.
fn sleeps(code: &str) -> bool {
    let is_call = |(before, word, after): &(&str, &str, &str)| {
        *word == "sleep"
            && after.starts_with('(')
            && !before.ends_with('.')
            && !before.trim_end().ends_with("fn")
    };
    words(code).iter().any(is_call)
}

/// Absolute paths of a machine, in any text.
pub(crate) fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let names_machine = |line: &str| MACHINE.iter().any(|folder| has_path(line, folder));
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| names_machine(line))
        .map(|(line, _)| Finding::new(path, line, "the path of a machine: other machines lack it"))
        .collect()
}

fn has_path(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    let goes_on = |before: &str| {
        before.ends_with(|c: char| {
            c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | '~')
        })
    };
    line.match_indices(&path)
        .any(|(at, _)| !goes_on(&line[..at]))
}

mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check_source(&Source::new(path, text)).len()
    }

    #[test]
    fn banned_code_is_found() {
        for text in [
            "#[allow(dead_code)]\n",
            "#![allow(dead_code)]\n",
            "#[ignore]\n",
            "#[ignore = \"slow\"]\n",
            "fn a() { todo!() }\n",
            "fn a() { unimplemented!(\"b\") }\n",
            "// FIXME\n",
            "/// XXX: b\n",
        ] {
            assert_eq!(findings("crates/hub/src/x.rs", text), 1, "{text}");
        }
        for text in ["let a = \"todo!\";\n", "// #[allow(b)]\n", "let XXX = 1;\n"] {
            assert_eq!(findings("crates/hub/src/x.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn tests_that_sleep_are_found() {
        for call in [
            "thread::sleep(a)",
            "tokio::time::sleep(a).await",
            "sleep(a).await",
        ] {
            let test = format!("#[test]\nfn b() {{\n    {call};\n}}\n");
            assert_eq!(findings("crates/hub/src/x.rs", &test), 1, "{call}");
            assert_eq!(findings("tests/x.rs", &test), 1, "{call}");
            let product = format!("fn b() {{\n    {call};\n}}\n");
            assert_eq!(findings("crates/hub/src/x.rs", &product), 0, "{call}");
        }
        assert_eq!(findings("tests/x.rs", "self.sleep(a);\n"), 0);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in MACHINE {
            for before in ["", "see ", "\"", "`", "A=", "file://x:"] {
                let line = format!("{before}/{folder}/a");
                assert_eq!(check_text("a.md", &line).len(), 1, "{line}");
            }
            for before in [".", "crates", "https://a.b", "${A}"] {
                let line = format!("{before}/{folder}/a");
                assert_eq!(check_text("a.md", &line), [], "{line}");
            }
        }
    }
}
