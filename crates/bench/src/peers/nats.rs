//! The text protocol of NATS, as much of it as is needed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::BytesMut;

use crate::{BenchError, Connection};

/// Connections of this process: each has subjects of its own for its answers.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// The subscription of answers to requests.
pub(super) const ANSWERS: &str = "1";

/// The subscription of what is pulled: it comes under the subject that it was sent to.
pub(super) const PULLED: &str = "2";

/// Where answers to one connection go.
#[derive(Debug)]
pub(super) struct Inbox {
    prefix: String,
}

impl Default for Inbox {
    fn default() -> Self {
        let connection = CONNECTIONS.fetch_add(1, Relaxed);
        let process = std::process::id();
        Self {
            prefix: format!("_INBOX.{process}.{connection}"),
        }
    }
}

impl Inbox {
    /// What a connection says first.
    pub(super) async fn greet(&self, connection: &mut Connection) -> Result<(), BenchError> {
        let prefix = &self.prefix;
        let greeting = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\
             \"no_responders\":true,\"lang\":\"rust\",\"version\":\"0\",\"protocol\":1}}\r\n\
             SUB {prefix}.{ANSWERS}.* {ANSWERS}\r\nSUB {prefix}.{PULLED} {PULLED}\r\nPING\r\n"
        );
        connection.output.extend_from_slice(greeting.as_bytes());
        connection.send().await?;
        // After its INFO comes the answer to the PING, or why it refuses.
        loop {
            let lines = String::from_utf8_lossy(&connection.input);
            if lines.contains("-ERR") {
                return Err(BenchError::unexpected("nats", lines));
            }
            if lines.ends_with("PONG\r\n") {
                connection.input.clear();
                return Ok(());
            }
            connection.receive().await?;
        }
    }

    /// Writes a request whose answer comes as one to `what`.
    pub(super) fn ask(&self, subject: &str, what: u64, body: &[u8], output: &mut BytesMut) {
        let (prefix, length) = (&self.prefix, body.len());
        let head = format!("PUB {subject} {prefix}.{ANSWERS}.{what} {length}\r\n");
        send(&head, body, output);
    }

    /// Writes a request whose answers come as what is pulled.
    pub(super) fn pull(&self, subject: &str, body: &[u8], output: &mut BytesMut) {
        let (prefix, length) = (&self.prefix, body.len());
        let head = format!("PUB {subject} {prefix}.{PULLED} {length}\r\n");
        send(&head, body, output);
    }
}

fn send(head: &str, body: &[u8], output: &mut BytesMut) {
    output.extend_from_slice(head.as_bytes());
    output.extend_from_slice(body);
    output.extend_from_slice(b"\r\n");
}

/// Answers a ping.
pub(super) fn pong(output: &mut BytesMut) {
    output.extend_from_slice(b"PONG\r\n");
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) subject: &'a str,
    pub(super) subscription: &'a str,
    /// Where to answer.
    pub(super) reply: Option<&'a str>,
    /// Empty but in a status, such as that nobody listens.
    pub(super) headers: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Message<'_> {
    /// What it is the answer to.
    pub(super) fn answers(&self) -> Option<u64> {
        let (_, what) = self.subject.rsplit_once('.')?;
        what.parse().ok()
    }

    /// For a message that is no answer to what was asked.
    pub(super) fn unexpected(&self) -> BenchError {
        let headers = String::from_utf8_lossy(self.headers);
        let body = String::from_utf8_lossy(self.body);
        BenchError::unexpected("nats", format_args!("{} {headers}{body}", self.subject))
    }
}

/// What NATS says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'a> {
    Message(Message<'a>),
    Ping,
    /// News of the cluster, and other things of no interest.
    Other,
}

/// The first thing said in `input` and how many bytes it takes, if it is whole.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Said<'_>, usize)>, BenchError> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = std::str::from_utf8(&input[..end])
        .map_err(|error| BenchError::unexpected("nats", error))?
        .trim_end();
    let mut words = line.split(' ');
    match words.next() {
        Some("MSG") => message(line, input, end + 1, false),
        Some("HMSG") => message(line, input, end + 1, true),
        Some("PING") => Ok(Some((Said::Ping, end + 1))),
        Some("INFO" | "PONG" | "+OK") => Ok(Some((Said::Other, end + 1))),
        Some(_) | None => Err(BenchError::unexpected("nats", line)),
    }
}

/// `MSG subject subscription [reply] bytes`, or the same with the bytes of the headers before the
/// bytes of all.
fn message<'a>(
    line: &'a str,
    input: &'a [u8],
    at: usize,
    has_headers: bool,
) -> Result<Option<(Said<'a>, usize)>, BenchError> {
    let unexpected = || BenchError::unexpected("nats", line);
    let mut words = line.split(' ');
    words.next();
    let (Some(subject), Some(subscription)) = (words.next(), words.next()) else {
        return Err(unexpected());
    };
    let mut length = || words.next_back().and_then(|word| word.parse().ok());
    let all: usize = length().ok_or_else(unexpected)?;
    let of_headers = if has_headers { length() } else { Some(0) };
    let of_headers = of_headers.ok_or_else(unexpected)?;
    let Some(content) = input.get(at..at + all + 2) else {
        return Ok(None);
    };
    if of_headers > all {
        return Err(unexpected());
    }
    let message = Message {
        subject,
        subscription,
        reply: words.next(),
        headers: &content[..of_headers],
        body: &content[of_headers..all],
    };
    Ok(Some((Said::Message(message), at + all + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(input: &str) -> Option<(Said<'_>, usize)> {
        parse(input.as_bytes()).expect("readable")
    }

    #[test]
    fn messages_are_read() {
        let with_reply = "MSG a.7 2 c.d 3\r\nx\r\n\r\n";
        let message = Message {
            subject: "a.7",
            subscription: "2",
            reply: Some("c.d"),
            headers: b"",
            body: b"x\r\n",
        };
        let whole = (Said::Message(message), with_reply.len());
        assert_eq!(of(with_reply), Some(whole));
        assert_eq!(message.answers(), Some(7));
        let without = Message {
            reply: None,
            body: b"",
            ..message
        };
        assert_eq!(
            of("MSG a.7 2 0\r\n\r\nPING\r\n"),
            Some((Said::Message(without), 15))
        );
    }

    #[test]
    fn headers_are_apart() {
        let message = Message {
            subject: "a.7",
            subscription: "2",
            reply: None,
            headers: b"NATS/1.0 408\r\n\r\n",
            body: b"x",
        };
        let said = "HMSG a.7 2 16 17\r\nNATS/1.0 408\r\n\r\nx\r\n";
        assert_eq!(of(said), Some((Said::Message(message), said.len())));
    }

    #[test]
    fn a_part_is_nothing_yet() {
        let said = "MSG a.7 2 c.d 3\r\nx\r\n\r\n";
        for length in 0..said.len() {
            assert_eq!(of(&said[..length]), None, "{length}");
        }
    }

    #[test]
    fn the_rest_is_told_apart() {
        assert_eq!(of("PING\r\n"), Some((Said::Ping, 6)));
        assert_eq!(of("INFO {}\r\n"), Some((Said::Other, 9)));
        for said in [
            "-ERR 'no'\r\n",
            "MSG a\r\n",
            "MSG a 1 x\r\n",
            "HMSG a 1 9 2\r\nab\r\n",
        ] {
            assert!(parse(said.as_bytes()).is_err(), "{said}");
        }
    }
}
