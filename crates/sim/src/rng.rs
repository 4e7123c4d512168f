//! The only randomness of a world.

/// `SplitMix64` (Steele, Lea, Flood 2014): small, good enough, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `min` to `max`, both included.
    pub(crate) fn within(&mut self, min: u64, max: u64) -> u64 {
        min + self.next() % (max - min + 1)
    }

    pub(crate) fn small(&mut self, min: u32, max: u32) -> u32 {
        u32::try_from(self.within(min.into(), max.into())).unwrap_or(max)
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.within(0, len.saturating_sub(1) as u64)).unwrap_or(0)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.within(0, 99) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, among: &[T]) -> Option<T> {
        if among.is_empty() {
            return None;
        }
        let index = self.index(among.len());
        among.get(index).cloned()
    }
}
