//! A session by hand, message by message or byte by byte.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use leasehold_node::{Incarnation, LeaseRef, PoolName, Refusal, Rejection};
use leasehold_wire::{
    CompleteItem, Delivery, FromHub, FromNode, Hello, NodeCodec, Request, Response, Welcome,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::codec::{Decoder, Framed};

use super::{named, pool, within};

/// A session that does only what it is told; it does not even ping.
#[derive(Debug)]
pub(crate) struct Raw {
    frames: Framed<TcpStream, NodeCodec>,
    pub(crate) welcome: Welcome,
    last_id: u64,
}

impl Raw {
    /// Opens a session.
    pub(crate) async fn open(hub: SocketAddr, node: &str, incarnation: u64) -> Self {
        let stream = TcpStream::connect(hub).await.expect("the hub listens");
        let mut frames = Framed::new(stream, NodeCodec::new());
        let hello = Hello::new(named(node), Incarnation(incarnation));
        let sent = frames.send(FromNode::Hello(hello)).await;
        sent.expect("a hello can be sent");
        let FromHub::Welcome(welcome) = next(&mut frames).await.expect("an answer to the hello")
        else {
            panic!("the hub does not welcome {node}");
        };
        let bytes_max = welcome.frame_bytes_max;
        frames.codec_mut().set_frame_bytes_max(bytes_max);
        Self {
            frames,
            welcome,
            last_id: 0,
        }
    }

    /// Sends a request and waits for its response; deliveries and pings are passed over.
    pub(crate) async fn ask(&mut self, body: Request) -> Response {
        self.last_id += 1;
        let id = self.last_id;
        self.send(FromNode::Request { id, body }).await;
        loop {
            match self.next().await {
                Some(FromHub::Response { id: of, body }) if of == id => return body,
                Some(FromHub::Refused(refusal)) => panic!("the session was refused: {refusal:?}"),
                Some(_) => {}
                None => panic!("the session ended before the response"),
            }
        }
    }

    pub(crate) async fn send(&mut self, message: FromNode) {
        let sent = self.frames.send(message).await;
        sent.expect("the hub takes it");
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let sent = self.frames.get_mut().write_all(bytes).await;
        sent.expect("the hub takes it");
    }

    /// The next message; none at the end.
    pub(crate) async fn next(&mut self) -> Option<FromHub> {
        next(&mut self.frames).await
    }

    /// Says nothing any more, and waits for the hub's last word.
    pub(crate) async fn refused(&mut self) -> Refusal {
        loop {
            match self.next().await.expect("a last word before the end") {
                FromHub::Refused(refusal) => return refusal,
                FromHub::Welcome(_)
                | FromHub::Response { .. }
                | FromHub::Deliver { .. }
                | FromHub::Revoked { .. }
                | FromHub::Ping
                | FromHub::Bye { .. }
                | FromHub::DeliverMore { .. }
                | FromHub::StopAsked { .. } => {}
            }
        }
    }

    /// Claims up to so many of the tasks that are ready.
    pub(crate) async fn claim(&mut self, tasks_max: u32) -> Vec<Delivery> {
        let request = Request::Claim {
            pool: pool(),
            tasks_max,
            wait_ms: 30_000,
            lease_ms: None,
        };
        let answer = self.ask(request).await;
        let Response::Claimed(tasks) = answer else {
            panic!("a claim was answered with {answer:?}");
        };
        tasks
    }

    /// Completes a task; what the hub says to it.
    pub(crate) async fn complete(
        &mut self,
        proof: LeaseRef,
        result: &str,
    ) -> Result<(), Rejection> {
        let result = Some(Bytes::copy_from_slice(result.as_bytes()));
        let items = vec![CompleteItem { proof, result }];
        done(self.ask(Request::Complete { items }).await)
    }
}

/// What was said to the only item of a request.
pub(crate) fn done(response: Response) -> Result<(), Rejection> {
    match response {
        Response::Done(items) => items.into_iter().next().expect("an answer to the one item"),
        Response::Extended(items) => {
            let item = items.into_iter().next().expect("an answer to the one item");
            item.map(|_| ())
        }
        Response::Refused(rejection) => Err(rejection),
        other @ (Response::Enqueued(_)
        | Response::Claimed(_)
        | Response::Credited(_)
        | Response::Revived(_)
        | Response::Task(_)
        | Response::Tasks(_)
        | Response::Status(_)
        | Response::ClaimedMore(_)
        | Response::TaskMore { .. }
        | Response::Purged(_)
        | Response::Pool(_)
        | Response::Schedules(_)
        | Response::Authenticated(_)
        | Response::Tokens(_)
        | Response::TokenMade { .. }
        | Response::Backup(_)) => panic!("answered with {other:?}"),
    }
}

async fn next(frames: &mut Framed<TcpStream, NodeCodec>) -> Option<FromHub> {
    let next = within("a word of the hub", frames.next()).await;
    next.map(|message| message.expect("the hub says what can be read"))
}

/// Sends these bytes on a connection of their own and reads what comes, to the end; as messages.
pub(crate) async fn say(hub: SocketAddr, bytes: &[u8]) -> Vec<FromHub> {
    let mut stream = TcpStream::connect(hub).await.expect("the hub listens");
    // The hub may hang up before it has read all of it.
    let _ = stream.write_all(bytes).await;
    listen(&mut stream).await
}

/// Reads what comes to the end; as messages.
pub(crate) async fn listen(stream: &mut TcpStream) -> Vec<FromHub> {
    let mut read = Vec::new();
    // What was read before a reset counts.
    let _ = within("the end of a connection", stream.read_to_end(&mut read)).await;
    let mut read = read.as_slice().into();
    let mut codec = NodeCodec::new();
    codec.set_frame_bytes_max(1 << 20);
    let mut messages = Vec::new();
    while let Some(message) = codec
        .decode(&mut read)
        .expect("the hub speaks its protocol")
    {
        messages.push(message);
    }
    messages
}

/// A request with one pool and nothing else.
pub(crate) fn status_of(name: &PoolName) -> Request {
    Request::Status {
        pool: Some(name.clone()),
    }
}
