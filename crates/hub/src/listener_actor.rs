//! Accepts connections. Closed first when the hub drains.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    actor::{Actor, ActorProcessingErr, ActorRef},
    session::Connection,
    sessions_actor::SessionsMessage,
};

/// How long to wait when the process has no descriptor left: some session will end.
const BREATHER: Duration = Duration::from_millis(50);

pub(crate) struct ListenerActor;

pub(crate) struct ListenerArguments {
    /// Kept by the supervisor, too, so that a failed listener leaves the port open.
    pub(crate) listener: Arc<TcpListener>,
    pub(crate) sessions: ActorRef<SessionsMessage>,
    pub(crate) silence_after: Duration,
}

/// Ends the accept loop with the actor.
pub(crate) struct Accepting(JoinHandle<()>);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor for ListenerActor {
    type Msg = ();
    type State = Accepting;
    type Arguments = ListenerArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        arguments: ListenerArguments,
    ) -> Result<Accepting, ActorProcessingErr> {
        let accepting = tokio::spawn(async move {
            accept(arguments).await;
            myself.stop(Some("there is nobody to accept for".to_owned()));
        });
        Ok(Accepting(accepting))
    }

    /// Whoever waits for this actor's end may use the port again: dropping the state comes later.
    async fn post_stop(
        &self,
        _myself: ActorRef<()>,
        accepting: &mut Accepting,
    ) -> Result<(), ActorProcessingErr> {
        accepting.0.abort();
        // It was aborted, or had ended.
        _ = (&mut accepting.0).await;
        Ok(())
    }
}

async fn accept(arguments: ListenerArguments) {
    loop {
        match arguments.listener.accept().await {
            Ok((stream, _)) => {
                let connection = Connection::tcp(stream, arguments.silence_after);
                let accepted = SessionsMessage::Accepted(connection);
                if arguments.sessions.cast(accepted).is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}
