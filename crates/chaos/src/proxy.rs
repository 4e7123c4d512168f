//! A cable between one process and the hub that goes wrong in every way that cables do.
//!
//! What passes is not thrown away, for TCP does not: what is lost on the way is sent again, late.
//! So loss is bytes that do not pass *yet*, and neither does the end of a connection. What a broken
//! middlebox would do, TCP cannot mend: bytes that are changed, put in or left out ([`Mischief`]).

mod connection;
mod frames;
mod ghost;
mod mischief;
mod pump;
mod tally;
mod weather;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, watch},
    task::JoinSet,
};

use self::{connection::Connection, tally::Books};
pub(crate) use self::{
    connection::{Blow, End},
    mischief::Mischief,
    tally::Tally,
    weather::{Way, Weather},
};
use crate::dice::Dice;

/// Blows that a slow connection may have to catch up on.
const BLOWS_KEPT: usize = 64;

/// A cable. Dropped, it resets all that passes through it.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    control: Arc<Control>,
    _tasks: JoinSet<()>,
}

/// What all connections of a cable go by.
#[derive(Debug)]
struct Control {
    hub: SocketAddr,
    /// What passes is TLS.
    is_opaque: bool,
    up: watch::Sender<Weather>,
    down: watch::Sender<Weather>,
    blows: broadcast::Sender<Blow>,
    /// What is done to the next connection's first frame.
    greeting: watch::Sender<Option<Mischief>>,
    books: Books,
    ghosts: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// A cable to this hub; what it draws it draws of these dice. Where `is_opaque`, no frames can be
    /// seen in what passes.
    ///
    /// # Errors
    /// If there is no port to listen at.
    pub(crate) async fn to(hub: SocketAddr, is_opaque: bool, dice: Dice) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control {
            hub,
            is_opaque,
            up: watch::Sender::new(Weather::Clear),
            down: watch::Sender::new(Weather::Clear),
            blows: broadcast::Sender::new(BLOWS_KEPT),
            greeting: watch::Sender::new(None),
            books: Books::default(),
            ghosts: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, control.clone(), dice));
        Ok(Self {
            address,
            control,
            _tasks: tasks,
        })
    }

    /// Where the process connects.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on, until it is set again.
    pub(crate) fn set(&self, way: Way, weather: Weather) {
        let (up, down) = (&self.control.up, &self.control.down);
        if way != Way::Down {
            up.send_replace(weather);
        }
        if way != Way::Up {
            down.send_replace(weather);
        }
    }

    /// Strikes each connection that is open now; how many that are.
    pub(crate) fn strike(&self, blow: Blow) -> usize {
        self.control.blows.send(blow).unwrap_or(0)
    }

    /// Does this to the hello of the next connection.
    pub(crate) fn spoil_next_greeting(&self, how: Mischief) {
        self.control.greeting.send_replace(Some(how));
    }

    /// All is well again, and stays so.
    pub(crate) fn mend(&self) {
        self.set(Way::Both, Weather::Clear);
        self.control.greeting.send_replace(None);
    }

    /// What has passed, and what was done to it.
    pub(crate) fn tally(&self) -> Tally {
        self.control.books.tally()
    }
}

impl Control {
    /// The same node connects a second time.
    fn haunt(&self, hello: Vec<u8>, lasts: Duration) {
        let mut ghosts = self.ghosts.lock().unwrap_or_else(PoisonError::into_inner);
        while ghosts.try_join_next().is_some() {}
        self.books.change(|tally| tally.doubled += 1);
        ghosts.spawn(ghost::haunt(self.hub, hello, lasts));
    }
}

async fn serve(listener: TcpListener, control: Arc<Control>, mut dice: Dice) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Without descriptors there will be some when a connection ends.
                let Ok((node, _)) = accepted else { continue };
                let (control, dice) = (control.clone(), dice.fork());
                open.spawn(Box::pin(carry(node, control, dice)));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

/// A hub that is not there refuses, and so does the cable.
async fn carry(node: TcpStream, control: Arc<Control>, dice: Dice) {
    let blows = control.blows.subscribe();
    match TcpStream::connect(control.hub).await {
        Ok(hub) => {
            control.books.change(|tally| tally.connections += 1);
            Connection::new(node, hub, control, dice).run(blows).await;
        }
        Err(_) => connection::reset(&node),
    }
}
