//! From a connection to a session: the line is made ready, the hello heard, and it is known who that
//! is. Until then nothing of it is in the registry or in a pool.

use std::time::Duration;

use leasehold_core::{Node, SessionId};
use leasehold_wire::HubCodec;
use tokio::{
    io::AsyncWrite,
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::Instant,
};
use tokio_util::codec::FramedRead;

use super::{
    Arrival, Connection, Origin, SessionContext, SessionRecord,
    admission::{Admitted, Trust, let_in},
    connection::{Heard, ROOM_BYTES_IDLE},
    handshake::{self, NoSession},
    io::Reader,
    opening::{linger, open},
};
use crate::{auth::Caller, pool_actor::Out, tls::CertificateName};

/// Who came in.
pub(super) struct Entered {
    pub(super) frames: FramedRead<Reader, HubCodec>,
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) version: u16,
    pub(super) heartbeat: Duration,
    pub(super) record: SessionRecord,
    pub(super) admitted: Admitted,
}

/// Nothing if nobody came in; he was told why, as far as he can be.
pub(super) async fn enter(
    context: &SessionContext,
    session: SessionId,
    connection: Connection,
    arrival: &mut Arrival,
    (back, outs): (&UnboundedSender<Out>, &mut UnboundedReceiver<Out>),
) -> Option<Entered> {
    let (address, origin) = (connection.address.clone(), connection.origin);
    let within = context.config.now().session.handshake_within;
    let until = Instant::now() + within;
    let opened = tokio::select! {
        biased;
        opened = open(connection, &context.door, until) => opened?,
        _ = arrival.evicted() => return None,
        _ = outs.recv() => return None,
    };
    let mut writer = opened.writer;
    let reader = Heard::new(opened.reader);
    let mut frames = FramedRead::with_capacity(reader, HubCodec::new(), ROOM_BYTES_IDLE);
    let received = tokio::select! {
        received = handshake::receive(&mut frames, within, until) => received,
        refusal = arrival.evicted() => Err(NoSession::Refused(refusal)),
        // All that can be said before there is a session is that there will be none.
        _ = outs.recv() => Err(NoSession::Refused(handshake::going_down())),
    };
    let received = opened
        .refusal
        .map_or(received, |refusal| Err(NoSession::Refused(refusal)));
    let (hello, version) = match received {
        Ok(hello) => hello,
        Err(why) => {
            turn_down(context, &address, why, &mut writer, &mut frames).await;
            return None;
        }
    };
    let welcome = handshake::welcome(&context.config.now(), &hello, version, session.0);
    let heartbeat = Duration::from_millis(welcome.heartbeat_ms);
    let caller = Caller {
        session,
        node: &hello.node,
        address: &address,
    };
    let trust = Trust {
        is_inside: origin == Origin::Inside,
        certificate: opened.certificate.as_ref().map(CertificateName::as_str),
    };
    let lines = (&mut frames, &mut writer, outs, arrival);
    let who = (&trust, &caller, back);
    let admitted = let_in(&context.auth, who, welcome, lines, until).await?;
    let node = Node {
        name: hello.node,
        incarnation: hello.incarnation,
    };
    let record = SessionRecord {
        node,
        address,
        opened_at: context.clock.now(),
        certificate: opened.certificate,
    };
    tell_of(session, &record);
    Some(Entered {
        frames,
        writer,
        version,
        heartbeat,
        record,
        admitted,
    })
}

async fn turn_down<W: AsyncWrite + Unpin>(
    context: &SessionContext,
    address: &str,
    why: NoSession,
    writer: &mut W,
    frames: &mut FramedRead<Reader, HubCodec>,
) {
    match why {
        NoSession::Gone => {}
        NoSession::SpeaksTls => {
            let why = "it spoke TLS, and this hub does not: see [tls]";
            context.door.complain(address, why);
            handshake::refuse_tls(writer).await;
            linger(frames.get_mut()).await;
        }
        NoSession::Refused(refusal) => {
            tracing::debug!(%address, reason = refusal.reason, "a handshake was refused");
            handshake::refuse(writer, refusal).await;
        }
    }
}

fn tell_of(session: SessionId, record: &SessionRecord) {
    let (address, node) = (&record.address, &record.node.name);
    let certificate = record.certificate.as_ref().map(CertificateName::as_str);
    tracing::debug!(%address, %node, session = session.0, certificate, "a session is open");
}
