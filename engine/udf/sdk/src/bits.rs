//! Truths packed into bits.

/// Bits of a slice, the least significant of each byte first.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    offset: usize,
    len: usize,
}

impl<'a> Bits<'a> {
    /// `len` bits, from bit `offset` of the bytes on; `None` where the bytes have fewer.
    pub fn new(bytes: &'a [u8], offset: usize, len: usize) -> Option<Self> {
        (offset.checked_add(len)? <= bytes.len().checked_mul(8)?).then_some(Self { bytes, offset, len })
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One bit.
    ///
    /// # Panics
    /// `at` is not less than the length.
    #[inline(always)]
    pub fn get(&self, at: usize) -> bool {
        assert!(at < self.len, "a bit within the column");
        let bit = self.offset + at;
        self.bytes[bit / 8] >> (bit % 8) & 1 != 0
    }

    /// Some of them.
    ///
    /// # Panics
    /// `from + len` is more than there are.
    pub fn slice(&self, from: usize, len: usize) -> Self {
        assert!(from + len <= self.len, "bits within the column");
        Self { bytes: self.bytes, offset: self.offset + from, len }
    }
}
