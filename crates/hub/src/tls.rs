//! TLS: what the files of `[tls]` come to, and who is let in with it.

mod certificate;
mod complaints;
mod credentials;
mod in_turn;

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
    thread::available_parallelism,
};

use leasehold_core::Timestamp;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(crate) use self::{certificate::CertificateName, credentials::Credentials};
use self::{complaints::Complaints, in_turn::in_turn};
use crate::config::{ConfigError, TlsSection};

/// The first byte of whoever speaks TLS: a record of its handshake (RFC 8446, section 5.1).
pub(crate) const FIRST_BYTE: u8 = 22;

/// What TLS has to say to who speaks it where nobody does: a record with the alert
/// `unexpected_message`, as fatal (RFC 8446, section 6).
pub(crate) const NOT_SPOKEN_HERE: [u8; 7] = [21, 3, 3, 0, 2, 2, 10];

/// Connections without a session that are told so in TLS, at a time; others are hung up on.
const TURNED_AWAY_MAX: usize = 64;

/// All that a hub's connections share of TLS. Clones are handles on the same.
#[derive(Debug, Clone)]
pub(crate) struct TlsDoor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    credentials: RwLock<Option<Arc<Credentials>>>,
    /// Threads that may be busy with handshakes.
    turns: Semaphore,
    turned_away: Semaphore,
    complaints: Complaints,
}

impl TlsDoor {
    /// With these to begin with.
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Shared {
            credentials: RwLock::new(credentials.map(Arc::new)),
            turns: Semaphore::new((threads / 2).max(1)),
            turned_away: Semaphore::new(TURNED_AWAY_MAX),
            complaints: Complaints::default(),
        }))
    }

    /// What a connection that begins now is met with; none if it is met in plain.
    pub(crate) fn credentials(&self) -> Option<Arc<Credentials>> {
        let held = self.0.credentials.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files; nothing is changed by it. Blocks.
    ///
    /// # Errors
    /// Everything that is wrong with them, one problem a line.
    pub(crate) fn read(section: &TlsSection) -> Result<Option<Credentials>, ConfigError> {
        Credentials::read(section).map_err(ConfigError::of_files)
    }

    /// From here on connections are met with these. Answers with what differs, a line each.
    pub(crate) fn replace(&self, credentials: Option<Credentials>, now: Timestamp) -> Vec<String> {
        let new = credentials.map(Arc::new);
        let held = self.0.credentials.write();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        let lines = match (&*held, &new) {
            (before, Some(after)) => after.news(before.as_deref(), now),
            (Some(_), None) => vec!["nodes are met without TLS".to_owned()],
            (None, None) => Vec::new(),
        };
        *held = new;
        lines
    }

    /// A handshake. It takes its turn with the others for the work of each step, and waits for the
    /// other side without one: who is slow holds nobody up.
    pub(crate) async fn accept(
        &self,
        credentials: &Credentials,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, (io::Error, TcpStream)> {
        let acceptor = TlsAcceptor::from(credentials.config());
        in_turn(&self.0.turns, acceptor.accept(stream).into_fallible()).await
    }

    /// Leave to tell somebody in TLS that there is no session for him; none if many are being told.
    pub(crate) fn may_turn_away(&self) -> Option<SemaphorePermit<'_>> {
        self.0.turned_away.try_acquire().ok()
    }

    /// Logs why somebody had no session. Strangers come in swarms: only some of them are told of.
    pub(crate) fn complain(&self, address: &str, why: &str) {
        if let Some(untold) = self.0.complaints.may_tell(Instant::now()) {
            let untold = (untold > 0).then_some(untold);
            tracing::warn!(%address, untold, "a connection came to no session: {why}");
        }
    }
}
