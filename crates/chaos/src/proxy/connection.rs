//! One connection through a cable, and what strikes it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;
use leasehold_wire::{FromHub, NodeCodec};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    pin, select,
    sync::{
        broadcast,
        mpsc::{UnboundedSender, unbounded_channel},
    },
};
use tokio_util::codec::Decoder;

use super::{
    Control,
    frames::{Frames, HEAD},
    ghost,
    mischief::Mischief,
    pump::{Dry, Passage, pump},
    weather::Way,
};
use crate::dice::Dice;

/// The longest frame of a hub that is understood here.
const FRAME_BYTES_MAX: u32 = 32 << 20;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Node,
    Hub,
}

/// What strikes the connections that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Both ends read an end of file.
    Cut,
    /// Both ends are reset.
    Reset,
    /// One end is reset; the other hears nothing any more, and is not told.
    HalfOpen { unaware: End },
    /// The next frame of that way is spoilt.
    Spoil(Way, Mischief),
    /// The node seems to connect a second time, for so long; that one says nothing but its hello.
    Double { lasts: Duration },
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut"),
            Self::Reset => f.write_str("reset"),
            Self::HalfOpen { unaware: End::Hub } => f.write_str("half open: the hub is not told"),
            Self::HalfOpen { unaware: End::Node } => f.write_str("half open: the node is not told"),
            Self::Spoil(way, how) => write!(f, "{how}, {way}"),
            Self::Double { lasts } => write!(f, "connected twice for {lasts:?}"),
        }
    }
}

/// A node on the one side, the hub on the other.
pub(super) struct Connection {
    node: TcpStream,
    hub: TcpStream,
    control: Arc<Control>,
    dice: Dice,
    /// As it passes: the first frame.
    hello: Mutex<Vec<u8>>,
    /// A frame to the hub was spoilt so that the hub must say why it ends the session.
    owes_a_reason: AtomicBool,
    has_refused: AtomicBool,
    has_hung_up: AtomicBool,
}

/// The ways to spoil something.
struct Orders {
    up: UnboundedSender<Mischief>,
    down: UnboundedSender<Mischief>,
}

impl Connection {
    pub(super) fn new(node: TcpStream, hub: TcpStream, control: Arc<Control>, dice: Dice) -> Self {
        // Failing, it is merely slower.
        _ = (node.set_nodelay(true), hub.set_nodelay(true));
        Self {
            node,
            hub,
            control,
            dice,
            hello: Mutex::default(),
            owes_a_reason: AtomicBool::new(false),
            has_refused: AtomicBool::new(false),
            has_hung_up: AtomicBool::new(false),
        }
    }

    /// Until neither way lets anything pass, or a blow ends it.
    pub(super) async fn run(mut self, blows: broadcast::Receiver<Blow>) {
        let dice = [self.dice.fork(), self.dice.fork()];
        let struck = self.carry(dice, blows).await;
        let books = &self.control.books;
        if self.owes_a_reason.load(Relaxed) {
            let (said, hung_up) = (&self.has_refused, &self.has_hung_up);
            match (said.load(Relaxed), hung_up.load(Relaxed)) {
                (true, _) => books.change(|tally| tally.answered += 1),
                (false, true) => books.change(|tally| tally.unanswered += 1),
                // It may have been about to.
                (false, false) => {}
            }
        }
        let Some(blow) = struck else { return };
        books.change(|tally| tally.struck += 1);
        match blow {
            Blow::Cut | Blow::Spoil(..) | Blow::Double { .. } => {}
            Blow::Reset => {
                reset(&self.node);
                reset(&self.hub);
            }
            Blow::HalfOpen { unaware: End::Hub } => {
                reset(&self.node);
                drop(self.node);
                ghost::listen(&self.hub).await;
            }
            Blow::HalfOpen { unaware: End::Node } => {
                reset(&self.hub);
                drop(self.hub);
                ghost::listen(&self.node).await;
            }
        }
    }

