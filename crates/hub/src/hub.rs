//! A hub, as its owner holds it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use leasehold_core::{PoolName, SessionId};
use leasehold_store::{LogEngine, LogOptions, LogStore, MemoryStore, Store, StoreError};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpListener, TcpSocket},
    sync::{oneshot, watch},
    task::spawn_blocking,
};

use crate::{
    actor::{ActorRef, spawn_root, why},
    auth::Auth,
    clock::Clock,
    config::{ConfigError, Engine, HubConfig},
    configured::Configured,
    error::StartError,
    gauge::Gauge,
    hub_actor::{HubActor, HubArguments, HubMessage},
    session::{Connection, Dismissal},
    session_actor::SessionMessage,
    sessions_actor::SessionsMessage,
    store_writer::StoreWriter,
    tls::TlsDoor,
};

/// Bytes on their way in each direction of a connection inside the process.
const IN_PROCESS_BYTES: usize = 64 * 1024;

/// Connections that the kernel keeps until they are accepted, as far as its own bound
/// (`net.core.somaxconn` on Linux, 4096 by default) lets it. When a hub is back all its nodes come
/// at once, and one that finds no room there tries again only after a second.
const BACKLOG: u32 = 16 * 1024;

/// A running hub. Clones are handles on the same one; it runs until [`Hub::drain`] or
/// [`Hub::stop`], or until its runtime ends.
#[derive(Debug, Clone)]
pub struct Hub {
    actor: ActorRef<HubMessage>,
    address: Option<SocketAddr>,
    has_ended: watch::Receiver<bool>,
    drain_for: Duration,
}

/// Something to go wrong on purpose: for tests of what surrounds a hub. Nothing acknowledged is
/// lost by any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The pool's actor panics; it is restored from the store.
    PoolPanics(PoolName),
    /// The actor of the session with this number panics.
    SessionPanics(u64),
    /// The actor of the session with this number is killed.
    SessionKilled(u64),
    /// The I/O task of the session with this number is aborted.
    IoAborted(u64),
    /// The actor that accepts connections is killed; another one takes its place.
    ListenerKilled,
    /// The actor over all sessions is killed, and they end with it; another one takes its place.
    SupervisorKilled,
}

/// Opens the store that the configuration names.
///
/// # Errors
/// When the folder is in use, is not a store or another engine's, was written by an unknown version, or is damaged.
pub fn open_store(config: &HubConfig) -> Result<Box<dyn Store>, StoreError> {
    let engine = match config.store.engine {
        Engine::Memory => return Ok(Box::new(MemoryStore::new())),
        Engine::Sled => LogEngine::Sled,
        Engine::Fjall => LogEngine::Fjall,
    };
    let options = LogOptions {
        engine,
        ..LogOptions::default()
    };
    let store = LogStore::open(&config.store.data, options)?;
    Ok(Box::new(store))
}

impl Hub {
    /// Starts a hub over a store; returns when every pool in it is restored and, if the
    /// configuration names an address, connections are accepted.
    ///
    /// # Errors
    /// [`StartError`] says whether it was the configuration, the address or the store.
    pub async fn start(config: HubConfig, store: Box<dyn Store>) -> Result<Self, StartError> {
        Self::start_with(config, store, StoreWriter::spawn).await
    }

    /// As [`Hub::start`], with no thread beside the runtime's: a task writes to the store, and each
    /// commit takes so long by the runtime's clock. For simulations, where time is made up and the
    /// store is memory; a disk would stop the whole runtime.
    ///
    /// # Errors
    /// As those of [`Hub::start`].
    #[doc(hidden)]
    pub async fn start_on_one_thread(
        config: HubConfig,
        store: Box<dyn Store>,
        commit_takes: Duration,
    ) -> Result<Self, StartError> {
        Self::start_with(config, store, |store, gauge, clock| {
            Ok(StoreWriter::spawn_task(store, gauge, clock, commit_takes))
        })
        .await
    }

    async fn start_with(
        config: HubConfig,
        store: Box<dyn Store>,
        write_to: impl FnOnce(Box<dyn Store>, Arc<Gauge>, Clock) -> io::Result<StoreWriter>,
    ) -> Result<Self, StartError> {
        config.check()?;
        let door = TlsDoor::new(None);
        let credentials = if config.tls.certificate.is_some() {
            let section = config.tls.clone();
            let read = spawn_blocking(move || TlsDoor::read(&section)).await;
            read.map_err(|error| StartError::Thread(error.into()))??
        } else {
            None
        };
        let listener = match config.hub.listen {
            Some(address) => Some(listen(address)?),
            None => None,
        };
        let address = listener
            .as_ref()
            .and_then(|listener| listener.local_addr().ok());
        if config.lets_strangers_in() {
            tracing::warn!(
                ?address,
                "hub.open_to_all = true: strangers are not kept out"
            );
        }
        let clock = Clock::starting_no_earlier_than(store.latest());
        let auth = Auth::open(&config, clock)?;
        let gauge = Arc::new(Gauge::new(&store.stats(), config.store.disk_reserve));
        let writer = write_to(store, gauge.clone(), clock).map_err(StartError::Thread)?;
        for line in door.replace(credentials, clock.now()) {
            tracing::info!("TLS: {line}");
        }
        let drain_for = config.hub.drain_for;
        let config = Configured::new(config);
        let arguments = HubArguments {
            config,
            clock,
            writer: writer.clone(),
            gauge,
            listener,
            door,
            auth,
        };
        let started = spawn_root(HubActor, arguments).await;
        let (actor, running) = match started {
            Ok(started) => started,
            Err(error) => {
                writer.stop().await;
                return Err(StartError::Restore(why(&error)));
            }
        };
        let (ended, has_ended) = watch::channel(false);
        tokio::spawn(async move {
            // However it ended.
            _ = running.await;
            _ = ended.send(true);
        });
        Ok(Self {
            actor,
            address,
            has_ended,
            drain_for,
        })
    }

