//! Sessions of nodes of every version of the protocol with today's hub, and of today's node with
//! hubs of every version: byte for byte as they were recorded.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt, StreamExt};
use leasehold_wire::{FromHub, FromNode, HubCodec, NodeCodec, Request, Response};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::codec::Framed;

use super::recording::{By, Run, of_hub, of_node, recordings};
use crate::support::{hub::Hub, process::leasehold, shell::run, within};

#[tokio::test]
async fn a_node_of_every_version_is_answered_as_its_own_hub_did() {
    for recording in recordings() {
        let hub = Hub::with(&recording.config("")).await;
        for run in recording.runs() {
            let what = format!("{}: {:?}", recording.name, run.args);
            let mut connections = BTreeMap::new();
            for (number, by, frame) in &run.frames {
                if !connections.contains_key(number) {
                    let connection = OldNode::begin(hub.address()).await;
                    connections.insert(*number, connection);
                }
                let node = connections.get_mut(number).unwrap();
                match by {
                    By::Node => node.says(frame).await,
                    By::Hub => same_to_a_node(&of_hub(frame), &node.hears().await, &what),
                }
            }
            // As long as the hub takes them for alive it grants them tasks.
            for node in connections.into_values() {
                node.ends().await;
            }
        }
    }
}

/// Sends what was recorded, whatever it is.
struct OldNode(Framed<TcpStream, NodeCodec>);

impl OldNode {
    async fn begin(hub: SocketAddr) -> Self {
        let stream = TcpStream::connect(hub).await.expect("the hub listens");
        let mut codec = NodeCodec::new();
        codec.set_frame_bytes_max(1 << 24);
        Self(Framed::new(stream, codec))
    }

    async fn says(&mut self, frame: &[u8]) {
        send(self.0.get_mut(), frame)
            .await
            .expect("the hub takes it");
    }

    /// Says no more, and waits until the hub has closed its end, too.
    async fn ends(mut self) {
        // It may have closed already.
        _ = self.0.get_mut().shutdown().await;
        let closed = async { while let Some(Ok(_)) = self.0.next().await {} };
        within("the end of a session", closed).await;
    }

    async fn hears(&mut self) -> FromHub {
        loop {
            let next = within("a word of the hub", self.0.next()).await;
            let next = next.expect("the hub does not hang up");
            let next = next.expect("the hub speaks its protocol");
            if next != FromHub::Ping {
                return next;
            }
        }
    }
}

async fn send(stream: &mut TcpStream, frame: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(frame.len()).expect("a short frame");
    stream
        .write_all(&[&length.to_be_bytes(), frame].concat())
        .await
}

/// Whether a node that expects the one can go on with the other: all but times, and what a hub says
/// of itself, is the same.
fn same_to_a_node(was: &FromHub, is: &FromHub, what: &str) {
    match (was, is) {
        (FromHub::Welcome(was), FromHub::Welcome(is)) => {
            assert_eq!(was.version, is.version, "{what}");
            assert!(is.frame_bytes_max >= was.frame_bytes_max, "{what}");
        }
        (FromHub::Deliver { tasks: was, .. }, FromHub::Deliver { tasks: is, .. }) => {
            assert_eq!(was.len(), is.len(), "{what}");
            for (was, is) in was.iter().zip(is) {
                let mut same = is.clone();
                same.enqueued_at_ms = was.enqueued_at_ms;
                assert_eq!(*was, same, "{what}");
            }
        }
        (
            FromHub::Response {
                id: was,
                body: Response::Status(_),
            },
            FromHub::Response {
                id: is,
                body: Response::Status(_),
            },
        ) => assert_eq!(was, is, "{what}"),
        (was, is) => assert_eq!(was, is, "{what}"),
    }
}

#[tokio::test]
async fn a_hub_of_every_version_is_understood_as_its_own_node_did() {
    for recording in recordings() {
        for recorded in recording.runs() {
            let what = format!("{}: {:?}", recording.name, recorded.args);
            let (args, said, code) = (recorded.args.clone(), recorded.said.clone(), recorded.code);
            let hub = OldHub::begin(recorded, what.clone()).await;
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let mut command = leasehold(&args);
            command.env("LEASEHOLD_HUB", hub.address.to_string());
            let told = run(command).await;
            let wrong = hub.wrong.all();
            assert!(wrong.is_empty(), "{what}: {wrong:#?}, and {told:?}");
            assert_eq!(
                (told.code, &told.out),
                (Some(code), &said),
                "{what}: {told:?}"
            );
        }
    }
}

