//! Making one response of the answers of several pools.

use std::collections::BTreeMap;

use leasehold_core::{PoolId, Rejection, SessionId};
use leasehold_wire::{PoolStatus, Response};

use super::route::ItemShape;
use crate::pool_actor::Part;

/// What has come of a request so far.
#[derive(Debug)]
pub(super) enum Gather {
    /// Items in the order of the request, some of them answered.
    Items {
        shape: ItemShape,
        places: BTreeMap<PoolId, Vec<usize>>,
        done: Vec<Result<u64, Rejection>>,
    },
    /// The best answer to each item: the pool's that knows the task.
    Cancel(Vec<Result<(), Rejection>>),
    /// The pool's that knows the task.
    Task(Result<Box<Response>, Rejection>),
    Status(Vec<PoolStatus>, BTreeMap<SessionId, u64>),
}

impl Gather {
    /// Before any pool has answered: a lease of a pool that there is not was never granted.
    pub(super) fn items(shape: ItemShape, count: usize) -> Self {
        Self::Items {
            shape,
            places: BTreeMap::new(),
            done: vec![Err(Rejection::LeaseLost); count],
        }
    }

    /// These items are this pool's to answer.
    pub(super) fn expect(&mut self, pool: PoolId, share: Vec<usize>) {
        if let Self::Items { places, .. } = self {
            places.insert(pool, share);
        }
    }

    /// These items cannot be answered.
    pub(super) fn refuse(&mut self, share: &[usize], rejection: &Rejection) {
        if let Self::Items { done, .. } = self {
            for at in share {
                done[*at] = Err(rejection.clone());
            }
        }
    }

    pub(super) fn add(&mut self, pool: PoolId, part: Part) {
        match (self, part) {
            (Self::Items { places, done, .. }, Part::Whole(response)) => {
                let places = places.remove(&pool).unwrap_or_default();
                add_items(done, &places, response);
            }
            (Self::Cancel(best), Part::Whole(Response::Done(items))) => {
                for (best, item) in best.iter_mut().zip(items) {
                    if best.is_err() && item != Err(Rejection::NoSuchTask) {
                        *best = item;
                    }
                }
            }
            (
                Self::Task(found),
                Part::Whole(task @ (Response::Task(_) | Response::TaskMore { .. })),
            ) => *found = Ok(Box::new(task)),
            (Self::Status(pools, holdings), Part::Status(status, held)) => {
                pools.push(*status);
                for (session, count) in held {
                    *holdings.entry(session).or_default() += count;
                }
            }
            // A pool that refused, or knows nothing of it, adds nothing.
            (_, Part::Whole(_) | Part::Status(..) | Part::Fence) => {}
        }
    }
}

/// Puts one pool's answers where they belong.
fn add_items(done: &mut [Result<u64, Rejection>], places: &[usize], response: Response) {
    let mut put = |at: &usize, item| {
        if let Some(slot) = done.get_mut(*at) {
            *slot = item;
        }
    };
    match response {
        Response::Done(items) => {
            let items = items.into_iter().map(|item| item.map(|()| 0));
            places
                .iter()
                .zip(items)
                .for_each(|(at, item)| put(at, item));
        }
        Response::Extended(items) => {
            places
                .iter()
                .zip(items)
                .for_each(|(at, item)| put(at, item));
        }
        Response::Refused(rejection) => {
            places.iter().for_each(|at| put(at, Err(rejection.clone())));
        }
        Response::Enqueued(_)
        | Response::Claimed(_)
        | Response::Credited(_)
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
        | Response::Backup(_) => unreachable!("no answer to a batch of leases"),
    }
}

/// The items of a split request, all answered.
pub(super) fn finish_items(shape: ItemShape, done: Vec<Result<u64, Rejection>>) -> Response {
    match shape {
        ItemShape::Extended => Response::Extended(done),
        ItemShape::Done => Response::Done(done.into_iter().map(|item| item.map(|_| ())).collect()),
    }
}
