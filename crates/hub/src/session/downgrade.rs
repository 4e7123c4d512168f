//! What a node of an older version is told in place of what it does not know.

use std::borrow::Cow;

use leasehold_core::{AttemptEnding, Rejection, Revocation};
use leasehold_wire::{
    AttemptDetail, DeliveryMore, FromHub, Refusal, RefusalCode, Response, TaskDetail,
};

/// The message as this version of the protocol says it; none if it has nothing like it.
pub(super) fn for_version(message: &FromHub, version: u16) -> Option<Cow<'_, FromHub>> {
    if version >= 3 {
        return Some(Cow::Borrowed(message));
    }
    if version == 2 {
        return Some(for_2(message));
    }
    Some(match message {
        FromHub::DeliverMore { pool, tasks } => Cow::Owned(FromHub::Deliver {
            pool: pool.clone(),
            tasks: plain(tasks),
        }),
        FromHub::Revoked {
            proof,
            why: Revocation::Overran,
        } => Cow::Owned(FromHub::Revoked {
            proof: *proof,
            why: Revocation::Lost,
        }),
        // It is forced at its deadline.
        FromHub::StopAsked { .. } => return None,
        FromHub::Response { id, body } => Cow::Owned(FromHub::Response {
            id: *id,
            body: response(body),
        }),
        FromHub::Refused(refusal) => refused(refusal),
        FromHub::Welcome(_)
        | FromHub::Deliver { .. }
        | FromHub::Revoked { .. }
        | FromHub::Ping
        | FromHub::Bye { .. } => Cow::Borrowed(message),
    })
}

/// Of what came with version 3 nobody is told without having asked for it, but that he may not.
fn for_2(message: &FromHub) -> Cow<'_, FromHub> {
    match message {
        FromHub::Refused(refusal) => refused(refusal),
        FromHub::Response {
            id,
            body: Response::Refused(why @ Rejection::Denied(_)),
        } => Cow::Owned(FromHub::Response {
            id: *id,
            body: Response::Refused(Rejection::Invalid(why.to_string())),
        }),
        FromHub::Response { .. }
        | FromHub::DeliverMore { .. }
        | FromHub::StopAsked { .. }
        | FromHub::Revoked { .. }
        | FromHub::Welcome(_)
        | FromHub::Deliver { .. }
        | FromHub::Ping
        | FromHub::Bye { .. } => Cow::Borrowed(message),
    }
}

/// Who has to say who he is cannot do so before version 3.
fn refused(refusal: &Refusal) -> Cow<'_, FromHub> {
    let code = match refusal.code {
        RefusalCode::Denied => RefusalCode::Version,
        same @ (RefusalCode::Malformed
        | RefusalCode::Version
        | RefusalCode::FrameTooLong
        | RefusalCode::HandshakeTimeout
        | RefusalCode::SessionsMax
        | RefusalCode::Silence
        | RefusalCode::Superseded) => same,
    };
    let reason = refusal.reason.clone();
    Cow::Owned(FromHub::Refused(Refusal { code, reason }))
}

fn plain(tasks: &[DeliveryMore]) -> Vec<leasehold_wire::Delivery> {
    tasks.iter().map(|task| task.delivery.clone()).collect()
}

fn response(body: &Response) -> Response {
    match body {
        Response::ClaimedMore(tasks) => Response::Claimed(plain(tasks)),
        Response::TaskMore { detail, .. } | Response::Task(detail) => {
            Response::Task(Box::new(known(detail)))
        }
        Response::Enqueued(answers) => Response::Enqueued(items(answers)),
        Response::Extended(answers) => Response::Extended(items(answers)),
        Response::Done(answers) => Response::Done(items(answers)),
        Response::Revived(answers) => {
            let of = |(id, answer): &(_, Result<(), _>)| {
                (*id, answer.as_ref().copied().map_err(rejection))
            };
            Response::Revived(answers.iter().map(of).collect())
        }
        Response::Refused(refusal) => Response::Refused(rejection(refusal)),
        Response::Claimed(_)
        | Response::Credited(_)
        | Response::Tasks(_)
        | Response::Status(_)
        | Response::Purged(_)
        | Response::Pool(_)
        | Response::Schedules(_)
        | Response::Authenticated(_)
        | Response::Tokens(_)
        | Response::TokenMade { .. }
        | Response::Backup(_) => body.clone(),
    }
}

fn items<T: Copy>(answers: &[Result<T, Rejection>]) -> Vec<Result<T, Rejection>> {
    let of = |answer: &Result<T, Rejection>| answer.as_ref().copied().map_err(rejection);
    answers.iter().map(of).collect()
}

fn known(detail: &TaskDetail) -> TaskDetail {
    let of = |attempt: &AttemptDetail| {
        let mut attempt = attempt.clone();
        if attempt.ending == AttemptEnding::Overran {
            attempt.ending = AttemptEnding::Expired;
        }
        attempt
    };
    TaskDetail {
        history: detail.history.iter().map(of).collect(),
        ..detail.clone()
    }
}

fn rejection(refusal: &Rejection) -> Rejection {
    match refusal {
        Rejection::Full { what, max, .. } if &**what == "tasks" => {
            Rejection::PoolFull { tasks_max: *max }
        }
        Rejection::Full { retry_after, .. } => Rejection::Unavailable {
            reason: refusal.to_string(),
            retry_after: *retry_after,
        },
        Rejection::Unsupported(_)
        | Rejection::UnknownParent(_)
        | Rejection::Cycle(_)
        | Rejection::KeyTaken(_)
        | Rejection::NoSuchSchedule(_)
        | Rejection::NotEmpty { .. }
        | Rejection::Invalid(_)
        | Rejection::Denied(_) => Rejection::OutOfBounds {
            what: refusal.to_string(),
            value: 0,
            min: 0,
            max: 0,
        },
        Rejection::LeaseLost
        | Rejection::NoSuchTask
        | Rejection::Ended(_)
        | Rejection::NotDead(_)
        | Rejection::PoolFull { .. }
        | Rejection::OutOfBounds { .. }
        | Rejection::SessionEnded
        | Rejection::NoSuchPool(_)
        | Rejection::DiskNearlyFull { .. }
        | Rejection::Unavailable { .. } => refusal.clone(),
    }
}

#[cfg(test)]
mod tests;
