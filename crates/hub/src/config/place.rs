//! Where knobs are found: headings, keys and variables of the environment.

use std::fmt;

use leasehold_core::{PoolName, PoolSettings};

use super::{
    HubConfig,
    knob::{Knob, Raw, Section},
    near, pool, sections,
};

/// What stands in brackets above settings.
#[derive(Clone)]
pub(super) enum Heading {
    Hub(&'static Section<HubConfig>),
    PoolDefaults,
    Pool(PoolName),
}

impl Heading {
    /// Every heading but those of named pools.
    pub(super) fn fixed() -> impl Iterator<Item = Self> {
        sections::ALL
            .into_iter()
            .map(Self::Hub)
            .chain([Self::PoolDefaults])
    }

    /// The heading of this name, which is not of a named pool.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::fixed().find(|heading| heading.name() == name)
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Hub(section) => section.name.into(),
            Self::PoolDefaults => pool::SECTION.name.into(),
            Self::Pool(name) => pool::section_of(name),
        }
    }

    pub(super) fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Hub(section) => section.knobs.iter().map(|knob| knob.key).collect(),
            Self::PoolDefaults | Self::Pool(_) => {
                pool::SECTION.knobs.iter().map(|knob| knob.key).collect()
            }
        }
    }

    pub(super) fn place(&self, key: &str) -> Option<Place> {
        match self {
            Self::Hub(section) => Some(Place::Hub(section, section.find(key)?)),
            Self::PoolDefaults => Some(Place::PoolDefaults(pool::SECTION.find(key)?)),
            Self::Pool(name) => Some(Place::Pool(name.clone(), pool::SECTION.find(key)?)),
        }
    }

    /// The variable of the environment for this key.
    pub(super) fn variable(&self, key: &str) -> String {
        format!("LEASEHOLD_{}_{}", self.name(), key).to_uppercase()
    }

    /// Says that there is no such key, and which there is.
    pub(super) fn unknown_key(&self, key: &str) -> String {
        let (name, known) = (self.name(), self.keys());
        let near = near::nearest(key, known.iter().copied()).map(|meant| format!("{name}.{meant}"));
        let hint = near.or_else(|| elsewhere(key)).map_or_else(
            || format!("[{name}] has {}", known.join(", ")),
            |meant| format!("did you mean {meant}?"),
        );
        format!("{name}.{}: no such key; {hint}", near::key(key))
    }

    /// Says that there is no such variable, and which there is.
    pub(super) fn unknown_variable(&self, variable: &str) -> String {
        let known: Vec<String> = self.keys().iter().map(|key| self.variable(key)).collect();
        let hint = near::nearest(variable, known.iter().map(String::as_str)).map_or_else(
            || format!("[{}] has {}", self.name(), self.keys().join(", ")),
            |meant| format!("did you mean {meant}?"),
        );
        format!("no such key; {hint}")
    }
}

/// The address of a key of this name under any heading.
fn elsewhere(key: &str) -> Option<String> {
    Heading::fixed()
        .find_map(|heading| heading.place(key))
        .map(|place| place.address())
}

/// Says that there is no such heading, and which there is.
pub(super) fn unknown_heading(name: &str) -> String {
    let shown = near::key(name);
    if name == pool::NAMED {
        return "[pool]: a pool has its name in the heading, as in [pool.NAME]".into();
    }
    let known: Vec<String> = Heading::fixed().map(|heading| heading.name()).collect();
    let known = || known.iter().map(String::as_str).chain([pool::NAMED]);
    let hint = near::nearest(name, known()).map_or_else(
        || {
            let all: Vec<String> = Heading::fixed()
                .map(|h| format!("[{}]", h.name()))
                .collect();
            format!("there are {}, [pool.NAME]", all.join(", "))
        },
        |meant| format!("did you mean [{meant}]?"),
    );
    format!("[{shown}]: no such section; {hint}")
}

/// Says that a key stands under no heading.
pub(super) fn no_heading(key: &str) -> String {
    let hint = elsewhere(key).unwrap_or_else(|| "section.key".into());
    format!(
        "{}: stands in no section; did you mean {hint}?",
        near::key(key)
    )
}

/// A knob of a heading.
#[derive(Clone)]
pub(super) enum Place {
    Hub(&'static Section<HubConfig>, &'static Knob<HubConfig>),
    PoolDefaults(&'static Knob<PoolSettings>),
    Pool(PoolName, &'static Knob<PoolSettings>),
}

impl Place {
    /// Heading and key, as messages name them.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Hub(section, knob) => format!("{}.{}", section.name, knob.key),
            Self::PoolDefaults(knob) => format!("{}.{}", pool::SECTION.name, knob.key),
            Self::Pool(name, knob) => format!("{}.{}", pool::section_of(name), knob.key),
        }
    }

    /// Reads `raw` into the knob; a refusal changes nothing and says what is allowed. A named pool
    /// begins as the defaults are by then.
    pub(super) fn set(&self, config: &mut HubConfig, raw: &Raw) -> Result<(), String> {
        match self {
            Self::Hub(_, knob) => knob.slot.set(config, raw),
            Self::PoolDefaults(knob) => knob.slot.set(&mut config.pool_defaults, raw),
            Self::Pool(name, knob) => {
                let defaults = &config.pool_defaults;
                let pool = config
                    .pool
                    .entry(name.clone())
                    .or_insert_with(|| defaults.clone());
                knob.slot.set(pool, raw)
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())
    }
}
