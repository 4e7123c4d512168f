use super::*;

#[test]
fn a_head_is_whole_up_to_its_bound() {
    let mut head = Head::new(4);
    head.push(b"ab");
    head.push(b"cd");
    assert_eq!(head.whole(), Some(b"abcd".to_vec()));
    let mut head = Head::new(4);
    head.push(b"abcd");
    head.push(b"e");
    assert_eq!(head.whole(), None);
}

#[test]
fn a_tail_is_the_end_however_it_came() {
    for piece in 1..12 {
        let mut tail = Tail::new(5);
        b"0123456789"
            .chunks(piece)
            .for_each(|piece| tail.push(piece));
        assert_eq!(tail.text(), "56789", "pieces of {piece}");
    }
}

#[test]
fn a_tail_is_text_within_its_bound() {
    let mut tail = Tail::new(8);
    tail.push(&[0xff; 8]);
    assert_eq!(tail.text(), "\u{fffd}\u{fffd}");
    let mut tail = Tail::new(8);
    tail.push("\n  aä\n\n".as_bytes());
    assert_eq!(tail.text(), "aä");
}
