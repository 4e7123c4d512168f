//! How a hub that speaks TLS is reached.

use std::path::PathBuf;

use clap::Args as ArgsOf;
use leasehold_node::Tls;

/// Files and names of TLS. The variables begin otherwise than those of the hub's `[tls]`, which
/// may be set on the same machine.
#[derive(Debug, ArgsOf)]
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
    /// None if the hub is spoken to plainly.
    pub(super) fn tls(&self) -> Option<Tls> {
        let mut tls = Tls::trusting(self.tls_ca.as_ref()?);
        if let Some(name) = &self.tls_name {
            tls = tls.hub_name(name);
        }
        if let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            tls = tls.identity(certificate, key);
        }
        Some(tls)
    }
}
