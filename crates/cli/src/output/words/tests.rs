use super::*;

#[test]
fn a_span_has_two_units() {
    let spans = [0, 999, 1000, 59_999, 60_000, 192_000, 3_600_000, 90_000_000]
        .map(span)
        .join(", ");
    assert_eq!(spans, "0ms, 999ms, 1s, 59s, 1m 0s, 3m 12s, 1h 0m, 1d 1h");
}

#[test]
fn a_moment_is_in_utc_and_no_number_is_too_large() {
    assert_eq!(moment(0), "1970-01-01 00:00:00");
    assert_eq!(moment(1_700_000_000_123), "2023-11-14 22:13:20");
    assert_eq!(moment(u64::MAX), "9999-12-31 23:59:59");
}

#[test]
fn a_size_has_one_digit_after_the_point() {
    let sizes = [0, 1023, 1024, 1536, 1_048_576, u64::MAX]
        .map(size)
        .join(", ");
    assert_eq!(sizes, "0 B, 1023 B, 1.0 KiB, 1.5 KiB, 1.0 MiB, 15.9 EiB");
}

#[test]
fn a_line_is_one_line_without_escapes() {
    assert_eq!(one_line("a\nb\tc\u{1b}d\n"), "a b c\u{fffd}d");
    assert_eq!(one_line(&"x".repeat(300)).chars().count(), 201);
}

#[test]
fn bytes_that_are_no_text_are_only_counted() {
    assert_eq!(excerpt(b"hello\n"), "hello");
    assert_eq!(excerpt(b"\xff\xfe"), "(2 B that are no text)");
}
