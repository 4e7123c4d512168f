//! Saying who one is: with the first request of each session, which nothing waits for.

use leasehold_wire::{FromNode, Refusal, RefusalCode, Request, Response, Secret, WireError};

use crate::connection::{Connection, Ending};

/// The number of the request that shows the token: no other request of a session has it.
pub(super) const REQUEST: u64 = u64::MAX;

/// The first version of the protocol in which a token can be shown.
const SINCE: u16 = 3;

/// Puts it before everything else. To a hub that cannot be shown one it is not: it asks nobody who he
/// is, and has nothing to do with the token.
pub(super) fn show(connection: &mut Connection, token: &Secret) -> Result<(), WireError> {
    let version = connection.welcome().version;
    if version < SINCE {
        tracing::warn!(
            version,
            "the hub is too old to be shown a token, and asks for none"
        );
        return Ok(());
    }
    connection.put(&FromNode::Request {
        id: REQUEST,
        body: Request::Authenticate {
            token: token.clone(),
        },
    })
}

/// How the session ends if the answer is not that all is well.
pub(super) fn denied(answer: Response) -> Option<Ending> {
    if let Response::Refused(rejection) = answer {
        return Some(Ending::Refused(Refusal {
            code: RefusalCode::Denied,
            reason: rejection.to_string(),
        }));
    }
    let is_well = matches!(answer, Response::Authenticated(_));
    (!is_well).then(|| Ending::Failed("the answer to the token did not fit".into()))
}
