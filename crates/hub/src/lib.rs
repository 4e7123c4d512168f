//! Stub.

mod config;

pub use config::{
    ConfigError, ConfigLayers, Engine, HubConfig, HubSection, LogFormat, LogLevel, LogSection,
    PoolsSection, Problem, SessionSection, Source, StoreSection,
};
