//! `leasehold exec-guard`: the command of a task ends when it should, and all of it.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

/// A guard as a worker starts it.
struct Guarded {
    guard: Child,
    leash: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
}

impl Guarded {
    fn new(command: &str, payload: &[u8]) -> Self {
        let mut guard = Command::new(env!("CARGO_BIN_EXE_leasehold"))
            .args(["exec-guard", "--", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut leash = guard.stdin.take().unwrap();
        leash
            .write_all(&(payload.len() as u64).to_le_bytes())
            .unwrap();
        leash.write_all(payload).unwrap();
        let out = BufReader::new(guard.stdout.take().unwrap());
        Self {
            guard,
            leash: Some(leash),
            out,
        }
    }

    /// Tells the command to end.
    fn terminate(&mut self) {
        self.leash.as_mut().unwrap().write_all(b"t").unwrap();
    }

    /// What becomes of the leash when the worker dies.
    fn let_go(&mut self) {
        drop(self.leash.take());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    /// Waits until nobody can write to standard output any more, which is the end of all of it.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).unwrap();
        rest
    }

    fn status(&mut self) -> ExitStatus {
        self.guard.wait().unwrap()
    }
}

/// Its exit code and its standard output.
fn ended(command: &str, payload: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut guarded = Guarded::new(command, payload);
    let out = guarded.rest();
    (guarded.status().code(), out)
}

#[test]
fn the_payload_is_standard_input_byte_by_byte() {
    let payload: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let (code, out) = ended("cat", &payload);
    assert_eq!(code, Some(0));
    assert!(out == payload, "{} bytes came back", out.len());
}

#[test]
fn the_exit_code_is_the_commands_own() {
    for code in [0, 1, 3, 75, 255] {
        assert_eq!(ended(&format!("exit {code}"), b"").0, Some(code));
    }
    assert_eq!(ended("no-such-program-anywhere", b"").0, Some(127));
}

#[test]
fn the_signal_is_the_commands_own() {
    for signal in [9, 11, 15] {
        let mut guarded = Guarded::new(&format!("kill -{signal} $$"), b"");
        assert_eq!(guarded.status().signal(), Some(signal));
    }
}

#[test]
fn a_command_need_not_read_its_payload() {
    let payload = vec![b'x'; 4 * 1024 * 1024];
    assert_eq!(
        ended("echo unread", &payload),
        (Some(0), b"unread\n".to_vec())
    );
    assert_eq!(
        ended("exec <&-; echo closed", &payload),
        (Some(0), b"closed\n".to_vec())
    );
    assert_eq!(ended("head -c 1", &payload), (Some(0), b"x".to_vec()));
}

#[test]
fn much_output_passes() {
    let (code, out) = ended("head -c 8000000 /dev/zero", b"");
    assert_eq!((code, out.len()), (Some(0), 8_000_000));
}

#[test]
fn what_a_command_leaves_running_ends_with_it() {
    // Standard output is open in what is left behind: the read below ends when that does.
    assert_eq!(
        ended("sleep 1000 & echo done", b""),
        (Some(0), b"done\n".to_vec())
    );
    assert_eq!(
        ended("trap '' TERM HUP INT; sleep 1000 & exit 3", b"").0,
        Some(3)
    );
}

#[test]
fn all_of_it_is_killed_when_the_worker_is_gone() {
    let mut guarded = Guarded::new("trap '' TERM HUP; sleep 1000 & echo up; wait", b"");
    assert_eq!(guarded.line(), "up");
    guarded.let_go();
    assert_eq!(guarded.rest(), b"");
    assert_eq!(guarded.status().signal(), Some(9));
}

#[test]
fn a_worker_that_dies_before_the_payload_is_whole_starts_nothing() {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["exec-guard", "--", "echo started"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut leash = guard.stdin.take().unwrap();
    leash.write_all(&8u64.to_le_bytes()).unwrap();
    leash.write_all(b"half").unwrap();
    drop(leash);
    let output = guard.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"");
    assert_eq!(output.status.code(), Some(126));
}

#[test]
fn a_command_that_is_told_to_end_may_end_in_its_own_way() {
    // The child speaks once it is a program of its own: a signal that finds it between the fork and
    // that is lost, with the traps it has from the shell.
    let mut guarded = Guarded::new(
        "trap 'echo bye; exit 3' TERM; sh -c 'echo up; exec sleep 1000' & wait",
        b"",
    );
    assert_eq!(guarded.line(), "up");
    guarded.terminate();
    assert_eq!(guarded.line(), "bye");
    assert_eq!(guarded.status().code(), Some(3));
}

#[test]
fn the_children_of_a_shell_that_is_told_to_end_have_their_time_too() {
    // The shell dies of the signal at once; the child says its word first.
    let child = "trap 'echo child bye; exit 0' TERM; sh -c 'echo up; exec sleep 1000' & wait";
    let mut guarded = Guarded::new(&format!("sh -c \"{child}\"; true"), b"");
    assert_eq!(guarded.line(), "up");
    guarded.terminate();
    assert_eq!(guarded.line(), "child bye");
    assert_eq!(guarded.status().signal(), Some(15));
}

#[test]
fn what_does_not_end_when_told_is_killed_when_let_go() {
    let child = "trap '' TERM; echo up; sleep 1000";
    let mut guarded = Guarded::new(&format!("sh -c \"{child}\"; true"), b"");
    assert_eq!(guarded.line(), "up");
    guarded.terminate();
    guarded.let_go();
    assert_eq!(guarded.rest(), b"");
    assert!(guarded.status().signal().is_some());
}
