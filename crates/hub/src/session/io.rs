//! The I/O task of a session: the only owner of its socket.
//!
//! All frames of one read are one message to each pool, all that is ready to be said is one write.
//! Reading and writing never wait for each other, so that a node that writes much before it reads
//! is still served, up to the bound on what it may have under way.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use leasehold_core::{Ending, Node, PoolName, SessionId, time::millis};
use leasehold_wire::{FromHub, FromNode, HubCodec, Refusal, RefusalCode, WireError};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use tokio_util::codec::FramedRead;

use super::{
    Connection, Dismissal, SessionContext, SessionRecord,
    connection::Heard,
    guard::SessionGuard,
    handshake::{self, NoSession},
    requests::Requests,
    speech::Speech,
};
use crate::pool_actor::Out;

/// Frames of one read at the most; the rest waits for the next turn.
const FRAMES_A_TURN: usize = 256;

/// What is said to a session before the socket takes it; past it, what pools say waits.
const SPEECH_BYTES_MAX: usize = 1 << 20;

/// How long the end of what a node said may take to come once it hears nothing more.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(1);

type Reader = Heard<Box<dyn AsyncRead + Send + Unpin>>;

struct SessionIo {
    frames: FramedRead<Reader, HubCodec>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    speech: Speech,
    outs: UnboundedReceiver<Out>,
    requests: Requests,
    heartbeat: Duration,
    silence_after: Duration,
    leases_kept: Duration,
    ticker: Interval,
    heard_at: Instant,
    /// When the socket last took something, or there was nothing to take.
    flowed_at: Instant,
    /// Set when the socket takes nothing more: until when what came before that is still read.
    unheard: Option<Instant>,
    /// Set when the hub ends the session: until when answers are waited for, and what to say.
    dismissal: Option<(Instant, Dismissal)>,
    drain_for: Duration,
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
    connection: Connection,
    back: UnboundedSender<Out>,
    mut outs: UnboundedReceiver<Out>,
) {
    let Connection {
        reader,
        mut writer,
        address,
    } = connection;
    let mut frames = FramedRead::new(Heard::new(reader), HubCodec::new());
    let within = context.config.session.handshake_within;
    let received = tokio::select! {
        received = handshake::receive(&mut frames, within) => received,
        // All that can be said before there is a session is that there will be none.
        _ = outs.recv() => Err(NoSession::Refused(handshake::going_down())),
    };
    let (hello, version) = match received {
        Ok(hello) => hello,
        Err(NoSession::Gone) => return,
        Err(NoSession::Refused(refusal)) => {
            tracing::debug!(%address, reason = refusal.reason, "a handshake was refused");
            return handshake::refuse(&mut writer, refusal).await;
        }
    };
    let welcome = handshake::welcome(&context.config, &hello, version, session.0);
    let node = Node {
        name: hello.node.clone(),
        incarnation: hello.incarnation,
    };
    tracing::debug!(%address, node = %node.name, session = session.0, "a session is open");
    let opened_at = context.clock.now();
    let record = SessionRecord {
        node,
        address,
        opened_at,
    };
    let guard = SessionGuard::new(&context, session, record, back);
    frames
        .decoder_mut()
        .set_frame_bytes_max(welcome.frame_bytes_max);
    let heartbeat = Duration::from_millis(welcome.heartbeat_ms);
    let mut io = SessionIo::new(context, frames, writer, outs, guard, heartbeat);
    io.speech.say(&FromHub::Welcome(welcome));
    io.run_to_end().await;
}

