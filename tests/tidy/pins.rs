//! Crates that may have to be left one day: each is named in one module, in one exact version.

use super::{
    house::Finding,
    source::{Source, words},
};

/// A pinned crate, and where alone it is named.
const PINS: [(&str, &[&str]); 4] = [
    (
        "bincode",
        &["crates/wire/src/codec.rs", "crates/store/src/record.rs"],
    ),
    ("fjall", &["crates/store/src/log_store/fjall_engine.rs"]),
    ("ractor", &["crates/hub/src/actor.rs"]),
    ("sled", &["crates/store/src/log_store/sled_engine.rs"]),
];

/// Where a pinned crate is named and must not be. Tests may: to damage a store they open it.
pub(crate) fn check_source(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, code) in source.product() {
        for (before, word, after) in words(code) {
            let Some((pin, homes)) = PINS.iter().find(|(pin, _)| *pin == word) else {
                continue;
            };
            if names_a_crate(before, after) && !homes.contains(&source.path.as_str()) {
                let rule = format!("{pin} is named in {} only", homes.join(" and "));
                found.push(Finding::new(&source.path, line, rule));
            }
        }
    }
    found
}

/// Whether a word between these is the name of a crate, and not of a module or a variable.
fn names_a_crate(before: &str, after: &str) -> bool {
    let is_inner = before
        .strip_suffix("::")
        .is_some_and(|path| path.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>'));
    !is_inner
        && (after.starts_with("::")
            || before.trim_end().ends_with("use")
            || before.trim_end().ends_with("extern crate"))
}

/// Pinned crates whose version may move.
pub(crate) fn check_manifest(text: &str) -> Vec<Finding> {
    let manifest: toml::Table = text.parse().expect("the root manifest is TOML");
    let versions = &manifest["workspace"]["dependencies"];
    let is_exact = |pin: &str| {
        let entry = versions.get(pin)?;
        let version = entry.get("version").unwrap_or(entry);
        Some(version.as_str()?.starts_with('='))
    };
    PINS.iter()
        .filter(|(pin, _)| is_exact(pin) == Some(false))
        .map(|(pin, _)| {
            let rule = format!("{pin} must be pinned to one version, as in \"=1.2.3\"");
            Finding::new("Cargo.toml", 0, rule)
        })
        .collect()
}

mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check_source(&Source::new(path, text)).len()
    }

    #[test]
    fn a_pinned_crate_out_of_its_place_is_found() {
        for text in [
            "use ractor::Actor;\n",
            "use ractor as r;\n",
            "fn a() { ::ractor::b() }\n",
            "extern crate ractor;\n",
            "#[ractor::c]\nfn a() {}\n",
        ] {
            assert_eq!(findings("crates/hub/src/pool_actor.rs", text), 1, "{text}");
            assert_eq!(findings("crates/hub/src/actor.rs", text), 0, "{text}");
        }
        assert_eq!(
            findings("crates/store/src/lib.rs", "fn a(_: sled::Db) {}\n"),
            1
        );
    }

    #[test]
    fn other_words_and_tests_are_not() {
        for text in [
            "mod sled_engine;\n",
            "// sled::open\n",
            "let a = crate::sled::b();\n",
            "f(sled);\n",
        ] {
            assert_eq!(findings("crates/store/src/lib.rs", text), 0, "{text}");
        }
        assert_eq!(
            findings("crates/store/tests/damage.rs", "use sled::Db;\n"),
            0
        );
    }

    #[test]
    fn a_pin_that_may_move_is_found() {
        let loose =
            "[workspace.dependencies]\nsled = \"0.34.7\"\nractor = { version = \"0.16\" }\n";
        assert_eq!(check_manifest(loose).len(), 2);
        let exact =
            "[workspace.dependencies]\nsled = \"=0.34.7\"\nbincode = { version = \"=2.0.1\" }\n";
        assert_eq!(check_manifest(exact), []);
    }
}
