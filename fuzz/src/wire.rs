//! Takes inputs apart, and puts TsFiles together around what a fuzzer makes up.

/// An input, byte by byte; zeros at its end.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes as a number.
    pub fn short(&mut self) -> usize {
        let (low, high) = (self.byte(), self.byte());
        usize::from(u16::from_le_bytes([low, high]))
    }

    /// The next one of some choices.
    pub fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// So many bytes, or as many as are left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Whether there are more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a variable-length number.
pub fn put_uvar(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a text after its length.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_uvar(out, (text.len() as u32) << 1);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the end of a file of version 4: metadata of which the last `tail` bytes stand behind the index.
pub fn put_foot(out: &mut Vec<u8>, tail: usize) {
    out.extend_from_slice(&(tail as u32).to_be_bytes());
    out.extend_from_slice(b"TsFile");
}
