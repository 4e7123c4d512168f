use super::*;

fn lines(text: &[u8], capacity: usize) -> Vec<Line> {
    let mut source = BufReader::with_capacity(capacity, text);
    let mut splitter = Splitter::default();
    let mut lines = Vec::new();
    while let Some(read) = splitter.read(&mut source).unwrap() {
        lines.extend(read.lines);
    }
    lines
}

fn line(number: u64, text: &[u8]) -> Line {
    Line {
        number,
        bytes: Some(text.to_vec()),
    }
}

#[test]
fn lines_are_whole_however_they_are_read() {
    let text = b"one\n\nthree\r\nfour";
    let wanted = [
        line(1, b"one"),
        line(2, b""),
        line(3, b"three\r"),
        line(4, b"four"),
    ];
    for capacity in 1..20 {
        assert_eq!(lines(text, capacity), wanted, "reads of {capacity} bytes");
    }
}

#[test]
fn the_end_of_the_last_line_makes_no_further_one() {
    assert_eq!(lines(b"one\n", 64), [line(1, b"one")]);
    assert_eq!(lines(b"", 64), []);
}

#[test]
fn a_line_that_is_too_long_is_counted_and_not_kept() {
    let mut text = vec![b'x'; PAYLOAD_BYTES_MAX + 1];
    text.extend_from_slice(b"\nshort\n");
    let lines = lines(&text, READ_BYTES);
    assert_eq!(
        lines,
        [
            Line {
                number: 1,
                bytes: None
            },
            line(2, b"short")
        ]
    );
}

#[test]
fn what_is_there_is_sent_at_once() {
    let (reader, mut writer) = io::pipe().unwrap();
    let mut follower = follow(Box::new(reader));
    io::Write::write_all(&mut writer, b"first\nsec").unwrap();
    let lines = follower.blocking_recv().unwrap().unwrap();
    assert_eq!(lines.lines, [line(1, b"first")]);
    drop(writer);
    let lines = follower.blocking_recv().unwrap().unwrap();
    assert_eq!(lines.lines, [line(2, b"sec")]);
    assert!(follower.blocking_recv().is_none());
}
