//! Who did what, for whoever has to answer for it: events of the target `leasehold::audit`, which the
//! log shows at `info` and above.
//!
//! What a stranger can cause as often as he likes is told once, and then once a second with how often
//! it was: a line for each identity and kind, however many there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often one identity's doings of one kind are told.
const EVERY: Duration = Duration::from_secs(1);

/// Of whom nothing is known, in place of a name: no token has it.
pub(crate) const NOBODY: &str = "(nobody)";

/// What may come in floods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A request, or a session, was denied.
    Denied,
    /// A session's node has said who it is.
    Authenticated,
}

/// An event to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// The name of a token or a certificate, or [`NOBODY`].
    pub(crate) who: String,
    /// What was asked, or granted.
    pub(crate) what: String,
    /// The pool, or nothing.
    pub(crate) pool: String,
    pub(crate) address: String,
    pub(crate) session: u64,
}

impl Event {
    /// `times`: beside this one, how many like it were not told.
    fn tell(&self, times: u64) {
        let Self {
            kind,
            who,
            what,
            pool,
            address,
            session,
        } = self;
        match kind {
            Kind::Denied => tracing::warn!(
                target: "leasehold::audit",
                who, what, pool, address, session, times, "denied"
            ),
            Kind::Authenticated => tracing::info!(
                target: "leasehold::audit",
                who, what, address, session, times, "authenticated"
            ),
        }
    }
}

/// Something that few may cause, and that is always told.
pub(crate) fn tell(who: &str, what: &str, token: &str, address: &str, session: u64) {
    tracing::info!(target: "leasehold::audit", who, token, address, session, "{what}");
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Audit(Arc<Mutex<Windows>>);

/// What was not told yet, of each that was told within the last second.
type Windows = BTreeMap<(Kind, String), Untold>;

#[derive(Debug, Default)]
struct Untold {
    times: u64,
    last: Option<Event>,
}

impl Audit {
    /// Tells of it, now or within a second.
    pub(crate) fn note(&self, event: Event) {
        if self.is_first(&event) {
            event.tell(0);
            let (audit, key) = (self.clone(), (event.kind, event.who));
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    if !audit.goes_on(&key) {
                        return;
                    }
                }
            });
        }
    }

    /// Whether it is to be told now; what is not is counted.
    fn is_first(&self, event: &Event) -> bool {
        self.with(|windows| {
            let key = (event.kind, event.who.clone());
            let Some(untold) = windows.get_mut(&key) else {
                windows.insert(key, Untold::default());
                return true;
            };
            untold.times += 1;
            untold.last = Some(event.clone());
            false
        })
    }

    /// Tells what came in the last second; false if that was nothing, and the next is told at once.
    fn goes_on(&self, key: &(Kind, String)) -> bool {
        let untold = self.with(|windows| {
            let untold = windows.get_mut(key).map(std::mem::take);
            if untold.as_ref().is_none_or(|untold| untold.times == 0) {
                windows.remove(key);
            }
            untold
        });
        let Some(Untold {
            times,
            last: Some(last),
        }) = untold
        else {
            return false;
        };
        last.tell(times - 1);
        true
    }

    fn with<T>(&self, work: impl FnOnce(&mut Windows) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(who: &str) -> Event {
        Event {
            kind: Kind::Denied,
            who: who.to_owned(),
            what: "claim".to_owned(),
            pool: "mail".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            session: 1,
        }
    }

    /// Whether another event of this identity would be told at once.
    fn is_quiet(audit: &Audit, who: &str) -> bool {
        !audit.with(|windows| windows.contains_key(&(Kind::Denied, who.to_owned())))
    }

    fn untold(audit: &Audit, who: &str) -> u64 {
        let key = (Kind::Denied, who.to_owned());
        audit.with(|windows| windows.get(&key).map_or(0, |untold| untold.times))
    }

    #[tokio::test]
    async fn a_flood_is_a_line_a_second_for_each_identity() {
        let audit = Audit::default();
        for _ in 0..1000 {
            audit.note(denied("a"));
        }
        audit.note(denied("b"));
        assert_eq!((untold(&audit, "a"), untold(&audit, "b")), (999, 0));
        // A second later.
        let key = |who: &str| (Kind::Denied, who.to_owned());
        assert!(audit.goes_on(&key("a")), "they are told together");
        assert_eq!(untold(&audit, "a"), 0);
        assert!(!audit.goes_on(&key("b")) && is_quiet(&audit, "b"));
        audit.note(denied("a"));
        assert_eq!(untold(&audit, "a"), 1, "a line a second");
        assert!(audit.goes_on(&key("a")));
        assert!(!audit.goes_on(&key("a")));
        assert!(is_quiet(&audit, "a"), "it keeps nothing of who is quiet");
    }
}
