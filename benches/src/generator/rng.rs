//! A small generator of numbers: fast, seeded, the same everywhere; not for secrets.

/// Steele, Lea and Flood's `SplitMix64`: a counter through a mixing function.
#[derive(Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, which is not zero. The bias is far below what a log shows.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    /// Returns an index into something of `len` items.
    pub(super) fn index(&mut self, len: usize) -> usize {
        let end = u64::try_from(len).expect("a length fits in 64 bits");
        usize::try_from(self.below(end)).expect("below a length")
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.index(from.len())]
    }
}
