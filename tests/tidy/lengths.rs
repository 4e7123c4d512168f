//! Files and functions are short.

use std::fmt;

use super::{
    house::Finding,
    source::{Source, end_of_item},
};

const FILE_LINES_MAX: usize = 500;
const ACTOR_LINES_MAX: usize = 200;
const FUNCTION_LINES_MAX: usize = 70;

/// What the median function may have, in lines.
pub(crate) const FUNCTION_MEDIAN_MAX: usize = 10;

/// What is too long in this file, or the file itself.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let (kind, max) = if source.path.ends_with("_actor.rs") {
        ("the file of an actor", ACTOR_LINES_MAX)
    } else {
        ("a file", FILE_LINES_MAX)
    };
    let lines = source.code.len();
    let rule = format!("{lines} lines; {kind} has at most {max}");
    let file = (lines > max).then(|| Finding::new(&source.path, 0, rule));
    let long = functions(source)
        .into_iter()
        .filter(|of| of.lines > FUNCTION_LINES_MAX);
    let functions = long.map(|Function { line, lines, .. }| {
        let rule = format!("a function of {lines} lines; it has at most {FUNCTION_LINES_MAX}");
        Finding::new(&source.path, line, rule)
    });
    file.into_iter().chain(functions).collect()
}

/// A function with a body.
struct Function {
    line: usize,
    lines: usize,
}

/// The functions of a file that rustfmt has put in order.
fn functions(source: &Source) -> Vec<Function> {
    let starts = source.lines().filter(|(_, code)| begins_function(code));
    starts
        .filter_map(|(line, _)| {
            let end = end_of_item(&source.code, line - 1);
            let has_body = source.code[end].trim_end().ends_with('}');
            has_body.then_some(Function {
                line,
                lines: end + 2 - line,
            })
        })
        .collect()
}

fn begins_function(code: &str) -> bool {
    let mut rest = code.trim_start();
    if let Some(after) = rest.strip_prefix("pub(") {
        rest = after.split_once(") ").map_or("", |(_, rest)| rest);
    }
    for word in ["pub ", "default ", "const ", "async ", "unsafe ", "extern "] {
        rest = rest.strip_prefix(word).unwrap_or(rest).trim_start();
    }
    rest.starts_with("fn ")
}

/// Figures of the code that is no test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) function_median: usize,
    functions: usize,
    file_median: usize,
    files: usize,
    lines: usize,
    test_lines: usize,
}

/// Measures these files.
pub(crate) fn measure<'a>(sources: impl Iterator<Item = &'a Source>) -> Measures {
    let (mut function_lines, mut file_lines, mut test_lines) = (Vec::new(), Vec::new(), 0);
    for source in sources {
        let product = source.product().count();
        test_lines += source.code.len() - product;
        if product > 0 {
            file_lines.push(product);
        }
        let of_product = functions(source)
            .into_iter()
            .filter(|of| !source.is_test(of.line));
        function_lines.extend(of_product.map(|of| of.lines));
    }
    Measures {
        functions: function_lines.len(),
        function_median: median(function_lines),
        lines: file_lines.iter().sum(),
        files: file_lines.len(),
        file_median: median(file_lines),
        test_lines,
    }
}

fn median(mut of: Vec<usize>) -> usize {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or(0)
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} functions, median {} lines",
            self.functions, self.function_median
        )?;
        writeln!(f, "{} files, median {} lines", self.files, self.file_median)?;
        write!(f, "{} lines, and {} of tests", self.lines, self.test_lines)
    }
}

mod tests {
    use super::*;

    fn function(head: &str, statements: usize) -> String {
        format!("{head} {{\n{}}}\n", "    a();\n".repeat(statements))
    }

    #[test]
    fn long_functions_are_found_where_they_begin() {
        for head in [
            "fn a()",
            "pub(crate) async fn a()",
            "pub const fn a<T>(b: T) -> C",
            "fn a(\n    b: u8,\n)",
        ] {
            let max = FUNCTION_LINES_MAX - 1 - head.lines().count();
            let fits = format!("\n{}", function(head, max));
            assert_eq!(check(&Source::new("x.rs", &fits)), [], "{head}");
            let long = format!("\n{}", function(head, max + 1));
            let found = check(&Source::new("x.rs", &long));
            assert_eq!(found.len(), 1, "{head}");
            assert!(
                found[0]
                    .to_string()
                    .starts_with("x.rs:2: a function of 71 lines")
            );
        }
    }

    #[test]
    fn declarations_and_braces_in_strings_do_not_mislead() {
        let text = "trait A {\n    fn b(&self);\n    fn c(\n        d: u8,\n    ) -> u8;\n    fn e() {\n        f(\"\n}\n\");\n    }\n}\nfn g() {}\n";
        let lines: Vec<_> = functions(&Source::new("x.rs", text))
            .iter()
            .map(|of| of.lines)
            .collect();
        assert_eq!(lines, [5, 1]);
    }

    #[test]
    fn long_files_are_found() {
        let lines = |n: usize| "a();\n".repeat(n);
        assert_eq!(check(&Source::new("x.rs", &lines(500))), []);
        assert_eq!(check(&Source::new("x.rs", &lines(501))).len(), 1);
        let actor = "crates/hub/src/pool_actor.rs";
        assert_eq!(check(&Source::new(actor, &lines(200))), []);
        assert_eq!(check(&Source::new(actor, &lines(201))).len(), 1);
    }

    #[test]
    fn tests_are_measured_apart() {
        let text = format!(
            "{}#[cfg(test)]\nmod tests {{\n    fn b() {{}}\n}}\n",
            function("fn a()", 3)
        );
        let measures = measure([Source::new("x.rs", &text)].iter());
        assert_eq!((measures.functions, measures.function_median), (1, 5));
        assert_eq!((measures.lines, measures.test_lines), (5, 4));
    }
}
