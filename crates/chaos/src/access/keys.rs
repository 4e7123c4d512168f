//! Certificates and a token that are made for a run, and are good for nothing else.

use std::{
    fs::{self, Permissions},
    net::IpAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use leasehold_reach::WayArgs;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

use crate::{cast::Cast, error::ChaosError, stage};

/// Who may do all in the hub of a run.
const OWNER: &str = "chaos";

/// The name that all but the hub show.
const NODES: &str = "node.chaos";

/// A folder for its owner alone, which goes with the run: it is in none that is kept.
#[derive(Debug)]
pub(super) struct Keys {
    folder: TempDir,
}

impl Keys {
    pub(super) fn make() -> Result<Self, ChaosError> {
        let folder = tempfile::Builder::new()
            .prefix("leasehold-chaos-keys-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir();
        let folder = folder.map_err(ChaosError::io("make a folder"))?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A token for all that there is, of which the hub is told where it is known. The tokens that its
    /// configuration names are those of another hub, and are left alone.
    pub(super) async fn token(&self, cast: &mut Cast) -> Result<PathBuf, ChaosError> {
        let (tokens, token) = (self.path("tokens.json"), self.path("token"));
        stage::make_token(cast, OWNER, &tokens, &token).await?;
        cast.knob("AUTH_FILE", &tokens.to_string_lossy());
        Ok(token)
    }

    /// Has the hub speak TLS and let in who shows a certificate and a token; the way to it, without
    /// the token.
    pub(super) fn close(&self, cast: &mut Cast) -> Result<WayArgs, ChaosError> {
        let failed = |error: rcgen::Error| ChaosError::failed("make certificates", error);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(failed)?;
        let ca = params.self_signed(&key).map_err(failed)?.pem();
        let issuer = Issuer::new(params, key);
        let hub = SanType::IpAddress(IpAddr::V4(cast.hub_ip));
        let nodes = SanType::DnsName(NODES.try_into().map_err(failed)?);
        let ca = self.write("ca.pem", &ca)?;
        let (certificate, key) = self.issue(&issuer, "hub", hub)?;
        let identity = self.issue(&issuer, "node", nodes)?;
        for (knob, path) in [
            ("TLS_CERTIFICATE", &certificate),
            ("TLS_KEY", &key),
            ("TLS_NODES_CA", &ca),
        ] {
            cast.knob(knob, &path.to_string_lossy());
        }
        cast.knob("TLS_NODES", "required");
        cast.knob("AUTH_REQUIRED", "true");
        Ok(WayArgs::trusting(ca, identity))
    }

    fn issue(
        &self,
        issuer: &Issuer<'_, KeyPair>,
        name: &str,
        of: SanType,
    ) -> Result<(PathBuf, PathBuf), ChaosError> {
        let failed = |error: rcgen::Error| ChaosError::failed("make certificates", error);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![of];
        let key = KeyPair::generate().map_err(failed)?;
        let signed = params.signed_by(&key, issuer).map_err(failed)?;
        let certificate = self.write(&format!("{name}.pem"), &signed.pem())?;
        let key = self.write(&format!("{name}.key"), &key.serialize_pem())?;
        Ok((certificate, key))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, ChaosError> {
        let path = self.path(name);
        let written = fs::write(&path, text);
        written.map_err(ChaosError::io(format!(
            "write {}",
            Path::new(name).display()
        )))?;
        Ok(path)
    }
}
