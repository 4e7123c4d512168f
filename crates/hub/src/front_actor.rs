//! The front of a pool in partitions: who waits for a task waits here, in one line.
//!
//! It works in rounds. In a round the partitions are taken in the order of their first ready tasks,
//! the most urgent first, and each is asked for an even part of the tasks that are waited for, but
//! at most [`front::SLICE`], on behalf of those who are first in the line; the next round begins when all
//! have answered. A partition grants in its own
//! exact order. So a task that is the first of its partition is overtaken by less urgent ones only
//! where they come in one slice with a more urgent one, or in the round that grants it, too: by at
//! most [`front::SLICE`] of each other partition in a round. Where one task at a time is waited for, order
//! is exact, to the millisecond in which a task became ready.

mod front;
mod line;

use std::sync::Arc;

use leasehold_core::{PoolId, PoolSettings};

use self::front::Front;
use crate::{
    actor::{Actor, ActorProcessingErr, ActorRef},
    clock::Clock,
    configured::Configured,
    directory::Directory,
    parts::Parts,
    pool_actor::PoolMessage,
};

/// What a front is made of.
pub(crate) struct FrontArguments {
    pub(crate) id: PoolId,
    pub(crate) parts: Arc<Parts>,
    pub(crate) settings: PoolSettings,
    pub(crate) config: Configured,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
}

pub(crate) struct FrontActor;

impl Actor for FrontActor {
    type Msg = PoolMessage;
    type State = Front;
    type Arguments = FrontArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<PoolMessage>,
        of: FrontArguments,
    ) -> Result<Front, ActorProcessingErr> {
        Ok(Front::new(myself, of))
    }

    async fn handle(
        &self,
        _myself: ActorRef<PoolMessage>,
        message: PoolMessage,
        front: &mut Front,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PoolMessage::Hello {
                session, outlet, ..
            } => front.hello(session, outlet),
            PoolMessage::Batch { session, asks } => {
                for (request, ask) in asks {
                    front.ask(session, request, ask);
                }
            }
            PoolMessage::Gone { session, .. } => front.gone(session),
            PoolMessage::Served(outcomes) => front.served(outcomes),
            PoolMessage::Tick => front.tick(),
            // It has nothing that is not on disk.
            PoolMessage::Settle(reply) => _ = reply.send(()),
            // It has no policy that a configuration could contradict.
            PoolMessage::Fits(_, reply) => _ = reply.send(Ok(())),
            PoolMessage::Rebase => front.rebase(),
            #[expect(clippy::panic, reason = "that is what was asked for")]
            PoolMessage::Panic => panic!("provoked"),
            PoolMessage::Wake
            | PoolMessage::Grant(_)
            | PoolMessage::Committed(_)
            | PoolMessage::ReadAhead(..)
            | PoolMessage::LookOn => {}
        }
        front.serve();
        Ok(())
    }
}
