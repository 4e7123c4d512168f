//! What is drawn. A seed draws the same for ever, on every machine.

use std::time::Duration;

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): small,
/// and never another one in the next release of a library.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice for something else, which draw as if they had a seed of their own.
    pub(crate) const fn fork(&mut self) -> Self {
        Self::new(self.any())
    }

    /// Any number.
    pub(crate) const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number less than this, which is not 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound
    }

    /// So many times in a thousand.
    pub(crate) const fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// From the first to the second, in milliseconds.
    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from) + 1))
    }

    /// One of them; there must be one.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap_or(0)].clone()
    }

    /// Some of them: each with the same chance, and one at the least.
    pub(crate) fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        let mut some: Vec<T> = of.iter().filter(|_| self.chance(500)).cloned().collect();
        if some.is_empty() {
            some.push(self.pick(of));
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_for_ever() {
        let mut dice = Dice::new(7);
        let drawn = [dice.any(), dice.any(), dice.any()];
        assert_eq!(
            drawn,
            [
                7_191_089_600_892_374_487,
                309_689_372_594_955_804,
                16_616_101_746_815_609_346
            ]
        );
    }

    #[test]
    fn what_is_drawn_is_within_its_bounds() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            assert!(dice.below(3) < 3);
            let millis = dice.millis(5, 9).as_millis();
            assert!((5..=9).contains(&millis), "{millis}");
            assert!(!dice.some(&[1, 2, 3]).is_empty());
        }
    }
}
