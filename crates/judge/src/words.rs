//! How figures and long lines are told.

/// The longest line that is told, in characters.
const COLUMNS: usize = 100;

/// As in `1 task` and `2 tasks`: for a noun whose plural has an `s`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The same words in lines of at most [`COLUMNS`], but for a word that is longer.
pub(crate) fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let told = [0, 1, 2].map(|count| counted(count, "act"));
        assert_eq!(told, ["0 acts", "1 act", "2 acts"]);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be_and_no_word_is_lost() {
        let text = "every word of it ".repeat(30);
        let told = wrapped(text.trim());
        assert_eq!(told.replace('\n', " "), text.trim());
        assert!(told.lines().all(|line| line.len() <= COLUMNS));
        assert!(
            told.lines()
                .rev()
                .skip(1)
                .all(|line| line.len() + 6 > COLUMNS),
            "{told}"
        );
        let exact = format!("{} b", "a".repeat(98));
        assert_eq!(wrapped(&exact), exact);
        assert_eq!(wrapped(&format!("a{exact}")).lines().count(), 2);
    }
}
