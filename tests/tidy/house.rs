//! The repository as text.

use std::{
    collections::BTreeSet,
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::source::Source;

/// A rule that was broken, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    rule: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, rule: impl Into<String>) -> Self {
        let (path, rule) = (path.to_owned(), rule.into());
        Self { path, line, rule }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule } = self;
        match line {
            0 => write!(f, "{path}: {rule}"),
            line => write!(f, "{path}:{line}: {rule}"),
        }
    }
}

/// Every text file of the repository, whether committed yet or not.
pub(crate) struct House {
    root: PathBuf,
    /// Path from the root, and what is in it.
    texts: Vec<(String, String)>,
    rust: Vec<Source>,
}

impl House {
    pub(crate) fn load() -> Self {
        let root = root();
        let texts: Vec<_> = paths(&root)
            .into_iter()
            .filter_map(|path| Some((fs::read_to_string(root.join(&path)).ok()?, path)))
            .map(|(text, path)| (path, text))
            .collect();
        let rust = texts
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| Source::new(path, text))
            .collect();
        Self { root, texts, rust }
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.rust.iter()
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let path = self.root.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The folders of `crates`.
    pub(crate) fn crates(&self) -> BTreeSet<String> {
        self.texts()
            .filter_map(|(path, _)| path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml"))
            .map(str::to_owned)
            .collect()
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("this package has a folder of its own")
        .to_owned()
}

/// What git knows or would take; where there is no git, all but what is built.
fn paths(root: &Path) -> Vec<String> {
    let known = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let git = Command::new("git")
        .args(known)
        .current_dir(root)
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .output();
    match git {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            let list = String::from_utf8_lossy(&output.stdout);
            list.lines().map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root, "", &mut found);
            found
        }
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).expect("a folder of the repository can be read");
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if !entry.path().is_dir() {
            found.push(path);
        } else if name != ".git" && !name.starts_with("target") {
            walk(&entry.path(), &format!("{path}/"), found);
        }
    }
}

mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_place() {
        let there = Finding::new("crates/hub/src/lib.rs", 7, "too long");
        assert_eq!(there.to_string(), "crates/hub/src/lib.rs:7: too long");
        assert_eq!(
            Finding::new("README.md", 0, "gone").to_string(),
            "README.md: gone"
        );
    }

    #[test]
    fn without_git_the_same_files_are_found() {
        let mut walked = Vec::new();
        walk(&root(), "", &mut walked);
        for path in ["Cargo.toml", "tests/tidy.rs", "crates/core/src/lib.rs"] {
            assert!(walked.iter().any(|found| found == path), "{path}");
        }
        assert!(!walked.iter().any(|found| found.starts_with("target")));
    }

    #[test]
    fn the_house_has_its_crates() {
        let crates = House::load().crates();
        assert!(
            crates.contains("core") && crates.contains("hub"),
            "{crates:?}"
        );
    }
}
