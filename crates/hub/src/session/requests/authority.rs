//! Whether a session may ask what it asks, and tokens, which are nobody's but the owner's.

use std::time::Duration;

use leasehold_core::Rejection;
use leasehold_wire::{Identity, Request, Response, Secret, TokenVerb};

use super::Requests;
use crate::auth::{Author, Caller, Denial, Event, Kind, NOBODY, Refused, Standing};

impl Requests {
    /// Why the session may not ask that, if so. Free sessions are asked nothing more than that.
    pub(in crate::session) fn refuses(&self, request: &Request) -> Option<Refused> {
        match &self.standing {
            Standing::Free => None,
            Standing::Known(known) => {
                let directory = &self.context.directory;
                let refused = known.check(request, |id| directory.name_of(id)).err()?;
                self.note(&refused);
                Some(refused)
            }
        }
    }

    fn note(&self, refused: &Refused) {
        let (what, pool) = match refused {
            Refused::Session(why) => (why.clone(), None),
            Refused::Request(Denial { verb, pool, .. }) => ((*verb).to_owned(), pool.clone()),
        };
        self.context.auth.note(Event {
            kind: Kind::Denied,
            who: self.standing.name().to_owned(),
            what,
            pool: pool.map_or_else(String::new, |pool| pool.to_string()),
            address: self.address(),
            session: self.guard.session.0,
        });
    }

    /// The session is under this token from here on. It comes before everything else, so that nothing
    /// is under way of which nobody knows whose it was.
    pub(in crate::session) fn authenticate(
        &mut self,
        token: &Secret,
    ) -> Result<Result<Identity, Rejection>, String> {
        if self.next > 1 {
            let why = "who one is is said before all other requests of a session";
            return Ok(Err(Rejection::Invalid(why.to_owned())));
        }
        let caller = Caller {
            session: self.guard.session,
            node: &self.guard.node.name,
            address: &self.address(),
        };
        let auth = &self.context.auth;
        let known = auth.authenticate(token, &caller, self.guard.back())?;
        let identity = known.identity();
        self.standing = Standing::Known(known);
        Ok(Ok(identity))
    }

    /// How long the session may go on, if that is bounded.
    pub(in crate::session) fn time_left(&self) -> Option<Duration> {
        self.standing.time_left()
    }

    /// Why the session may not go on, if so.
    pub(in crate::session) fn is_over(&self) -> Option<String> {
        match &self.standing {
            Standing::Free => None,
            Standing::Known(known) => {
                let why = known.ended()?;
                self.note(&Refused::Session(why.clone()));
                Some(why)
            }
        }
    }

    pub(super) async fn see_to_tokens(&mut self, verb: TokenVerb) -> Result<Response, Rejection> {
        // What was asked before does not wait for the disk; that a pool is gone is heard of at the end
        // of the turn.
        _ = self.send();
        let auth = &self.context.auth;
        match verb {
            TokenVerb::List => {}
            TokenVerb::Create(spec) => {
                let (token, view) = auth.create_token(*spec, self.author()).await?;
                let view = Box::new(view);
                return Ok(Response::TokenMade { token, view });
            }
            TokenVerb::Revoke(name) => auth.revoke_token(name, self.author()).await?,
        }
        Ok(Response::Tokens(auth.tokens().await))
    }

    fn author(&self) -> Author {
        let name = self.standing.name();
        let name = if name == NOBODY {
            format!("{} {NOBODY}", self.guard.node.name)
        } else {
            name.to_owned()
        };
        Author {
            name,
            address: self.address(),
            session: self.guard.session.0,
        }
    }

    fn address(&self) -> String {
        let record = self.context.registry.record(self.guard.session);
        record.map_or_else(String::new, |record| record.address)
    }
}
