//! Who may speak here, and what he may do.
//!
//! A session is **free** (it may do all: the hub asks nobody who he is, or it is one from inside this
//! process) or **known** (it has shown a token, or a certificate that the configuration names). A
//! session that is to say who it is and has not is none yet: it is in no registry and in no pool
//! (`session/admission.rs`). What a known one may do is a pure table (`rules`).
//!
//! What is not here: passwords, signatures, sessions that outlive a connection. A token is shown once a
//! session, over TLS where somebody might listen (`docs/SECURITY.md`).

mod audit;
mod book;
mod file;
mod grant;
mod known;
mod rules;
mod secret;
mod tokens;

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use leasehold_core::{NodeName, SessionId};
use leasehold_wire::{Identity, Secret};
use tokio::sync::mpsc::UnboundedSender;

pub(crate) use self::{
    audit::{Event, Kind, NOBODY},
    known::{Known, Refused, Standing},
    rules::Denial,
    tokens::Author,
};
pub use file::{TokenError, TokenFile};

use self::{
    audit::Audit,
    book::{Book, Kept},
    grant::Grant,
    secret::Hash,
};
use crate::{
    clock::Clock,
    config::{CertificateRule, Engine, HubConfig},
    pool_actor::Out,
};

/// Whoever opens a session, as far as the connection tells.
pub(crate) struct Caller<'a> {
    pub(crate) session: SessionId,
    pub(crate) node: &'a NodeName,
    pub(crate) address: &'a str,
}

/// All that a hub knows of who may do what. Clones are handles on the same.
#[derive(Debug, Clone)]
pub(crate) struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    is_required: bool,
    certificates: BTreeMap<String, CertificateRule>,
    clock: Clock,
    audit: Audit,
    state: Mutex<State>,
    /// Held while tokens are changed, which takes as long as the disk does.
    shelf: tokio::sync::Mutex<Shelf>,
}

/// What every session looks at.
#[derive(Debug, Default)]
struct State {
    tokens: BTreeMap<String, (Hash, Option<NodeName>, Arc<Grant>)>,
    /// Sessions under tokens, in the order of their coming, and the way to each.
    live: BTreeMap<u64, (String, UnboundedSender<Out>)>,
    entered: u64,
}

/// Where tokens are kept.
#[derive(Debug)]
struct Shelf {
    book: Book,
    /// None: in this process alone.
    path: Option<PathBuf>,
    /// The file does not say what the book does, for it could not be written.
    is_behind: bool,
    /// Unlocks when it is closed.
    lock: Option<File>,
}

impl Auth {
    /// With the tokens that are kept where the configuration says: in a file of its own, or in the data
    /// folder, which the store has locked; without either in this process alone.
    pub(crate) fn open(config: &HubConfig, clock: Clock) -> Result<Self, TokenError> {
        let is_on_disk = config.store.engine != Engine::Memory;
        let (path, lock) = match &config.auth.file {
            Some(path) => (Some(path.clone()), Some(file::take(path)?)),
            None if is_on_disk => (Some(file::default_path(&config.store.data)), None),
            None => (None, None),
        };
        let book = path
            .as_deref()
            .map_or_else(|| Ok(Book::default()), file::read)?;
        let tokens = book.all().map(|kept| (kept.spec.name.clone(), entry(kept)));
        let state = State {
            tokens: tokens.collect(),
            ..State::default()
        };
        let auth = Self(Arc::new(Inner {
            is_required: config.auth.required,
            certificates: config.certificates.clone(),
            clock,
            audit: Audit::default(),
            state: Mutex::new(state),
            shelf: tokio::sync::Mutex::new(Shelf {
                book,
                path,
                is_behind: false,
                lock,
            }),
        }));
        auth.warn_if_locked_out();
        Ok(auth)
    }

    /// Whether a session has to say who it is before anything else.
    pub(crate) fn is_required(&self) -> bool {
        self.0.is_required
    }

    /// Lets go of the file, for the next hub in this process.
    pub(crate) async fn close(&self) {
        self.0.shelf.lock().await.lock = None;
    }

    /// Who that is who has shown a certificate of this name, if the configuration says so.
    pub(crate) fn identity_of_certificate(&self, name: &str) -> Option<Identity> {
        identity_of_certificate(&self.0.certificates, name)
    }

    /// A session under a certificate.
    pub(crate) fn certified(&self, name: &str, caller: &Caller<'_>) -> Option<Known> {
        let identity = self.identity_of_certificate(name)?;
        let grant = Arc::new(Grant::new(identity, None));
        self.note_authenticated(&grant, "a certificate", caller);
        Some(Known::new(self.clone(), None, grant))
    }

