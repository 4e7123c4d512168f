//! Layers of settings on the defaults, and what comes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use leasehold_core::PoolName;

use super::{
    CertificateRule, HubConfig,
    error::{ConfigError, Problem, Source},
    file,
    knob::Raw,
    near,
    place::{Heading, Place, no_heading, unknown_heading},
    pool, relations,
};

/// Settings from several sources on top of the defaults; a later one wins over an earlier one.
///
/// Nothing is refused before [`ConfigLayers::build`], which reports all that is wrong at once.
#[derive(Debug, Clone, Default)]
pub struct ConfigLayers {
    settings: Vec<Setting>,
    pools: BTreeSet<PoolName>,
    certificates: BTreeMap<String, CertificateRule>,
    problems: Vec<Problem>,
}

/// A value for a knob, and where it was given.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) place: Place,
    pub(super) raw: Raw,
    /// The value as messages show it.
    pub(super) literal: String,
    pub(super) source: Source,
}

impl ConfigLayers {
    /// Lays the file of this path on top.
    pub fn file(&mut self, path: &Path) -> &mut Self {
        match fs::read_to_string(path) {
            Ok(text) => self.file_text(path, &text),
            Err(error) => {
                let source = Source::File(path.into(), None);
                self.problem(source, format!("cannot be read: {error}"));
                self
            }
        }
    }

    /// Lays a file of this text on top; messages call it `path`.
    pub fn file_text(&mut self, path: &Path, text: &str) -> &mut Self {
        file::read(self, path, text);
        self
    }

    /// Lays the environment on top: `LEASEHOLD_SECTION_KEY` is `section.key`. A variable of no
    /// section, such as `LEASEHOLD_HUB` or `LEASEHOLD_TASK_ID`, is not looked at. Named pools have
    /// no variables: their names would not fit.
    pub fn env(&mut self, variables: impl Iterator<Item = (String, String)>) -> &mut Self {
        for (name, value) in variables {
            let of = |heading: &Heading| name.starts_with(&heading.variable(""));
            let Some(heading) = Heading::fixed().find(of) else {
                continue;
            };
            let named = |key: &&str| heading.variable(key) == name;
            let place = heading
                .keys()
                .into_iter()
                .find(named)
                .and_then(|key| heading.place(key));
            let source = Source::Env(name.clone());
            match place {
                Some(place) => self.plain(place, value, source),
                None => self.problem(source, heading.unknown_variable(&name)),
            }
        }
        self
    }

    /// Lays one value on top, for an address such as `hub.listen` or `pool.NAME.lease`.
    pub fn set(&mut self, address: &str, value: &str, source: Source) -> &mut Self {
        match self.place(address) {
            Ok(place) => self.plain(place, value.into(), source),
            Err(why) => self.problem(source, why),
        }
        self
    }

    /// The configuration, if all is well with it.
    ///
    /// # Errors
    /// [`ConfigError`] names everything that is wrong, one problem a line.
    pub fn build(&self) -> Result<HubConfig, ConfigError> {
        let mut config = HubConfig {
            certificates: self.certificates.clone(),
            ..HubConfig::default()
        };
        let mut report = Report::default();
        let is_named = |setting: &&Setting| matches!(setting.place, Place::Pool(..));
        let (named, fixed): (Vec<_>, Vec<_>) = self.settings.iter().partition(is_named);
        fixed
            .into_iter()
            .for_each(|setting| report.apply(setting, &mut config));
        let defaults = &config.pool_defaults;
        config.pool = self
            .pools
            .iter()
            .map(|name| (name.clone(), defaults.clone()))
            .collect();
        named
            .into_iter()
            .for_each(|setting| report.apply(setting, &mut config));
        report.relate(&config);
        let problems = self.problems.iter().cloned().chain(report.problems);
        ConfigError::unless_empty(problems.collect()).map(|()| config)
    }

    pub(super) fn push(&mut self, setting: Setting) {
        self.settings.push(setting);
    }

    pub(super) fn certificate(&mut self, name: &str, rule: CertificateRule) {
        self.certificates.insert(name.to_owned(), rule);
    }

    pub(super) fn problem(&mut self, source: Source, text: String) {
        self.problems.push(Problem::new(source, text));
    }

    /// The heading of the pool that is named so; the pool exists from here on.
    pub(super) fn named_pool(&mut self, name: &str) -> Result<Heading, String> {
        let shown = || format!("[{}.{}]", pool::NAMED, near::key(name));
        let name = PoolName::new(name).map_err(|why| format!("{}: {why}", shown()))?;
        self.pools.insert(name.clone());
        Ok(Heading::Pool(name))
    }

    fn place(&mut self, address: &str) -> Result<Place, String> {
        let (heading, key) = address
            .rsplit_once('.')
            .ok_or_else(|| no_heading(address))?;
        let heading = self.heading(heading)?;
        heading.place(key).ok_or_else(|| heading.unknown_key(key))
    }

    fn heading(&mut self, name: &str) -> Result<Heading, String> {
        let named = name
            .strip_prefix(pool::NAMED)
            .and_then(|rest| rest.strip_prefix('.'));
        match named {
            Some(name) => self.named_pool(name),
            None => Heading::find(name).ok_or_else(|| unknown_heading(name)),
        }
    }

    fn plain(&mut self, place: Place, value: String, source: Source) {
        let literal = near::quoted(&value);
        self.push(Setting {
            place,
            raw: Raw::Plain(value),
            literal,
            source,
        });
    }
}

/// What came of the settings.
#[derive(Default)]
struct Report {
    problems: Vec<Problem>,
    /// By address: who set a knob last.
    origins: BTreeMap<String, Source>,
    /// Addresses of values that were refused; what they hold instead was not asked for.
    refused: BTreeSet<String>,
}

impl Report {
    fn apply(&mut self, setting: &Setting, config: &mut HubConfig) {
        let Setting {
            place,
            raw,
            literal,
            source,
        } = setting;
        let address = place.address();
        match place.set(config, raw) {
            Ok(()) => {
                self.origins.insert(address, source.clone());
            }
            Err(why) => {
                let text = format!("{address} = {literal}: {why}");
                self.problems.push(Problem::new(source.clone(), text));
                self.refused.insert(address);
            }
        }
    }

    fn relate(&mut self, config: &HubConfig) {
        let is_sound = |address: &str| !aliases(address).any(|a| self.refused.contains(&a));
        let origin = |address: &str| aliases(address).find_map(|a| self.origins.get(&a).cloned());
        let conflicts = relations::conflicts(config);
        let sound = |conflict: &&relations::Conflict| {
            conflict.knobs.iter().all(|held| is_sound(&held.address))
        };
        let found: Vec<_> = conflicts
            .iter()
            .filter(sound)
            .map(|c| c.located(origin))
            .collect();
        self.problems.extend(found);
        let unsound = self.refused.contains(relations::POOLS_MAX);
        let crowd = relations::too_many_pools(config).filter(|_| !unsound);
        let source = self.origins.get(relations::POOLS_MAX);
        let source = source.cloned().unwrap_or(Source::Code);
        self.problems
            .extend(crowd.map(|text| Problem::new(source, text)));
    }
}

/// The address itself, and for a named pool that of the default that it stands in for.
fn aliases(address: &str) -> impl Iterator<Item = String> {
    let named = address
        .strip_prefix(pool::NAMED)
        .is_some_and(|rest| rest.starts_with('.'));
    let key = address.rsplit('.').next().filter(|_| named);
    let default = key.map(|key| format!("{}.{key}", pool::SECTION.name));
    [Some(address.into()), default].into_iter().flatten()
}
