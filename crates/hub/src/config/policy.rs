//! What is decided about a pool while the hub runs, on top of its configuration; and what another
//! configuration would change.

use leasehold_core::{PoolName, PoolSettings};

use super::{
    ConfigError, HubConfig, certificates,
    error::{Problem, Source},
    knob::{Knob, Raw, Section},
    place::Heading,
    pool, relations, sections,
};

/// A knob with what it holds, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) source: &'static str,
}

/// What may be changed without a restart, but for partitions.
const LIVE: [&str; 3] = ["session", "pools", "tls"];

/// Those that are not as their sections are.
const LIVE_KNOBS: [&str; 6] = [
    "hub.open_to_all",
    "hub.sessions_max",
    "hub.sessions_per_address_max",
    "hub.address_requests_per_second",
    "hub.address_bytes_per_second",
    "hub.handshakes_max",
];

impl HubConfig {
    /// The settings of a pool, whether it may be made by its first use or not.
    pub(crate) fn settings_of(&self, name: &PoolName) -> &PoolSettings {
        self.pool.get(name).unwrap_or(&self.pool_defaults)
    }

    /// The settings of a pool with these knobs on top.
    ///
    /// # Errors
    /// Everything that is wrong with them, one problem a line.
    pub(crate) fn governed(
        &self,
        name: &PoolName,
        set: &[(String, String)],
    ) -> Result<PoolSettings, ConfigError> {
        let mut settings = self.settings_of(name).clone();
        let problem = |text: String| Problem::new(Source::Code, text);
        let mut problems = Vec::new();
        for (key, value) in set {
            let done = match pool::SECTION.find(key) {
                None => Err(Heading::Pool(name.clone()).unknown_key(key)),
                Some(_) if key == "partitions" => {
                    Err("partitions can be set in the hub's configuration only".to_owned())
                }
                Some(knob) => {
                    let set = knob.slot.set(&mut settings, &Raw::Plain(value.clone()));
                    set.map_err(|why| format!("{key} = {value:?}: {why}"))
                }
            };
            problems.extend(done.err().map(problem));
        }
        ConfigError::unless_empty(problems)?;
        let conflicts = relations::in_pool(self, &pool::section_of(name), &settings);
        let conflicts = conflicts.iter().map(relations::Conflict::unlocated);
        ConfigError::unless_empty(conflicts.collect()).map(|()| settings)
    }

    /// Every knob of a pool, as it is with these on top.
    pub(crate) fn shown(
        &self,
        name: &PoolName,
        settings: &PoolSettings,
        set: &[(String, String)],
    ) -> Vec<Shown> {
        let (base, default) = (self.settings_of(name), PoolSettings::default());
        let of = |knob: &Knob<PoolSettings>| Shown {
            key: knob.key,
            value: unquoted(&knob.slot.literal(settings)),
            source: if set.iter().any(|(key, _)| key == knob.key) {
                "set"
            } else if knob.slot.literal(base) == knob.slot.literal(&default) {
                "default"
            } else {
                "configuration"
            },
        };
        pool::SECTION.knobs.iter().map(of).collect()
    }

    /// What another configuration changes, a line each.
    ///
    /// # Errors
    /// What of it cannot be changed while the hub runs, one problem a line.
    pub(crate) fn changes_to(&self, other: &Self) -> Result<Vec<String>, ConfigError> {
        let (mut lines, mut problems) = (Vec::new(), Vec::new());
        for section in sections::ALL {
            for (key, from, to) in differences(section, self, other) {
                let address = format!("{}.{key}", section.name);
                let is_live =
                    LIVE.contains(&section.name) || LIVE_KNOBS.contains(&address.as_str());
                note(is_live, (address, from, to), &mut lines, &mut problems);
            }
        }
        if self.certificates != other.certificates {
            let (from, to) = (certificates::names(self), certificates::names(other));
            let address = format!("{}.{}", certificates::UNDER, certificates::NAMED);
            note(false, (address, from, to), &mut lines, &mut problems);
        }
        for (heading, of, to) in self.pools_beside(other) {
            for (key, from, to) in differences(&pool::SECTION, of, to) {
                let address = format!("{heading}.{key}");
                let is_live = key != "partitions";
                note(is_live, (address, from, to), &mut lines, &mut problems);
            }
        }
        ConfigError::unless_empty(problems).map(|()| lines)
    }

