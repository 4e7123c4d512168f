//! From a connection that was accepted to two halves that can be spoken over.

use std::time::Duration;

use leasehold_wire::{Refusal, RefusalCode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;

use super::{
    connection::{Connection, Line, halves},
    handshake,
    sealed::Sealed,
};
use crate::tls::{CertificateName, Credentials, FIRST_BYTE, TlsDoor};

/// How long whoever gets no session may take to hear why.
const LINGER_FOR: Duration = Duration::from_secs(1);

/// How much of what he goes on to say is listened to.
const LINGER_BYTES: u64 = 64 * 1024;

/// A connection that can be spoken over.
pub(super) struct Opened {
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// Whom the node's certificate names, if it showed one.
    pub(super) certificate: Option<CertificateName>,
    /// Why there will be no session all the same.
    pub(super) refusal: Option<Refusal>,
}

/// Makes the connection ready until then; nothing if there is nobody to speak with, which was
/// logged. In plain that takes no time.
pub(super) async fn open(connection: Connection, door: &TlsDoor, until: Instant) -> Option<Opened> {
    let Connection { line, address, .. } = connection;
    let plain = |(reader, writer)| Opened {
        reader,
        writer,
        certificate: None,
        refusal: None,
    };
    match (line, door.credentials()) {
        (Line::Whole(halves), _) => Some(plain(halves)),
        (Line::Socket(stream), None) => Some(plain(halves(stream))),
        // Large, and seldom needed: idle sessions are many.
        (Line::Socket(stream), Some(credentials)) => {
            Box::pin(secure(stream, &address, door, &credentials, until)).await
        }
    }
}

async fn secure(
    stream: TcpStream,
    address: &str,
    door: &TlsDoor,
    credentials: &Credentials,
    until: Instant,
) -> Option<Opened> {
    let late = || door.complain(address, "its TLS handshake took too long");
    let mut first = [0];
    match timeout_at(until, stream.peek(&mut first)).await {
        Ok(Ok(0) | Err(_)) => return None,
        Ok(Ok(_)) if first[0] != FIRST_BYTE => {
            door.complain(address, "it spoke no TLS, and this hub speaks nothing else");
            tell_in_plain(stream).await;
            return None;
        }
        Ok(Ok(_)) => {}
        Err(_) => {
            late();
            return None;
        }
    }
    match timeout_at(until, door.accept(credentials, stream)).await {
        Ok(Ok(stream)) => Some(named(stream, address, door)),
        Ok(Err((error, mut stream))) => {
            door.complain(address, &format!("its TLS handshake failed: {error}"));
            // It may have gone.
            _ = stream.shutdown().await;
            linger(&mut stream).await;
            None
        }
        Err(_) => {
            late();
            None
        }
    }
}

/// Who showed a certificate is known by a name, or not let in: somebody will rely on it.
fn named(stream: TlsStream<TcpStream>, address: &str, door: &TlsDoor) -> Opened {
    let shown = stream.get_ref().1.peer_certificates();
    let shown = shown.and_then(<[_]>::first);
    let certificate = shown.and_then(CertificateName::of);
    let refusal = (shown.is_some() && certificate.is_none()).then(|| {
        let reason = "the node's certificate names nobody: it needs a DNS name or a URI \
                      (subjectAltName)";
        door.complain(address, reason);
        Refusal {
            code: RefusalCode::Malformed,
            reason: reason.to_owned(),
        }
    });
    let (reader, writer) = tokio::io::split(stream);
    Opened {
        reader: Box::new(reader),
        writer: Box::new(Sealed::new(writer)),
        certificate,
        refusal,
    }
}

/// Whoever speaks plainly where TLS is spoken hears so plainly.
async fn tell_in_plain(mut stream: TcpStream) {
    let reason = "this hub speaks TLS: give the node the CA of the hub's certificate \
                  (leasehold … --tls-ca FILE)";
    let refusal = Refusal {
        code: RefusalCode::Malformed,
        reason: reason.to_owned(),
    };
    handshake::refuse(&mut stream, refusal).await;
    linger(&mut stream).await;
}

/// Listens for a moment to somebody who was told that there is nothing for him: a socket that is
/// closed over bytes that were not read is reset, and what he was told with it.
pub(super) async fn linger<R: AsyncRead + Unpin>(reader: &mut R) {
    let (mut rest, mut sink) = (reader.take(LINGER_BYTES), tokio::io::sink());
    // Whether he heard it is his affair.
    _ = timeout(LINGER_FOR, tokio::io::copy(&mut rest, &mut sink)).await;
}
