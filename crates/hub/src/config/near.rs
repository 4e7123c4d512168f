//! "Did you mean?", and how a stranger's text is shown.

/// Texts longer than this are no slip of the finger.
const LENGTH_MAX: usize = 40;

/// Characters shown of a value or key that is wrong.
const SHOWN_MAX: usize = 60;

/// Which of `known` was probably meant.
pub(super) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let tolerated = (text.len() / 3).max(1);
    known
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many bytes must be inserted, deleted or replaced to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// `text` on one line and of bounded length.
pub(super) fn cut(text: &str) -> String {
    let shown: String = text
        .chars()
        .take_while(|c| *c != '\n' && *c != '\r')
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN_MAX)
        .collect();
    if shown.len() == text.len() {
        shown
    } else {
        shown + "…"
    }
}

/// A key as a file would write it: bare if it can be.
pub(super) fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(bare) {
        cut(text)
    } else {
        quoted(text)
    }
}

/// `text` in quotes, on one line and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    cut(&format!("{text:?}"))
}

#[cfg(test)]
mod tests {
    use super::{cut, distance, key, nearest};

    #[test]
    fn distance_counts_edits() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("lisen", "listen", 1),
        ];
        for (a, b, edits) in cases
            .into_iter()
            .chain([("hub", "job", 2), ("kitten", "sitting", 3)])
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn only_the_near_is_suggested() {
        let known = || ["listen", "drain_for"].into_iter();
        assert_eq!(nearest("lisen", known()), Some("listen"));
        assert_eq!(nearest("drain-for", known()), Some("drain_for"));
        assert_eq!(nearest("colour", known()), None);
        assert_eq!(nearest("", known()), None);
        assert_eq!(nearest(&"listen".repeat(100), known()), None);
    }

    #[test]
    fn what_a_stranger_wrote_stays_on_one_short_line() {
        assert_eq!(cut("a\nb"), "a…");
        assert_eq!(cut("a\tb"), "a b");
        assert_eq!(cut(&"ü".repeat(100)).chars().count(), 61);
        assert_eq!(key("a_b-1"), "a_b-1");
        assert_eq!(key("a b"), "\"a b\"");
        assert_eq!(key(""), "\"\"");
    }
}
