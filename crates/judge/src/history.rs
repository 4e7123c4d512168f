//! A history, from files or by hand.

use std::{fmt, fs, io, path::Path, sync::Arc};

use crate::{Entry, How, Kind, LogLine, Violation, What};

/// What the files of a folder say. The lines of each file stand in the file's order.
#[derive(Debug, Default)]
pub struct History {
    /// What the processes wrote, by time.
    pub entries: Vec<Recorded>,
    /// The log of the hub: one list for each time that it was started.
    pub logs: Vec<Vec<Logged>>,
    /// Lines that cannot be read.
    pub flaws: Vec<Violation>,
    /// Last lines without an end, by who wrote them.
    torn: Vec<(String, Violation)>,
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
}

/// An entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where.
    pub place: Place,
    /// The entry.
    pub entry: Entry,
}

/// A line of the hub's log and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Where.
    pub place: Place,
    /// The line.
    pub line: LogLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.entry).map_err(|_| fmt::Error)?;
        write!(f, "{}  {text}", self.place)
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", self.place)?;
        match &self.line {
            LogLine::Changed(change) => {
                let text = serde_json::to_string(change).map_err(|_| fmt::Error)?;
                write!(f, "{text}")
            }
            LogLine::Forgotten { task } => write!(f, "task {task} forgotten"),
            LogLine::Failed { pool } => write!(f, "the pool {pool} failed"),
            LogLine::Panicked(text) => write!(f, "{text}"),
            LogLine::Other => write!(f, "…"),
        }
    }
}

impl History {
    /// Reads a folder: its `.jsonl` files, and its `hub-N.log` files in the order of their numbers.
    ///
    /// # Errors
    /// When a file cannot be read, or there is none.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.push(entry?.path());
        }
        names.sort();
        let mut history = Self::default();
        for path in names.iter().filter(|path| has_ending(path, "jsonl")) {
            history.read_records(path)?;
        }
        history.forgive_the_killed();
        if history.entries.is_empty() && history.flaws.is_empty() {
            let why = "there is no history in it: no .jsonl file with a line";
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let mut logs: Vec<_> = names
            .iter()
            .filter_map(|path| log_number(path).map(|number| (number, path)))
            .collect();
        logs.sort();
        for (_, path) in logs {
            history.read_log(path)?;
        }
        history.entries.sort_by_key(|recorded| recorded.entry.at_us);
        Ok(history)
    }

    /// Of these entries, in this order, and no log.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let file: Arc<str> = "history".into();
        let recorded = |(line, entry)| Recorded {
            place: Place {
                file: Arc::clone(&file),
                line,
            },
            entry,
        };
        Self {
            entries: (1..).zip(entries).map(recorded).collect(),
            ..Self::default()
        }
    }

    /// With this as the log of one more start of the hub.
    #[must_use]
    pub fn with_log(mut self, lines: impl IntoIterator<Item = LogLine>) -> Self {
        let file: Arc<str> = format!("hub-{}.log", self.logs.len() + 1).into();
        let logged = |(line, of)| Logged {
            place: Place {
                file: Arc::clone(&file),
                line,
            },
            line: of,
        };
        self.logs.push((1..).zip(lines).map(logged).collect());
        self
    }

    fn read_records(&mut self, path: &Path) -> io::Result<()> {
        let file = name_of(path);
        let text = fs::read(path)?;
        for (line, text) in lines(&text) {
            let place = Place {
                file: Arc::clone(&file),
                line,
            };
            match serde_json::from_slice(text.bytes) {
                Ok(entry) => self.entries.push(Recorded { place, entry }),
                Err(error) if text.is_whole => {
                    self.flaws.push(unreadable(&place, &error, text.bytes));
                }
                Err(error) => {
                    let flaw = unreadable(&place, &error, text.bytes);
                    self.torn
                        .push((file.split('.').next().unwrap_or_default().to_owned(), flaw));
                }
            }
        }
        Ok(())
    }

    /// A last line that was cut short is a flaw, unless its writer was killed, in mid-write then.
    fn forgive_the_killed(&mut self) {
        let was_killed = |who: &str| {
            let killed = |recorded: &Recorded| matches!(&recorded.entry.what, What::Down { who: of, how: How::Killed } if of == who);
            let poisoned = |recorded: &Recorded| {
                matches!(recorded.entry.what, What::Poisoned { .. }) && recorded.entry.by == who
            };
            let mut entries = self.entries.iter();
            entries.any(|recorded| killed(recorded) || poisoned(recorded))
        };
        let torn = std::mem::take(&mut self.torn);
        let flaws = torn.into_iter().filter(|(who, _)| !was_killed(who));
        let flaws: Vec<_> = flaws.map(|(_, flaw)| flaw).collect();
        self.flaws.extend(flaws);
    }

    fn read_log(&mut self, path: &Path) -> io::Result<()> {
        let file = name_of(path);
        let text = fs::read(path)?;
        let mut log = Vec::new();
        for (line, text) in lines(&text) {
            let place = Place {
                file: Arc::clone(&file),
                line,
            };
            match LogLine::parse(&String::from_utf8_lossy(text.bytes)) {
                Ok(LogLine::Other) => {}
                Ok(line) => log.push(Logged { place, line }),
                // The hub was killed while it wrote.
                Err(_) if !text.is_whole => {}
                Err(error) => self.flaws.push(unreadable(&place, &error, text.bytes)),
            }
        }
        self.logs.push(log);
        Ok(())
    }
}

struct Line<'a> {
    bytes: &'a [u8],
    /// Whether its end was written.
    is_whole: bool,
}

fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Line<'_>)> {
    let each = text.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let bytes = line.strip_suffix(b"\n");
        Line {
            bytes: bytes.unwrap_or(line),
            is_whole: bytes.is_some(),
        }
    });
    (1..).zip(each).filter(|(_, line)| !line.bytes.is_empty())
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|of| of == ending)
}

fn log_number(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("hub-")?
        .strip_suffix(".log")?
        .parse()
        .ok()
}

fn name_of(path: &Path) -> Arc<str> {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into()
}

/// What of a line that cannot be read is shown.
const SHOWN: usize = 200;

fn unreadable(place: &Place, error: &dyn fmt::Display, text: &[u8]) -> Violation {
    let text: String = String::from_utf8_lossy(text).chars().take(SHOWN).collect();
    Violation {
        kind: Kind::Unreadable,
        task: None,
        said: format!("{place} is torn, or of a kind that is not known: {error}"),
        quotes: vec![format!("{place}  {text}")],
    }
}
