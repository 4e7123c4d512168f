//! What a certificate says.

use std::{fmt, net::IpAddr, sync::Arc};

use leasehold_core::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::{
    Certificate,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// The longest name that is taken, in bytes: what a DNS name may have.
const NAME_BYTES_MAX: usize = 253;

/// The name that a certificate gives its owner: its first DNS name or, if it has none, its first
/// URI. The common name of the subject is not looked at: names have been said this way since RFC
/// 2818, and two places for one name are one too many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CertificateName(Arc<str>);

impl CertificateName {
    /// The name in this certificate, if it has one that can be shown.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = Certificate::from_der(certificate).ok()?;
        names(&parsed).into_iter().next().map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All names, those of DNS first.
fn names(certificate: &Certificate) -> Vec<Arc<str>> {
    let found = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(all)))) = found else {
        return Vec::new();
    };
    let dns = all.iter().filter_map(|name| {
        let GeneralName::DnsName(name) = name else {
            return None;
        };
        Some(name.as_str())
    });
    let uris = all.iter().filter_map(|name| {
        let GeneralName::UniformResourceIdentifier(uri) = name else {
            return None;
        };
        Some(uri.as_str())
    });
    let is_plain =
        |name: &&str| (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_graphic);
    dns.chain(uris).filter(is_plain).map(Arc::from).collect()
}

/// Hubs are known by addresses, too; nodes are not.
fn addresses(certificate: &Certificate) -> Vec<Arc<str>> {
    let found = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(all)))) = found else {
        return Vec::new();
    };
    let addresses = all.iter().filter_map(|name| {
        let GeneralName::IpAddress(bytes) = name else {
            return None;
        };
        let v4 = <[u8; 4]>::try_from(bytes.as_bytes()).map(IpAddr::from);
        let v6 = || <[u8; 16]>::try_from(bytes.as_bytes()).map(IpAddr::from);
        v4.or_else(|_| v6()).ok()
    });
    addresses.map(|at| Arc::from(at.to_string())).collect()
}

const fn is_graphic(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// For people: which certificate it is, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    serial: String,
    names: String,
    /// In seconds since 1970.
    good_until: u64,
}

impl Description {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let inner = &parsed.tbs_certificate;
        Some(Self {
            serial: inner.serial_number.to_string(),
            names: [names(&parsed), addresses(&parsed)].concat().join(", "),
            good_until: inner.validity.not_after.to_unix_duration().as_secs(),
        })
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.as_millis() / 1000 > self.good_until
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = i64::try_from(self.good_until).ok();
        let until = until.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let until = until.map_or_else(|| "the end of time".to_owned(), |until| until.to_string());
        write!(
            f,
            "for {}, serial {}, good until {until}",
            self.names, self.serial
        )
    }
}
