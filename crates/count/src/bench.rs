//! The benches that have hot paths, as cargo builds them.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use leasehold_count::NAMES_FLAG;
use serde_json::Value;

use super::CountError;

/// The members whose hot paths are counted.
const PACKAGES: [&str; 3] = ["leasehold-core", "leasehold-wire", "leasehold-store"];

/// What their benches are called.
const TARGET: &str = "paths";

/// A path, and how to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bench {
    /// Its crate's part of the name comes first.
    pub(crate) name: String,
    pub(crate) operations: u64,
    pub(crate) executable: PathBuf,
}

/// Builds the benches, and asks each for its paths.
pub(crate) fn build() -> Result<Vec<Bench>, CountError> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["bench", "--no-run", "--quiet", "--bench", TARGET]);
    cargo.arg("--message-format=json-render-diagnostics");
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    let mut benches = Vec::new();
    for executable in executables(&output(cargo)?) {
        let mut names = Command::new(&executable);
        names.arg(NAMES_FLAG);
        benches.extend(parse_names(&output(names)?, &executable));
    }
    Ok(benches)
}

/// What a program that must not fail says.
pub(crate) fn output(mut command: Command) -> Result<String, CountError> {
    let what = format!("{command:?}");
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(CountError::Run { what, source }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(CountError::Failed { what, told })
}

fn executables(messages: &str) -> Vec<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["target"]["name"] == TARGET)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect()
}

fn parse_names(names: &str, executable: &Path) -> Vec<Bench> {
    let bench = |line: &str| {
        let (name, operations) = line.split_once(' ')?;
        Some(Bench {
            name: name.to_owned(),
            operations: operations.parse().ok()?,
            executable: executable.to_owned(),
        })
    };
    names.lines().filter_map(bench).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_built_is_found() {
        let told = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"paths"},"executable":"/t/paths-1"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n"
        );
        assert_eq!(executables(told), [PathBuf::from("/t/paths-1")]);
    }

    #[test]
    fn what_a_bench_tells_is_understood() {
        let paths = parse_names("core/enqueue-1 2000\nnoise\n", Path::new("/t/paths-1"));
        assert_eq!(paths.len(), 1);
        assert_eq!(
            (paths[0].name.as_str(), paths[0].operations),
            ("core/enqueue-1", 2000)
        );
    }

    #[test]
    fn a_program_that_fails_is_no_answer() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo 5; echo no >&2; exit 1"]);
        let error = output(shell).expect_err("it failed");
        assert!(error.to_string().ends_with("failed:\nno\n"), "{error}");
    }
}
