//! TLS with a hub: whom to trust, what to show, and what an error of it means.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;

/// What a node needs for TLS with a hub ([`crate::Endpoint::tls`]):
///
/// ```
/// use leasehold_node::{Endpoint, Tls};
///
/// let tls = Tls::trusting("ca.pem")
///     .hub_name("hub.internal")
///     .identity("crane-1.pem", "crane-1.key");
/// let hub = Endpoint::tls("10.0.0.7:7411", tls);
/// ```
///
/// The files are read anew for each connection, so a certificate that was replaced is shown from
/// the next connection on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    ca: PathBuf,
    hub_name: Option<String>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Trusts hubs whose certificate is of a CA in this file: one or more certificates in PEM. No
    /// other is trusted; those of the system are for the web, and are not looked at.
    #[must_use]
    pub fn trusting(ca: impl Into<PathBuf>) -> Self {
        Self {
            ca: ca.into(),
            hub_name: None,
            identity: None,
        }
    }

    /// The DNS name or IP address that must be in the hub's certificate; without it the host of the
    /// endpoint's address.
    #[must_use]
    pub fn hub_name(mut self, name: impl Into<String>) -> Self {
        self.hub_name = Some(name.into());
        self
    }

    /// What this node shows if the hub asks: a certificate in PEM, followed by those between it and
    /// its CA, and its key in PEM, not encrypted.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Reads the files; `address` is `host:port`.
    pub(crate) async fn connector(
        &self,
        address: &str,
    ) -> io::Result<(TlsConnector, ServerName<'static>)> {
        let (tls, address) = (self.clone(), address.to_owned());
        let read = spawn_blocking(move || {
            let name = tls.name(&address)?;
            let config = tls.config()?;
            Ok((TlsConnector::from(Arc::new(config)), name))
        });
        let read: Result<_, Unfit> = read.await.map_err(io::Error::other)?;
        read.map_err(io::Error::other)
    }

    fn name(&self, address: &str) -> Result<ServerName<'static>, Unfit> {
        let host = || address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = self.hub_name.as_deref().unwrap_or_else(host);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let named = ServerName::try_from(name.to_owned());
        named.map_err(|_| Unfit(format!("{name:?} is neither a DNS name nor an IP address")))
    }

    fn config(&self) -> Result<ClientConfig, Unfit> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            let added = roots.add(certificate);
            added.map_err(|error| of(&self.ca, format!("cannot be a CA's: {error}")))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13]);
        let builder = builder.map_err(|error| Unfit(error.to_string()))?;
        let builder = builder.with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, secret) = (certificates(certificate)?, secret(key)?);
                let config = builder.with_client_auth_cert(chain, secret);
                let unfit = |error| format!("does not go with {}: {error}", certificate.display());
                config.map_err(|error| of(key, unfit(error)))?
            }
        };
        // Hubs take no session up again: each connection is proven anew.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// What this node was given cannot be used.
#[derive(Debug)]
struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

fn of(path: &Path, why: impl fmt::Display) -> Unfit {
    Unfit(format!("{} {why}", path.display()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unfit> {
    fs::read(path).map_err(|error| of(path, format!("cannot be read: {error}")))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let pem = bytes(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| of(path, format!("is no PEM: {error}")))?;
    if found.is_empty() {
        return Err(of(path, "has no certificate in PEM (BEGIN CERTIFICATE)"));
    }
    Ok(found)
}

/// What is wrong with the bytes is not said: they are a secret.
fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, Unfit> {
    let why = "has no key in PEM (BEGIN PRIVATE KEY); an encrypted one cannot be read";
    PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(|_| of(path, why))
}

/// What to make of a connection that failed; for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As things stand it will fail again.
    Hopeless(String),
    /// It may not fail the next time.
    TryAgain(String),
}

pub(crate) fn verdict(error: &io::Error) -> Verdict {
    let inner = error.get_ref();
    if let Some(unfit) = inner.and_then(|inner| inner.downcast_ref::<Unfit>()) {
        return Verdict::Hopeless(unfit.to_string());
    }
    match inner.and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => judge(error),
        None => Verdict::TryAgain(error.to_string()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "TLS has more errors than there are answers"
)]
fn judge(error: &Error) -> Verdict {
    match error {
        Error::InvalidCertificate(error) => of_hubs_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        // What comes instead of the first record of TLS.
        Error::InvalidMessage(_) => Verdict::Hopeless(
            "the hub speaks no TLS, or something else listens there; without --tls-ca a node \
             speaks plainly"
                .to_owned(),
        ),
        Error::NoCertificatesPresented => {
            Verdict::Hopeless("the hub showed no certificate".to_owned())
        }
        other => Verdict::TryAgain(format!("TLS failed: {other}")),
    }
}

/// A certificate that is not good today may be replaced: the hub reads it again while it runs.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "certificates are bad in more ways than there are answers"
)]
fn of_hubs_certificate(error: &CertificateError) -> Verdict {
    let why = format!("the hub's certificate is not taken: {error}");
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Verdict::TryAgain(why),
        CertificateError::UnknownIssuer => Verdict::Hopeless(
            "the hub's certificate is not of a CA in the file that was given (--tls-ca)".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Verdict::Hopeless(format!("{why}; --tls-name says which name to look for"))
        }
        _ => Verdict::Hopeless(why),
    }
}

