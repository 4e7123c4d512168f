//! The I/O task of a session: the only owner of its socket.
//!
//! All frames of one read are one message to each pool, all that is ready to be said is one write.
//! Reading and writing never wait for each other, so that a node that writes much before it reads
//! is still served, up to the bound on what it may have under way.

mod authority;

use std::{mem, pin::Pin, time::Duration};

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use leasehold_core::{Ending, PoolName, SessionId, time::millis};
use leasehold_wire::{FromHub, FromNode, HubCodec, Refusal, RefusalCode, Request, WireError};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::codec::FramedRead;

use self::authority::denied;
use super::{
    Arrival, Connection, Dismissal, SessionContext,
    connection::{Heard, ROOM_BYTES_IDLE},
    entry::enter,
    guard::SessionGuard,
    handshake,
    requests::Requests,
    speech::Speech,
    throttle::Throttle,
};
use crate::{parts::whole_of, pool_actor::Out};

/// Frames of one read at the most; the rest waits for the next turn.
const FRAMES_A_TURN: usize = 256;

/// What is said to a session before the socket takes it; past it, what pools say waits.
const SPEECH_BYTES_MAX: usize = 1 << 20;

/// How long the end of what a node said may take to come once it hears nothing more.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(1);

pub(super) type Reader = Heard<Box<dyn AsyncRead + Send + Unpin>>;

struct SessionIo {
    frames: FramedRead<Reader, HubCodec>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    speech: Speech,
    outs: UnboundedReceiver<Out>,
    requests: Requests,
    heartbeat: Duration,
    silence_after: Duration,
    leases_kept: Duration,
    /// Goes off at or before the next moment that matters; moved lazily.
    alarm: Pin<Box<Sleep>>,
    /// Set when the socket takes nothing more: until when what came before that is still read.
    unheard: Option<Instant>,
    /// Set when the hub ends the session: until when answers are waited for, and what to say.
    dismissal: Option<(Instant, Dismissal)>,
    drain_for: Duration,
    throttle: Throttle,
}

/// Why the session is over.
enum Over {
    /// Nothing more to say.
    Silent(Ending),
    /// With a last word.
    Saying(Ending, FromHub),
}

/// A session from its first frame to its end. Its leases end with it, whatever ends it.
pub(crate) async fn run(
    context: SessionContext,
    session: SessionId,
    (connection, mut arrival): (Connection, Arrival),
    back: UnboundedSender<Out>,
    mut outs: UnboundedReceiver<Out>,
) {
    let ways = (&back, &mut outs);
    let entered = enter(&context, session, connection, &mut arrival, ways).await;
    let Some(entered) = entered else { return };
    let guard = SessionGuard::new(&context, session, entered.record, back);
    let throttle = Throttle::new(&context.config.now(), arrival.household());
    let requests = Requests::new(context, guard, entered.admitted.standing);
    let mut io = SessionIo::new(
        (requests, throttle),
        entered.frames,
        entered.writer,
        outs,
        entered.heartbeat,
    );
    io.speech.speak(entered.version);
    io.speech.say(&entered.admitted.first);
    io.look_at_the_end();
    io.run_to_end(arrival).await;
}

impl SessionIo {
    fn new(
        (requests, throttle): (Requests, Throttle),
        frames: FramedRead<Reader, HubCodec>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
        outs: UnboundedReceiver<Out>,
        heartbeat: Duration,
    ) -> Self {
        let config = requests.context.config.now();
        Self {
            speech: Speech::new(frames.decoder().frame_bytes_max()),
            frames,
            writer,
            outs,
            heartbeat,
            silence_after: config.session.silence_after,
            leases_kept: config.pool_defaults.restart_grace,
            alarm: Box::pin(sleep_until(Instant::now() + heartbeat / 2)),
            unheard: None,
            dismissal: None,
            drain_for: config.hub.drain_for,
            throttle,
            requests,
        }
    }

