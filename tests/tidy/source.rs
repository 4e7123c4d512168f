//! A Rust file, taken apart as far as the rules need it: what is code, what is comment, what is a
//! test.

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository.
    pub(crate) path: String,
    /// Its lines with strings, characters and comments blanked.
    pub(crate) code: Vec<String>,
    /// Its lines with everything but comments blanked.
    pub(crate) comments: Vec<String>,
    /// Whether the file is of tests, or which lines are.
    tests: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let tests = if is_of_tests(path) {
            vec![true; code.len()]
        } else {
            test_lines(&code)
        };
        let path = path.to_owned();
        Self {
            path,
            code,
            comments,
            tests,
        }
    }

    /// The code, with line numbers from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.iter().map(String::as_str))
    }

    /// The code that is no test.
    pub(crate) fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(number, _)| !self.is_test(*number))
    }

    /// Whether this line, from 1, is part of a test.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.get(line - 1).copied().unwrap_or(false)
    }
}

/// `tests/…`, `crates/*/tests/…`, and `tests.rs` beside a module.
fn is_of_tests(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}

/// The lines of items that stand under `#[cfg(test)]` or `#[test]`.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut tests = vec![false; code.len()];
    for start in 0..code.len() {
        let line = code[start].trim();
        if line.starts_with("#[cfg(test)]") || line.starts_with("#[test]") {
            let end = end_of_item(code, start + 1);
            tests[start..=end].fill(true);
        }
    }
    tests
}

/// The last line of the item that begins at `start` or, after its attributes, below it.
pub(crate) fn end_of_item(code: &[String], start: usize) -> usize {
    let last = code.len() - 1;
    let first = (start..=last).find(|at| !code[*at].trim().is_empty() && !is_attribute(&code[*at]));
    let Some(first) = first else { return last };
    let indent = indent(&code[first]);
    let Some(head) = (first..=last).find(|at| ends_a_head(&code[*at])) else {
        return last;
    };
    if !code[head].trim_end().ends_with('{') {
        return head;
    }
    let closes = |line: &str| self::indent(line) == indent && line.trim().starts_with('}');
    (head..=last)
        .skip(usize::from(head == first))
        .find(|at| closes(&code[*at]))
        .unwrap_or(last)
}

/// Spaces before the first character.
pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_attribute(line: &str) -> bool {
    line.trim().starts_with("#[")
}

fn ends_a_head(line: &str) -> bool {
    line.trim_end().ends_with(['{', '}', ';'])
}

/// The words of a line: runs of letters, digits and underscores, each with what stands before and
/// after it.
pub(crate) fn words(line: &str) -> Vec<(&str, &str, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = line[at..].find(is_part).map(|offset| at + offset) {
        let end = line[start..]
            .find(|c| !is_part(c))
            .map_or(line.len(), |offset| start + offset);
        found.push((&line[..start], &line[start..end], &line[end..]));
        at = end;
    }
    found
}

/// What a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Text,
}

/// The text twice, line by line: its code and its comments, what is neither blanked in both.
fn split(text: &str) -> (Vec<String>, Vec<String>) {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = vec![Part::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (part, end) = next(&chars, at);
        parts[at..end].fill(part);
        at = end;
    }
    let only = |wanted: Part| -> Vec<String> {
        let keep = |(c, part): (&char, &Part)| match c {
            '\n' => '\n',
            c if *part == wanted => *c,
            _ => ' ',
        };
        let kept: String = chars.iter().zip(&parts).map(keep).collect();
        kept.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    (only(Part::Code), only(Part::Comment))
}

/// What begins at `at`, and where it ends.
fn next(chars: &[char], at: usize) -> (Part, usize) {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(1, '/') => (Part::Comment, line_end(chars, at)),
        '/' if is(1, '*') => (Part::Comment, block_end(chars, at)),
        '"' => (Part::Text, text_end(chars, at, '"')),
        '\'' if is(1, '\\') || is(2, '\'') => (Part::Text, text_end(chars, at, '\'')),
        'r' | 'b' | 'c' if !after_word => match raw_end(chars, at) {
            Some(end) => (Part::Text, end),
            None => (Part::Code, at + 1),
        },
        _ => (Part::Code, at + 1),
    }
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    rest.iter()
        .position(|c| *c == '\n')
        .map_or(chars.len(), |offset| at + offset)
}

fn block_end(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at < chars.len() && depth > 0 {
        let pair = (chars[at], chars.get(at + 1));
        let step = match pair {
            ('*', Some('/')) => -1,
            ('/', Some('*')) => 1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
    }
    at.min(chars.len())
}

fn text_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of a raw string, if one begins here: `r`, `br` or `cr`, hashes, a quote.
fn raw_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    if matches!(chars[at], 'b' | 'c') {
        at += 1;
    }
    if chars.get(at) != Some(&'r') {
        return None;
    }
    let open = at + 1;
    let hashes = chars[open..].iter().take_while(|c| **c == '#').count();
    if chars.get(open + hashes) != Some(&'"') {
        return None;
    }
    let closes = |end: &usize| {
        chars[*end] == '"' && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    let end = (open + hashes + 1..chars.len()).find(closes)?;
    Some(end + 1 + hashes)
}

mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_no_code() {
        let text =
            "let a = \"b { // c\"; // d \"e\"\nlet f = r#\"g \" {\"#; /* h /* i */ j */ k(b'{');\n";
        let source = Source::new("x.rs", text);
        assert_eq!(source.code[0], format!("let a ={}", " ".repeat(11) + ";"));
        assert_eq!(source.comments[0].trim(), "// d \"e\"");
        assert!(source.code[1].starts_with("let f = ") && source.code[1].ends_with("k(b   );"));
        assert!(!source.code[1].contains(['g', 'h', 'j', '{']));
    }

    #[test]
    fn lifetimes_are_code() {
        let source = Source::new("x.rs", "fn a<'b>(c: &'b str) -> char { '\\'' }\n");
        assert!(source.code[0].starts_with("fn a<'b>(c: &'b str) -> char {"));
        assert!(source.code[0].ends_with('}') && !source.code[0].contains('\\'));
    }

    #[test]
    fn test_modules_are_tests_and_what_follows_is_not() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}\n";
        let source = Source::new("crates/hub/src/x.rs", text);
        let of_tests: Vec<usize> = (1..=10).filter(|line| source.is_test(*line)).collect();
        assert_eq!(of_tests, [3, 4, 5, 6, 8, 9]);
        assert!(Source::new("crates/hub/tests/x.rs", text).is_test(1));
        assert!(Source::new("crates/hub/src/record/tests.rs", text).is_test(1));
    }

    #[test]
    fn words_are_whole() {
        let found: Vec<&str> = words("log_store::sled::open(x)")
            .iter()
            .map(|(_, word, _)| *word)
            .collect();
        assert_eq!(found, ["log_store", "sled", "open", "x"]);
    }
}
