//! The hub, to be embedded: actors, sockets, the clock.
//!
//! ```
//! use leasehold_hub::{Engine, Hub, HubConfig, open_store};
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = HubConfig::default();
//! config.store.engine = Engine::Memory;
//! config.hub.listen = None;
//! let store = open_store(&config)?;
//! let hub = Hub::start(config, store).await?;
//! // … `leasehold_node::Endpoint::over(…)` takes `hub.connect()` as its connection …
//! hub.drain().await;
//! # Ok(()) }
//! ```
//!
//! ```text
//! HubActor
//!  ├─ StoreWriter      a thread: batches in, durable marks out
//!  ├─ PoolActor        single writer of a pool, or of a partition of one
//!  ├─ FrontActor       who waits for a task of a pool in partitions
//!  ├─ SessionsActor
//!  │    └─ SessionActor  one per connection; owns the I/O task, in which the guard lives
//!  └─ ListenerActor    accepts
//! ```

mod actor;
mod auth;
mod clock;
mod config;
mod configured;
mod directory;
mod error;
mod freight;
mod front_actor;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gauge;
mod hub;
mod hub_actor;
mod listener_actor;
mod parts;
mod payloads;
mod pool_actor;
mod session;
mod session_actor;
mod session_numbers;
mod sessions_actor;
mod store_writer;
mod telemetry;
mod tls;

pub use auth::{TokenError, TokenFile};
pub use clock::wall_clock;
pub use config::{
    AuthSection, CertificateRule, ConfigError, ConfigLayers, Engine, HubConfig, HubSection,
    LogFormat, LogLevel, LogSection, NodeCertificates, PoolsSection, Problem, SessionSection,
    Source, StoreSection, TlsSection,
};
pub use error::StartError;
pub use hub::{Fault, Hub, open_store};
pub use leasehold_store::{
    Found, LogEngine, StoreError, Unused, Verified, VerifiedPool, backup, hush_engine_panics,
    transfer, verify_store,
};
pub use pool_actor::clock_time;
