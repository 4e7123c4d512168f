//! The names and numbers by which everything is known.

use alloc::string::String;
use core::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::Timestamp;

/// A task's id: a UUID that the *producer* draws (version 7 by custom), so that an enqueue can be
/// repeated after a lost answer and still make one task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(#[serde(with = "uuid::serde::compact")] Uuid);

impl TaskId {
    /// The id with these sixteen bytes, most significant first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The id of this number.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// The sixteen bytes, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of the task that a schedule of this seed fires at this instant, so that one instant
    /// makes one task, however often it is planned: a UUID of version 8 with the instant's
    /// milliseconds before it, as version 7 has them, and 74 bits of a hash of the seed and the
    /// instant (two rounds of `SplitMix64`: Steele, Lea, Flood 2014).
    #[must_use]
    pub fn fired(seed: Self, at: Timestamp) -> Self {
        let (high, low) = seed.0.as_u64_pair();
        let first = mix(high ^ mix(low.wrapping_add(at.as_millis())));
        let millis = at.as_millis() & 0xffff_ffff_ffff;
        Self::hashed(millis, first, mix(first ^ low))
    }

    /// The id of the `number`-th child of this task, so that whoever enqueues it twice, because it
    /// was interrupted in between, makes one task: a UUID of version 8 with the first 48 bits of
    /// this one, and 74 bits of a hash of all of it and the number, as in [`TaskId::fired`].
    #[must_use]
    pub fn child(self, number: u32) -> Self {
        let (high, low) = self.0.as_u64_pair();
        let first = mix(high ^ mix(low ^ u64::from(number).rotate_right(32)));
        Self::hashed(high >> 16, first, mix(first ^ low))
    }

    const fn hashed(first_48: u64, a: u64, b: u64) -> Self {
        let high = first_48 << 16 | 8 << 12 | a & 0xfff;
        let low = 0b10 << 62 | b >> 2;
        Self(Uuid::from_u64_pair(high, low))
    }

    /// The id as a number; its order is the id's order.
    #[must_use]
    pub const fn as_u128(&self) -> u128 {
        self.0.as_u128()
    }
}

/// What `SplitMix64` adds from one number to the next.
pub(crate) const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(seed: u64) -> u64 {
    scramble(seed.wrapping_add(GAMMA))
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) const fn scramble(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A text that is no [`TaskId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a task id is a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct TaskIdError;

impl FromStr for TaskId {
    type Err = TaskIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self).map_err(|_| TaskIdError)
    }
}

/// The number that a store gave a pool when it was first used; never reused within a store.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct PoolId(pub u32);

/// How often a pool has been loaded from its store. Part of each [`LeaseId`], so that no restart
/// can issue a lease a second time, and the fence that keeps an older owner from committing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Epoch(pub u32);

/// One connection's life. Never reused while a hub lives; not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What a session calls a request of its own, to match the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Drawn at random by a node when its process starts: tells a restarted node from a blinking one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// Proof of holding a task: a fencing token that grows with every grant of a pool.
///
/// Written `pool-epoch-number`, as in `1-3-42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId {
    /// The pool that granted it, which is where every answer under it goes.
    pub pool: PoolId,
    /// The pool's epoch at the grant.
    pub epoch: Epoch,
    /// Counts the grants of one epoch, from 1.
    pub number: u64,
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.pool.0, self.epoch.0, self.number)
    }
}

/// A text that is no [`LeaseId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a lease id is three numbers such as 1-3-42")]
pub struct LeaseIdError;

impl From<ParseIntError> for LeaseIdError {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for LeaseId {
    type Err = LeaseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or(LeaseIdError);
        Ok(Self {
            pool: PoolId(next()?.parse()?),
            epoch: Epoch(next()?.parse()?),
            number: next()?.parse()?,
        })
    }
}

/// A lease together with the task that it is on: what a node shows with every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseRef {
    /// The task.
    pub task: TaskId,
    /// The lease on it.
    pub lease: LeaseId,
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a {what} name is 1 to {bytes_max} bytes of letters, digits and \"{extra}\", \
     beginning with a letter or digit, not {text:?}"
)]
pub struct NameError {
    what: &'static str,
    bytes_max: usize,
    extra: &'static str,
    text: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $bytes_max:literal, $extra:literal) => {
        $(#[$doc])*
        ///
        /// Stands in 24 bytes if it has no more than 23, so that a copy costs no allocation.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The longest name there is, in bytes.
            pub const BYTES_MAX: usize = $bytes_max;

            /// This name, if it is one.
            ///
            /// # Errors
            /// [`NameError`] says what a name is made of.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let known = |b: u8| b.is_ascii_alphanumeric() || $extra.as_bytes().contains(&b);
                let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
                if begins_well && text.len() <= Self::BYTES_MAX && text.bytes().all(known) {
                    return Ok(Self(text.into()));
                }
                Err(NameError {
                    what: $what,
                    bytes_max: Self::BYTES_MAX,
                    extra: $extra,
                    text: text.chars().take(Self::BYTES_MAX).collect(),
                })
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_str().into()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, concat!("a ", $what, " name"))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    };
}

name!(
    /// What a pool is called.
    PoolName, "pool", 64, "._-"
);
name!(
    /// What a node calls itself; two live nodes may share it, their incarnations differ.
    NodeName, "node", 128, "._-:@/"
);

name!(
    /// What a schedule is called in its pool.
    ScheduleName, "schedule", 64, "._-"
);

/// Between the name of a pool and a number: no name that a node or a file gives has it.
const PART: char = '#';

impl PoolName {
    /// The name of something that the hub keeps beside the pool of this name, as a partition of it:
    /// `mail#3`. Nobody else can give such a name, for [`PoolName::new`] takes none.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(smol_str::format_smolstr!("{}{PART}{number}", self.0))
    }

    /// What [`PoolName::numbered`] made this of, if it did.
    #[must_use]
    pub fn parts(&self) -> Option<(Self, u32)> {
        let (name, number) = self.0.split_once(PART)?;
        Some((Self::new(name).ok()?, number.parse().ok()?))
    }

    /// Reads a name as a store keeps it: one that anybody may give, or a numbered one.
    ///
    /// # Errors
    /// The deserializer's, where it is neither.
    pub fn deserialize_stored<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let stored = Self(text.as_str().into());
        match stored.parts() {
            Some((name, number)) if name.numbered(number) == stored => Ok(stored),
            Some(_) | None => Self::new(&text).map_err(de::Error::custom),
        }
    }
}

/// A node as one running process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    /// What it calls itself.
    pub name: NodeName,
    /// Which run of it this is.
    pub incarnation: Incarnation,
}
