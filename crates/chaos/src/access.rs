//! What a hub wants of whoever comes, and what all of a run show it.

mod keys;

use leasehold_reach::WayArgs;
use toml::{Table, Value};

use crate::{args::SceneArgs, cast::Cast, error::ChaosError};
use keys::Keys;

/// What a hub wants, as it tells itself: `hub --print-config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wants {
    tls: bool,
    /// A certificate of whoever comes.
    certificate: bool,
    token: bool,
}

impl Wants {
    fn read(config: &str) -> Result<Self, ChaosError> {
        let config: Table = config.parse().map_err(|error: toml::de::Error| {
            ChaosError::failed("read the hub's configuration", error)
        })?;
        let knob = |section: &str, knob: &str| config.get(section).and_then(|of| of.get(knob));
        let text = |section, of| knob(section, of).and_then(Value::as_str);
        // One that does not know the knob has nothing of it.
        Ok(Self {
            tls: text("tls", "certificate").is_some_and(|file| file != "none"),
            certificate: text("tls", "nodes") == Some("required"),
            token: knob("auth", "required").and_then(Value::as_bool) == Some(true),
        })
    }
}

/// How all of a run reach the hub.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) way: WayArgs,
    /// What is made for the run.
    keys: Option<Keys>,
}

impl Access {
    /// As the command line says. Where the hub is to be closed, it is given what that takes.
    pub(crate) fn begin(args: &SceneArgs, cast: &mut Cast) -> Result<Self, ChaosError> {
        let (way, keys) = if args.closed {
            let keys = Keys::make()?;
            (keys.close(cast)?, Some(keys))
        } else {
            (args.way.clone(), None)
        };
        cast.speaks_tls = way.speaks_tls();
        Ok(Self { way, keys })
    }

    /// Goes by what the hub of the run wants; it is told here of the token that is made for it. One
    /// that is there already has tokens of its own, and nobody here knows what it wants.
    pub(crate) async fn settle(
        mut self,
        args: &SceneArgs,
        cast: &mut Cast,
        config: &str,
    ) -> Result<Self, ChaosError> {
        if args.hub.is_some() {
            return Ok(self);
        }
        let wants = Wants::read(config)?;
        check(wants, &self.way, args.closed)?;
        cast.speaks_tls = wants.tls;
        if !wants.tls {
            self.way = self.way.plainly();
        }
        let mut token = None;
        if wants.token {
            let keys = match self.keys.take() {
                Some(keys) => keys,
                None => Keys::make()?,
            };
            token = Some(keys.token(cast).await?);
            self.keys = Some(keys);
        }
        self.way = self.way.showing(token);
        Ok(self)
    }
}

/// Whether enough was said for a hub like that.
fn check(wants: Wants, given: &WayArgs, is_closed: bool) -> Result<(), ChaosError> {
    let missing = match (given.speaks_tls(), given.shows_certificate()) {
        _ if is_closed && !(wants.tls && wants.token) => {
            "the program of the hub cannot be closed: it knows no TLS, or no tokens"
        }
        _ if !wants.tls => return Ok(()),
        (false, _) => {
            "the hub of this configuration speaks TLS: give nodes and producers the CA of its \
             certificate with --tls-ca FILE. It listens at an address of this machine, so \
             --tls-name NAME goes with it unless 127.0.0.1 is a name in the certificate"
        }
        (true, false) if wants.certificate => {
            "the hub of this configuration wants a certificate of whoever comes \
             (tls.nodes = \"required\"): give one with --tls-certificate FILE and --tls-key FILE, of a \
             CA in its tls.nodes_ca; nodes and producers all show it"
        }
        (true, _) => return Ok(()),
    };
    Err(ChaosError::Usage(missing.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hub_wants_is_read_from_what_it_says_of_itself() {
        let open = "[tls]\ncertificate = \"none\"\nnodes = \"none\"\n[auth]\nrequired = false\n";
        assert_eq!(Wants::read(open).unwrap(), Wants::default());
        let old = "[hub]\nlisten = \"127.0.0.1:1\"\n";
        assert_eq!(Wants::read(old).unwrap(), Wants::default());
        let closed = "[tls]\ncertificate = \"hub.pem\"\nnodes = \"required\"\n\
                      [auth]\nrequired = true\n";
        let all = Wants {
            tls: true,
            certificate: true,
            token: true,
        };
        assert_eq!(Wants::read(closed).unwrap(), all);
    }
}
