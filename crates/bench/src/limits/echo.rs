//! What loopback and the generator can do at best: a target that sends back what it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use bytes::{Buf, BufMut, BytesMut};
use std::collections::VecDeque;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
    sync::oneshot,
};

use super::BareLog;
use crate::{
    BenchError, Connection, Doing, ProducerDialect, ProducerLane, Promise, Stamp, Target,
    WorkerLane, run_producer,
};

/// Bytes that one read may bring.
const READ_BYTES: usize = 256 * 1024;

/// A target that only sends back; maybe not before it has synced what came.
#[derive(Debug)]
pub(crate) struct Echo {
    address: SocketAddr,
    /// Dropped, it ends.
    _leash: oneshot::Sender<()>,
}

impl Echo {
    /// Begins to send back, on threads of its own, so many.
    pub(crate) fn start(threads: usize) -> Result<Self, BenchError> {
        let mut runtime = runtime::Builder::new_multi_thread();
        Self::start_on(runtime.worker_threads(threads), None)
    }

    /// Begins to send back what it has appended to the log and synced, on one thread: the least that
    /// can be done before an answer that promises something, and by the shortest way.
    pub(crate) fn start_synced(log: BareLog) -> Result<Self, BenchError> {
        Self::start_on(&mut runtime::Builder::new_current_thread(), Some(log))
    }

    fn start_on(runtime: &mut runtime::Builder, log: Option<BareLog>) -> Result<Self, BenchError> {
        let failed = |error: std::io::Error| BenchError::failed("start the echo", error);
        let log = log.map(|log| Arc::new(Mutex::new(log)));
        let runtime = runtime.enable_all().build().map_err(failed)?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (leash, ended) = oneshot::channel();
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = accept(listener, log) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        });
        Ok(Self {
            address,
            _leash: leash,
        })
    }
}

type Log = Option<Arc<Mutex<BareLog>>>;

async fn accept(listener: std::net::TcpListener, log: Log) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(send_back(stream, log.clone()));
    }
}

async fn send_back(mut stream: TcpStream, log: Log) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        buffer.reserve(READ_BYTES);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        if let Some(log) = &log {
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .append(&buffer)?;
        }
        stream.write_all(&buffer).await?;
    }
}

impl Target for Echo {
    fn name(&self) -> &str {
        "loopback"
    }

    fn promise(&self) -> Promise {
        Promise {
            syncs: false,
            says: "the bytes came back",
        }
    }

    fn purge(&self) -> Doing<'_> {
        Box::pin(async { Ok(()) })
    }

    fn produce(&self, lane: ProducerLane) -> Doing<'_, ProducerLane> {
        Box::pin(async { run_producer(self.address.to_string(), Frames::default(), lane).await })
    }

    fn work(&self, lane: WorkerLane) -> Doing<'_, WorkerLane> {
        // Nobody works here.
        Box::pin(async { Ok(lane) })
    }
}

/// Frames that come back in order.
#[derive(Debug, Default)]
struct Frames {
    under_way: VecDeque<Stamp>,
    frame_bytes: usize,
}

impl ProducerDialect for Frames {
    fn greet<'a>(&'a mut self, _: &'a mut Connection) -> Doing<'a> {
        Box::pin(async { Ok(()) })
    }

    fn enqueue(
        &mut self,
        task: Stamp,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        self.frame_bytes = payload.len();
        self.under_way.push_back(task);
        output.put_slice(payload);
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut BytesMut,
        _: &mut BytesMut,
        lane: &mut ProducerLane,
    ) -> Result<(), BenchError> {
        while input.len() >= self.frame_bytes {
            let Some(task) = self.under_way.pop_front() else {
                return Ok(());
            };
            input.advance(self.frame_bytes);
            lane.acknowledged(task);
        }
        Ok(())
    }
}
