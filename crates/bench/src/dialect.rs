//! Raw protocols: a dialect reads and writes bytes, and this does the rest, alike for all.

mod line;

use std::time::Duration;

use bytes::BytesMut;
use leasehold_reach::Door;
use tokio::time::{Instant, Interval, interval_at};

use self::line::{Exchanged, Line};
use crate::{BenchError, Doing, Next, ProducerLane, WorkerLane};

/// Room for what one read may bring.
const READ_BYTES: usize = 128 * 1024;

/// The same for a connection on which little is said.
const SMALL_READ_BYTES: usize = 512;

/// A connection, and what was read from it and not used yet, and what is to be written.
#[derive(Debug)]
pub struct Connection {
    line: Line,
    read_bytes: usize,
    /// Read, and not taken yet.
    pub input: BytesMut,
    /// To be written.
    pub output: BytesMut,
}

impl Connection {
    /// Connects, with Nagle's algorithm off.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: &str) -> Result<Self, BenchError> {
        Self::by(&Door::open(address), READ_BYTES).await
    }

    /// The same by a door that may want TLS.
    pub(crate) async fn enter(door: &Door) -> Result<Self, BenchError> {
        Self::by(door, READ_BYTES).await
    }

    /// The same for a connection on which little is said: ten thousand of them are to fit.
    pub(crate) async fn enter_small(door: &Door) -> Result<Self, BenchError> {
        Self::by(door, SMALL_READ_BYTES).await
    }

    async fn by(door: &Door, read_bytes: usize) -> Result<Self, BenchError> {
        let line = Line::open(door).await;
        let line = line.map_err(BenchError::io(format_args!(
            "connect to {}",
            door.address()
        )))?;
        Ok(Self {
            line,
            read_bytes,
            input: BytesMut::with_capacity(read_bytes),
            output: BytesMut::with_capacity(read_bytes),
        })
    }

    /// Writes all of `output`.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self) -> Result<(), BenchError> {
        let sent = self.line.send(&mut self.output).await;
        sent.map_err(BenchError::io("write to the connection"))
    }

    /// Reads what comes next onto the end of `input`.
    ///
    /// # Errors
    /// When the connection breaks or ends.
    pub async fn receive(&mut self) -> Result<(), BenchError> {
        self.input.reserve(self.read_bytes);
        let read = self.line.receive(&mut self.input).await;
        some(read.map_err(BenchError::io("read from the connection"))?)
    }

    /// Writes and reads what can be, and returns when anything was read: then with nothing; or
    /// with what `until` came to.
    async fn exchange<T>(
        &mut self,
        until: impl Future<Output = T>,
    ) -> Result<Option<T>, BenchError> {
        self.input.reserve(self.read_bytes);
        let (output, input) = (&mut self.output, &mut self.input);
        let exchanged = self.line.exchange(output, input, until).await;
        match exchanged.map_err(BenchError::io("speak on the connection"))? {
            Exchanged::Came(came) => Ok(Some(came)),
            Exchanged::Read(bytes) => some(bytes).map(|()| None),
        }
    }
}

fn some(bytes: usize) -> Result<(), BenchError> {
    if bytes > 0 {
        return Ok(());
    }
    Err(BenchError::failed(
        "read from the connection",
        "the other side closed it",
    ))
}

/// How a system is told of tasks.
pub trait ProducerDialect: Send + 'static {
    /// What is said before the work begins. What is left in `input` is read later.
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a>;

    /// Writes one request for one task. `task` is to be given back to
    /// [`ProducerLane::acknowledged`] when it is acknowledged.
    ///
    /// # Errors
    /// When the task cannot be said.
    fn enqueue(
        &mut self,
        task: crate::Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError>;

    /// Called once a second, for a system that wants to hear something.
    ///
    /// # Errors
    /// When that cannot be said.
    fn heartbeat(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        let _ = output;
        Ok(())
    }

    /// Called after the requests of one wake-up were written, for a system that is asked once a
    /// batch whether all is well.
    ///
    /// # Errors
    /// When that cannot be said.
    fn end_of_batch(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        let _ = output;
        Ok(())
    }

    /// Takes all that is whole from `input`, tells the lane of acknowledgements, and leaves the
    /// rest.
    ///
    /// # Errors
    /// When the system refuses, or is not understood.
    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError>;
}

