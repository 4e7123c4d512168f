//! RESP2, the protocol of Redis.

use bytes::{Buf, BytesMut};

use super::peer::Keeps;
use crate::{BenchError, Connection};

/// What Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Simple(&'a [u8]),
    Error(&'a [u8]),
    Integer(i64),
    /// Bytes, or the absence of any.
    Bulk(Option<&'a [u8]>),
    /// Values, or the absence of any.
    Array(Option<Vec<Value<'a>>>),
}

impl<'a> Value<'a> {
    /// The values of an array; an empty slice of anything else.
    pub(super) fn items(&self) -> &[Value<'a>] {
        match self {
            Self::Array(Some(items)) => items,
            Self::Array(None)
            | Self::Simple(_)
            | Self::Error(_)
            | Self::Integer(_)
            | Self::Bulk(_) => &[],
        }
    }

    /// The bytes of a bulk string that is there.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bulk(bytes) => *bytes,
            Self::Simple(_) | Self::Error(_) | Self::Integer(_) | Self::Array(_) => None,
        }
    }

    /// Itself, if it is no error.
    pub(super) fn accepted(self) -> Result<Self, BenchError> {
        match self {
            Self::Error(said) => Err(BenchError::unexpected(
                "redis",
                String::from_utf8_lossy(said),
            )),
            Self::Simple(_) | Self::Integer(_) | Self::Bulk(_) | Self::Array(_) => Ok(self),
        }
    }

    /// For what is no answer to what was asked.
    pub(super) fn unexpected(&self) -> BenchError {
        BenchError::unexpected("redis", format_args!("{self:?}"))
    }
}

/// The first value of `input` and how many bytes it takes, if it is whole.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Value<'_>, usize)>, BenchError> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let (Some(kind), Some(line)) = (input.first(), input.get(1..end.saturating_sub(1))) else {
        return Err(unreadable(input));
    };
    let after = end + 1;
    let value = match kind {
        b'+' => Value::Simple(line),
        b'-' => Value::Error(line),
        b':' => Value::Integer(integer(line)?),
        b'$' => return bulk(input, after, integer(line)?),
        b'*' => return array(input, after, integer(line)?),
        _ => return Err(unreadable(input)),
    };
    Ok(Some((value, after)))
}

fn bulk(input: &[u8], at: usize, length: i64) -> Result<Option<(Value<'_>, usize)>, BenchError> {
    let Ok(length) = usize::try_from(length) else {
        return Ok(Some((Value::Bulk(None), at)));
    };
    let (end, all) = (at + length, at + length + 2);
    Ok((input.len() >= all).then(|| (Value::Bulk(Some(&input[at..end])), all)))
}

fn array(
    input: &[u8],
    mut at: usize,
    length: i64,
) -> Result<Option<(Value<'_>, usize)>, BenchError> {
    let Ok(length) = usize::try_from(length) else {
        return Ok(Some((Value::Array(None), at)));
    };
    let mut items = Vec::new();
    for _ in 0..length {
        let Some((item, used)) = parse(&input[at..])? else {
            return Ok(None);
        };
        items.push(item);
        at += used;
    }
    Ok(Some((Value::Array(Some(items)), at)))
}

fn integer(line: &[u8]) -> Result<i64, BenchError> {
    let text = std::str::from_utf8(line).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| unreadable(line))
}

fn unreadable(input: &[u8]) -> BenchError {
    let begin = String::from_utf8_lossy(&input[..input.len().min(40)]);
    BenchError::unexpected("redis", format_args!("unreadable: {begin}"))
}

/// Writes a command.
pub(super) fn command(parts: &[&[u8]], output: &mut BytesMut) {
    output.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        output.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        output.extend_from_slice(part);
        output.extend_from_slice(b"\r\n");
    }
}

/// Says a command and gives what `read` makes of its answer.
pub(super) async fn ask<T>(
    connection: &mut Connection,
    parts: &[&[u8]],
    read: impl FnOnce(Value<'_>) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    command(parts, &mut connection.output);
    connection.send().await?;
    loop {
        if let Some((value, used)) = parse(&connection.input)? {
            let made = read(value.accepted()?)?;
            connection.input.advance(used);
            return Ok(made);
        }
        connection.receive().await?;
    }
}

/// Refuses a Redis that was not started as was said: its figures would be called by a wrong name.
pub(super) async fn check(connection: &mut Connection, keeps: Keeps) -> Result<(), BenchError> {
    let (appends, syncs) = match keeps {
        Keeps::Synced => ("yes", Some("always")),
        Keeps::Later => ("yes", Some("everysec")),
        Keeps::Nothing => ("no", None),
    };
    expect(connection, "appendonly", appends).await?;
    match syncs {
        Some(syncs) => expect(connection, "appendfsync", syncs).await,
        None => Ok(()),
    }
}

async fn expect(connection: &mut Connection, key: &str, expected: &str) -> Result<(), BenchError> {
    let parts: [&[u8]; 3] = [b"CONFIG", b"GET", key.as_bytes()];
    ask(connection, &parts, |value| {
        let is = value.items().get(1).and_then(Value::bytes);
        if is == Some(expected.as_bytes()) {
            return Ok(());
        }
        let said = format!("{key} is not {expected}: it was not started as was said");
        Err(BenchError::unexpected("redis", said))
    })
    .await
}

/// What an acknowledgement of Redis means.
pub(super) const fn says(keeps: Keeps) -> &'static str {
    match keeps {
        Keeps::Synced => {
            "written to its append-only file and synced, once for all that one turn of its loop brought"
        }
        Keeps::Later => "written to its append-only file, which is synced each second",
        Keeps::Nothing => "in its memory, and lost when it ends",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = b"*5\r\n+OK\r\n-ERR no\r\n:-1\r\n$3\r\na\r\n\r\n*2\r\n$-1\r\n*-1\r\n";

    #[test]
    fn values_are_read() {
        let (value, used) = parse(ALL).expect("readable").expect("whole");
        assert_eq!(used, ALL.len());
        let absent = vec![Value::Bulk(None), Value::Array(None)];
        let items = [
            Value::Simple(b"OK"),
            Value::Error(b"ERR no"),
            Value::Integer(-1),
            Value::Bulk(Some(b"a\r\n")),
            Value::Array(Some(absent)),
        ];
        assert_eq!(value.items(), items);
    }

    #[test]
    fn a_part_is_not_a_value() {
        for length in 0..ALL.len() {
            assert_eq!(parse(&ALL[..length]).expect("readable"), None, "{length}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for input in ["\n", "?\r\n", ":x\r\n", "$y\r\n"] {
            assert!(parse(input.as_bytes()).is_err(), "{input}");
        }
    }

    #[test]
    fn commands_are_arrays_of_bulk_strings() {
        let mut output = BytesMut::new();
        command(&[b"GET", b"a\r\n"], &mut output);
        assert_eq!(&output[..], b"*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n");
    }
}
