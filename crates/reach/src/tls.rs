//! How a hub that speaks TLS is reached.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use clap::Args;
use leasehold_node::Tls;

/// The variables of it, in the order of the flags.
pub(crate) const VARIABLES: [&str; 4] = [
    "LEASEHOLD_NODE_TLS_CA",
    "LEASEHOLD_NODE_TLS_NAME",
    "LEASEHOLD_NODE_TLS_CERTIFICATE",
    "LEASEHOLD_NODE_TLS_KEY",
];

/// The flags themselves.
const FLAGS: [&str; 4] = ["--tls-ca", "--tls-name", "--tls-certificate", "--tls-key"];

/// Files and names of TLS. The variables begin otherwise than those of the hub's `[tls]`, which
/// may be set on the same machine.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TlsArgs {
    /// Speak TLS with the hub, whose certificate must be of a CA in this file (PEM)
    #[arg(
        long,
        value_name = "FILE",
        env = "LEASEHOLD_NODE_TLS_CA",
        hide_env_values = true
    )]
    #[arg(help_heading = "TLS")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The name in the hub's certificate [default: the host of --hub]
    #[arg(
        long,
        value_name = "NAME",
        env = "LEASEHOLD_NODE_TLS_NAME",
        hide_env_values = true
    )]
    #[arg(requires = "tls_ca", help_heading = "TLS")]
    pub(crate) tls_name: Option<String>,
    /// Show the hub this certificate (PEM), if it asks for one
    #[arg(long, value_name = "FILE", env = "LEASEHOLD_NODE_TLS_CERTIFICATE")]
    #[arg(hide_env_values = true, requires_all = ["tls_ca", "tls_key"], help_heading = "TLS")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of --tls-certificate (PEM, not encrypted)
    #[arg(
        long,
        value_name = "FILE",
        env = "LEASEHOLD_NODE_TLS_KEY",
        hide_env_values = true
    )]
    #[arg(requires = "tls_certificate", help_heading = "TLS")]
    pub(crate) tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Trusts this CA, and shows a certificate and its key.
    pub(crate) fn trusting(ca: PathBuf, (certificate, key): (PathBuf, PathBuf)) -> Self {
        Self {
            tls_ca: Some(ca),
            tls_name: None,
            tls_certificate: Some(certificate),
            tls_key: Some(key),
        }
    }

    /// None if the hub is spoken to plainly.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let mut tls = Tls::trusting(self.tls_ca.as_ref()?);
        if let Some(name) = &self.tls_name {
            tls = tls.hub_name(name);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            tls = tls.identity(certificate, key);
        }
        Some(tls)
    }

    /// The same as variables.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &OsStr)> {
        self.values(VARIABLES)
    }

    /// The same as flags.
    pub(crate) fn flags(&self) -> Vec<(&'static str, &OsStr)> {
        self.values(FLAGS)
    }

    fn values(&self, names: [&'static str; 4]) -> Vec<(&'static str, &OsStr)> {
        let values = [
            self.tls_ca.as_deref().map(Path::as_os_str),
            self.tls_name.as_deref().map(OsStr::new),
            self.tls_certificate.as_deref().map(Path::as_os_str),
            self.tls_key.as_deref().map(Path::as_os_str),
        ];
        let named = names.into_iter().zip(values);
        named
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}
