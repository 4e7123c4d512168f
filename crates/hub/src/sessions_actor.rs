//! Supervises the sessions: counts them in, dismisses them when the hub drains.

use std::collections::BTreeMap;

use leasehold_core::SessionId;
use leasehold_wire::{FromHub, Refusal, RefusalCode};
use tokio::sync::oneshot;

use crate::{
    actor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent},
    session::{self, Arrival, Connection, Dismissal, Notice, SessionContext},
    session_actor::{SessionActor, SessionMessage},
    session_numbers::SessionNumbers,
};

/// All that the supervisor of sessions is told.
pub(crate) enum SessionsMessage {
    /// A connection was accepted.
    Accepted(Connection),
    /// End every session and take no more; answer when all have ended.
    Drain(Dismissal, oneshot::Sender<()>),
    /// To one session's actor, by the session's number.
    Tell(SessionId, SessionMessage),
    /// Kill one session's actor, to show what happens then.
    Kill(SessionId),
}

pub(crate) struct SessionsActor;

pub(crate) struct Sessions {
    context: SessionContext,
    numbers: SessionNumbers,
    open: BTreeMap<SessionId, ActorRef<SessionMessage>>,
    by_actor: BTreeMap<ActorId, SessionId>,
    drained: Vec<oneshot::Sender<()>>,
    is_draining: bool,
}

impl Actor for SessionsActor {
    type Msg = SessionsMessage;
    type State = Sessions;
    type Arguments = (SessionContext, SessionNumbers);

    async fn pre_start(
        &self,
        _myself: ActorRef<SessionsMessage>,
        (context, numbers): (SessionContext, SessionNumbers),
    ) -> Result<Sessions, ActorProcessingErr> {
        Ok(Sessions {
            context,
            numbers,
            open: BTreeMap::new(),
            by_actor: BTreeMap::new(),
            drained: Vec::new(),
            is_draining: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<SessionsMessage>,
        message: SessionsMessage,
        sessions: &mut Sessions,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionsMessage::Accepted(connection) => sessions.accept(&myself, connection).await,
            SessionsMessage::Drain(dismissal, drained) => sessions.drain(&dismissal, drained),
            SessionsMessage::Tell(session, message) => {
                if let Some(actor) = sessions.open.get(&session) {
                    // It may just have ended.
                    _ = actor.cast(message);
                }
            }
            SessionsMessage::Kill(session) => {
                if let Some(actor) = sessions.open.get(&session) {
                    actor.kill();
                }
            }
        }
        Ok(())
    }

    /// What must happen at a session's end is done by its guard; here it is only counted out.
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<SessionsMessage>,
        event: SupervisionEvent,
        sessions: &mut Sessions,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(who, ..) => sessions.ended(who.get_id()),
            SupervisionEvent::ActorFailed(who, error) => {
                tracing::error!(%error, "the actor of a session failed");
                sessions.ended(who.get_id());
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl Sessions {
    async fn accept(&mut self, myself: &ActorRef<SessionsMessage>, connection: Connection) {
        let arrival = match self.admit(&connection) {
            Ok(arrival) => arrival,
            Err(refusal) => {
                let (context, word) = (self.context.clone(), FromHub::Refused(refusal));
                tokio::spawn(session::turn_away(context, connection, word));
                return;
            }
        };
        let session = self.numbers.next();
        let context = self.context.clone();
        let accepted = (connection, arrival);
        match SessionActor::spawn(context, session, accepted, myself.get_cell()).await {
            Ok(actor) => {
                self.by_actor.insert(actor.get_id(), session);
                self.open.insert(session, actor);
            }
            Err(error) => tracing::error!(%error, "a session could not be started"),
        }
    }

    /// Whether there is room for it, and a word to the owner if there is none.
    fn admit(&self, connection: &Connection) -> Result<Arrival, Refusal> {
        if self.is_draining {
            let (code, reason) = (RefusalCode::SessionsMax, "the hub is going down".to_owned());
            return Err(Refusal { code, reason });
        }
        let (context, now) = (&self.context, self.context.clock.elapsed());
        let bounds = &context.config.now().hub;
        let admission = context.arrivals.come(connection.origin, bounds, now);
        if let Some(Notice { reason, unsaid }) = admission.notice {
            tracing::warn!(reason, unsaid, "connections are turned away");
        }
        admission.arrival
    }

    fn drain(&mut self, dismissal: &Dismissal, drained: oneshot::Sender<()>) {
        self.is_draining = true;
        self.drained.push(drained);
        for actor in self.open.values() {
            // It may just have ended, which is what is wanted.
            _ = actor.cast(SessionMessage::Dismiss(dismissal.clone()));
        }
        self.tell_if_drained();
    }

    fn ended(&mut self, actor: ActorId) {
        if let Some(session) = self.by_actor.remove(&actor) {
            self.open.remove(&session);
        }
        self.tell_if_drained();
    }

    fn tell_if_drained(&mut self) {
        if self.open.is_empty() {
            for drained in self.drained.drain(..) {
                // Whoever waited may have given up.
                _ = drained.send(());
            }
        }
    }
}
