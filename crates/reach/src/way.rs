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

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs};

    use super::*;

    /// The variables that a process is given.
    fn given(way: &WayArgs) -> Vec<(String, String)> {
        let mut command = Command::new("true");
        way.hand_on(&mut command).unwrap();
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let set = command.get_envs().filter_map(|(name, value)| {
            let value = value?;
            Some((text(name), text(value)))
        });
        assert_eq!(command.get_args().count(), 0);
        set.collect()
    }

    #[test]
    fn what_is_handed_on_is_the_file_of_a_token_and_never_an_argument() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "lh1.x.secret\n").unwrap();
        let file = path.to_string_lossy().into_owned();
        let identity = ("node.pem".into(), "node.key".into());
        let way = WayArgs::trusting("ca.pem".into(), identity).showing(Some(path));
        let given = given(&way);
        let expected = [
            ("LEASEHOLD_NODE_TLS_CA", "ca.pem"),
            ("LEASEHOLD_NODE_TLS_CERTIFICATE", "node.pem"),
            ("LEASEHOLD_NODE_TLS_KEY", "node.key"),
            ("LEASEHOLD_TOKEN_FILE", &file),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(given, expected);
        let told = way.told();
        assert!(
            told.contains(" --tls-ca ca.pem ") && told.contains(&file),
            "{told}"
        );
        assert!(!told.contains("secret"), "{told}");
        assert_eq!(way.token().unwrap().unwrap().reveal(), "lh1.x.secret");
    }

    #[test]
    fn a_hub_that_wants_nothing_is_told_nothing() {
        let identity = ("node.pem".into(), "node.key".into());
        let way = WayArgs::trusting("ca.pem".into(), identity);
        assert!(way.speaks_tls() && way.shows_certificate());
        let way = way.plainly();
        assert!(!way.speaks_tls());
        assert_eq!(given(&way), []);
        assert!(way.door("127.0.0.1:1").unwrap().introduction(3).is_none());
    }

    #[test]
    fn a_token_is_not_shown_to_a_hub_that_is_too_old_for_it() {
        let door = Door::new(
            "127.0.0.1:1",
            Endpoint::tcp("127.0.0.1:1"),
            Some(Secret::new("s".to_owned())),
            true,
        );
        assert!(door.introduction(2).is_none());
        assert!(door.introduction(3).is_some());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let way = WayArgs::trusting("ca.pem".into(), ("n.pem".into(), "n.key".into()));
        let way = way.showing(Some("/nowhere/token".into()));
        let said = way.door("127.0.0.1:1").unwrap_err().to_string();
        assert!(
            said.contains("--token-file") && said.contains("/nowhere/token"),
            "{said}"
        );
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(
            address("hub.internal:7411").as_deref(),
            Ok("hub.internal:7411")
        );
        for wrong in ["", "hub", ":7411", "hub:", "hub:70000"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
