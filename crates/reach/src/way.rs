//! The flags, and what they come to.

use std::{path::PathBuf, process::Command};

use clap::Args;
use leasehold_node::{Endpoint, Secret};

use crate::{
    Door,
    tls::{self, TlsArgs},
    token::{self, TokenFile},
};

/// What was said of the way to a hub cannot be used: it fits behind the program's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WayError(String);

impl WayError {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }
}

/// How a hub is spoken to, and what is shown to it; where it is, each command asks for itself.
#[derive(Debug, Clone, Args)]
pub struct WayArgs {
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    token: TokenFile,
}

impl WayArgs {
    /// Trusts the hubs of this CA alone, and shows this certificate, with its key; and no token.
    #[must_use]
    pub fn trusting(ca: PathBuf, identity: (PathBuf, PathBuf)) -> Self {
        Self {
            tls: TlsArgs::trusting(ca, identity),
            token: TokenFile::just(None),
        }
    }

    /// Whether TLS is to be spoken.
    #[must_use]
    pub const fn speaks_tls(&self) -> bool {
        self.tls.tls_ca.is_some()
    }

    /// Whether a certificate is shown to a hub that asks for one.
    #[must_use]
    pub const fn shows_certificate(&self) -> bool {
        self.tls.tls_certificate.is_some()
    }

    /// As flags, each with a space before it; no token is in it, but the file of one.
    #[must_use]
    pub fn told(&self) -> String {
        let file = self.token.named();
        let token = file.map(|file| ("--token-file", file.as_os_str()));
        let mut told = String::new();
        for (flag, value) in self.tls.flags().into_iter().chain(token) {
            told.extend([" ", flag, " ", &value.to_string_lossy()]);
        }
        told
    }

    /// The same, but without TLS.
    #[must_use]
    pub fn plainly(self) -> Self {
        Self {
            tls: TlsArgs::default(),
            token: self.token,
        }
    }

    /// The same with the token in this file, or without one, whatever is in the environment.
    #[must_use]
    pub fn showing(self, file: Option<PathBuf>) -> Self {
        Self {
            tls: self.tls,
            token: TokenFile::just(file),
        }
    }

    /// To a hub that listens there (`host:port`).
    #[must_use]
    pub fn endpoint(&self, address: &str) -> Endpoint {
        match self.tls.tls() {
            Some(tls) => Endpoint::tls(address, tls),
            None => Endpoint::tcp(address),
        }
    }

    /// What is to be shown, if anything is. It is read once.
    ///
    /// # Errors
    /// When the file with it cannot be read.
    pub fn token(&self) -> Result<Option<Secret>, WayError> {
        self.token.shown()
    }

    /// All of it, to a hub that listens there (`host:port`).
    ///
    /// # Errors
    /// When the file with the token cannot be read.
    pub fn door(&self, address: &str) -> Result<Door, WayError> {
        let is_plain = !self.speaks_tls();
        Ok(Door::new(
            address,
            self.endpoint(address),
            self.token()?,
            is_plain,
        ))
    }

    /// Gives it to a process that is to reach the same hub, by variables: a token is no argument.
    ///
    /// # Errors
    /// When the file with the token cannot be read.
    pub fn hand_on(&self, command: &mut Command) -> Result<(), WayError> {
        for name in tls::VARIABLES.iter().chain(&token::VARIABLES) {
            command.env_remove(name);
        }
        command
            .envs(self.tls.variables())
            .envs(self.token.handed_on()?);
        Ok(())
    }
}

/// `host:port`, as a command line says it.
///
/// # Errors
/// When it is none.
pub fn address(text: &str) -> Result<String, String> {
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    if text.rsplit_once(':').is_some_and(port) {
        return Ok(text.into());
    }
    Err("an address is host:port, such as 127.0.0.1:7411".into())
}
