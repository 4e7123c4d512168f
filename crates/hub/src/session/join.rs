//! Requests of one verb that one read brought for one pool are asked as one, and the pool's answer
//! is shared out among them.

use leasehold_core::{Command, PoolId, PoolName, Rejection, limits::BATCH_MAX};
use leasehold_wire::{EnqueuedItem, FromHub, Request, Response};

use super::{
    route::{ItemShape, completion, new_task},
    speech::Speech,
};
use crate::pool_actor::{Ask, Part};

/// For how many more there is room where room is made.
const JOINED: usize = 32;

/// One request's part in what was asked of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// The node's own number of the request.
    pub(super) id: u64,
    /// How many of the items are its own.
    pub(super) items: usize,
    /// What it weighs, in bytes.
    pub(super) weight: usize,
    /// Its items are answered one by one, even if they were refused together.
    pub(super) shape: Option<ItemShape>,
}

/// The pool that a request is for, if it is of a verb that can be joined.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim<'a> {
    Named(&'a PoolName),
    Numbered(PoolId),
}

pub(super) fn aim(request: &Request) -> Option<Aim<'_>> {
    match request {
        Request::Enqueue { pool, .. } => Some(Aim::Named(pool)),
        Request::Complete { items } => {
            let pool = items.first()?.proof.lease.pool;
            let is_one = items.iter().all(|item| item.proof.lease.pool == pool);
            is_one.then_some(Aim::Numbered(pool))
        }
        Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Extend { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. }
        | Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => None,
    }
}

/// Adds the items of a request to what is asked of its pool already, if they are alike, and returns
/// how many they are and what they are answered with.
pub(super) fn join(ask: &mut Ask, request: &mut Request) -> Option<(usize, Option<ItemShape>)> {
    match (ask, request) {
        (Ask::Command(Command::Enqueue(all)), Request::Enqueue { tasks, .. })
            if all.len() + tasks.len() <= BATCH_MAX =>
        {
            let items = tasks.len();
            make_room(all);
            all.extend(tasks.drain(..).map(new_task));
            Some((items, None))
        }
        (Ask::Command(Command::Complete(all)), Request::Complete { items: more })
            if all.len() + more.len() <= BATCH_MAX =>
        {
            let items = more.len();
            make_room(all);
            all.extend(more.drain(..).map(completion));
            Some((items, Some(ItemShape::Done)))
        }
        _ => None,
    }
}

/// Where two were joined there will be more.
pub(super) fn make_room<T>(joined: &mut Vec<T>) {
    if joined.len() == joined.capacity() {
        joined.reserve(JOINED);
    }
}

/// Says to each request what the answer has for it.
pub(super) fn say_shares(shares: &[Share], part: Part, speech: &mut Speech) {
    let Part::Whole(answer) = part else {
        unreachable!("a pool answers a request with a response");
    };
    speech.begin();
    match answer {
        Response::Refused(rejection) => {
            for share in shares {
                let body = match share.shape {
                    None => Response::Refused(rejection.clone()),
                    Some(ItemShape::Done) => Response::Done(refusals(share, &rejection)),
                    Some(ItemShape::Extended) => Response::Extended(refusals(share, &rejection)),
                };
                say(share, body, speech);
            }
        }
        whole if shares.len() == 1 => _ = say(&shares[0], whole, speech),
        Response::Enqueued(items) => {
            say_items(shares, items, Response::Enqueued, enqueued, speech);
        }
        Response::Done(items) => say_items(shares, items, Response::Done, done, speech),
        Response::Claimed(_)
        | Response::Credited(_)
        | Response::Extended(_)
        | Response::Revived(_)
        | Response::Task(_)
        | Response::Tasks(_)
        | Response::Status(_)
        | Response::ClaimedMore(_)
        | Response::TaskMore { .. }
        | Response::Purged(_)
        | Response::Pool(_)
        | Response::Schedules(_)
        | Response::Authenticated(_)
        | Response::Tokens(_)
        | Response::TokenMade { .. }
        | Response::Backup(_) => unreachable!("no verb that is joined is answered so"),
    }
}

fn refusals<T>(share: &Share, rejection: &Rejection) -> Vec<Result<T, Rejection>> {
    (0..share.items).map(|_| Err(rejection.clone())).collect()
}

/// All of them in one vector, taken back from each answer for the next.
fn say_items<T>(
    shares: &[Share],
    items: Vec<T>,
    body: impl Fn(Vec<T>) -> Response,
    items_of: impl Fn(Response) -> Vec<T>,
    speech: &mut Speech,
) {
    let mut items = items.into_iter();
    let mut own = Vec::new();
    for share in shares {
        own.extend(items.by_ref().take(share.items));
        own = items_of(say(share, body(own), speech));
        own.clear();
    }
}

fn enqueued(body: Response) -> Vec<Result<EnqueuedItem, Rejection>> {
    if let Response::Enqueued(items) = body {
        return items;
    }
    Vec::new()
}

fn done(body: Response) -> Vec<Result<(), Rejection>> {
    if let Response::Done(items) = body {
        return items;
    }
    Vec::new()
}

/// Says it as part of the answer, and gives it back.
fn say(share: &Share, body: Response, speech: &mut Speech) -> Response {
    let message = FromHub::Response { id: share.id, body };
    speech.add(&message);
    let FromHub::Response { body, .. } = message else {
        unreachable!("it was made one")
    };
    body
}