    /// The defaults, and each pool that either names.
    fn pools_beside<'a>(
        &'a self,
        other: &'a Self,
    ) -> Vec<(String, &'a PoolSettings, &'a PoolSettings)> {
        let mut names: Vec<&PoolName> = self.pool.keys().chain(other.pool.keys()).collect();
        names.sort();
        names.dedup();
        let heading = pool::SECTION.name.to_owned();
        let defaults = (heading, &self.pool_defaults, &other.pool_defaults);
        let named = |name: &&PoolName| {
            let heading = pool::section_of(name);
            (heading, self.settings_of(name), other.settings_of(name))
        };
        let named = names.iter().map(named);
        [defaults].into_iter().chain(named).collect()
    }
}

/// Notes a change, or that it cannot be one.
fn note(
    is_live: bool,
    (address, from, to): (String, String, String),
    lines: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    if is_live {
        lines.push(format!("{address}: {from} -> {to}"));
        return;
    }
    let text = format!("{address} = {to}: it is {from} until the hub is restarted");
    problems.push(Problem::new(Source::Code, text));
}

/// Knobs that two hold differently: key, the one's, the other's.
fn differences<T>(section: &Section<T>, one: &T, other: &T) -> Vec<(&'static str, String, String)> {
    let differs = |knob: &Knob<T>| {
        let (from, to) = (knob.slot.literal(one), knob.slot.literal(other));
        (from != to).then_some((knob.key, from, to))
    };
    section.knobs.iter().filter_map(differs).collect()
}

fn unquoted(literal: &str) -> String {
    literal.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::ConfigLayers;

    fn config(text: &str) -> HubConfig {
        let mut layers = ConfigLayers::default();
        layers.file_text(Path::new("hub.toml"), text);
        layers.build().unwrap()
    }

    fn governed(set: &[(&str, &str)]) -> Result<PoolSettings, String> {
        let config = config("[pool.mail]\nlease = \"5m\"\n");
        let set: Vec<_> = set
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let name = PoolName::new("mail").unwrap();
        config
            .governed(&name, &set)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_set_goes_before_the_configuration_and_is_held_to_its_bounds() {
        let settings = governed(&[("attempts_max", "3")]).unwrap();
        assert_eq!(settings.attempts_max, 3);
        assert_eq!(settings.lease.as_secs(), 300);
        assert!(governed(&[("leese", "1s")]).unwrap_err().contains("lease"));
        let why = governed(&[("lease", "5x"), ("attempts_max", "0")]).unwrap_err();
        assert!(
            why.contains("lease = \"5x\"") && why.contains("attempts_max"),
            "{why}"
        );
        assert!(governed(&[("partitions", "2")]).is_err());
        let cap = governed(&[("back_off_base", "10m"), ("back_off_cap", "1m")]).unwrap_err();
        assert!(cap.contains("must be at least back_off_base"), "{cap}");
    }

    #[test]
    fn a_reload_says_what_it_changes_and_refuses_what_it_cannot() {
        let before = config("[pool.mail]\nlease = \"5m\"\n");
        let after = config("[pool.mail]\nlease = \"2m\"\n[session]\nheartbeat = \"1s\"\n");
        let lines = before.changes_to(&after);
        let expected = "pool.mail.lease: \"5m\" -> \"2m\"";
        match lines {
            Ok(lines) => assert!(lines.iter().any(|line| line == expected), "{lines:?}"),
            Err(error) => panic!("{error}"),
        }
        let listening = config("[hub]\nlisten = \"127.0.0.1:9\"\n[pool.mail]\npartitions = 2\n");
        let why = before.changes_to(&listening).unwrap_err().to_string();
        assert!(
            why.contains("hub.listen") && why.contains("pool.mail.partitions"),
            "{why}"
        );
        assert_eq!(before.changes_to(&before), Ok(vec![]));
    }
}
