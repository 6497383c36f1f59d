//! Bit streams, read and written a word at a time; the first bit is the highest of the first byte.

/// Appends bits to bytes.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Bits not yet in `out`, from the top.
    word: u64,
    /// How many bits of `word` are used; fewer than 64.
    used: u32,
}

impl<'a> BitWriter<'a> {
    pub(crate) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, word: 0, used: 0 }
    }

    /// Appends the low `bits` (at most 64) bits of a value; its other bits must be zero.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, bits: u32) {
        debug_assert!(bits == 64 || value >> bits == 0, "a value has more bits than it is given");
        let free = 64 - self.used;
        if bits < free {
            // `bits` may be 0; a shift by `free - 0` could then be by 64.
            self.word |= value.checked_shl(free - bits).unwrap_or(0);
            self.used += bits;
        } else {
            let left = bits - free;
            self.word |= value >> left;
            self.out.extend_from_slice(&self.word.to_be_bytes());
            self.word = value.checked_shl(64 - left).unwrap_or(0);
            self.used = left;
        }
    }

    /// Pads the last byte with zeros. Returns whether padding was needed.
    pub(crate) fn finish(self) -> bool {
        let bytes = self.used.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.word.to_be_bytes()[..bytes]);
        !self.used.is_multiple_of(8)
    }
}

/// Appends bits to bytes without a branch: for streams of numbers of mixed sizes, where the CPU cannot predict when
/// [`BitWriter`]'s word is full.
#[derive(Debug)]
pub(crate) struct WideWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The number of whole bytes written.
    at: usize,
    /// The bits of the next byte, from the top, and their number; fewer than 8.
    rest: u8,
    used: u32,
}

impl<'a> WideWriter<'a> {
    /// A writer with room for this many bytes; it grows if needed.
    pub(crate) fn new(out: &'a mut Vec<u8>, room: usize) -> Self {
        let at = out.len();
        out.resize(at.saturating_add(room).saturating_add(size_of::<u128>()), 0);
        Self { out, at, rest: 0, used: 0 }
    }

    /// Appends the low `bits` (1 to 120) bits of a value; its other bits must be zero.
    #[inline]
    pub(crate) fn put(&mut self, value: u128, bits: u32) {
        debug_assert!(
            matches!(bits, 1..=120) && value >> bits == 0,
            "a value has more bits than it is given"
        );
        let total = self.used + bits;
        let word = u128::from(self.rest) << 120 | value << (128 - total);
        if self.out.len() < self.at + size_of::<u128>() {
            self.grow();
        }
        if let Some(place) = self.out.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = word.to_be_bytes();
        }
        let whole = total & !7;
        self.at += (whole / 8) as usize;
        self.rest = (word >> (120 - whole)) as u8;
        self.used = total & 7;
    }

    #[cold]
    fn grow(&mut self) {
        self.out.resize(self.out.len() * 2 + 64, 0);
    }

    /// Pads the last byte with zeros. Returns whether padding was needed.
    pub(crate) fn finish(self) -> bool {
        self.out.truncate(self.at + usize::from(self.used > 0));
        self.used > 0
    }
}

/// Reads bits from a slice, and zeros beyond its end: the caller checks [`BitReader::overrun`] once at the end, and bounds by
/// other means how much it reads.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The position in bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At least 57 bits from the current position, from the top of the word.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        word_at(self.bytes, self.at >> 3) << (self.at & 7)
    }

    /// The next 64 bits.
    #[inline]
    pub(crate) fn peek_whole(&self) -> u64 {
        whole_word_at(self.bytes, self.at)
    }

    #[inline]
    pub(crate) const fn skip(&mut self, bits: u32) {
        self.at += bits as usize;
    }

    /// The next `bits` bits; at most 64.
    #[inline]
    pub(crate) fn read(&mut self, bits: u32) -> u64 {
        if bits <= 57 {
            let word = self.peek();
            self.skip(bits);
            if bits == 0 { 0 } else { word >> (64 - bits) }
        } else {
            let high = self.read(32);
            (high << (bits - 32)) | self.read(bits - 32)
        }
    }

    /// Whether more bits were read than there were.
    pub(crate) const fn overrun(&self) -> bool {
        self.at > self.bytes.len() * 8
    }

    /// Bits not yet read.
    pub(crate) const fn bits_left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// Bytes read, including a partial last one.
    pub(crate) const fn bytes_read(&self) -> usize {
        self.at.div_ceil(8)
    }
}