    async fn run_to_end(mut self, arrival: Arrival) {
        let over = loop {
            if let Err(over) = self.turn().await {
                break over;
            }
        };
        let (ending, last_word) = match over {
            Over::Silent(ending) => (ending, None),
            Over::Saying(ending, word) => (ending, Some(word)),
        };
        let Self {
            mut requests,
            speech,
            writer,
            ..
        } = self;
        let mut leaver = requests.context.leavers.add();
        let guard = &mut requests.guard;
        guard.ending = Some(ending);
        let (session, node) = (guard.session.0, &guard.node.name);
        tracing::debug!(session, %node, ?ending, "a session has ended");
        // The pools hear of it before the node does, and do not wait for a node that does not read.
        drop((requests, arrival));
        if let Some(word) = last_word {
            flush_briefly(writer, speech, &word).await;
        }
        leaver.wait().await;
    }

    async fn turn(&mut self) -> Result<(), Over> {
        if let Some(until) = self.unheard {
            self.speech.take();
            self.look_by(until);
        }
        let mut shut_until = self.throttle.shut_until(Instant::now);
        if shut_until.is_some() {
            // Its owner may have lifted that, which nothing that is read would show.
            self.throttle
                .follow(&self.requests.context.config.now(), Instant::now);
            shut_until = self.throttle.shut_until(Instant::now);
        }
        if let Some(at) = shut_until {
            self.look_by(at);
        }
        // What is refused at once is answered at once: whoever does not read it is not heard, either.
        let may_read = shut_until.is_none()
            && self.dismissal.is_none()
            && self.requests.has_room()
            && self.speech.bytes() < SPEECH_BYTES_MAX;
        tokio::select! {
            biased;
            Some(out) = self.outs.recv(), if self.speech.bytes() < SPEECH_BYTES_MAX => {
                self.take_out(out)?;
                while self.speech.bytes() < SPEECH_BYTES_MAX {
                    let Ok(out) = self.outs.try_recv() else { break };
                    self.take_out(out)?;
                }
            }
            written = self.writer.write_buf(self.speech.unsaid()), if self.speech.bytes() > 0 => {
                if written.is_ok_and(|bytes| bytes > 0) {
                    self.speech.was_taken();
                } else {
                    // The node is gone. What it said before is in the socket, up to its end.
                    self.unheard = Some(Instant::now() + HEARD_OUT_WITHIN);
                }
            }
            frame = self.frames.next(), if may_read => self.take_frames(frame).await?,
            () = &mut self.alarm => self.tick(may_read)?,
        }
        Ok(())
    }

    /// This frame and all that came with it, as one batch.
    async fn take_frames(
        &mut self,
        mut frame: Option<Result<FromNode, WireError>>,
    ) -> Result<(), Over> {
        let mut left = FRAMES_A_TURN;
        self.throttle
            .follow(&self.requests.context.config.now(), Instant::now);
        let outcome = loop {
            let asked = matches!(frame, Some(Ok(FromNode::Request { .. })));
            let outcome = self.take_frame(frame).await;
            left -= 1;
            let bytes = self.frames.get_mut().bytes();
            let is_shut = self.throttle.took(asked, bytes, Instant::now);
            if outcome.is_err() || left == 0 || is_shut || !self.requests.has_room() {
                break outcome;
            }
            self.make_room();
            // What is taken out of the socket here is taken in: there is no way back.
            match self.frames.next().now_or_never() {
                Some(next) => frame = next,
                None => break outcome,
            }
        };
        // What is left of a buffer that was read from would cut the next request in two.
        let buffer = self.frames.read_buffer_mut();
        if buffer.is_empty() && buffer.capacity() < ROOM_BYTES_IDLE {
            buffer.reserve(ROOM_BYTES_IDLE);
        }
        // What came before the end is heard before it.
        let sent = self.requests.send();
        outcome?;
        sent.map_err(|_| self.pool_down(None))
    }

    fn make_room(&mut self) {
        // Out of the reader's reach for a moment: it is asked about the buffer beside it.
        let mut buffer = mem::take(self.frames.read_buffer_mut());
        self.frames.get_mut().make_room(&mut buffer);
        *self.frames.read_buffer_mut() = buffer;
    }

