//! What a hub shows and asks for in TLS, as it was read.

use std::{fmt, fs, path::Path, sync::Arc};

use leasehold_core::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::TLS13,
};

use super::certificate::Description;
use crate::config::{NodeCertificates, TlsSection};

/// Nobody has a longer chain, or so many CAs.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Files that belong together, and what TLS makes of them.
pub(crate) struct Credentials {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    nodes_ca: Vec<CertificateDer<'static>>,
    about: Option<Description>,
}

/// The key is in the configuration.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.about)
    }
}

impl Credentials {
    /// None if the hub is to speak no TLS.
    pub(super) fn read(section: &TlsSection) -> Result<Option<Self>, Vec<String>> {
        let (Some(certificate), Some(key)) = (&section.certificate, &section.key) else {
            return Ok(None);
        };
        let mut told = Vec::new();
        let chain = noted(&mut told, "tls.certificate", certificate, certificates);
        let secret = noted(&mut told, "tls.key", key, secret);
        let nodes_ca = section.nodes_ca.as_deref();
        let nodes_ca = match nodes_ca {
            Some(path) => noted(&mut told, "tls.nodes_ca", path, roots).map(Some),
            None => Some(None),
        };
        let (Some(chain), Some(secret), Some(nodes_ca)) = (chain, secret, nodes_ca) else {
            return Err(told);
        };
        let none = || (Vec::new(), RootCertStore::empty());
        let (nodes_ca, roots) = nodes_ca.unwrap_or_else(none);
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(section.nodes, roots, &provider);
        let verifier = verifier.map_err(|why| vec![problem("tls.nodes_ca", "", &why)])?;
        let config = configured(provider, verifier, chain.clone(), secret);
        let config = config.map_err(|why| {
            let why = format!("does not go with tls.certificate = {certificate:?}: {why}");
            vec![problem("tls.key", &format!(" = {key:?}"), &why)]
        })?;
        Ok(Some(Self {
            config: Arc::new(config),
            about: Description::of(&chain[0]),
            chain,
            nodes_ca,
        }))
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What is new in these, a line each.
    pub(super) fn news(&self, before: Option<&Self>, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        if before.is_none_or(|before| before.chain != self.chain) {
            let about = self.about.as_ref().map(ToString::to_string);
            let about = about.unwrap_or_else(|| "of a kind that is not understood".to_owned());
            let over = self.about.as_ref().is_some_and(|about| about.is_over(now));
            let over = if over {
                "; it is not good any more, and nodes will not take it"
            } else {
                ""
            };
            lines.push(format!("the hub's certificate is {about}{over}"));
        }
        if before.is_some_and(|before| before.nodes_ca != self.nodes_ca) {
            let count = self.nodes_ca.len();
            lines.push(format!("other CAs of nodes: {count} are taken"));
        }
        lines
    }
}

/// What was read of the file of this knob; what is wrong with it is noted.
fn noted<T>(
    told: &mut Vec<String>,
    knob: &str,
    path: &Path,
    parse: fn(&[u8]) -> Result<T, String>,
) -> Option<T> {
    let parsed = bytes(path).and_then(|bytes| parse(&bytes));
    let note = |why: String| told.push(problem(knob, &format!(" = {path:?}"), &why));
    parsed.map_err(note).ok()
}

fn problem(knob: &str, value: &str, why: &str) -> String {
    format!("{knob}{value}: {why}")
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("has {length} bytes, and at most {FILE_BYTES_MAX}"));
    }
    fs::read(path).map_err(unreadable)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| format!("is no PEM: {error}"))?;
    if found.is_empty() {
        return Err("has no certificate in PEM (BEGIN CERTIFICATE)".to_owned());
    }
    Ok(found)
}

/// What is wrong with the bytes is not said: they are a secret.
fn secret(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        "has no key in PEM (BEGIN PRIVATE KEY); an encrypted one cannot be read".to_owned()
    })
}

type Roots = (Vec<CertificateDer<'static>>, RootCertStore);

fn roots(pem: &[u8]) -> Result<Roots, String> {
    let found = certificates(pem)?;
    let mut roots = RootCertStore::empty();
    for (n, certificate) in (1..).zip(&found) {
        let added = roots.add(certificate.clone());
        added.map_err(|error| format!("its certificate {n} cannot be a CA's: {error}"))?;
    }
    Ok((found, roots))
}

type Verifier = Option<Arc<dyn ClientCertVerifier>>;

fn verifier(
    nodes: NodeCertificates,
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, String> {
    let builder = || {
        let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
        WebPkiClientVerifier::builder_with_provider(roots, provider)
    };
    let built = match nodes {
        NodeCertificates::Unasked => return Ok(None),
        NodeCertificates::Optional => builder().allow_unauthenticated().build(),
        NodeCertificates::Required => builder().build(),
    };
    built.map(Some).map_err(|error| error.to_string())
}

/// Sessions of TLS are not taken up again: a node that comes back shows its certificate anew, to
/// whoever the hub trusts by then, and the hub keeps nothing of nodes that have gone.
fn configured(
    provider: Arc<CryptoProvider>,
    verifier: Verifier,
    chain: Vec<CertificateDer<'static>>,
    secret: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&TLS13])?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, secret)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
