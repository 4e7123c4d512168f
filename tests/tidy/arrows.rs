//! Who may depend on whom, as cargo itself tells it.

use std::{env, process::Command};

use serde_json::Value;

use super::house::{self, Finding};

/// A member, whom it may depend on, and whom its tests and examples may see beside that.
const ARROWS: [(&str, &[&str], &[&str]); 14] = [
    // It counts what the benches of these do, and knows nothing of them.
    ("leasehold-count", &[], &[]),
    ("leasehold-core", &[], &["leasehold-count"]),
    ("leasehold-wire", &["leasehold-core"], &["leasehold-count"]),
    // It stands under a process, and knows nothing of what that is.
    ("leasehold-disk", &[], &[]),
    (
        "leasehold-store",
        &["leasehold-core"],
        &["leasehold-count", "leasehold-disk"],
    ),
    ("leasehold-sim", &["leasehold-core", "leasehold-store"], &[]),
    (
        "leasehold-hub",
        &["leasehold-core", "leasehold-wire", "leasehold-store"],
        // The example of a hub inside a program, and what is tested through a node.
        &["leasehold-node"],
    ),
    ("leasehold-node", &["leasehold-core", "leasehold-wire"], &[]),
    // What all commands that connect are told alike, by flags.
    (
        "leasehold-reach",
        &["leasehold-node", "leasehold-wire"],
        &[],
    ),
    (
        "leasehold-bench",
        &[
            "leasehold-core",
            "leasehold-reach",
            "leasehold-store",
            "leasehold-wire",
        ],
        &[],
    ),
    // It judges what the others do, and shares nothing with them.
    ("leasehold-judge", &[], &[]),
    (
        "leasehold-chaos",
        &[
            "leasehold-disk",
            "leasehold-judge",
            "leasehold-node",
            "leasehold-reach",
            "leasehold-wire",
        ],
        &[],
    ),
    (
        "leasehold",
        &[
            "leasehold-bench",
            "leasehold-chaos",
            "leasehold-hub",
            "leasehold-node",
            "leasehold-reach",
            "leasehold-wire",
            "leasehold-core",
        ],
        &["leasehold-tests"],
    ),
    (
        "leasehold-tests",
        &[
            "leasehold-hub",
            "leasehold-node",
            "leasehold-wire",
            "leasehold-core",
        ],
        &[],
    ),
];

/// Crates from outside that some members own.
const OWNED: [(&str, &[&str]); 5] = [
    ("bincode", &["leasehold-wire", "leasehold-store"]),
    ("fjall", &["leasehold-store"]),
    ("ractor", &["leasehold-hub"]),
    ("rustls", &["leasehold-hub", "leasehold-node"]),
    ("sled", &["leasehold-store"]),
];

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    name: String,
    /// Its manifest, from the root.
    manifest: String,
    /// What it needs, and whether only for tests and examples.
    needs: Vec<(String, bool)>,
}

/// The members of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(house::root())
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {told}");
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(metadata: &str) -> Vec<Package> {
    let metadata: Value = serde_json::from_str(metadata).expect("cargo metadata is JSON");
    let root = text(&metadata["workspace_root"]);
    list(&metadata["packages"])
        .map(|package| Package {
            name: text(&package["name"]),
            manifest: text(&package["manifest_path"]).replace(&format!("{root}/"), ""),
            needs: list(&package["dependencies"])
                .map(|needs| (text(&needs["name"]), needs["kind"] == "dev"))
                .collect(),
        })
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What points the wrong way.
pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_one).collect()
}

fn check_one(package: &Package) -> Vec<Finding> {
    let find = |rule: String| Finding::new(&package.manifest, 0, rule);
    let Some((name, normal, dev)) = ARROWS.iter().find(|(name, ..)| *name == package.name) else {
        let rule = format!(
            "{} has no place among the arrows (tests/tidy/arrows.rs)",
            package.name
        );
        return vec![find(rule)];
    };
    let offends = |(needed, is_dev): &&(String, bool)| {
        let needed = needed.as_str();
        let is_ours = needed == "leasehold" || needed.starts_with("leasehold-");
        let may = normal.contains(&needed) || (*is_dev && dev.contains(&needed));
        let owned = OWNED.iter().find(|(of, _)| *of == needed);
        (is_ours && !may) || owned.is_some_and(|(_, owners)| !owners.contains(name))
    };
    let offences = package.needs.iter().filter(offends);
    offences
        .map(|(needed, _)| find(format!("{name} must not depend on {needed}")))
        .collect()
}

mod tests {
    use super::*;

    fn package(name: &str, needs: &[(&str, bool)]) -> Package {
        let needs = needs
            .iter()
            .map(|(name, dev)| ((*name).to_owned(), *dev))
            .collect();
        let (name, manifest) = (name.to_owned(), format!("crates/{name}/Cargo.toml"));
        Package {
            name,
            manifest,
            needs,
        }
    }

    #[test]
    fn arrows_that_point_backwards_are_found() {
        for (name, needed) in [
            ("leasehold-core", "leasehold-wire"),
            ("leasehold-core", "leasehold-count"),
            ("leasehold-count", "leasehold-core"),
            ("leasehold-wire", "leasehold-store"),
            ("leasehold-store", "leasehold-wire"),
            ("leasehold-node", "leasehold-hub"),
            ("leasehold-hub", "leasehold-node"),
            ("leasehold-hub", "leasehold-sim"),
            ("leasehold-hub", "leasehold-bench"),
            ("leasehold-bench", "leasehold-hub"),
            ("leasehold-bench", "leasehold-node"),
            ("leasehold", "leasehold-store"),
            ("leasehold-judge", "leasehold-core"),
            ("leasehold-judge", "leasehold-node"),
            ("leasehold-chaos", "leasehold-hub"),
            ("leasehold-chaos", "leasehold-core"),
            ("leasehold-node", "leasehold-reach"),
            ("leasehold-hub", "leasehold-reach"),
            ("leasehold-node", "sled"),
            ("leasehold-node", "ractor"),
            ("leasehold-hub", "bincode"),
        ] {
            let found = check(&[package(name, &[(needed, false)])]);
            assert_eq!(found.len(), 1, "{name} -> {needed}");
        }
    }

    #[test]
    fn the_tests_of_the_hub_may_see_the_node() {
        assert_eq!(
            check(&[package("leasehold-hub", &[("leasehold-node", true)])]),
            []
        );
        let found = check(&[package("leasehold-core", &[("leasehold-node", true)])]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_new_member_needs_a_place() {
        assert_eq!(check(&[package("leasehold-admin", &[])]).len(), 1);
    }

    #[test]
    fn what_cargo_tells_is_understood() {
        let told = r#"{"workspace_root": "/r", "packages": [{"name": "leasehold-core",
            "manifest_path": "/r/crates/core/Cargo.toml", "dependencies": [
            {"name": "leasehold-hub", "kind": null}, {"name": "proptest", "kind": "dev"}]}]}"#;
        let found = check(&parse(told));
        assert_eq!(
            found[0].to_string(),
            "crates/core/Cargo.toml: leasehold-core must not depend on leasehold-hub"
        );
        assert_eq!(found.len(), 1);
    }
}
