//! Whether somebody is let in, and may do what he is about to.

use std::{io, time::Duration};

use leasehold_node::{Incarnation, Inspector, NodeName, PoolName, Rejection, RequestError};
use leasehold_wire::{FromHub, FromNode, Hello, Request, Response};
use tokio::time::timeout;

use crate::{
    Door, Entry,
    door::{Frames, next, send},
};

/// How long a hub may take to say who may do what.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl Door {
    /// Whether there is a hub behind it that lets this one in, and would let him enqueue into the
    /// pool and claim from it. Nothing is enqueued or claimed.
    ///
    /// # Errors
    /// When there is no hub within `within`, it is not trusted, or it denies one of the two.
    pub async fn knock(&self, pool: &PoolName, within: Duration) -> Result<(), RequestError> {
        let options = self.options().give_up_after(within);
        let inspector = Inspector::new(self.endpoint(), options);
        match inspector.status(Some(pool.clone())).await {
            Ok(_) | Err(RequestError::Rejected(Rejection::NoSuchPool(_))) => {}
            Err(error) => return Err(error),
        }
        let allowed = timeout(ANSWER_WITHIN, self.is_allowed(pool)).await;
        let allowed = allowed.unwrap_or_else(|late| Err(late.into()));
        let unreachable = |error: io::Error| RequestError::Unreachable {
            endpoint: self.address().to_owned(),
            waited: ANSWER_WITHIN,
            last: error.to_string(),
        };
        allowed.map_err(unreachable)?
    }

    async fn is_allowed(&self, pool: &PoolName) -> io::Result<Result<(), RequestError>> {
        let process = std::process::id();
        let name = NodeName::new(&format!("knock-{process}")).map_err(io::Error::other)?;
        let hello = Hello::new(name, Incarnation(process.into()));
        let mut frames = match self.enter(hello).await? {
            Entry::Welcomed(session) => session.0,
            Entry::Refused(refusal) => return Ok(Err(RequestError::Refused(refusal))),
        };
        let enqueue = Request::Enqueue {
            pool: pool.clone(),
            tasks: Vec::new(),
        };
        let claim = Request::Claim {
            pool: pool.clone(),
            tasks_max: 0,
            wait_ms: 0,
            lease_ms: None,
        };
        for (id, body) in (1..).zip([enqueue, claim]) {
            if let Some(denied) = denied(&mut frames, id, body).await? {
                return Ok(Err(denied.into()));
            }
        }
        // It goes either way.
        _ = send(&mut frames, FromNode::Bye).await;
        Ok(Ok(()))
    }
}

/// What of it is denied; that nothing is asked for is no matter.
async fn denied(frames: &mut Frames, id: u64, body: Request) -> io::Result<Option<Rejection>> {
    send(frames, FromNode::Request { id, body }).await?;
    loop {
        let word = next(frames).await?;
        if let FromHub::Response {
            body: Response::Refused(denial @ Rejection::Denied(_)),
            ..
        } = word
        {
            return Ok(Some(denial));
        }
        if matches!(word, FromHub::Response { .. }) {
            return Ok(None);
        }
        if let FromHub::Refused(refusal) = word {
            return Err(io::Error::other(refusal.reason));
        }
    }
}
