//! Where a hub is let in by, and sessions by hand.

use std::io;

use futures_util::{SinkExt, StreamExt};
use leasehold_node::{Endpoint, NodeOptions, Refusal, RefusalCode, Secret, Stream};
use leasehold_wire::{FromHub, FromNode, Hello, NodeCodec, Request, Response, Welcome, WireError};
use tokio_util::codec::Framed;

/// The first version of the protocol in which a token can be shown.
const SAYABLE_SINCE: u16 = 3;

/// The number of the request that shows the token: no other request of a session has it.
const REQUEST: u64 = u64::MAX;

/// A session by hand: whole messages, and nothing that is said by itself.
pub type Frames = Framed<Box<dyn Stream>, NodeCodec>;

/// A hub, how it is spoken to, and what is shown to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    address: String,
    endpoint: Endpoint,
    token: Option<Secret>,
    is_plain: bool,
}

/// How a hub received somebody.
#[derive(Debug)]
pub enum Entry {
    /// The session is open, and who it is of is settled.
    Welcomed(Box<(Frames, Welcome)>),
    /// There is none, for this reason.
    Refused(Refusal),
}

impl Door {
    pub(crate) fn new(
        address: &str,
        endpoint: Endpoint,
        token: Option<Secret>,
        is_plain: bool,
    ) -> Self {
        let address = address.to_owned();
        Self {
            address,
            endpoint,
            token,
            is_plain,
        }
    }

    /// To a hub that speaks plainly, and asks nobody who he is.
    #[must_use]
    pub fn open(address: &str) -> Self {
        Self::new(address, Endpoint::tcp(address), None, true)
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether a connection is one of TCP, and nothing else.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// For those who do not speak the protocol by themselves.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// The defaults of a node, and the token.
    #[must_use]
    pub fn options(&self) -> NodeOptions {
        NodeOptions::default().token(self.token.clone())
    }

    /// What shows the token, right after a welcome in this version; nothing if there is none to
    /// show, or the hub is too old to be shown one, and asks for none. The answer is the first
    /// response of the session.
    #[must_use]
    pub fn introduction(&self, version: u16) -> Option<FromNode> {
        let token = self.token.clone().filter(|_| version >= SAYABLE_SINCE)?;
        let body = Request::Authenticate { token };
        Some(FromNode::Request { id: REQUEST, body })
    }

    /// Opens a session, and shows the token in it.
    ///
    /// # Errors
    /// When there is no hub, or it is not understood.
    pub async fn enter(&self, hello: Hello) -> io::Result<Entry> {
        let stream = self.endpoint.dial().await?;
        let mut frames = Framed::new(stream, NodeCodec::new());
        send(&mut frames, FromNode::Hello(hello)).await?;
        let word = next(&mut frames).await?;
        if let FromHub::Refused(refusal) = word {
            return Ok(Entry::Refused(refusal));
        }
        let FromHub::Welcome(welcome) = word else {
            return Err(unexpected("a hello", &word));
        };
        frames
            .codec_mut()
            .set_frame_bytes_max(welcome.frame_bytes_max);
        if let Some(introduction) = self.introduction(welcome.version) {
            send(&mut frames, introduction).await?;
            if let Some(refusal) = answered(&mut frames).await? {
                return Ok(Entry::Refused(refusal));
            }
        }
        Ok(Entry::Welcomed(Box::new((frames, welcome))))
    }
}

/// Why nobody is let in with this token, if so.
async fn answered(frames: &mut Frames) -> io::Result<Option<Refusal>> {
    loop {
        let word = next(frames).await?;
        if matches!(word, FromHub::Ping) {
            continue;
        }
        if let FromHub::Refused(refusal) = word {
            return Ok(Some(refusal));
        }
        let FromHub::Response { body, .. } = word else {
            return Err(unexpected("a token", &word));
        };
        if let Response::Refused(rejection) = body {
            let (code, reason) = (RefusalCode::Denied, rejection.to_string());
            return Ok(Some(Refusal { code, reason }));
        }
        if matches!(body, Response::Authenticated(_)) {
            return Ok(None);
        }
        return Err(io::Error::other(format!(
            "a token was answered by {body:?}"
        )));
    }
}

pub(crate) async fn send(frames: &mut Frames, message: FromNode) -> io::Result<()> {
    frames.send(message).await.map_err(broken)
}

pub(crate) async fn next(frames: &mut Frames) -> io::Result<FromHub> {
    let next = frames.next().await;
    next.ok_or(io::ErrorKind::UnexpectedEof)?.map_err(broken)
}

/// What the connection failed with stays what it was.
fn broken(error: WireError) -> io::Error {
    if let WireError::Io(error) = error {
        return error;
    }
    io::Error::other(error)
}

fn unexpected(asked: &str, answer: &FromHub) -> io::Error {
    io::Error::other(format!("{asked} was answered by {answer:?}"))
}