/// How a system is worked for.
pub trait WorkerDialect: Send + 'static {
    /// What is said before the work begins, such as who this is. Asks for no task yet.
    fn greet<'a>(&'a mut self, connection: &'a mut Connection) -> Doing<'a>;

    /// Asks for the first tasks, up to [`WorkerLane::slots`].
    ///
    /// # Errors
    /// When that cannot be said.
    fn open(&mut self, output: &mut BytesMut, lane: &mut WorkerLane) -> Result<(), BenchError>;

    /// Takes all that is whole from `input`: tells the lane of tasks delivered and of completions
    /// acknowledged; completes and asks for more in `output`; leaves the rest.
    ///
    /// # Errors
    /// When the system refuses, or is not understood.
    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
        lane: &mut WorkerLane,
    ) -> Result<(), BenchError>;

    /// Called once a second, for a system that wants to hear something.
    ///
    /// # Errors
    /// When that cannot be said.
    fn heartbeat(&mut self, output: &mut BytesMut) -> Result<(), BenchError> {
        let _ = output;
        Ok(())
    }

    /// What is said at the end, after which the connection is closed.
    fn close(&mut self, output: &mut BytesMut) {
        let _ = output;
    }
}

/// A producing connection from its beginning to its end.
///
/// # Errors
/// When the system cannot be reached, breaks off, refuses, or is not understood.
pub async fn run_producer(
    address: String,
    dialect: impl ProducerDialect,
    lane: ProducerLane,
) -> Result<ProducerLane, BenchError> {
    produce_on(Connection::open(&address).await?, dialect, lane).await
}

pub(crate) async fn produce_on(
    mut connection: Connection,
    mut dialect: impl ProducerDialect,
    mut lane: ProducerLane,
) -> Result<ProducerLane, BenchError> {
    dialect.greet(&mut connection).await?;
    let mut heart = heart();
    lane.begin().await;
    loop {
        lane.tick();
        let next = write_due(&mut dialect, &mut lane, &mut connection.output)?;
        if matches!(next, Next::Over) && lane.under_way() == 0 {
            return Ok(lane);
        }
        let until = async {
            tokio::select! {
                () = lane.due(&next) => false,
                _ = heart.tick() => true,
            }
        };
        match connection.exchange(until).await? {
            None => {
                lane.tick();
                dialect.read(&mut connection.input, &mut connection.output, &mut lane)?;
            }
            Some(true) => dialect.heartbeat(&mut connection.output)?,
            Some(false) => {}
        }
    }
}

/// How often a dialect may say that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);

fn heart() -> Interval {
    interval_at(Instant::now() + HEARTBEAT, HEARTBEAT)
}

/// Writes all that is due, and says what comes after it.
fn write_due(
    dialect: &mut impl ProducerDialect,
    lane: &mut ProducerLane,
    output: &mut BytesMut,
) -> Result<Next, BenchError> {
    let mut wrote = false;
    loop {
        let next = lane.next();
        let Next::Task(task) = next else {
            if wrote {
                dialect.end_of_batch(output)?;
            }
            return Ok(next);
        };
        dialect.enqueue(task, lane.payload(task), output)?;
        wrote = true;
    }
}

/// A working connection from its beginning to its end.
///
/// # Errors
/// When the system cannot be reached, breaks off, refuses, or is not understood.
pub async fn run_worker(
    address: String,
    dialect: impl WorkerDialect,
    lane: WorkerLane,
) -> Result<WorkerLane, BenchError> {
    work_on(Connection::open(&address).await?, dialect, lane).await
}

pub(crate) async fn work_on(
    mut connection: Connection,
    mut dialect: impl WorkerDialect,
    mut lane: WorkerLane,
) -> Result<WorkerLane, BenchError> {
    dialect.greet(&mut connection).await?;
    lane.begin().await;
    lane.tick();
    dialect.open(&mut connection.output, &mut lane)?;
    let mut heart = heart();
    let over = lane.over();
    tokio::pin!(over);
    loop {
        let until = async {
            tokio::select! {
                () = &mut over => false,
                _ = heart.tick() => true,
            }
        };
        match connection.exchange(until).await? {
            None => {
                lane.tick();
                dialect.read(&mut connection.input, &mut connection.output, &mut lane)?;
                lane.tell();
            }
            Some(true) => dialect.heartbeat(&mut connection.output)?,
            Some(false) => break,
        }
    }
    dialect.close(&mut connection.output);
    connection.send().await?;
    Ok(lane)
}