    /// The session is under this token from here on; the way to it is for the moment when the token is
    /// revoked.
    pub(crate) fn authenticate(
        &self,
        token: &Secret,
        caller: &Caller<'_>,
        back: &UnboundedSender<Out>,
    ) -> Result<Known, String> {
        let shown = secret::parse(token);
        let found = shown.map_or_else(
            || {
                Err((
                    NOBODY,
                    "that is no token: it looks like lh1.NAME.SECRET".to_owned(),
                ))
            },
            |shown| {
                let name = shown.name;
                self.enter(&shown, caller, back)
                    .map_err(|(is_known, why)| (if is_known { name } else { NOBODY }, why))
            },
        );
        match found {
            Ok((entry, grant)) => {
                self.note_authenticated(&grant, "a token", caller);
                Ok(Known::new(self.clone(), Some(entry), grant))
            }
            Err((who, why)) => {
                self.note_denied(who, caller, &why);
                Err(why)
            }
        }
    }

    /// Says, too, whether a refused one is of a token that there is.
    fn enter(
        &self,
        shown: &secret::Shown<'_>,
        caller: &Caller<'_>,
        back: &UnboundedSender<Out>,
    ) -> Result<(u64, Arc<Grant>), (bool, String)> {
        let name = shown.name;
        let mut state = self.state();
        let found = state.tokens.get(name);
        let hash = found.map_or(Hash::NONE, |(hash, ..)| *hash);
        let is_it = shown.hash.is(&hash);
        let Some((_, node, grant)) = found.filter(|_| is_it) else {
            // The same for a wrong secret, so that nobody learns which names there are.
            let why = "the token is not known here: it was revoked, or never made".to_owned();
            return Err((found.is_some(), why));
        };
        if let Some(why) = grant.ended(|| self.0.clock.now()) {
            return Err((true, format!("the token \"{name}\" {why}")));
        }
        if let Some(node) = node.as_ref().filter(|node| *node != caller.node) {
            let other = caller.node;
            let why = format!("the token \"{name}\" is for the node {node}, and this is {other}");
            return Err((true, why));
        }
        let grant = Arc::clone(grant);
        state.entered += 1;
        let entry = state.entered;
        state.live.insert(entry, (name.to_owned(), back.clone()));
        Ok((entry, grant))
    }

    fn leave(&self, entry: u64) {
        self.state().live.remove(&entry);
    }

    /// A session that may not begin.
    pub(crate) fn note_denied(&self, who: &str, caller: &Caller<'_>, why: &str) {
        self.note(Event {
            kind: Kind::Denied,
            who: who.to_owned(),
            what: format!("a session of {}: {why}", caller.node),
            pool: String::new(),
            address: caller.address.to_owned(),
            session: caller.session.0,
        });
    }

    fn note_authenticated(&self, grant: &Grant, by: &str, caller: &Caller<'_>) {
        self.note(Event {
            kind: Kind::Authenticated,
            who: grant.name().to_owned(),
            what: format!("{} with {by} for {}", caller.node, grant.roles()),
            pool: String::new(),
            address: caller.address.to_owned(),
            session: caller.session.0,
        });
    }

    pub(crate) fn note(&self, event: Event) {
        self.0.audit.note(event);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hub into which nobody is let is seldom what was meant.
    fn warn_if_locked_out(&self) {
        let is_admin = |(_, _, grant): &(_, _, Arc<Grant>)| grant.sees_all();
        let has_admin = self.state().tokens.values().any(is_admin);
        if self.is_required() && !has_admin {
            tracing::warn!(
                "auth.required is on, and there is no token for an admin of all pools: make one with \
                 `leasehold token create NAME --role admin --data DIR` while the hub is stopped"
            );
        }
    }
}

fn entry(kept: &Kept) -> (Hash, Option<NodeName>, Arc<Grant>) {
    let grant = Grant::new(kept.identity(), kept.ends_at);
    (kept.hash, kept.spec.node.clone(), Arc::new(grant))
}

/// Who that is who has shown a certificate of this name.
fn identity_of_certificate(
    certificates: &BTreeMap<String, CertificateRule>,
    name: &str,
) -> Option<Identity> {
    let rule = certificates.get(name)?;
    Some(Identity {
        name: name.to_owned(),
        roles: rule.roles.clone(),
        pools: rule.pools.clone(),
    })
}

#[cfg(test)]
mod tests;
