//! What a connection goes over: TCP with nothing between, or TLS.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use leasehold_reach::{Door, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::io::poll_read_buf;

/// A connection's two ways.
#[derive(Debug)]
pub(super) enum Line {
    /// What is measured goes by here, and nothing is between.
    Plain(TcpStream),
    Tls(Sealed),
}

/// TLS has bytes of its own before the socket has them.
#[derive(Debug)]
pub(super) struct Sealed {
    stream: Box<dyn Stream>,
    is_flushed: bool,
}

/// What came first.
pub(super) enum Exchanged<T> {
    /// So many bytes; none is the end.
    Read(usize),
    Came(T),
}

impl Line {
    /// Connects, with Nagle's algorithm off.
    pub(super) async fn open(door: &Door) -> io::Result<Self> {
        if !door.is_plain() {
            return Ok(Self::Tls(Sealed {
                stream: door.endpoint().dial().await?,
                is_flushed: true,
            }));
        }
        let stream = TcpStream::connect(door.address()).await?;
        stream.set_nodelay(true)?;
        Ok(Self::Plain(stream))
    }

    /// Writes all of it.
    pub(super) async fn send(&mut self, output: &mut BytesMut) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all_buf(output).await,
            Self::Tls(sealed) => {
                sealed.is_flushed = false;
                poll_fn(|cx| sealed.poll_send(cx, output)).await
            }
        }
    }

    /// Reads what comes next.
    pub(super) async fn receive(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read_buf(input).await,
            Self::Tls(sealed) => sealed.stream.read_buf(input).await,
        }
    }

    /// Writes and reads what can be, until anything was read or `until` came.
    pub(super) async fn exchange<T>(
        &mut self,
        output: &mut BytesMut,
        input: &mut BytesMut,
        until: impl Future<Output = T>,
    ) -> io::Result<Exchanged<T>> {
        match self {
            Self::Plain(stream) => plainly(stream, output, input, until).await,
            Self::Tls(sealed) => sealed.exchange(output, input, until).await,
        }
    }
}

async fn plainly<T>(
    stream: &mut TcpStream,
    output: &mut BytesMut,
    input: &mut BytesMut,
    until: impl Future<Output = T>,
) -> io::Result<Exchanged<T>> {
    let (mut reader, mut writer) = stream.split();
    // Nearly always all of it fits, and then this is the only call.
    if !output.is_empty() {
        match writer.try_write(output) {
            Ok(bytes) => drop(output.split_to(bytes)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut until = pin!(until);
    loop {
        tokio::select! {
            biased;
            read = reader.read_buf(input) => return read.map(Exchanged::Read),
            written = writer.write_buf(output), if !output.is_empty() => {
                written?;
            }
            came = &mut until => return Ok(Exchanged::Came(came)),
        }
    }
}

impl Sealed {
    /// One task does both ways, for TLS has one state for both.
    async fn exchange<T>(
        &mut self,
        output: &mut BytesMut,
        input: &mut BytesMut,
        until: impl Future<Output = T>,
    ) -> io::Result<Exchanged<T>> {
        let mut until = pin!(until);
        self.is_flushed &= output.is_empty();
        poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = self.poll_send(cx, output) {
                return Poll::Ready(Err(error));
            }
            if let Poll::Ready(read) = poll_read_buf(Pin::new(&mut self.stream), cx, input) {
                return Poll::Ready(read.map(Exchanged::Read));
            }
            let came = until.as_mut().poll(cx);
            came.map(|came| Ok(Exchanged::Came(came)))
        })
        .await
    }

    /// Ready when all is on its way.
    fn poll_send(&mut self, cx: &mut Context<'_>, output: &mut BytesMut) -> Poll<io::Result<()>> {
        if self.is_flushed {
            return Poll::Ready(Ok(()));
        }
        let mut stream = Pin::new(&mut self.stream);
        while !output.is_empty() {
            match ready!(stream.as_mut().poll_write(cx, output))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => output.advance(written),
            }
        }
        ready!(stream.poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }
}
