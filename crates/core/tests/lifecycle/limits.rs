//! Limits: on what a pool holds, on what is on lease at once, on how fast tasks are granted, and
//! whose turn it is.

mod following;
mod holding;
mod rates;
mod room;
mod shares;

use leasehold_core::*;

use crate::harness::*;

pub(super) fn grouped(number: u128, group: &str) -> NewTask {
    wishing(number, [Wish::Group(group.into())])
}

/// A pool under these settings, and a session in it.
pub(super) fn world(settings: PoolSettings) -> (World, SessionId) {
    let mut world = World::new(settings);
    let me = world.open(1, &node("me", 1));
    (world, me)
}

impl World {
    pub(super) fn put_grouped(&mut self, session: SessionId, numbers: &[u128], group: &str) {
        let tasks = numbers.iter().map(|number| grouped(*number, group));
        let answer = self.ask(session, Command::Enqueue(tasks.collect()));
        let Answer::Enqueued(items) = answer else {
            panic!("{answer:?}")
        };
        assert!(items.iter().all(Result::is_ok), "{items:?}");
    }

    pub(super) fn govern(&mut self, settings: PoolSettings) -> Vec<Reply> {
        let policy = self.pool.policy().clone();
        let govern = Govern { settings, policy };
        self.send(SessionId(0), Command::Govern(Box::new(govern)))
    }
}

/// All that was granted to anybody.
pub(super) fn grants(replies: &[Reply]) -> Vec<LeaseRef> {
    let of = |reply: &Reply| match reply {
        Reply::Answer(_, _, Answer::Claimed(grants)) | Reply::Deliver(_, grants) => {
            grants.iter().map(proof_of).collect()
        }
        Reply::Answer(..) | Reply::Revoke(..) | Reply::AskStop(..) => vec![],
    };
    replies.iter().flat_map(of).collect()
}