    async fn take_frame(&mut self, frame: Option<Result<FromNode, WireError>>) -> Result<(), Over> {
        match frame {
            Some(Ok(FromNode::Request { body, .. })) if body.since() > self.speech.version() => {
                let (since, version) = (body.since(), self.speech.version());
                let reason =
                    format!("a request of version {since} in a session of version {version}");
                Err(refused(RefusalCode::Malformed, reason, Ending::Cut))
            }
            Some(Ok(FromNode::Request {
                id,
                body: Request::Authenticate { token },
            })) => self.authenticate(id, &token),
            Some(Ok(FromNode::Request { id, mut body })) => {
                if let Some(refused) = self.requests.refuses(&body) {
                    return self.deny(id, refused);
                }
                if self.requests.join(id, &mut body) {
                    self.frames.decoder_mut().reuse(body);
                } else if let Some(answer) = self.requests.take(id, body).await {
                    self.speech.say(&answer);
                }
                Ok(())
            }
            Some(Ok(FromNode::Ping)) => {
                self.beat();
                Ok(())
            }
            Some(Ok(FromNode::Bye)) => Err(Over::Silent(Ending::Bye)),
            Some(Ok(FromNode::Hello(_))) => {
                let reason = "a hello comes once, as the first message".to_owned();
                Err(refused(RefusalCode::Malformed, reason, Ending::Cut))
            }
            Some(Err(error)) => match handshake::refusal_of(&error) {
                Some(refusal) => Err(refused(refusal.code, refusal.reason, Ending::Cut)),
                None => Err(Over::Silent(Ending::Cut)),
            },
            None => Err(Over::Silent(Ending::Cut)),
        }
    }

    fn take_out(&mut self, out: Out) -> Result<(), Over> {
        match out {
            Out::Answer(request, pool, part, _freight) => {
                let speech = &mut self.speech;
                if self.requests.answered(request, pool, part, speech) {
                    return Err(self.dismissed());
                }
            }
            Out::Deliver(pool, tasks, _freight) => self.speech.say_deliveries(&pool, tasks),
            Out::DeliverMore(pool, tasks, _freight) => {
                self.speech.say_deliveries_more(&pool, tasks);
            }
            Out::Later(pool, request, ask) => {
                let asked = self.requests.guard.ask_again(&pool, request, ask);
                asked.map_err(|_| self.pool_down(Some(&pool)))?;
            }
            Out::Revoke(proof, why) => self.speech.say(&FromHub::Revoked { proof, why }),
            Out::AskStop(proof, within) => {
                let within_ms = millis(within);
                self.speech.say(&FromHub::StopAsked { proof, within_ms });
            }
            Out::PoolDown(pool) if self.requests.can_go_on_without(&pool) => {}
            Out::PoolDown(pool) => return Err(self.pool_down(Some(&pool))),
            Out::Superseded => {
                let reason = "a newer session of this node took over".to_owned();
                return Err(refused(RefusalCode::Superseded, reason, Ending::Cut));
            }
            Out::Dismiss(dismissal) => return self.dismiss(dismissal),
            Out::Denied(why) => return Err(denied(why)),
        }
        Ok(())
    }

