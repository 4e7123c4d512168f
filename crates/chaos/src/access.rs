//! What a hub wants of whoever comes, and what all of a run show it.

use std::path::PathBuf;

use leasehold_reach::WayArgs;
use tempfile::TempDir;
use toml::{Table, Value};

use crate::{args::SceneArgs, cast::Cast, error::ChaosError, stage};

/// Who may do all in the hub of a run.
const OWNER: &str = "chaos";

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
    /// What was made for the run; it goes with it, and is in no folder that is kept.
    _made: Option<TempDir>,
}

impl Access {
    /// To the hub of the run, which is told of the tokens that are made for it here; or to one that
    /// is there already.
    pub(crate) async fn to(
        args: &SceneArgs,
        cast: &mut Cast,
        config: &str,
    ) -> Result<Self, ChaosError> {
        let given = args.way.clone();
        if args.hub.is_some() {
            cast.speaks_tls = given.speaks_tls();
            return Ok(Self {
                way: given,
                _made: None,
            });
        }
        let wants = Wants::read(config)?;
        cast.speaks_tls = wants.tls;
        let way = if wants.tls {
            check(wants, &given)?;
            given
        } else {
            given.plainly()
        };
        let made = match wants.token {
            true => Some(Made::owner(cast).await?),
            false => None,
        };
        let (folder, token) = made.map(|made| (made.folder, made.token)).unzip();
        Ok(Self {
            way: way.showing(token),
            _made: folder,
        })
    }
}

/// Whether enough was said for a hub like that.
fn check(wants: Wants, given: &WayArgs) -> Result<(), ChaosError> {
    let missing = match (given.speaks_tls(), given.shows_certificate()) {
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

/// A token that is good for all, and where the hub finds that it is.
struct Made {
    folder: TempDir,
    token: PathBuf,
}

impl Made {
    /// The tokens of the configuration are those of another hub, and are left alone.
    async fn owner(cast: &mut Cast) -> Result<Self, ChaosError> {
        let folder = tempfile::Builder::new()
            .prefix("leasehold-chaos-keys-")
            .tempdir();
        let folder = folder.map_err(ChaosError::io("make a folder"))?;
        let (tokens, token) = (
            folder.path().join("tokens.json"),
            folder.path().join("token"),
        );
        stage::make_token(cast, OWNER, &tokens, &token).await?;
        cast.knob("AUTH_FILE", &tokens.to_string_lossy());
        Ok(Self { folder, token })
    }
}
