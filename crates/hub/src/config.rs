//! What the owner of a hub decides: from a file, the environment and flags, or built in code.
//!
//! Each knob is declared once, in `sections` (a hub's) or `pool` (a pool's): its field, default,
//! kind, bounds and documentation. The file, the environment, flags and the annotated file all go
//! through that declaration. Nothing here reads the environment: it is handed in.

mod annotated;
mod certificates;
mod error;
mod file;
mod kinds;
mod knob;
mod layers;
mod near;
mod place;
mod policy;
mod pool;
mod relations;
mod sections;
mod tls;

use std::{collections::BTreeMap, path::Path};

use leasehold_core::{PoolName, PoolSettings};

pub use certificates::CertificateRule;
pub use error::{ConfigError, Problem, Source};
pub use layers::ConfigLayers;
pub(crate) use policy::Shown;
pub use sections::{
    AuthSection, Engine, HubSection, LogFormat, LogLevel, LogSection, PoolsSection, SessionSection,
    StoreSection,
};
pub use tls::{NodeCertificates, TlsSection};

/// Everything that the owner of a hub decides. Units, defaults and bounds of each knob are in
/// `config/hub.toml`, which is [`HubConfig::annotated`] of the default.
///
/// A configuration that was [loaded](HubConfig::load) or [built](ConfigLayers::build) is within
/// bounds; one that was put together in code is asked with [`HubConfig::check`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HubConfig {
    /// `[hub]`: where it listens and how it ends.
    pub hub: HubSection,
    /// `[session]`: what one connection may do.
    pub session: SessionSection,
    /// `[tls]`: how connections are kept from others' eyes and hands.
    pub tls: TlsSection,
    /// `[store]`: where tasks survive.
    pub store: StoreSection,
    /// `[log]`: what the hub says of itself.
    pub log: LogSection,
    /// `[pools]`: which pools there may be.
    pub pools: PoolsSection,
    /// `[auth]`: who may do what.
    pub auth: AuthSection,
    /// `[auth.certificates]`: what whoever shows a certificate of this name may do.
    pub certificates: BTreeMap<String, CertificateRule>,
    /// `[pool_defaults]`: the policy of every pool that says nothing else.
    pub pool_defaults: PoolSettings,
    /// `[pool.NAME]`: the policies of the pools that are named, each whole.
    pub pool: BTreeMap<PoolName, PoolSettings>,
}

impl HubConfig {
    /// The defaults, then the file, then the environment; a later layer wins. For flags on top see
    /// [`ConfigLayers`].
    ///
    /// # Errors
    /// [`ConfigError`] names everything that is wrong, one problem a line.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = ConfigLayers::default();
        if let Some(path) = file {
            layers.file(path);
        }
        layers.env(env);
        layers.build()
    }

    /// The policy of this pool; `None` if it is not named and `pools.open` is off.
    #[must_use]
    pub fn pool_settings(&self, name: &PoolName) -> Option<PoolSettings> {
        let unnamed = self.pools.open.then_some(&self.pool_defaults);
        self.pool.get(name).or(unnamed).cloned()
    }

    /// Holds a configuration that was put together in code to the same bounds as a file.
    ///
    /// # Errors
    /// [`ConfigError`] names everything that is wrong, one problem a line.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fixed = sections::ALL
            .iter()
            .flat_map(|section| section.recheck(section.name, self));
        let defaults = pool::SECTION.recheck(pool::SECTION.name, &self.pool_defaults);
        let named = self
            .pool
            .iter()
            .flat_map(|(name, settings)| pool::SECTION.recheck(&pool::section_of(name), settings));
        let problems: Vec<Problem> = fixed.chain(defaults).chain(named).collect();
        ConfigError::unless_empty(problems)?;
        let conflicts = relations::conflicts(self);
        let crowd = relations::too_many_pools(self).map(|text| Problem::new(Source::Code, text));
        let related = conflicts
            .iter()
            .map(relations::Conflict::unlocated)
            .chain(crowd);
        ConfigError::unless_empty(related.collect())
    }

    /// Whether the hub, started with this, keeps no stranger out: other machines reach it, and it
    /// lacks TLS or nodes that prove who they are.
    pub(crate) fn lets_strangers_in(&self) -> bool {
        tls::lets_strangers_in(self)
    }

    /// Reads the files that the configuration names, as a start and a reload do. Blocks.
    ///
    /// # Errors
    /// [`ConfigError`] names everything that is wrong with them, one problem a line.
    pub fn check_files(&self) -> Result<(), ConfigError> {
        crate::tls::TlsDoor::read(&self.tls).map(drop)
    }

    /// This configuration as a file that explains itself. Read back it gives the same.
    #[must_use]
    pub fn annotated(&self) -> String {
        annotated::text(self)
    }
}