/// What the hub said when it hung up.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "TLS has more alerts than there are answers"
)]
fn of_alert(alert: AlertDescription) -> Verdict {
    match alert {
        AlertDescription::CertificateRequired => Verdict::Hopeless(
            "the hub asks for a certificate, and this node has none (--tls-certificate, --tls-key)"
                .to_owned(),
        ),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => Verdict::Hopeless(format!(
            "the hub does not take this node's certificate ({alert:?}): is it of the CA in the \
             hub's tls.nodes_ca?"
        )),
        AlertDescription::CertificateExpired => {
            Verdict::TryAgain("this node's certificate has expired, says the hub".to_owned())
        }
        AlertDescription::UnexpectedMessage => Verdict::Hopeless(
            "the hub says that it speaks no TLS; without --tls-ca a node speaks plainly".to_owned(),
        ),
        AlertDescription::ProtocolVersion => {
            Verdict::Hopeless("whoever listens there does not speak TLS 1.3".to_owned())
        }
        other => Verdict::TryAgain(format!("the hub hung up in TLS: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(error: Error) -> Verdict {
        verdict(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn is_hopeless(error: impl Into<Error>) -> bool {
        matches!(judged(error.into()), Verdict::Hopeless(_))
    }

    #[test]
    fn what_a_reload_of_the_hub_mends_is_tried_again() {
        for error in [CertificateError::Expired, CertificateError::NotValidYet] {
            assert!(!is_hopeless(error));
        }
        let expired = AlertDescription::CertificateExpired;
        assert!(!is_hopeless(Error::AlertReceived(expired)));
        assert!(!is_hopeless(Error::General("whatever".to_owned())));
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(verdict(&reset), Verdict::TryAgain(_)));
    }

    #[test]
    fn what_is_set_wrongly_is_not() {
        assert!(is_hopeless(CertificateError::UnknownIssuer));
        assert!(is_hopeless(CertificateError::NotValidForName));
        let alert = AlertDescription::CertificateRequired;
        assert!(is_hopeless(Error::AlertReceived(alert)));
        let Verdict::Hopeless(why) = judged(Error::AlertReceived(alert)) else {
            panic!("a node without a certificate comes in vain");
        };
        assert!(why.contains("--tls-certificate"), "{why}");
    }

    #[test]
    fn the_name_is_that_of_the_address_or_the_one_that_was_said() {
        let tls = Tls::trusting("ca.pem");
        let shown = |tls: &Tls, address| {
            let name = tls.name(address);
            name.map(|name| name.to_str().into_owned()).ok()
        };
        assert_eq!(shown(&tls, "hub.internal:7411").unwrap(), "hub.internal");
        assert_eq!(shown(&tls, "[::1]:7411").unwrap(), "::1");
        assert_eq!(shown(&tls, "127.0.0.1:7411").unwrap(), "127.0.0.1");
        assert_eq!(shown(&tls, "no name:7411"), None);
        let tls = tls.hub_name("other");
        assert_eq!(shown(&tls, "127.0.0.1:7411").unwrap(), "other");
    }

    #[tokio::test]
    async fn files_that_are_not_there_are_named() {
        let tls = Tls::trusting("no/such/ca.pem");
        let error = tls.connector("hub:1").await.err().unwrap();
        let Verdict::Hopeless(why) = verdict(&error) else {
            panic!("there is nothing to wait for");
        };
        assert!(why.starts_with("no/such/ca.pem cannot be read: "), "{why}");
    }
}
