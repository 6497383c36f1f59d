//! Chance from a seed.

use std::ops::Range;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    pub(super) seed: u64,
    state: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) }
    }

    pub(super) fn roll(&mut self, range: Range<u64>) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }

    /// Whether one of so many happens.
    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.roll(0..chances) == 0
    }
}