/// Eight bytes from an index on as a big-endian word; zeros beyond the end.
#[inline]
pub(crate) fn word_at(bytes: &[u8], index: usize) -> u64 {
    if let Some(window) = bytes.get(index..).and_then(|rest| rest.first_chunk::<8>()) {
        u64::from_be_bytes(*window)
    } else {
        word_at_end(bytes, index)
    }
}

/// The 64 bits from a bit on; zeros beyond the end.
#[inline]
pub(crate) fn whole_word_at(bytes: &[u8], bit: usize) -> u64 {
    if let Some(window) = bytes.get(bit >> 3..).and_then(|rest| rest.first_chunk::<9>()) {
        let [first @ .., last] = *window;
        u64::from_be_bytes(first) << (bit & 7) | u64::from(last) >> (8 - (bit & 7))
    } else {
        // Bits shifted out here are beyond the end of the bytes.
        word_at_end(bytes, bit >> 3) << (bit & 7)
    }
}

#[cold]
fn word_at_end(bytes: &[u8], index: usize) -> u64 {
    let mut window = [0; 8];
    let rest = bytes.get(index..).unwrap_or_default();
    window[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(window)
}

/// Unpacks `count` numbers of `width` (1 to 64) bits and passes each on. `bytes` holds them all.
#[inline]
pub(crate) fn unpack(bytes: &[u8], width: u32, count: usize, mut each: impl FnMut(u64)) {
    let width_bits = width as usize;
    if width > 57 {
        let mut reader = BitReader::new(bytes);
        (0..count).for_each(|_| each(reader.read(width)));
        return;
    }
    // While a whole word can be loaded, no number depends on the one before.
    let fast = match bytes.len().checked_sub(8) {
        Some(last_start) => count.min((last_start * 8 + 7) / width_bits + 1),
        None => 0,
    };
    let shift = 64 - width;
    let mut at = 0;
    for _ in 0..fast {
        each((word_at(bytes, at >> 3) << (at & 7)) >> shift);
        at += width_bits;
    }
    for _ in fast..count {
        each((word_at_end(bytes, at >> 3) << (at & 7)) >> shift);
        at += width_bits;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_read(values in prop::collection::vec((any::<u64>(), 0u32..=64), 0..200)) {
            let cut = |value: u64, bits: u32| if bits == 0 { 0 } else { value >> (64 - bits) };
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            for &(value, bits) in &values {
                writer.put(cut(value, bits), bits);
            }
            writer.finish();
            let mut reader = BitReader::new(&bytes);
            for &(value, bits) in &values {
                prop_assert_eq!(reader.read(bits), cut(value, bits));
            }
            prop_assert!(!reader.overrun());
            prop_assert_eq!(reader.bytes_read(), bytes.len());
        }

        #[test]
        fn wide_numbers_are_put_as_narrow_ones_are(
            values in prop::collection::vec((any::<u128>(), 1u32..=120), 0..200),
            room in 0usize..300,
        ) {
            let (mut narrow, mut wide) = (vec![7], vec![7]);
            let mut each = BitWriter::new(&mut narrow);
            let mut all = WideWriter::new(&mut wide, room);
            for &(value, bits) in &values {
                let value = value >> (128 - bits);
                all.put(value, bits);
                let high = bits.saturating_sub(64);
                each.put((value >> 64) as u64, high);
                each.put(value as u64, bits - high);
            }
            prop_assert_eq!(each.finish(), all.finish());
            prop_assert_eq!(narrow, wide);
        }

        #[test]
        fn packed_numbers_unpack(values in prop::collection::vec(any::<u64>(), 0..200), width in 1u32..=64) {
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            let cut: Vec<u64> = values.iter().map(|value| value >> (64 - width)).collect();
            cut.iter().for_each(|&value| writer.put(value, width));
            writer.finish();
            let mut back = Vec::new();
            unpack(&bytes, width, cut.len(), |value| back.push(value));
            prop_assert_eq!(back, cut);
        }
    }
}