/// Says what a hub of that time said, if it is asked what it was asked then.
struct OldHub {
    address: SocketAddr,
    wrong: Wrong,
}

/// What was said that had not been said then.
#[derive(Clone, Default)]
struct Wrong(Arc<Mutex<Vec<String>>>);

impl Wrong {
    fn note(&self, text: String) {
        self.0.lock().expect("nobody panics with it").push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

/// The part of one connection, and how it goes on.
type Part = Vec<(By, Vec<u8>)>;

/// Those that nobody has come for yet.
type Parts = Arc<Mutex<Vec<Part>>>;

impl OldHub {
    async fn begin(run: Run, what: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let wrong = Wrong::default();
        let noted = wrong.clone();
        let mut parts: BTreeMap<u64, Part> = BTreeMap::new();
        for (number, by, frame) in run.frames {
            parts.entry(number).or_default().push((by, frame));
        }
        let parts: Parts = Arc::new(Mutex::new(parts.into_values().collect()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let frames = Framed::new(stream, HubCodec::new());
                tokio::spawn(meet(frames, parts.clone(), noted.clone(), what.clone()));
            }
        });
        Self { address, wrong }
    }
}

/// Says hello, and tells by what is asked first which of the connections of that time it is.
async fn meet(
    mut frames: Framed<TcpStream, HubCodec>,
    parts: Parts,
    wrong: Wrong,
    what: String,
) -> Option<()> {
    let Some(Ok(FromNode::Hello(_))) = frames.next().await else {
        wrong.note(format!("{what}: something else than a hello"));
        return None;
    };
    // A welcome says nothing that tells one connection of a program from another.
    let welcome = {
        let parts = parts.lock().expect("nobody panics with it");
        parts.first().map(|part| part[1].1.clone())
    };
    let Some(welcome) = welcome else {
        wrong.note(format!("{what}: one connection more than then"));
        return None;
    };
    send(frames.get_mut(), &welcome).await.ok()?;
    frames.codec_mut().set_frame_bytes_max(1 << 24);
    let asked = loop {
        match frames.next().await?.ok()? {
            FromNode::Ping => {}
            FromNode::Bye => return None,
            asked @ (FromNode::Request { .. } | FromNode::Hello(_)) => break asked,
        }
    };
    let part = {
        let mut parts = parts.lock().expect("nobody panics with it");
        let begins = |part: &Part| part.get(2).map(|(_, frame)| of_node(frame));
        let at = parts.iter().position(|part| {
            begins(part).is_some_and(|first| look(&first).is_some() == look(&asked).is_some())
        });
        at.map(|at| parts.remove(at))
    };
    let Some(part) = part else {
        wrong.note(format!("{what}: {asked:?} was not said first then"));
        return None;
    };
    play(frames, part, asked, wrong).await;
    None
}

/// Answers each thing that is asked as it was answered then.
async fn play(mut frames: Framed<TcpStream, HubCodec>, part: Part, first: FromNode, wrong: Wrong) {
    let mut part = part.into_iter().skip(2).peekable();
    let mut last = None;
    let mut first = Some(first);
    loop {
        while let Some((_, frame)) = part.next_if(|(by, _)| *by == By::Hub) {
            if send(frames.get_mut(), &frame).await.is_err() {
                return;
            }
            last = Some(of_hub(&frame));
        }
        let next = match first.take() {
            Some(first) => Some(Ok(first)),
            None => frames.next().await,
        };
        let asked = match next {
            Some(Ok(FromNode::Ping)) => continue,
            Some(Ok(FromNode::Bye) | Err(_)) | None => return,
            Some(Ok(asked)) => asked,
        };
        let expected = part.next().map(|(_, frame)| of_node(&frame));
        if expected.as_ref() == Some(&asked) {
            continue;
        }
        // Whoever waits for empty pools looks as often as it likes; it sees what was seen last.
        if let (Some(id), None, Some(FromHub::Response { body, .. })) =
            (look(&asked), &expected, &last)
        {
            let body = body.clone();
            if frames.send(FromHub::Response { id, body }).await.is_err() {
                return;
            }
            continue;
        }
        let text = format!("{asked:?} was said, and then it was {expected:?}");
        wrong.note(text);
    }
}

/// The number of a request for the status.
const fn look(asked: &FromNode) -> Option<u64> {
    match asked {
        FromNode::Request {
            id,
            body: Request::Status { .. },
        } => Some(*id),
        FromNode::Request { .. } | FromNode::Hello(_) | FromNode::Ping | FromNode::Bye => None,
    }
}
