//! Who is let in. Until it is known who somebody is, there is no session: nothing of him is in the
//! registry or in a pool, his frames are as short as a handshake's, and all together may take no longer
//! than `session.handshake_within`.

use futures_util::StreamExt;
use leasehold_wire::{
    FromHub, FromNode, HANDSHAKE_BYTES_MAX, HubCodec, Refusal, RefusalCode, Request, Response,
    Secret, Welcome, encode_message,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, timeout_at},
};
use tokio_util::codec::FramedRead;

use super::{
    Arrival,
    handshake::{self, NoSession},
    opening::linger,
};
use crate::{
    auth::{Auth, Caller, Known, NOBODY, Standing},
    pool_actor::Out,
};

/// The first version in which somebody can say who he is.
const SAYABLE_SINCE: u16 = 3;

/// What somebody is let in as.
pub(super) struct Admitted {
    pub(super) standing: Standing,
    /// What is said first.
    pub(super) first: FromHub,
}

/// How the connection alone is to be trusted.
pub(super) struct Trust<'a> {
    /// From inside this process, which is trusted.
    pub(super) is_inside: bool,
    /// The name of the certificate that the other side has shown, and that was verified.
    pub(super) certificate: Option<&'a str>,
}

/// Lets somebody in, with frames as long as the welcome says; nothing if he is not, and was told why.
pub(super) async fn let_in<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    auth: &Auth,
    who: (&Trust<'_>, &Caller<'_>, &UnboundedSender<Out>),
    welcome: Welcome,
    (frames, writer, outs, arrival): (
        &mut FramedRead<R, HubCodec>,
        &mut W,
        &mut UnboundedReceiver<Out>,
        &mut Arrival,
    ),
    by: Instant,
) -> Option<Admitted> {
    let frame_bytes_max = welcome.frame_bytes_max;
    let admitted = tokio::select! {
        admitted = admit(auth, who, welcome, (frames, writer), by) => admitted,
        refusal = arrival.evicted() => Err(NoSession::Refused(refusal)),
        _ = outs.recv() => Err(NoSession::Refused(handshake::going_down())),
    };
    let admitted = match admitted {
        Ok(admitted) if arrival.greet() => Ok(admitted),
        Ok(_) => Err(NoSession::Refused(arrival.evicted().await)),
        Err(why) => Err(why),
    };
    match admitted {
        Ok(admitted) => {
            frames.decoder_mut().set_frame_bytes_max(frame_bytes_max);
            Some(admitted)
        }
        Err(NoSession::Gone | NoSession::SpeaksTls) => None,
        Err(NoSession::Refused(refusal)) => {
            handshake::refuse(writer, refusal).await;
            Box::pin(linger(frames.get_mut())).await;
            None
        }
    }
}

/// Lets somebody in, or asks him who he is.
async fn admit<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    auth: &Auth,
    (trust, caller, back): (&Trust<'_>, &Caller<'_>, &UnboundedSender<Out>),
    welcome: Welcome,
    (frames, writer): (&mut FramedRead<R, HubCodec>, &mut W),
    by: Instant,
) -> Result<Admitted, NoSession> {
    let certified = trust
        .certificate
        .and_then(|name| auth.certified(name, caller));
    let standing = match certified {
        Some(known) => Standing::Known(known),
        None if trust.is_inside || !auth.is_required() => Standing::Free,
        None => {
            // Large, and soon over: idle sessions are many.
            let asking = ask(auth, (caller, back), welcome, (frames, writer), by);
            let (id, known) = Box::pin(asking).await?;
            let body = Response::Authenticated(known.identity());
            return Ok(Admitted {
                standing: Standing::Known(known),
                first: FromHub::Response { id, body },
            });
        }
    };
    let first = FromHub::Welcome(welcome);
    Ok(Admitted { standing, first })
}

/// Welcomes him, and waits for who he is.
async fn ask<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    auth: &Auth,
    (caller, back): (&Caller<'_>, &UnboundedSender<Out>),
    welcome: Welcome,
    (frames, writer): (&mut FramedRead<R, HubCodec>, &mut W),
    by: Instant,
) -> Result<(u64, Known), NoSession> {
    if welcome.version < SAYABLE_SINCE {
        let version = welcome.version;
        let reason = format!(
            "nobody may speak here without a token, which version {version} of the protocol cannot \
             show: a node needs version {SAYABLE_SINCE}"
        );
        auth.note_denied(NOBODY, caller, &reason);
        return refuse(RefusalCode::Version, reason);
    }
    say(writer, &FromHub::Welcome(welcome), by).await?;
    frames
        .decoder_mut()
        .set_frame_bytes_max(HANDSHAKE_BYTES_MAX);
    let (id, token) = heard_who(frames, by).await.inspect_err(|none| {
        if let NoSession::Refused(refusal) = none {
            auth.note_denied(NOBODY, caller, &refusal.reason);
        }
    })?;
    match auth.authenticate(&token, caller, back) {
        Ok(known) => Ok((id, known)),
        Err(why) => refuse(RefusalCode::Denied, why),
    }
}

async fn heard_who<R: AsyncRead + Unpin>(
    frames: &mut FramedRead<R, HubCodec>,
    by: Instant,
) -> Result<(u64, Secret), NoSession> {
    loop {
        let Ok(frame) = timeout_at(by, frames.next()).await else {
            let reason = "nobody said in time who he is: a token comes right after the welcome";
            return refuse(RefusalCode::HandshakeTimeout, reason.to_owned());
        };
        match frame {
            None | Some(Ok(FromNode::Bye)) => return Err(NoSession::Gone),
            Some(Ok(FromNode::Ping)) => {}
            Some(Ok(FromNode::Request {
                id,
                body: Request::Authenticate { token },
            })) => return Ok((id, token)),
            Some(Ok(FromNode::Request { .. } | FromNode::Hello(_))) => {
                let reason = "nobody may ask anything here without showing a token first";
                return refuse(RefusalCode::Denied, reason.to_owned());
            }
            Some(Err(error)) => {
                let refusal = handshake::refusal_of(&error);
                return Err(refusal.map_or(NoSession::Gone, NoSession::Refused));
            }
        }
    }
}

const fn refuse<T>(code: RefusalCode, reason: String) -> Result<T, NoSession> {
    Err(NoSession::Refused(Refusal { code, reason }))
}

async fn say<W: AsyncWrite + Unpin>(
    writer: &mut W,
    message: &FromHub,
    by: Instant,
) -> Result<(), NoSession> {
    let mut frame = bytes::BytesMut::from(&[0; 4][..]);
    let length = encode_message(message, HANDSHAKE_BYTES_MAX, &mut frame);
    let length = length.map_err(|_| NoSession::Gone)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    match timeout_at(by, writer.write_all(&frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(NoSession::Gone),
    }
}
