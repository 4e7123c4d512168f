//! What can go wrong at the start.

use std::{io, net::SocketAddr};

use crate::{auth::TokenError, config::ConfigError};

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not within bounds.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The store, or a pool in it, could not be opened.
    #[error("failed to restore the pools: {0}")]
    Restore(String),
    /// The tokens could not be read.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The store's thread could not be started.
    #[error("failed to start the store's thread: {0}")]
    Thread(#[source] io::Error),
}
