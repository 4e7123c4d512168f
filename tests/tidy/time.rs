//! Time is an argument: one file asks for it. And the core could not even if it wanted to.

use super::{house::Finding, source::Source};

/// The file that asks for the time.
const CLOCK: &str = "crates/hub/src/clock.rs";

/// Where the product asks for the time. Clippy's `disallowed_methods` sees through every import;
/// this sees through every `#[expect]`.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let of_product = source.path.starts_with("crates/") && source.path.contains("/src/");
    if !of_product || source.path == CLOCK {
        return Vec::new();
    }
    let takes_std = imports_instant(source);
    let asks = |code: &str| {
        code.contains("SystemTime::now")
            || code.contains("std::time::Instant::now")
            || (takes_std
                && code.contains("Instant::now")
                && !code.contains("tokio::time::Instant"))
    };
    source
        .product()
        .filter(|(_, code)| asks(code))
        .map(|(line, _)| {
            let rule = format!("only {CLOCK} asks for the time (nodes use tokio's)");
            Finding::new(&source.path, line, rule)
        })
        .collect()
}

/// Whether the file takes `Instant` from the standard library.
fn imports_instant(source: &Source) -> bool {
    let code: String = source.code.join(" ");
    code.split(';').any(|statement| {
        let names = |what: &str| statement.contains(what);
        names("use ") && names("std::") && names("time") && names("Instant")
    })
}

/// What of the core needs more than `no_std` gives.
pub(crate) fn check_core(source: &Source) -> Vec<Finding> {
    let Some(file) = source.path.strip_prefix("crates/core/src/") else {
        return Vec::new();
    };
    let is_bare = source.code.iter().any(|code| code.trim() == "#![no_std]");
    let rule = "the core is `#![no_std]`, so that it has no clock, no file and no runtime";
    let lost = (file == "lib.rs" && !is_bare).then(|| Finding::new(&source.path, 0, rule));
    let takes = |code: &str| code.contains("extern crate std") || code.contains("std::");
    let taken = source.product().filter(|(_, code)| takes(code));
    let taken = taken.map(|(line, _)| Finding::new(&source.path, line, rule));
    lost.into_iter().chain(taken).collect()
}

mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn who_asks_for_the_time_is_found() {
        for text in [
            "fn a() { std::time::SystemTime::now(); }\n",
            "fn a() { std::time::Instant::now(); }\n",
            "use std::time::{Duration, Instant};\nfn a() { Instant::now(); }\n",
            "use std::{\n    time::Instant,\n};\nfn a() { Instant::now(); }\n",
        ] {
            assert_eq!(findings("crates/sim/src/world.rs", text), 1, "{text}");
            assert_eq!(findings(CLOCK, text), 0, "{text}");
            assert_eq!(findings("crates/hub/tests/x.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_runtimes_time_is_its_own() {
        for text in [
            "use tokio::time::Instant;\nfn a() { Instant::now(); }\n",
            "fn a() { tokio::time::Instant::now(); }\n",
            "// Instant::now\n",
        ] {
            assert_eq!(findings("crates/node/src/lib.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_core_with_a_machine_is_found() {
        let found = |path, text| check_core(&Source::new(path, text)).len();
        assert_eq!(found("crates/core/src/lib.rs", "mod a;\n"), 1);
        assert_eq!(found("crates/core/src/lib.rs", "#![no_std]\nmod a;\n"), 0);
        assert_eq!(found("crates/core/src/pool.rs", "use std::fs;\n"), 1);
        assert_eq!(found("crates/core/src/pool.rs", "use core::fmt;\n"), 0);
        assert_eq!(found("crates/hub/src/lib.rs", "use std::fs;\n"), 0);
    }
}
