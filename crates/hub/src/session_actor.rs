//! One connection's lifecycle. The I/O task does the work; this actor owns it.

use leasehold_core::{Ending, SessionId};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::{AbortHandle, JoinHandle},
};

use crate::{
    actor::{Actor, ActorProcessingErr, ActorRef},
    pool_actor::{Out, PoolMessage},
    session::{self, Arrival, Connection, Dismissal, SessionContext},
};

/// All that a session's actor is told.
#[derive(Debug)]
pub(crate) enum SessionMessage {
    /// The I/O task has ended.
    IoEnded,
    /// The hub ends the session.
    Dismiss(Dismissal),
    /// Panic, to show what happens then.
    Panic,
    /// Abort the I/O task, to show what happens then.
    AbortIo,
}

/// The actor's value, not its state: a state travels to the supervisor inside an event and is
/// dropped late, while a value is dropped with the actor.
pub(crate) struct SessionActor {
    io: AbortOnDrop,
    back: UnboundedSender<Out>,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SessionActor {
    /// Starts the I/O task and the actor that owns it.
    pub(crate) async fn spawn(
        context: SessionContext,
        session: SessionId,
        (connection, arrival): (Connection, Arrival),
        supervisor: crate::actor::ActorCell,
    ) -> Result<ActorRef<SessionMessage>, crate::actor::SpawnErr> {
        let (back, outs) = unbounded_channel();
        let io = session::run(
            context.clone(),
            session,
            (connection, arrival),
            back.clone(),
            outs,
        );
        let io = tokio::spawn(io);
        let owner = Self {
            io: AbortOnDrop(io.abort_handle()),
            back,
        };
        let actor = crate::actor::spawn_under(supervisor, owner, ()).await?;
        tokio::spawn(say_again(context, session, io, actor.clone()));
        Ok(actor)
    }
}

/// The guard in the I/O task has told every pool of the session's end. If that task was aborted or
/// panicked, this says it again once the task is no more: idempotent belt and braces, and never too
/// early. After an orderly end it would be the same word to each pool from each of thousands that
/// are cut together.
async fn say_again(
    context: SessionContext,
    session: SessionId,
    io: JoinHandle<()>,
    actor: ActorRef<SessionMessage>,
) {
    if let Err(error) = io.await {
        if error.is_panic() {
            tracing::error!(session = session.0, %error, "the I/O task of a session panicked");
        }
        for pool in context.directory.up() {
            let ending = Ending::Cut;
            // A pool that has ended restores without the session.
            _ = pool.actor.cast(PoolMessage::Gone { session, ending });
        }
    }
    // The actor may have ended first.
    _ = actor.cast(SessionMessage::IoEnded);
}

impl Actor for SessionActor {
    type Msg = SessionMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _myself: ActorRef<SessionMessage>,
        (): (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<SessionMessage>,
        message: SessionMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionMessage::IoEnded => myself.stop(None),
            SessionMessage::Dismiss(dismissal) => {
                // The I/O task may have ended first, and says so itself.
                _ = self.back.send(Out::Dismiss(dismissal));
            }
            SessionMessage::AbortIo => self.io.0.abort(),
            #[expect(clippy::panic, reason = "that is what was asked for")]
            SessionMessage::Panic => panic!("provoked"),
        }
        Ok(())
    }
}
