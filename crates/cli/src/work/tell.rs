//! What a command says of its task while it runs: lines into a named pipe.

use std::{convert::Infallible, future::pending, io, mem, path::Path, time::Duration};

use leasehold_node::{NewTask, Outcome, Task};
use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempPath;
use tokio::net::unix::pipe;

use crate::{args::values, output::words};

/// The longest line; what a longer one says is not heard.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one read.
const PIECE_BYTES: usize = 16 * 1024;

/// Reads after the end of a command: more than any pipe holds, and an end of those who write on.
const READS_AFTER: usize = 128;

/// How a line begins that names a follow-up.
const FOLLOWS: &[u8] = b"then ";

/// Follow-ups of one task: a hub takes no more.
const FOLLOW_UPS_MAX: usize = 64;

/// Lines that are not understood and logged, of one task.
const COMPLAINTS_MAX: usize = 16;

/// The pipe of one command, and what came through it. Its name is gone with this, and with the guard
/// of the command, should the worker be killed.
#[derive(Debug)]
pub(super) struct Voice {
    path: TempPath,
    receiver: pipe::Receiver,
    /// Keeps the pipe from ending while nobody writes.
    _held: pipe::Sender,
    lines: Lines,
    said: Said,
}

impl Voice {
    /// A pipe for this task's command; without one it can say nothing on the way.
    pub(super) fn of(task: &Task) -> Option<Self> {
        Self::new(task.clone())
            .inspect_err(|error| {
                let task = task.id;
                tracing::warn!(%task, %error, "no pipe for what its command says: LEASEHOLD_TELL is not set");
            })
            .ok()
    }

    fn new(task: Task) -> io::Result<Self> {
        let pipe = tempfile::Builder::new().prefix("leasehold-").make(|path| {
            mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let options = pipe::OpenOptions::new();
            Ok((options.open_receiver(path)?, options.open_sender(path)?))
        })?;
        let ((receiver, held), path) = pipe.into_parts();
        Ok(Self {
            path,
            receiver,
            _held: held,
            lines: Lines::default(),
            said: Said::new(task),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hears whatever comes.
    pub(super) async fn hear(&mut self) -> Infallible {
        while self.receiver.readable().await.is_ok() {
            self.read();
        }
        pending().await
    }

    /// The command has ended: what becomes of its task by what it said.
    pub(super) fn onto(mut self, outcome: Outcome) -> Outcome {
        for _ in 0..READS_AFTER {
            if !self.read() {
                break;
            }
        }
        let said = &mut self.said;
        self.lines.end(|line| said.hear(line));
        mem::take(&mut self.said.then).onto(outcome)
    }

    /// Whether there was something.
    fn read(&mut self) -> bool {
        let mut piece = [0; PIECE_BYTES];
        let Ok(read @ 1..) = self.receiver.try_read(&mut piece) else {
            return false;
        };
        let said = &mut self.said;
        self.lines.take(&piece[..read], |line| said.hear(line));
        true
    }
}

/// A line as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Whole(&'a [u8]),
    /// Of more bytes than are taken; whether it named a follow-up.
    TooLong {
        follows: bool,
    },
}

/// Lines of what comes in pieces.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
    /// The rest of this line is passed over. Whether it named a follow-up.
    too_long: Option<bool>,
}

impl Lines {
    fn take(&mut self, piece: &[u8], mut line: impl FnMut(Line<'_>)) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.add(part);
            if parts.peek().is_none() {
                return;
            }
            self.end(&mut line);
        }
    }

    fn add(&mut self, part: &[u8]) {
        if self.too_long.is_none() && part.len() > LINE_BYTES_MAX - self.begun.len() {
            let start = self.begun.iter().chain(part).take(FOLLOWS.len());
            self.too_long = Some(start.eq(FOLLOWS));
        }
        match self.too_long {
            Some(_) => self.begun.clear(),
            None => self.begun.extend_from_slice(part),
        }
    }

    /// What was begun is all of it.
    fn end(&mut self, mut line: impl FnMut(Line<'_>)) {
        match self.too_long.take() {
            Some(follows) => line(Line::TooLong { follows }),
            None => line(Line::Whole(&self.begun)),
        }
        self.begun.clear();
    }
}

/// What a command has said so far.
#[derive(Debug)]
struct Said {
    task: Task,
    then: Then,
    complaints: usize,
}

impl Said {
    fn new(task: Task) -> Self {
        Self {
            task,
            then: Then::default(),
            complaints: 0,
        }
    }

    fn hear(&mut self, line: Line<'_>) {
        match line {
            Line::Whole(line) => self.hear_line(&String::from_utf8_lossy(line)),
            Line::TooLong { follows } => {
                let why = format!("a line has at most {LINE_BYTES_MAX} bytes");
                if follows {
                    self.then.refused = Some(why.clone());
                }
                self.complain("", &why);
            }
        }
    }

    fn hear_line(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if let Err(why) = Word::read(line).and_then(|word| self.take(word)) {
            self.complain(line, &why);
        }
    }

    fn complain(&mut self, line: &str, why: &str) {
        if self.complaints < COMPLAINTS_MAX {
            self.complaints += 1;
            let line = words::one_line(line);
            tracing::warn!(task = %self.task.id, line, "not understood in LEASEHOLD_TELL: {why}");
        }
    }

