//! The only module that names the actor crate: leaving it costs this module.

use std::error::Error;

use ractor::concurrency::JoinHandle;
pub(crate) use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent,
};

/// Starts an actor under a supervisor, without a name: names are global to a process, and a
/// process may hold more than one hub.
pub(crate) async fn spawn_under<A: Actor>(
    supervisor: ActorCell,
    actor: A,
    arguments: A::Arguments,
) -> Result<ActorRef<A::Msg>, SpawnErr> {
    let (actor, _) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
    Ok(actor)
}

/// Starts the root of a tree.
pub(crate) async fn spawn_root<A: Actor>(
    actor: A,
    arguments: A::Arguments,
) -> Result<(ActorRef<A::Msg>, JoinHandle<()>), SpawnErr> {
    Actor::spawn(None, actor, arguments).await
}

/// Why an actor did not start, in its own words alone.
pub(crate) fn why(error: &impl Error) -> String {
    let own = error.source().map(ToString::to_string);
    own.unwrap_or_else(|| error.to_string())
}
