//! What a session is told that may not do what it asks, or that may do nothing any more.

use leasehold_core::{Ending, Rejection};
use leasehold_wire::{FromHub, RefusalCode, Response, Secret};
use tokio::time::Instant;

use super::{Over, SessionIo, refused};
use crate::auth::Refused;

impl SessionIo {
    /// In a session that was free until now, or that a certificate spoke for.
    pub(super) fn authenticate(&mut self, id: u64, token: &Secret) -> Result<(), Over> {
        let body = match self.requests.authenticate(token).map_err(denied)? {
            Ok(identity) => Response::Authenticated(identity),
            Err(rejection) => Response::Refused(rejection),
        };
        self.speech.say(&FromHub::Response { id, body });
        self.look_at_the_end();
        Ok(())
    }

    pub(super) fn deny(&mut self, id: u64, why: Refused) -> Result<(), Over> {
        match why {
            Refused::Session(why) => Err(denied(why)),
            Refused::Request(denial) => {
                let body = Response::Refused(Rejection::Denied(denial.why));
                self.speech.say(&FromHub::Response { id, body });
                Ok(())
            }
        }
    }

    /// When the session may do nothing any more, if that is known.
    pub(super) fn end(&self) -> Option<Instant> {
        Some(Instant::now() + self.requests.time_left()?)
    }

    pub(super) fn look_at_the_end(&mut self) {
        if let Some(end) = self.end() {
            self.look_by(end);
        }
    }
}

/// Its leases end as after a cut.
pub(super) fn denied(why: String) -> Over {
    refused(RefusalCode::Denied, why, Ending::Cut)
}
