//! beanstalkd: its text protocol (`doc/protocol.txt` in its source).
//!
//! Started without a log, or with `-f0`, which syncs the log at each write: its default, `-f50`,
//! acknowledges up to 50 ms before.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::{
    POOL,
    peer::{self, Keeps, Protocol},
    pull::{Answer, Ask, Pull},
};
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Stamp, WorkerDialect, WorkerLane,
};

/// Longer than any phase, in seconds: no task is to come back meanwhile.
const TIME_TO_RUN: u32 = 3600;

/// Requests in one write when what is left over is thrown away.
const PURGED_AT_A_TIME: usize = 256;

#[derive(Debug)]
pub(super) struct Beanstalkd;

impl Protocol for Beanstalkd {
    fn says(&self, keeps: Keeps) -> Option<&'static str> {
        Some(match keeps {
            Keeps::Synced => "written to its log and synced by the same request (-f0)",
            Keeps::Later => "written to its log, which is synced each 50 ms (-f50, its default)",
            Keeps::Nothing => "in its memory, and lost when it ends",
        })
    }

    fn purge<'a>(&'a self, address: &'a str) -> Doing<'a> {
        Box::pin(purge(address))
    }

    fn produce(&self, address: String, lane: ProducerLane) -> Doing<'static, ProducerLane> {
        peer::produce(address, Puts::default(), lane)
    }

    fn work(&self, address: String, lane: WorkerLane) -> Doing<'static, WorkerLane> {
        peer::work(address, Reserves::default(), lane)
    }
}

/// It knows no command for that: each task is reserved and deleted.
async fn purge(address: &str) -> Result<(), BenchError> {
    let mut connection = Connection::open(address).await?;
    watch(&mut connection).await?;
    loop {
        let asked = b"reserve-with-timeout 0\r\n".repeat(PURGED_AT_A_TIME);
        connection.output.extend_from_slice(&asked);
        let mut deleted = 0;
        for _ in 0..PURGED_AT_A_TIME {
            let line = answer(&mut connection).await?;
            if let Some((id, bytes)) = reserved(&line)? {
                while connection.input.len() < bytes + 2 {
                    connection.receive().await?;
                }
                connection.input.advance(bytes + 2);
                delete(id, &mut connection.output);
                deleted += 1;
            }
        }
        for _ in 0..deleted {
            expect(&answer(&mut connection).await?, "DELETED")?;
        }
        if deleted < PURGED_AT_A_TIME {
            return Ok(());
        }
    }
}

async fn watch(connection: &mut Connection) -> Result<(), BenchError> {
    let asked = format!("watch {POOL}\r\nignore default\r\n");
    connection.output.extend_from_slice(asked.as_bytes());
    for _ in 0..2 {
        expect(&answer(connection).await?, "WATCHING")?;
    }
    Ok(())
}

/// The next line, without its end.
async fn answer(connection: &mut Connection) -> Result<String, BenchError> {
    connection.send().await?;
    loop {
        if let Some(length) = line_length(&connection.input) {
            let line = connection.input.split_to(length + 2);
            return text(&line[..length]).map(ToOwned::to_owned);
        }
        connection.receive().await?;
    }
}

/// Bytes of the first line, if it is whole; lines are short.
fn line_length(input: &[u8]) -> Option<usize> {
    input
        .iter()
        .position(|byte| *byte == b'\r')
        .filter(|at| input.len() > at + 1)
}

fn text(line: &[u8]) -> Result<&str, BenchError> {
    std::str::from_utf8(line).map_err(|error| BenchError::unexpected("beanstalkd", error))
}

fn expect(line: &str, word: &str) -> Result<(), BenchError> {
    if line.starts_with(word) {
        return Ok(());
    }
    Err(BenchError::unexpected("beanstalkd", line))
}

/// The id and the size that a line announces; none if it says that there is no task.
fn reserved(line: &str) -> Result<Option<(u64, usize)>, BenchError> {
    let unexpected = || BenchError::unexpected("beanstalkd", line);
    if line == "TIMED_OUT" {
        return Ok(None);
    }
    let rest = line.strip_prefix("RESERVED ").ok_or_else(unexpected)?;
    let (id, bytes) = rest.split_once(' ').ok_or_else(unexpected)?;
    match (id.parse(), bytes.parse()) {
        (Ok(id), Ok(bytes)) => Ok(Some((id, bytes))),
        (Err(_), _) | (_, Err(_)) => Err(unexpected()),
    }
}

fn delete(id: u64, output: &mut BytesMut) {
    output.extend_from_slice(format!("delete {id}\r\n").as_bytes());
}

/// A producing connection: answers come in the order of requests.
#[derive(Debug, Default)]
struct Puts {
    under_way: VecDeque<Stamp>,
}

impl ProducerDialect for Puts {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(async move {
            let asked = format!("use {POOL}\r\n");
            connection.output.extend_from_slice(asked.as_bytes());
            expect(&answer(connection).await?, "USING")
        })
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        let head = format!("put 0 0 {TIME_TO_RUN} {}\r\n", payload.len());
        output.extend_from_slice(head.as_bytes());
        output.extend_from_slice(payload);
        output.extend_from_slice(b"\r\n");
        self.under_way.push_back(task);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        _output: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while let Some(length) = line_length(input) {
            expect(text(&input[..length])?, "INSERTED")?;
            input.advance(length + 2);
            if let Some(task) = self.under_way.pop_front() {
                lane.acknowledged(task);
            }
        }
        Ok(())
    }
}

/// A working connection: it waits in at most one `reserve`, see [`Pull`].
#[derive(Debug, Default)]
struct Reserves {
    pull: Pull,
}

impl Reserves {
    fn ask(&mut self, output: &mut BytesMut, lane: &WorkerLane) {
        match self.pull.ask(lane.slots()) {
            Some(Ask::Waiting) => output.extend_from_slice(b"reserve\r\n"),
            Some(Ask::AtOnce(tasks)) => {
                for _ in 0..tasks {
                    output.extend_from_slice(b"reserve-with-timeout 0\r\n");
                }
            }
            None => {}
        }
    }

    /// Takes one answer, and says whether a whole one was there.
    fn take(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<bool, BenchError> {
        let (Some(length), Some(answer)) = (line_length(input), self.pull.next()) else {
            return Ok(false);
        };
        let line = text(&input[..length])?;
        let mut used = length + 2;
        match answer {
            Answer::Completed(task) => {
                expect(line, "DELETED")?;
                self.pull.completed(task, lane);
            }
            Answer::Asked => match reserved(line)? {
                None => self.pull.none_came(),
                Some((id, bytes)) => {
                    let Some(payload) = input.get(used..used + bytes + 2) else {
                        return Ok(false);
                    };
                    self.pull.came(lane.delivered(&payload[..bytes]));
                    delete(id, output);
                    used += bytes + 2;
                }
            },
        }
        input.advance(used);
        Ok(true)
    }
}

impl WorkerDialect for Reserves {
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a> {
        Box::pin(watch(connection))
    }

    fn open(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) -> Result<(), BenchError> {
        self.ask(output, lane);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError> {
        while self.take(input, output, lane)? {}
        self.ask(output, lane);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        assert_eq!(line_length(b"USING a\r"), None);
        assert_eq!(line_length(b"USING a\r\nx"), Some(7));
        assert_eq!(
            reserved("RESERVED 12 256").expect("a task"),
            Some((12, 256))
        );
        assert_eq!(reserved("TIMED_OUT").expect("none"), None);
        assert!(reserved("DEADLINE_SOON").is_err());
    }
}
