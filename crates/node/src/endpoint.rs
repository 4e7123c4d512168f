//! Where the hub is, and how to get there.

use std::{fmt, io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::Tls;

/// How long an idle socket waits before the kernel asks whether the other end is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);

/// How long the kernel waits between such questions.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);

/// How long the kernel tries to get bytes acknowledged before it ends the connection.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED_FOR: Duration = Duration::from_secs(10);

/// A connection to a hub, whatever it goes over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl fmt::Debug for dyn Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

pub(crate) type BoxStream = Box<dyn Stream>;

type Connect = dyn Fn() -> BoxFuture<'static, io::Result<BoxStream>> + Send + Sync;

/// Where the hub is. Cheap to clone; each producer, inspector and worker that is given one makes
/// its own connection.
#[derive(Clone)]
pub struct Endpoint {
    name: Arc<str>,
    connect: Arc<Connect>,
}

impl Endpoint {
    /// A hub that listens on `address`, which is `host:port`. The host is resolved anew at each
    /// connect. A malformed address is a failed connect, and is tried again like any other.
    #[must_use]
    pub fn tcp(address: impl Into<String>) -> Self {
        let address: Arc<str> = address.into().into();
        let name = Arc::clone(&address);
        Self::named(name, move || connect_tcp(Arc::clone(&address)))
    }

    /// A hub that listens on `address` and speaks TLS; `tls` says which hub is trusted, and what
    /// this node shows of itself. As with [`Self::tcp`], nothing is looked at before the first
    /// connect; the files are read anew at each.
    #[must_use]
    pub fn tls(address: impl Into<String>, tls: Tls) -> Self {
        let address: Arc<str> = address.into().into();
        let (name, tls) = (Arc::clone(&address), Arc::new(tls));
        Self::named(name, move || {
            connect_tls(Arc::clone(&address), Arc::clone(&tls))
        })
    }

    /// A hub that is reached by `connect`, which is called for each connection: a hub within this
    /// process, a tunnel, a test.
    pub fn over<F, Fut, S>(connect: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self::named("a custom endpoint".into(), connect)
    }

    fn named<F, Fut, S>(name: Arc<str>, connect: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connect = move || -> BoxFuture<'static, io::Result<BoxStream>> {
            let connecting = connect();
            Box::pin(async move { Ok(Box::new(connecting.await?) as BoxStream) })
        };
        Self {
            name,
            connect: Arc::new(connect),
        }
    }

    /// A connection, on which nothing was said yet: for programs that speak the protocol by
    /// themselves. Bytes are on their way when it is flushed.
    ///
    /// # Errors
    /// When nobody listens there, or TLS does not come about.
    pub fn dial(&self) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.connect()
    }

    pub(crate) fn connect(&self) -> BoxFuture<'static, io::Result<BoxStream>> {
        (self.connect)()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.name)
    }
}

async fn connect_tcp(address: Arc<str>) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address.as_ref()).await?;
    stream.set_nodelay(true)?;
    // Silence is noticed without these two; they only end a dead socket earlier.
    if let Err(error) = watch_over(&stream) {
        tracing::debug!(%error, "failed to set the socket's timeouts");
    }
    Ok(stream)
}

async fn connect_tls(address: Arc<str>, tls: Arc<Tls>) -> io::Result<TlsStream<TcpStream>> {
    // Before the connection, so that no hub waits for a disk.
    let (connector, name) = tls.connector(&address).await?;
    let stream = connect_tcp(address).await?;
    connector.connect(name, stream).await
}

fn watch_over(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_FOR))?;
    Ok(())
}
