//! The two halves of a connection, of whatever kind.

use std::{
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::Instant,
};

use super::Origin;

/// Room for what an idle session is sent: heartbeats.
pub(super) const ROOM_BYTES_IDLE: usize = 512;

/// The most room that is made for one read, beyond what a long frame itself asks for.
const ROOM_BYTES_MAX: usize = 64 * 1024;

/// How much more room there is after a read that filled what there was.
const ROOM_GROWTH: usize = 8;

/// Who does not say where from counts with all others who do not.
const UNKNOWN: Origin = Origin::V4(Ipv4Addr::UNSPECIFIED);

/// A connection that was accepted.
pub(crate) struct Connection {
    pub(super) line: Line,
    /// Where from, for people.
    pub(crate) address: String,
    /// Where from, to be counted by.
    pub(crate) origin: Origin,
}

/// What a connection goes over.
pub(super) enum Line {
    Socket(TcpStream),
    Whole(Halves),
}

pub(super) type Halves = (
    Box<dyn AsyncRead + Send + Unpin>,
    Box<dyn AsyncWrite + Send + Unpin>,
);

impl Connection {
    /// A socket, set up so that the kernel, too, notices a peer that is gone for `silence_after`.
    pub(crate) fn tcp(stream: TcpStream, silence_after: Duration) -> Self {
        let from = stream.peer_addr().ok();
        let address = from.map_or_else(|| "unknown".to_owned(), |from| from.to_string());
        // Who is gone already is nobody's neighbour.
        let origin = from.map_or(UNKNOWN, |from| Origin::of(from.ip()));
        if let Err(error) = set_up(&stream, silence_after) {
            tracing::warn!(%address, %error, "a socket option was refused");
        }
        let line = Line::Socket(stream);
        Self {
            line,
            address,
            origin,
        }
    }

    /// From inside this process.
    pub(crate) fn in_process(stream: DuplexStream) -> Self {
        Self {
            line: Line::Whole(split(stream)),
            address: Origin::Inside.to_string(),
            origin: Origin::Inside,
        }
    }

    /// Any other stream; `address` says where from.
    pub(crate) fn over<S>(stream: S, address: String) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let from = address.parse::<SocketAddr>();
        let origin = from.map_or(UNKNOWN, |from| Origin::of(from.ip()));
        Self {
            line: Line::Whole(split(stream)),
            address,
            origin,
        }
    }
}

/// Of a socket that is spoken over in plain.
pub(super) fn halves(stream: TcpStream) -> Halves {
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(Written(Some(writer))))
}

fn split<S>(stream: S) -> Halves
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    (Box::new(reader), Box::new(writer))
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

/// The half of a socket that is written to. Both halves of a connection go together, and what tells
/// the node then is that the socket closes: a half that says so for itself would have it told twice.
struct Written(Option<OwnedWriteHalf>);

impl Written {
    /// None once it is being dropped, when nobody asks.
    fn half(&mut self) -> std::io::Result<Pin<&mut OwnedWriteHalf>> {
        let gone = || std::io::ErrorKind::NotConnected.into();
        self.0.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}

/// Without slices of slices: what is said lies in one piece.
impl AsyncWrite for Written {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.half()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.half()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.half()?.poll_shutdown(cx)
    }
}

/// A reader that remembers when something came: part of a long frame is a sign of life, too.
pub(super) struct Heard<R> {
    inner: R,
    heard_at: Instant,
    /// How much room there was for the last read, if it filled all of it.
    filled: Option<usize>,
    /// The most room that there was for a read since the buffer was last given back.
    room_most: usize,
    /// How much came since that was last asked.
    bytes: u64,
}

