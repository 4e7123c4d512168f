//! The first frame, and what is told to whom it is not.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use leasehold_core::time::millis;
use leasehold_core::{PoolSettings, limits::BATCH_MAX};
use leasehold_wire::{
    FromHub, FromNode, HANDSHAKE_BYTES_MAX, Hello, HubCodec, Refusal, RefusalCode, Welcome,
    WireError, encode_message, negotiate,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::codec::FramedRead;

use crate::{
    config::HubConfig,
    tls::{FIRST_BYTE, NOT_SPOKEN_HERE},
};

/// How long a refusal may take to be written: the stranger may not be reading.
const REFUSAL_WITHIN: Duration = Duration::from_secs(1);

/// Why there is no session.
pub(super) enum NoSession {
    /// The stranger went away.
    Gone,
    /// The stranger speaks TLS, and here nobody does.
    SpeaksTls,
    Refused(Refusal),
}

/// Waits for a hello that this hub can answer.
pub(super) async fn receive<R: AsyncRead + Unpin>(
    frames: &mut FramedRead<R, HubCodec>,
    within: Duration,
    until: Instant,
) -> Result<(Hello, u16), NoSession> {
    let refuse = |code, reason: String| Err(NoSession::Refused(Refusal { code, reason }));
    let Ok(first) = timeout_at(until, frames.next()).await else {
        let reason = format!("no hello came within {within:?}");
        return refuse(RefusalCode::HandshakeTimeout, reason);
    };
    match first {
        None => Err(NoSession::Gone),
        Some(Ok(FromNode::Hello(hello))) => match negotiate(&hello) {
            Ok(version) => Ok((hello, version)),
            Err(refusal) => Err(NoSession::Refused(refusal)),
        },
        Some(Ok(FromNode::Request { .. } | FromNode::Ping | FromNode::Bye)) => {
            let reason = "the first message of a session is a hello".to_owned();
            refuse(RefusalCode::Malformed, reason)
        }
        Some(Err(WireError::NotLeasehold { begin })) if begin.starts_with(&[FIRST_BYTE, 3]) => {
            Err(NoSession::SpeaksTls)
        }
        Some(Err(error)) => match refusal_of(&error) {
            Some(refusal) => Err(NoSession::Refused(refusal)),
            None => Err(NoSession::Gone),
        },
    }
}

/// What to tell whoever comes while the hub ends.
pub(super) fn going_down() -> Refusal {
    let (code, reason) = (RefusalCode::SessionsMax, "the hub is going down".to_owned());
    Refusal { code, reason }
}

/// What to tell a node whose bytes are wrong; nothing if its socket is.
pub(super) fn refusal_of(error: &WireError) -> Option<Refusal> {
    let code = match error {
        WireError::FrameTooLong { .. } => RefusalCode::FrameTooLong,
        WireError::Malformed { .. } | WireError::NotLeasehold { .. } => RefusalCode::Malformed,
        WireError::Io(_) => return None,
    };
    let reason = error.to_string();
    Some(Refusal { code, reason })
}

pub(super) fn welcome(config: &HubConfig, hello: &Hello, version: u16, session: u64) -> Welcome {
    // Of any pool: each has its own bounds, which it holds a node to.
    let pools = || config.pool.values().chain([&config.pool_defaults]);
    let most = |of: fn(&PoolSettings) -> usize| pools().map(of).max().unwrap_or_default();
    let whole = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    Welcome {
        version,
        session,
        hub: concat!("leasehold/", env!("CARGO_PKG_VERSION")).to_owned(),
        heartbeat_ms: millis(heartbeat(config, hello)),
        silence_after_ms: millis(config.session.silence_after),
        frame_bytes_max: whole(config.session.frame_bytes_max),
        payload_bytes_max: whole(most(|pool| pool.payload_bytes_max)),
        result_bytes_max: whole(most(|pool| pool.result_bytes_max)),
        batch_max: whole(BATCH_MAX),
        requests_max: whole(config.session.requests_max),
    }
}

/// The node's wish, as long as it can still be told from silence.
pub(super) fn heartbeat(config: &HubConfig, hello: &Hello) -> Duration {
    if hello.heartbeat_ms == 0 {
        return config.session.heartbeat;
    }
    let least = Duration::from_millis(100);
    let most = config.session.silence_after / 2;
    Duration::from_millis(hello.heartbeat_ms).clamp(least.min(most), most)
}

/// Says why, and waits a moment for it to be on its way.
pub(super) async fn refuse<W: AsyncWrite + Unpin>(writer: &mut W, mut refusal: Refusal) {
    let mut end = refusal.reason.len().min(HANDSHAKE_BYTES_MAX as usize / 2);
    while !refusal.reason.is_char_boundary(end) {
        end -= 1;
    }
    refusal.reason.truncate(end);
    say_last(writer, &FromHub::Refused(refusal)).await;
}

/// Says in TLS that nobody speaks it here.
pub(super) async fn refuse_tls<W: AsyncWrite + Unpin>(writer: &mut W) {
    let write = async {
        writer.write_all(&NOT_SPOKEN_HERE).await?;
        writer.shutdown().await
    };
    _ = timeout(REFUSAL_WITHIN, write).await;
}

/// A last message on a connection that ends; whether it arrives is the other side's affair.
pub(super) async fn say_last<W: AsyncWrite + Unpin>(writer: &mut W, message: &FromHub) {
    let mut body = BytesMut::new();
    let Ok(length) = encode_message(message, HANDSHAKE_BYTES_MAX, &mut body) else {
        return;
    };
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&body);
    let write = async {
        writer.write_all(&frame).await?;
        writer.shutdown().await
    };
    _ = timeout(REFUSAL_WITHIN, write).await;
}
