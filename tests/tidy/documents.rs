//! Documents that name files name files that are there.

use std::collections::BTreeSet;

use super::house::Finding;

/// The page with the code map.
pub(crate) const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Endings by which a word is known as the name of a file.
const ENDINGS: [&str; 7] = [".rs", ".toml", ".md", ".py", ".sh", ".json", ".lock"];

/// Whether this is a page whose links are held.
pub(crate) fn is_page(path: &str) -> bool {
    path.ends_with(".md") && (!path.contains('/') || path.starts_with("docs/"))
}

/// Paths that the architecture names and that are not there. A path stands in backticks, and goes
/// from the root or, under a heading that names a crate, from that crate or its `src`.
pub(crate) fn check_paths(text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut home = None;
    let mut found = Vec::new();
    for (line, text) in outside_fences(text) {
        if text.starts_with('#') {
            home = ticked(text).find(|word| word.starts_with("crates/"));
        }
        for path in ticked(text).filter(|word| looks_like_path(word)) {
            let is_there = exists(path)
                || home.is_some_and(|home| {
                    exists(&format!("{home}/{path}")) || exists(&format!("{home}/src/{path}"))
                });
            if !is_there {
                found.push(Finding::new(
                    ARCHITECTURE,
                    line,
                    format!("`{path}` is not there"),
                ));
            }
        }
    }
    found
}

/// Crates that the architecture does not name.
pub(crate) fn check_code_map(text: &str, crates: &BTreeSet<String>) -> Vec<Finding> {
    let named: BTreeSet<&str> = text.lines().flat_map(ticked).collect();
    crates
        .iter()
        .map(|name| format!("crates/{name}"))
        .filter(|path| !named.contains(path.as_str()))
        .map(|path| Finding::new(ARCHITECTURE, 0, format!("the code map lacks `{path}`")))
        .collect()
}

/// Links of a page that lead nowhere in the repository.
pub(crate) fn check_links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let leads = |link: &str| {
        let target = link.split_once('#').map_or(link, |(target, _)| target);
        let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
        target.is_empty() || is_elsewhere || exists(&join(folder, target))
    };
    outside_fences(text)
        .flat_map(|(line, text)| links(text).map(move |link| (line, link)))
        .filter(|(_, link)| !leads(link))
        .map(|(line, link)| Finding::new(path, line, format!("{link} leads nowhere")))
        .collect()
}

/// Lines with their numbers, code blocks left out.
fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

/// What stands in backticks.
fn ticked(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn looks_like_path(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let has_shape = word.contains('/') || ENDINGS.iter().any(|ending| word.ends_with(ending));
    has_shape && word.chars().all(is_plain) && !word.starts_with('/')
}

/// What stands in `](…)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn join(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

mod tests {
    use super::*;

    #[test]
    fn paths_that_are_gone_are_found() {
        let there = ["crates/hub", "crates/hub/src/clock.rs", "Cargo.toml"];
        let exists = |path: &str| there.contains(&path);
        let text =
            "`Cargo.toml` `clock.rs`\n## `crates/hub`\n`clock.rs` `src/clock.rs` `gone.rs`\n";
        let found: Vec<_> = check_paths(text, exists)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md:1: `clock.rs` is not there",
                "ARCHITECTURE.md:3: `gone.rs` is not there",
            ]
        );
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        let text =
            "`Pool::apply` `a / b` `--flag` `bye` `crates/*/x` `/dev/null`\n```\n`gone.rs`\n```\n";
        assert_eq!(check_paths(text, |_| false), []);
    }

    #[test]
    fn crates_that_the_map_lacks_are_found() {
        let crates = ["core".to_owned(), "hub".to_owned()].into();
        let found = check_code_map("### `crates/core`\ncrates/hub\n", &crates);
        assert_eq!(
            found[0].to_string(),
            "ARCHITECTURE.md: the code map lacks `crates/hub`"
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let exists = |path: &str| path == "README.md" || path == "docs/PROTOCOL.md";
        let good = "[a](PROTOCOL.md#b) [c](../README.md) [d](#e) [f](https://g.h/i)\n```\n[j](k.md)\n```\n";
        assert_eq!(check_links("docs/X.md", good, exists), []);
        let found = check_links("docs/X.md", "a\n[b](README.md)\n", exists);
        assert_eq!(found[0].to_string(), "docs/X.md:2: README.md leads nowhere");
        assert_eq!(
            check_links("README.md", "[a](docs/PROTOCOL.md)\n", exists),
            []
        );
    }
}
