use super::*;

fn row(name: &str, count: &str) -> Vec<String> {
    vec![name.into(), count.into()]
}

fn table() -> Table {
    Table::new(&[("POOL", Lean::Left), ("READY", Lean::Right)])
}

#[test]
fn columns_line_up() {
    let text = table().page(&[row("mail", "7"), row("thumbnails", "1234567")]);
    assert_eq!(
        text,
        "POOL          READY\nmail              7\nthumbnails  1234567\n"
    );
}

#[test]
fn a_second_page_has_no_heads_and_is_as_wide() {
    let mut table = table();
    table.page(&[row("thumbnails", "1")]);
    assert_eq!(table.page(&[row("a", "2")]), "a               2\n");
}

#[test]
fn an_empty_table_is_its_heads() {
    assert_eq!(table().page(&[]), "POOL  READY\n");
}

#[test]
fn a_cell_cannot_break_the_table_or_the_terminal() {
    let text = table().page(&[row("a\nb\u{1b}[31m", "1")]);
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn no_line_ends_with_blanks() {
    let mut table = Table::new(&[("A", Lean::Left), ("B", Lean::Left)]);
    let text = table.page(&[row("x", ""), row("y", "long")]);
    assert!(text.lines().all(|line| line == line.trim_end()), "{text:?}");
}

#[test]
fn facts_line_up() {
    let text = facts(&[("id", "1".into()), ("state", "ready".into())]);
    assert_eq!(text, "id     1\nstate  ready\n");
}