    fn take(&mut self, word: Word<'_>) -> Result<(), String> {
        let then = &mut self.then;
        match word {
            Word::Progress(fraction, note) => self.task.progress(fraction, note),
            Word::RetryAfter(wait) => then.retry_after = Some(wait),
            Word::Hopeless => then.is_hopeless = true,
            Word::Then(_) if then.follow_ups.len() == FOLLOW_UPS_MAX => {
                let why = format!("a task has at most {FOLLOW_UPS_MAX} follow-ups");
                then.refused = Some(why.clone());
                return Err(why);
            }
            Word::Then(payload) => {
                let mut next = NewTask::new(payload.to_owned()).priority(self.task.priority);
                if let Some(trace) = self.task.trace() {
                    next = next.trace(trace);
                }
                then.follow_ups.push(next);
            }
        }
        Ok(())
    }
}

/// What is to become of the task when its command has ended.
#[derive(Debug, Default)]
struct Then {
    is_hopeless: bool,
    retry_after: Option<Duration>,
    follow_ups: Vec<NewTask>,
    /// Why one of them cannot be: without it the chain would break behind a task that looks well.
    refused: Option<String>,
}

impl Then {
    /// How the command ended decides whether it went well; this is what becomes of it then.
    fn onto(self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Complete(_) if self.refused.is_some() => {
                let why = self.refused.unwrap_or_default();
                Outcome::Fail(format!("what was to follow was not heard: {why}"))
            }
            Outcome::Complete(result) if !self.follow_ups.is_empty() => {
                Outcome::Then(result, self.follow_ups)
            }
            Outcome::Fail(reason) if self.is_hopeless => Outcome::Hopeless(reason),
            Outcome::Fail(reason) => match self.retry_after {
                Some(wait) => Outcome::FailAfter(reason, wait),
                None => Outcome::Fail(reason),
            },
            outcome @ (Outcome::Complete(_)
            | Outcome::FailAfter(..)
            | Outcome::Hopeless(_)
            | Outcome::Then(..)
            | Outcome::Release) => outcome,
        }
    }
}

/// One line.
#[derive(Debug, PartialEq)]
enum Word<'a> {
    Progress(f64, &'a str),
    RetryAfter(Duration),
    Hopeless,
    Then(&'a str),
}

impl<'a> Word<'a> {
    fn read(line: &'a str) -> Result<Self, String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.trim_end() {
            "progress" => {
                let (fraction, note) = rest.split_once(' ').unwrap_or((rest, ""));
                let fraction = fraction.trim_end().parse().ok();
                let fraction = fraction.filter(|of| (0.0..=1.0).contains(of));
                let fraction = fraction.ok_or("progress is a number from 0 to 1, then a note")?;
                Ok(Self::Progress(fraction, note.trim()))
            }
            "retry-after" => Ok(Self::RetryAfter(values::duration(rest.trim())?)),
            "hopeless" if rest.trim().is_empty() => Ok(Self::Hopeless),
            "then" => Ok(Self::Then(rest)),
            _ => Err(
                "a line is: progress FRACTION [NOTE], retry-after DURATION, hopeless, then \
                      PAYLOAD"
                    .into(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_word_by_word() {
        let good = [
            (
                "progress 0.25 page 3 of 12",
                Word::Progress(0.25, "page 3 of 12"),
            ),
            ("progress 1", Word::Progress(1.0, "")),
            ("retry-after 90s", Word::RetryAfter(Duration::from_secs(90))),
            ("hopeless", Word::Hopeless),
            ("then  a b ", Word::Then(" a b ")),
        ];
        for (line, word) in good {
            assert_eq!(Word::read(line), Ok(word), "{line}");
        }
        for line in [
            "progress",
            "progress half",
            "progress 1.5",
            "progress -1",
            "progress NaN",
            "retry-after",
            "retry-after soon",
            "hopeless indeed",
            "Hopeless",
            "what",
        ] {
            assert!(Word::read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn lines_come_in_pieces_and_those_that_are_too_long_are_passed_over() {
        let mut lines = Lines::default();
        let mut heard = Vec::new();
        let mut hear = |line: Line<'_>| {
            heard.push(match line {
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::TooLong { follows } => format!("too long: {follows}"),
            });
        };
        let long = [b'x'; LINE_BYTES_MAX];
        for piece in [
            &b"one\ntw"[..],
            b"o\n",
            &long,
            b"x",
            b"x\nthree\nth",
            b"en ",
            &long,
        ] {
            lines.take(piece, &mut hear);
        }
        lines.end(&mut hear);
        assert_eq!(
            heard,
            ["one", "two", "too long: false", "three", "too long: true"]
        );
    }

    #[test]
    fn how_a_command_ended_decides_and_its_words_say_what_then() {
        let said = || Then {
            is_hopeless: false,
            retry_after: Some(Duration::from_secs(9)),
            follow_ups: vec![NewTask::new("next")],
            refused: None,
        };
        let fail = || Outcome::Fail("no".into());
        let late = Outcome::FailAfter("no".into(), Duration::from_secs(9));
        assert_eq!(said().onto(fail()), late);
        let hopeless = Then {
            is_hopeless: true,
            ..said()
        };
        assert_eq!(hopeless.onto(fail()), Outcome::Hopeless("no".into()));
        assert!(matches!(
            said().onto(Outcome::Complete(None)),
            Outcome::Then(None, tasks) if tasks.len() == 1
        ));
        assert_eq!(said().onto(Outcome::Release), Outcome::Release);
        let refused = Then {
            refused: Some("too long".into()),
            ..said()
        };
        assert!(matches!(
            refused.onto(Outcome::Complete(None)),
            Outcome::Fail(why) if why.contains("too long")
        ));
        assert_eq!(Then::default().onto(fail()), fail());
    }
}
