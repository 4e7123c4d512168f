//! One way of a connection: what is read, and what passes when.

use std::{io, net::Shutdown, time::Duration};

use socket2::SockRef;
use tokio::{
    net::TcpStream,
    pin, select,
    sync::{
        mpsc::{self, Receiver, Sender, UnboundedReceiver},
        watch,
    },
    time::{Instant, sleep, sleep_until},
};

use super::{
    frames::Frames,
    mischief::{Mischief, Spoilt},
    weather::Weather,
};
use crate::dice::Dice;

/// Bytes that are read at a time.
const PIECE: usize = 16 * 1024;

/// Pieces that are on their way; past it nothing more is read, and the sender waits.
const PIECES: usize = 64;

/// Why nothing more passes this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dry {
    /// All has passed, and then the end of it.
    Ended,
    /// The sender was reset; what it said before has passed.
    SenderReset,
    /// The receiver takes nothing more.
    ReceiverGone,
    /// A mischief wants both ends reset.
    ResetInside,
}

/// What was read, and when.
struct Piece {
    bytes: Vec<u8>,
    came_at: Instant,
}

/// How what was read passes.
pub(super) struct Passage<'a> {
    to: &'a TcpStream,
    weather: watch::Receiver<Weather>,
    orders: UnboundedReceiver<Mischief>,
    dice: Dice,
    frames: Frames,
    /// Waits for a frame that it can be done to.
    pending: Option<Mischief>,
    /// Frames are followed no more.
    is_spoilt: bool,
}

/// Lets pass what comes `from` one end, until nothing more will. `hear` hears what is read, before
/// anything is done to it; `spoilt` is told what is.
pub(super) async fn pump(
    from: &TcpStream,
    mut passage: Passage<'_>,
    hear: impl FnMut(&[u8]),
    spoilt: impl Fn(Mischief),
) -> Dry {
    let (put, take) = mpsc::channel(PIECES);
    let to = passage.to;
    let passing = passage.run(take, spoilt);
    pin!(passing);
    let read = select! {
        biased;
        dry = &mut passing => return dry.err().unwrap_or(Dry::Ended),
        read = read(from, put, hear) => read,
    };
    match (passing.await, read) {
        (Err(dry), _) => dry,
        (Ok(()), Err(_)) => Dry::SenderReset,
        (Ok(()), Ok(())) => {
            end(to);
            Dry::Ended
        }
    }
}

/// Says that nothing more will come.
fn end(to: &TcpStream) {
    // It may be gone, and knows.
    _ = SockRef::from(to).shutdown(Shutdown::Write);
}

/// Reads to the end, as long as somebody takes it.
async fn read(from: &TcpStream, put: Sender<Piece>, mut hear: impl FnMut(&[u8])) -> io::Result<()> {
    let mut bytes = vec![0; PIECE];
    loop {
        from.readable().await?;
        match from.try_read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                hear(&bytes[..read]);
                let piece = Piece {
                    bytes: bytes[..read].to_vec(),
                    came_at: Instant::now(),
                };
                if put.send(piece).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl<'a> Passage<'a> {
    pub(super) fn new(
        to: &'a TcpStream,
        (weather, orders): (watch::Receiver<Weather>, UnboundedReceiver<Mischief>),
        frames: Frames,
        dice: Dice,
    ) -> Self {
        Self {
            to,
            weather,
            orders,
            dice,
            frames,
            pending: None,
            is_spoilt: false,
        }
    }

    /// To the last piece; where all is lost, the end is, too.
    async fn run(
        &mut self,
        mut pieces: Receiver<Piece>,
        told: impl Fn(Mischief),
    ) -> Result<(), Dry> {
        while let Some(piece) = pieces.recv().await {
            self.until_due(piece.came_at).await;
            let mut bytes = piece.bytes;
            let spoilt = self.spoil(&mut bytes);
            if let Some((how, _)) = spoilt {
                told(how);
            }
            let written = self.write(&bytes).await;
            match spoilt {
                Some((_, Spoilt::Ended { by_reset: true })) => return Err(Dry::ResetInside),
                Some((_, Spoilt::Ended { by_reset: false })) => {
                    end(self.to);
                    // What the sender says after that goes nowhere.
                    while pieces.recv().await.is_some() {}
                    return Ok(());
                }
                Some((_, Spoilt::Changed | Spoilt::NotYet)) | None => {
                    written.map_err(|_| Dry::ReceiverGone)?;
                }
            }
        }
        self.until_due(Instant::now()).await;
        Ok(())
    }

    /// Waits until what came then may pass.
    async fn until_due(&mut self, came_at: Instant) {
        let drawn = u32::try_from(self.dice.below(1000)).unwrap_or(0);
        loop {
            let due = match *self.weather.borrow_and_update() {
                Weather::Clear | Weather::Trickle { .. } => return,
                Weather::Lost => None,
                Weather::Late { by, jitter } => Some(came_at + by + jitter * drawn / 1000),
            };
            select! {
                () = wait(due) => return,
                changed = self.weather.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let weather = *self.weather.borrow_and_update();
            let (most, pause) = match weather {
                Weather::Clear | Weather::Late { .. } => (bytes.len(), None),
                Weather::Trickle { every } => (1, Some(every)),
                Weather::Lost => (0, None),
            };
            if most == 0 {
                // Without a cable nobody waits any more.
                self.weather.changed().await.map_err(io::Error::other)?;
                continue;
            }
            let written = write_some(self.to, &bytes[..most]).await?;
            bytes = &bytes[written..];
            if let Some(every) = pause {
                self.rest(every).await;
            }
        }
        Ok(())
    }

    /// Shorter if the weather changes.
    async fn rest(&mut self, every: Duration) {
        select! {
            () = sleep(every) => {}
            _ = self.weather.changed() => {}
        }
    }

    /// Does what was ordered to the first frame that begins in these bytes.
    fn spoil(&mut self, bytes: &mut Vec<u8>) -> Option<(Mischief, Spoilt)> {
        if self.is_spoilt {
            return None;
        }
        self.pending = self.pending.or_else(|| self.orders.try_recv().ok());
        let done = self.pending.and_then(|how| {
            let mut frame = bytes.split_off(self.frames.rest(bytes));
            let spoilt = how.spoil(&mut frame, &mut self.dice);
            bytes.append(&mut frame);
            (spoilt != Spoilt::NotYet).then_some((how, spoilt))
        });
        self.is_spoilt = done.is_some();
        if !self.is_spoilt {
            self.frames.pass(bytes);
        }
        done
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn write_some(to: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        to.writable().await?;
        match to.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return written,
        }
    }
}