impl<R> Heard<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            heard_at: Instant::now(),
            filled: None,
            room_most: 0,
            bytes: 0,
        }
    }

    /// When something came last.
    pub(super) const fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// It counts as heard now: nobody listened.
    pub(super) const fn excuse(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// Makes room for the next read if the last one filled its own: what comes together is read
    /// together. While as much is still to be taken apart there is no next read, and room behind it
    /// would double the buffer for as long as somebody sends faster than he is heard.
    pub(super) fn make_room(&mut self, buffer: &mut BytesMut) {
        let Some(filled) = self.filled.take() else {
            return;
        };
        let room = (ROOM_GROWTH * filled).min(ROOM_BYTES_MAX);
        if buffer.len() < room {
            buffer.reserve(room);
        }
    }

    /// How much came since this was last asked.
    pub(super) const fn bytes(&mut self) -> u64 {
        std::mem::replace(&mut self.bytes, 0)
    }

    /// Whether there was more room than an idle session needs since this was last asked.
    pub(super) const fn had_room_to_spare(&mut self) -> bool {
        std::mem::replace(&mut self.room_most, 0) > ROOM_BYTES_IDLE
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Heard<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let room = buffer.remaining();
        self.room_most = self.room_most.max(room);
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let came = room - buffer.remaining();
        if came > 0 {
            self.heard_at = Instant::now();
            self.bytes += came as u64;
        }
        self.filled = (buffer.remaining() == 0).then_some(room);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf as _;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn read(heard: &mut Heard<&[u8]>, buffer: &mut BytesMut) {
        heard.read_buf(buffer).await.expect("a slice can be read");
    }

    #[tokio::test]
    async fn a_socket_says_what_it_was_told_to_and_ends_with_both_its_halves() {
        use tokio::io::AsyncWriteExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = TcpStream::connect(listener.local_addr().unwrap());
        let (node, accepted) = tokio::join!(node, listener.accept());
        let (mut node, connection) = (
            node.unwrap(),
            Connection::tcp(accepted.unwrap().0, Duration::from_secs(10)),
        );
        let Line::Socket(stream) = connection.line else {
            panic!("it is a socket");
        };
        let (reader, mut writer) = halves(stream);
        writer.write_all(b"last").await.unwrap();
        drop(writer);
        let mut heard = [0; 4];
        node.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"last");
        let told = node.try_read(&mut heard).map_err(|error| error.kind());
        assert_eq!(
            told,
            Err(std::io::ErrorKind::WouldBlock),
            "one half is left"
        );
        drop(reader);
        assert_eq!(node.read(&mut heard).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn there_is_more_room_after_a_read_that_filled_it_up_to_a_bound() {
        let mut heard = Heard::new(&[0; 1 << 20][..]);
        let mut buffer = BytesMut::with_capacity(ROOM_BYTES_IDLE);
        let mut rooms = Vec::new();
        for _ in 0..4 {
            read(&mut heard, &mut buffer).await;
            buffer = BytesMut::new();
            heard.make_room(&mut buffer);
            rooms.push(buffer.capacity());
        }
        assert_eq!(rooms, [4096, 32768, 65536, 65536]);
        buffer = BytesMut::new();
        heard.make_room(&mut buffer);
        assert_eq!(buffer.capacity(), 0, "it was asked for once");
    }

    #[tokio::test]
    async fn a_buffer_stays_small_however_fast_it_is_filled() {
        const FRAME: usize = 27 * 1024;
        let mut heard = Heard::new(tokio::io::repeat(1));
        let mut buffer = BytesMut::with_capacity(ROOM_BYTES_IDLE);
        for number in 0..200 {
            while buffer.len() < FRAME {
                buffer.reserve(1);
                heard.read_buf(&mut buffer).await.expect("it never ends");
            }
            // Now one frame is all that is taken for a while, now all that there are.
            buffer.advance(FRAME);
            if number % 2 == 0 {
                heard.make_room(&mut buffer);
            }
            buffer.advance(buffer.len() / FRAME * FRAME);
            let capacity = buffer.capacity();
            assert!(capacity <= 4 * ROOM_BYTES_MAX, "{capacity}");
        }
    }

    #[tokio::test]
    async fn a_heartbeat_needs_no_more_room_than_there_is() {
        let mut heard = Heard::new(&[1; 5][..]);
        read(&mut heard, &mut BytesMut::with_capacity(ROOM_BYTES_IDLE)).await;
        let mut buffer = BytesMut::new();
        heard.make_room(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        assert!(!heard.had_room_to_spare());
    }

    #[tokio::test]
    async fn room_to_spare_is_noticed_once() {
        let mut heard = Heard::new(&[1; 5][..]);
        read(&mut heard, &mut BytesMut::with_capacity(ROOM_BYTES_MAX)).await;
        assert!(heard.had_room_to_spare());
        assert!(!heard.had_room_to_spare());
    }
}