impl SessionIo {
    fn new(
        context: SessionContext,
        frames: FramedRead<Reader, HubCodec>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
        outs: UnboundedReceiver<Out>,
        guard: SessionGuard,
        heartbeat: Duration,
    ) -> Self {
        let silence_after = context.config.session.silence_after;
        let mut ticker = interval((heartbeat / 2).min(silence_after / 8));
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            speech: Speech::new(frames.decoder().frame_bytes_max()),
            frames,
            writer,
            outs,
            heartbeat,
            silence_after,
            leases_kept: context.config.pool_defaults.restart_grace,
            ticker,
            heard_at: Instant::now(),
            flowed_at: Instant::now(),
            unheard: None,
            dismissal: None,
            drain_for: context.config.hub.drain_for,
            requests: Requests::new(context, guard),
        }
    }

    async fn run_to_end(mut self) {
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
        let guard = &mut requests.guard;
        guard.ending = Some(ending);
        let (session, node) = (guard.session.0, &guard.node.name);
        tracing::debug!(session, %node, ?ending, "a session has ended");
        // The pools hear of it before the node does, and do not wait for a node that does not read.
        drop(requests);
        if let Some(word) = last_word {
            flush_briefly(writer, speech, &word).await;
        }
    }

    async fn turn(&mut self) -> Result<(), Over> {
        let may_read = self.dismissal.is_none() && self.requests.has_room();
        if self.unheard.is_some() {
            self.speech.take();
        }
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
                    self.flowed_at = Instant::now();
                    self.speech.was_taken();
                } else {
                    // The node is gone. What it said before is in the socket, up to its end.
                    self.unheard = Some(Instant::now() + HEARD_OUT_WITHIN);
                }
            }
            frame = self.frames.next(), if may_read => self.take_frames(frame).await?,
            _ = self.ticker.tick() => self.tick(may_read)?,
        }
        Ok(())
    }

    /// This frame and all that came with it, as one batch.
    async fn take_frames(
        &mut self,
        mut frame: Option<Result<FromNode, WireError>>,
    ) -> Result<(), Over> {
        let mut left = FRAMES_A_TURN;
        let outcome = loop {
            let outcome = self.take_frame(frame).await;
            left -= 1;
            if outcome.is_err() || left == 0 || !self.requests.has_room() {
                break outcome;
            }
            // What is taken out of the socket here is taken in: there is no way back.
            match self.frames.next().now_or_never() {
                Some(next) => frame = next,
                None => break outcome,
            }
        };
        // What came before the end is heard before it.
        let sent = self.requests.send();
        outcome?;
        sent.map_err(|_| self.pool_down(None))
    }

    async fn take_frame(&mut self, frame: Option<Result<FromNode, WireError>>) -> Result<(), Over> {
        match frame {
            Some(Ok(FromNode::Request { id, body })) => {
                if let Some(answer) = self.requests.take(id, body).await {
                    self.speech.say(&answer);
                }
                Ok(())
            }
            Some(Ok(FromNode::Ping)) => Ok(()),
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
            Out::Answer(request, pool, part) => {
                let speech = &mut self.speech;
                if self.requests.answered(request, pool, part, speech) {
                    return Err(self.dismissed());
                }
            }
            Out::Deliver(pool, tasks) => self.speech.say_deliveries(&pool, tasks),
            Out::Revoke(proof, why) => self.speech.say(&FromHub::Revoked { proof, why }),
            Out::PoolDown(pool) if self.requests.can_go_on_without(&pool) => {}
            Out::PoolDown(pool) => return Err(self.pool_down(Some(&pool))),
            Out::Superseded => {
                let reason = "a newer session of this node took over".to_owned();
                return Err(refused(RefusalCode::Superseded, reason, Ending::Cut));
            }
            Out::Dismiss(dismissal) => return self.dismiss(dismissal),
        }
        Ok(())
    }

    /// The hub ends the session: nothing more is read, what was asked is answered first.
    fn dismiss(&mut self, dismissal: Dismissal) -> Result<(), Over> {
        self.dismissal = Some((Instant::now() + self.drain_for, dismissal));
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
        let which = pool.map_or_else(String::new, |name| format!(" {name}"));
        self.bye(Dismissal {
            reason: format!("the pool{which} is being restored"),
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

    fn tick(&mut self, may_read: bool) -> Result<(), Over> {
        let now = Instant::now();
        // While the hub itself does not read, it cannot hold silence against the node.
        if self.frames.get_mut().take() || !may_read {
            self.heard_at = now;
        }
        if self.speech.bytes() == 0 {
            self.flowed_at = now;
        }
        let since = self.heard_at.min(self.flowed_at);
        if now.duration_since(since) >= self.silence_after {
            let reason = format!("nothing was heard for {:?}", self.silence_after);
            return Err(refused(RefusalCode::Silence, reason, Ending::Silence));
        }
        if self.unheard.is_some_and(|until| now >= until) {
            return Err(Over::Silent(Ending::Cut));
        }
        let dismissal = self.dismissal.as_ref();
        if dismissal.is_some_and(|(until, _)| now >= *until) {
            return Err(self.dismissed());
        }
        if now.duration_since(self.speech.said_at()) >= self.heartbeat / 2 {
            self.speech.say(&FromHub::Ping);
        }
        Ok(())
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
