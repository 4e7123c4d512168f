//! Moments, as small numbers that fit into a payload.

use std::{sync::LazyLock, time::Duration};

use tokio::time::Instant;

/// What all stamps of this process count from.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Bytes of a stamp at the beginning of a payload.
pub(crate) const STAMP_BYTES: usize = 8;

/// A moment: nanoseconds since the bench began. The time of a task is the moment at which it was
/// to be sent, which is earlier than the moment at which it was when the generator is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp(u64);

impl Stamp {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        Self(nanos(ORIGIN.elapsed()))
    }

    /// From its nanoseconds since the bench began.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the bench began.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds since `earlier`, or 0.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// So much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// What the first eight bytes of a payload say; a shorter payload says 0.
    #[must_use]
    pub fn of_payload(payload: &[u8]) -> Self {
        payload
            .first_chunk()
            .map_or(Self(0), |bytes| Self(u64::from_le_bytes(*bytes)))
    }

    /// Writes it into the first eight bytes of a payload that is long enough.
    pub fn write(self, payload: &mut [u8]) {
        if let Some(head) = payload.first_chunk_mut::<STAMP_BYTES>() {
            *head = self.0.to_le_bytes();
        }
    }
}

/// Half a millennium fits.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