    /// What ended it, if it was a blow.
    async fn carry(&self, dice: [Dice; 2], mut blows: broadcast::Receiver<Blow>) -> Option<Blow> {
        let (to_up, up_orders) = unbounded_channel();
        let (to_down, down_orders) = unbounded_channel();
        let orders = Orders {
            up: to_up,
            down: to_down,
        };
        let (control, [up_dice, down_dice]) = (&self.control, dice);
        if let Some(how) = control.greeting.send_replace(None) {
            // The other end is right here.
            _ = orders.up.send(how);
        }
        let frames = || Frames::of(control.is_opaque);
        let up = (control.up.subscribe(), up_orders);
        let down = (control.down.subscribe(), down_orders);
        let up = Passage::new(&self.hub, up, frames(), up_dice);
        let down = Passage::new(&self.node, down, frames(), down_dice);
        let up = pump(
            &self.node,
            up,
            |piece| self.node_said(piece),
            |how| self.spoilt_up(how),
        );
        let down = pump(&self.hub, down, self.ear(), |_| self.spoilt_down());
        pin!(up, down);
        let (mut is_up, mut is_down) = (true, true);
        while is_up || is_down {
            select! {
                biased;
                blow = blows.recv() => if let Ok(blow) = blow && self.ends_by(blow, &orders) {
                    return Some(blow);
                },
                dry = &mut up, if is_up => {
                    is_up = false;
                    self.ran_dry(dry, &self.hub)?;
                }
                dry = &mut down, if is_down => {
                    is_down = false;
                    self.has_hung_up.store(matches!(dry, Dry::Ended | Dry::SenderReset), Relaxed);
                    self.ran_dry(dry, &self.node)?;
                }
            }
        }
        None
    }

    /// Nothing passes this way any more; nothing either way any more if so.
    fn ran_dry(&self, dry: Dry, to: &TcpStream) -> Option<()> {
        match dry {
            Dry::Ended | Dry::ReceiverGone => Some(()),
            Dry::SenderReset => {
                reset(to);
                None
            }
            Dry::ResetInside => {
                reset(&self.node);
                reset(&self.hub);
                None
            }
        }
    }

    /// Whether the connection ends by it.
    fn ends_by(&self, blow: Blow, orders: &Orders) -> bool {
        match blow {
            Blow::Cut | Blow::Reset | Blow::HalfOpen { .. } => return true,
            Blow::Spoil(way, how) => {
                // A way that has run dry has nothing to spoil.
                if way != Way::Down {
                    _ = orders.up.send(how);
                }
                if way != Way::Up {
                    _ = orders.down.send(how);
                }
            }
            Blow::Double { lasts } => {
                let hello = self.hello();
                if is_whole(&hello) {
                    self.control.haunt(hello, lasts);
                }
            }
        }
        false
    }

    fn hello(&self) -> Vec<u8> {
        self.hello
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn node_said(&self, piece: &[u8]) {
        let mut hello = self.hello.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_whole(&hello) {
            // A node says nothing more before it is welcome.
            hello.extend_from_slice(piece);
        }
    }

    /// Understands what the hub says.
    fn ear(&self) -> impl FnMut(&[u8]) {
        let mut codec = NodeCodec::new();
        codec.set_frame_bytes_max(FRAME_BYTES_MAX);
        let mut heard = BytesMut::new();
        let mut is_deaf = false;
        move |piece| {
            heard.extend_from_slice(piece);
            while !is_deaf {
                match codec.decode(&mut heard) {
                    Ok(Some(FromHub::Refused(refusal))) => {
                        self.has_refused.store(true, Relaxed);
                        self.control.books.refused(refusal);
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => return,
                    // Who speaks something else is no hub.
                    Err(_) => is_deaf = true,
                }
            }
            heard.clear();
        }
    }

    fn spoilt_up(&self, how: Mischief) {
        self.control.books.change(|tally| tally.spoilt_up += 1);
        self.owes_a_reason.fetch_or(how.wants_an_answer(), Relaxed);
    }

    fn spoilt_down(&self) {
        self.control.books.change(|tally| tally.spoilt_down += 1);
    }
}

/// Its other end is told that it is no more, when it is dropped.
pub(super) fn reset(stream: &TcpStream) {
    // Of one that is gone already nothing is to be reset.
    _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn is_whole(hello: &[u8]) -> bool {
    let [a, b, c, d, ..] = hello[..] else {
        return false;
    };
    hello.len() >= HEAD + u32::from_be_bytes([a, b, c, d]) as usize
}
