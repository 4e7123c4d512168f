use super::*;

/// As `wait` encodes it: a code in the upper byte, a signal in the lower.
fn ended(raw: i32, out: &[u8], err: &[u8]) -> Outcome {
    let mut head = Head::new(RESULT_BYTES_MAX);
    head.push(out);
    let mut tail = Tail::new(TAIL_BYTES_MAX);
    tail.push(err);
    of(ExitStatus::from_raw(raw), head, &tail)
}

fn exited(code: i32, out: &[u8], err: &[u8]) -> Outcome {
    ended(code << 8, out, err)
}

fn failed(reason: &str) -> Outcome {
    Outcome::Fail(reason.into())
}

#[test]
fn success_completes_with_standard_output() {
    let outcome = exited(0, b"done\n", b"a warning");
    assert_eq!(outcome, Outcome::Complete(Some("done\n".into())));
    assert_eq!(exited(0, b"", b""), Outcome::Complete(Some("".into())));
}

#[test]
fn seventy_five_releases() {
    assert_eq!(exited(75, b"half", b"later"), Outcome::Release);
}

#[test]
fn sixty_five_is_hopeless() {
    let hopeless = Outcome::Hopeless("exit status 65: no such address".into());
    assert_eq!(exited(65, b"half", b"no such address\n"), hopeless);
}

#[test]
fn anything_else_fails_with_the_end_of_standard_error() {
    assert_eq!(
        exited(3, b"half", b"no such file\n"),
        failed("exit status 3: no such file")
    );
    assert_eq!(exited(1, b"", b" \n"), failed("exit status 1"));
    assert_eq!(ended(9, b"", b""), failed("killed by signal 9"));
}

#[test]
fn a_reason_is_never_longer_than_what_is_kept() {
    let long = [b"beginning".as_slice(), &[b'x'; 5000], b"the end"].concat();
    let Outcome::Fail(reason) = ended(9, b"", &long) else {
        panic!("a killed command failed");
    };
    assert!(reason.len() <= REASON_BYTES_MAX, "{}", reason.len());
    assert!(reason.starts_with("killed by signal 9: xxx"), "{reason}");
    assert!(reason.ends_with("the end"), "{reason}");
}

#[test]
fn a_result_that_is_too_long_fails_and_says_so() {
    let long = vec![b'x'; RESULT_BYTES_MAX + 1];
    let Outcome::Fail(reason) = exited(0, &long, b"") else {
        panic!("no hub takes such a result");
    };
    assert!(reason.contains("more than 4194304 bytes"), "{reason}");
    assert!(matches!(
        exited(0, &long[1..], b""),
        Outcome::Complete(Some(_))
    ));
}
