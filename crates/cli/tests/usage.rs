//! What the program says of itself, and of being used wrongly.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{
    fs,
    net::TcpListener,
    process::{Command, Output, Stdio},
};

fn leasehold(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(args)
        .env_remove("LEASEHOLD_HUB")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Ends with this code and nothing on standard output; what it says on standard error.
#[track_caller]
fn fails(code: i32, args: &[&str]) -> String {
    let output = leasehold(args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    said
}

#[test]
fn each_command_explains_all_that_it_takes() {
    let reach = [
        "--hub",
        "LEASEHOLD_HUB",
        "--token-file",
        "LEASEHOLD_TOKEN",
        "--timeout",
        "--json",
        "Examples:",
    ];
    let commands: [(&str, &[&str]); 10] = [
        (
            "enqueue",
            &[
                "POOL",
                "PAYLOAD",
                "--file",
                "--lines",
                "--id",
                "--priority",
                "critical",
                "--attempts-max",
                "--losses-max",
                "--interruptions-max",
                "--delay",
                "--run-at",
                "--expires-after",
                "--max-runtime",
                "--retry",
                "--wait",
            ],
        ),
        (
            "work",
            &[
                "POOL",
                "--exec",
                "--slots",
                "--name",
                "--until-empty",
                "--kill-after",
                "75",
                "65",
            ],
        ),
        ("status", &["POOL"]),
        ("tasks", &["POOL", "--state", "--limit", "scheduled"]),
        ("task", &["ID"]),
        ("cancel", &["ID"]),
        ("revive", &["POOL", "ID", "--all"]),
        ("hub", &["--config"]),
        ("export", &["--out"]),
        ("import", &["FILE", "--engine"]),
    ];
    for (command, own) in commands {
        let help = text(&leasehold(&[command, "--help"]).stdout);
        let common: &[&str] = match command {
            "hub" | "export" | "import" => &["--data", "Examples:"],
            _ => &reach,
        };
        for wanted in own.iter().chain(common) {
            assert!(
                help.contains(wanted),
                "{command} --help says nothing of {wanted}:\n{help}"
            );
        }
    }
}

#[test]
fn the_help_names_every_command_and_exit_code() {
    let help = text(&leasehold(&["--help"]).stdout);
    for wanted in [
        "hub", "enqueue", "work", "status", "tasks", "task", "cancel", "revive", "export",
        "import", "token", "demo", "bench", "69 ", "77 ",
    ] {
        assert!(help.contains(wanted), "{wanted}:\n{help}");
    }
    assert!(!help.contains("exec-guard"), "{help}");
}

#[test]
fn no_help_is_wider_than_a_terminal() {
    for command in [
        "hub", "enqueue", "work", "status", "tasks", "task", "cancel", "revive", "export",
        "import", "token", "demo", "bench",
    ] {
        let help = text(&leasehold(&[command, "--help"]).stdout);
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{command}: {widest:?}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_is_wanted() {
    let cases: [(&[&str], &str); 14] = [
        (&[], "Usage"),
        (&["enqueue"], "POOL"),
        (&["enqueue", "no spaces", "x"], "a pool name is"),
        (&["enqueue", "p", "x", "--id", "7"], "a task id is a UUID"),
        (&["enqueue", "p", "x", "--file", "f"], "cannot be used with"),
        (
            &["enqueue", "p", "--lines", "f", "--wait"],
            "cannot be used with",
        ),
        (&["work", "p"], "--exec"),
        (&["work", "p", "--exec", "true", "--slots", "0"], "1..=4096"),
        (
            &["status", "--timeout", "fast"],
            "a duration is a number with a unit",
        ),
        (&["status", "--hub", "nowhere"], "an address is host:port"),
        (
            &["tasks", "p", "--state", "done"],
            "a state is ready, scheduled, claimed",
        ),
        (&["revive", "p"], "--all"),
        (&["import", "f"], "--data"),
        (
            &["import", "f", "--data", "d", "--engine", "paper"],
            "an engine is sled, fjall",
        ),
    ];
    for (args, wanted) in cases {
        let said = fails(2, args);
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
}

#[test]
fn a_hub_that_is_not_there_is_exit_code_69() {
    // Bound and not listened to any more: nobody else gets this port at once.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let commands: [&[&str]; 7] = [
        &["status"],
        &["enqueue", "p", "x"],
        &["tasks", "p"],
        &["task", id],
        &["cancel", id],
        &["revive", "p", "--all"],
        &["work", "p", "--exec", "true"],
    ];
    for command in commands {
        let said = fails(
            69,
            &[command, &["--hub", &address, "--timeout", "300ms"]].concat(),
        );
        assert!(said.starts_with("leasehold: failed to "), "{said}");
        assert!(said.contains(&address), "{said}");
        assert!(said.contains("start one with: leasehold hub"), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there_is_exit_code_1() {
    for flag in ["--file", "--lines"] {
        let said = fails(1, &["enqueue", "p", flag, "no/such/file"]);
        assert!(said.contains("failed to read no/such/file: "), "{said}");
    }
}

#[test]
fn a_wrong_configuration_is_exit_code_2_with_every_problem_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    fs::write(&path, "[hub]\nlisten = \"nowhere\"\nport = 7\n").unwrap();
    let path = path.to_str().unwrap();
    let said = fails(2, &["hub", "--config", path]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "leasehold: failed to read the configuration:");
    assert!(
        lines[1].contains("hub.toml:2: hub.listen = \"nowhere\""),
        "{said}"
    );
    assert!(lines[2].contains("hub.toml:3: "), "{said}");
}

#[test]
fn the_configuration_that_is_printed_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    let printed = leasehold(&["hub", "--listen", "127.0.0.1:7777", "--print-config"]);
    fs::write(&path, &printed.stdout).unwrap();
    let path = path.to_str().unwrap();
    let again = leasehold(&["hub", "--config", path, "--print-config"]);
    assert!(text(&again.stdout).contains("\nlisten = \"127.0.0.1:7777\"\n"));
    assert_eq!(text(&again.stdout), text(&printed.stdout));
    assert_eq!(
        leasehold(&["hub", "--config", path, "--check-config"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_hub_without_an_address_is_exit_code_2() {
    let said = fails(2, &["hub", "--listen", "none"]);
    assert!(said.contains("hub.listen is \"none\""), "{said}");
}

#[test]
fn a_port_in_use_is_exit_code_1_and_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = fails(
        1,
        &[
            "hub",
            "--listen",
            &address,
            "--data",
            data.to_str().unwrap(),
        ],
    );
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("leasehold: failed to start the hub: "),
        "{said}"
    );
    assert!(last.contains(&address), "{said}");
}
