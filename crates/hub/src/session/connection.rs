//! The two halves of a connection, of whatever kind.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::TcpStream,
};

/// A connection that was accepted.
pub(crate) struct Connection {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Where from, for people.
    pub(crate) address: String,
}

impl Connection {
    /// A socket, set up so that the kernel, too, notices a peer that is gone for `silence_after`.
    pub(crate) fn tcp(stream: TcpStream, silence_after: Duration) -> Self {
        let address = stream
            .peer_addr()
            .map_or_else(|_| "unknown".to_owned(), |address| address.to_string());
        if let Err(error) = set_up(&stream, silence_after) {
            tracing::warn!(%address, %error, "a socket option was refused");
        }
        let (reader, writer) = stream.into_split();
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            address,
        }
    }

    pub(crate) fn in_process(stream: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            address: "in-process".to_owned(),
        }
    }
}

fn set_up(stream: &TcpStream, silence_after: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probe_after = silence_after.max(Duration::from_secs(2)) / 2;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(probe_after))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(silence_after))?;
    Ok(())
}

/// A reader that remembers whether anything came: part of a long frame is a sign of life, too.
pub(super) struct Heard<R> {
    inner: R,
    has_heard: bool,
}

impl<R> Heard<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self {
            inner,
            has_heard: false,
        }
    }

    /// Whether anything came since the last time this was asked.
    pub(super) const fn take(&mut self) -> bool {
        std::mem::replace(&mut self.has_heard, false)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Heard<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.has_heard |= buffer.filled().len() > before;
        Poll::Ready(Ok(()))
    }
}