    /// The hub ends the session: nothing more is read, what was asked is answered first.
    fn dismiss(&mut self, dismissal: Dismissal) -> Result<(), Over> {
        let until = Instant::now() + self.drain_for;
        self.dismissal = Some((until, dismissal));
        self.look_by(until);
        match self.requests.fence() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.dismissed()),
            Err(_) => Err(self.pool_down(None)),
        }
    }

    fn dismissed(&mut self) -> Over {
        match self.dismissal.take() {
            Some((_, dismissal)) => self.bye(dismissal),
            None => Over::Silent(Ending::Dismissed),
        }
    }

    /// A pool that the session uses is being restored: its node comes back and resumes.
    fn pool_down(&self, pool: Option<&PoolName>) -> Over {
        let which = pool.map_or_else(String::new, |name| format!(" {}", whole_of(name)));
        self.bye(Dismissal {
            reason: format!("the pool{which} has ended: it is being restored, or was deleted"),
            retry_after: Duration::from_millis(20),
        })
    }

    fn bye(&self, dismissal: Dismissal) -> Over {
        let bye = FromHub::Bye {
            reason: dismissal.reason,
            retry_after_ms: millis(dismissal.retry_after),
            leases_kept_ms: millis(self.leases_kept),
        };
        Over::Saying(Ending::Dismissed, bye)
    }

    /// Nothing else came for a while. That is the moment for a heartbeat of our own, which then
    /// costs no wake-up of its own, and to keep no more than an idle session needs.
    fn beat(&mut self) {
        if self.frames.read_buffer().is_empty() && self.frames.get_mut().had_room_to_spare() {
            *self.frames.read_buffer_mut() = BytesMut::with_capacity(ROOM_BYTES_IDLE);
        }
        self.speech.give_back();
        self.requests.give_back();
        if self.speech.said_at().elapsed() >= self.heartbeat / 2 {
            self.speech.say(&FromHub::Ping);
        }
        let next = self.next_look();
        self.alarm.as_mut().reset(next);
    }

    fn tick(&mut self, may_read: bool) -> Result<(), Over> {
        let now = Instant::now();
        // While the hub itself does not read, it cannot hold silence against the node.
        if !may_read {
            self.frames.get_mut().excuse(now);
        }
        if now >= self.silent_at() {
            let reason = format!("nothing was heard for {:?}", self.silence_after);
            return Err(refused(RefusalCode::Silence, reason, Ending::Silence));
        }
        if let Some(why) = self.requests.is_over() {
            return Err(denied(why));
        }
        if self.unheard.is_some_and(|until| now >= until) {
            return Err(Over::Silent(Ending::Cut));
        }
        let dismissal = self.dismissal.as_ref();
        if dismissal.is_some_and(|(until, _)| now >= *until) {
            return Err(self.dismissed());
        }
        if now >= self.ping_at() {
            self.speech.say(&FromHub::Ping);
        }
        let next = self.next_look();
        self.alarm.as_mut().reset(next);
        Ok(())
    }

    fn next_look(&self) -> Instant {
        let unheard = self.unheard.into_iter();
        let dismissal = self.dismissal.iter().map(|(until, _)| *until);
        let next = self.silent_at().min(self.ping_at());
        let end = self.end().into_iter();
        unheard.chain(dismissal).chain(end).fold(next, Instant::min)
    }

    /// Looks again at this moment at the latest.
    fn look_by(&mut self, at: Instant) {
        if at < self.alarm.deadline() {
            self.alarm.as_mut().reset(at);
        }
    }

    /// When the node counts as silent: it says nothing, or takes nothing of what it is told.
    fn silent_at(&self) -> Instant {
        let heard_at = self.frames.get_ref().heard_at();
        let stuck_since = self.speech.stuck_since();
        stuck_since.map_or(heard_at, |since| since.min(heard_at)) + self.silence_after
    }

    /// When something is to be said if nothing else was: in time for the promise, and late enough
    /// for a node's heartbeat to come first.
    fn ping_at(&self) -> Instant {
        self.speech.said_at() + self.heartbeat * 15 / 16
    }
}

/// What is left to say and a last word, as far as the socket takes it within a moment.
async fn flush_briefly<W: AsyncWrite + Unpin>(mut writer: W, mut speech: Speech, word: &FromHub) {
    const WITHIN: Duration = Duration::from_secs(1);
    speech.say(word);
    let mut rest = speech.take();
    let write = async {
        writer.write_all_buf(&mut rest).await?;
        writer.shutdown().await
    };
    _ = tokio::time::timeout(WITHIN, write).await;
}

const fn refused(code: RefusalCode, reason: String, ending: Ending) -> Over {
    Over::Saying(ending, FromHub::Refused(Refusal { code, reason }))
}
