//! Payloads and results, copied out of what was read.

use bytes::Bytes;

/// A copy: whoever keeps it keeps nothing of the buffer.
///
/// A short one stands in one piece of memory with the count of those who share it. For a longer one
/// the first to share it asks for the count's, which is little beside its own.
pub(super) fn copy(bytes: &[u8]) -> Bytes {
    /// Of one length in bytes, and so of all that are no longer.
    macro_rules! copy_in {
        ($($len:literal)*) => {
            match bytes.len() {
                0 => Bytes::new(),
                $(..=$len => Short::<$len>::of(bytes),)*
                _ => Bytes::copy_from_slice(bytes),
            }
        };
    }
    copy_in!(32 64 96 128 160 192 224 256 320 384 448 512 640 768 896 1024)
}

struct Short<const LEN: usize>([u8; LEN]);

impl<const LEN: usize> Short<LEN> {
    fn of(bytes: &[u8]) -> Bytes {
        let mut own = [0; LEN];
        own[..bytes.len()].copy_from_slice(bytes);
        let mut shared = Bytes::from_owner(Self(own));
        shared.truncate(bytes.len());
        shared
    }
}

impl<const LEN: usize> AsRef<[u8]> for Short<LEN> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
