//! What came with version 3: who somebody is, what he may do, and a copy of all that a hub keeps.

use std::fmt;

use bytes::Bytes;
use leasehold_core::{NodeName, PoolName};
use serde::{Deserialize, Serialize};

/// What must not be shown to anybody, in logs least of all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself: not for logs, errors or process lists.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Enqueue tasks, wait for them and look at them.
    Producer,
    /// Claim tasks and finish them.
    Node,
    /// All there is.
    Admin,
}

/// What may be asked of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenVerb {
    /// All of them, without their secrets, which nobody keeps.
    List,
    /// Make one.
    Create(Box<TokenSpec>),
    /// Make it worthless, in running sessions too.
    Revoke(String),
}

/// A token to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSpec {
    /// What it is called: letters, digits and `._-`, 1 to 64 bytes.
    pub name: String,
    /// What it is good for.
    pub roles: Vec<Role>,
    /// In which pools; none: in all of them.
    pub pools: Vec<PoolName>,
    /// Which node alone may show it; none: any.
    pub node: Option<NodeName>,
    /// What is said of the node that shows it, for people and for choosing among nodes.
    pub labels: Vec<String>,
    /// For how many milliseconds it is good; none: until it is revoked.
    pub good_for_ms: Option<u64>,
}

/// A token as it is, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// As it was made.
    pub spec: TokenSpec,
    /// When it was made: milliseconds since 1970 by the hub's clock.
    pub made_at_ms: u64,
    /// By whom, for people.
    pub made_by: String,
    /// When it ends: milliseconds since 1970 by the hub's clock.
    pub ends_at_ms: Option<u64>,
    /// Sessions that are open under it.
    pub sessions: u32,
}

/// Who somebody is to the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the token or of the certificate.
    pub name: String,
    /// What he may do.
    pub roles: Vec<Role>,
    /// In which pools; none: in all of them.
    pub pools: Vec<PoolName>,
}

/// What may be asked of a backup. One runs at a time, in the session that began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupVerb {
    /// Take one of this moment; answered with its first part.
    Begin,
    /// The part of this number, from 0; the one before may be asked for again, no older one.
    Next {
        /// Which backup.
        backup: u64,
        /// Which part of it.
        part: u64,
    },
    /// No more of it is wanted; what it kept from being tidied away is tidied away.
    End {
        /// Which backup.
        backup: u64,
    },
}

/// A part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPart {
    /// Drawn by the hub.
    pub backup: u64,
    /// Which part it is, from 0.
    pub part: u64,
    /// Its bytes; all parts together are the backup.
    pub bytes: Bytes,
    /// Whether it is the last one.
    pub is_last: bool,
    /// How many bytes all parts have together, about.
    pub bytes_in_all: u64,
}