    /// Where nodes connect; none if it listens nowhere.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// A connection from inside this process, to be given to a node instead of a socket. It is
    /// trusted: it may do all, whatever `auth.required` says, unless its node shows a token; then it
    /// may do what the token allows.
    ///
    /// # Errors
    /// When the hub has ended.
    pub fn connect(&self) -> impl Future<Output = io::Result<DuplexStream>> + Send + use<> {
        let (ours, theirs) = tokio::io::duplex(IN_PROCESS_BYTES);
        let connected = self.take_in(Connection::in_process(ours));
        std::future::ready(connected.map(|()| theirs))
    }

    /// Takes a connection that somebody else accepted as one of its own: one end of a tunnel, of a
    /// listener of another kind, of a simulated network. `address` says where from: for people, and,
    /// if it is an IP address with a port, to be counted by. It is trusted as a socket is, and TLS is
    /// the affair of whoever accepted it.
    ///
    /// # Errors
    /// When the hub has ended.
    pub fn adopt<S>(&self, stream: S, address: String) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        self.take_in(Connection::over(stream, address))
    }

    fn take_in(&self, connection: Connection) -> io::Result<()> {
        let accepted = HubMessage::Accepted(connection);
        let gone = || io::Error::new(io::ErrorKind::ConnectionRefused, "the hub has ended");
        self.actor.cast(accepted).map_err(|_| gone())
    }

    /// Another configuration, as a whole or not at all. Answers with what it changes, a line each:
    /// of sessions (those that begin from here on), of which pools there may be, and of pools. What
    /// was set for a pool while the hub ran still goes before it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is out of bounds, what does not fit what was set for a pool, and
    /// what cannot be changed while a hub runs: where it listens, its store, its log, partitions.
    /// Nothing is changed then.
    pub async fn reload(&self, config: HubConfig) -> Result<Vec<String>, ConfigError> {
        let (reply, reloaded) = oneshot::channel();
        // A hub that has ended changes nothing.
        _ = self.actor.cast(HubMessage::Reload(Box::new(config), reply));
        reloaded.await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Finishes and takes no more: the listener closes, what is under way is answered, nodes are
    /// told to come back later, and their leases stay for the next start. Returns when all is on
    /// disk and the store is closed, at the latest a little after `hub.drain_for`.
    pub async fn drain(&self) {
        let (reply, drained) = oneshot::channel();
        let dismissal = Dismissal {
            reason: "the hub is going down".to_owned(),
            retry_after: Duration::from_millis(100),
        };
        if self.actor.cast(HubMessage::Drain(dismissal, reply)).is_ok() {
            // What has not ended by then is ended by the stop.
            _ = tokio::time::timeout(self.drain_for + Duration::from_secs(1), drained).await;
        }
        self.stop().await;
    }

    /// Ends now, and clean: what was acknowledged is on disk. Returns when the store is closed.
    pub async fn stop(&self) {
        // It may have ended by itself.
        _ = self.actor.cast(HubMessage::Stop);
        self.ended().await;
    }

    /// Returns when the hub has ended, for whatever reason.
    pub async fn ended(&self) {
        let mut has_ended = self.has_ended.clone();
        // An error says that the runtime is ending.
        _ = has_ended.wait_for(|ended| *ended).await;
    }

    /// Makes something go wrong.
    pub fn provoke(&self, fault: Fault) {
        let tell = |session, message| {
            HubMessage::Sessions(SessionsMessage::Tell(SessionId(session), message))
        };
        let message = match fault {
            Fault::PoolPanics(pool) => HubMessage::PanicPool(pool),
            Fault::ListenerKilled => HubMessage::KillListener,
            Fault::SupervisorKilled => HubMessage::KillSupervisor,
            Fault::SessionPanics(session) => tell(session, SessionMessage::Panic),
            Fault::IoAborted(session) => tell(session, SessionMessage::AbortIo),
            Fault::SessionKilled(session) => {
                HubMessage::Sessions(SessionsMessage::Kill(SessionId(session)))
            }
        };
        // A hub that has ended has nothing left to go wrong.
        _ = self.actor.cast(message);
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listening = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restarted hub takes its port back while the kernel still remembers old connections.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listening().map_err(|source| StartError::Listen { address, source })
}
