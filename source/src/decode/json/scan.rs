//! The words of JSON, read byte by byte.

use std::borrow::Cow;

/// Why a text is not a document.
#[derive(Debug)]
pub(super) enum Wrong {
    Syntax,
    Deep,
}

/// Where in a text the next word begins.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// How many of eight bytes, the lowest first, are neither a quote nor a backslash nor a control character.
#[inline]
fn plain(word: u64) -> usize {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = LOW << 7;
    // The highest bit of each byte that is 0; above the lowest such byte, of others too.
    let zero = |bytes: u64| bytes.wrapping_sub(LOW) & !bytes;
    let quote = zero(word ^ (LOW * b'"' as u64));
    let backslash = zero(word ^ (LOW * b'\\' as u64));
    let control = word.wrapping_sub(LOW * 0x20) & !word;
    (((quote | backslash | control) & HIGH).trailing_zeros() / 8) as usize
}

/// Whether bytes of one length are the same. Those of a key and what stands around it are few, mostly: they are compared as two
/// words, which overlap, without a call.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        8..16 => are_ends_same::<8>(a, b),
        16..=32 => are_ends_same::<16>(a, b),
        _ => a == b,
    }
}

#[inline]
fn are_ends_same<const N: usize>(a: &[u8], b: &[u8]) -> bool {
    a.first_chunk::<N>() == b.first_chunk::<N>() && a.last_chunk::<N>() == b.last_chunk::<N>()
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether nothing but space is left.
    pub(super) fn is_through(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    /// Goes on behind these bytes, if they are what comes next.
    #[inline]
    pub(super) fn passes(&mut self, bytes: &[u8]) -> bool {
        let end = self.at + bytes.len();
        let passes = self.text.as_bytes().get(self.at..end).is_some_and(|next| is_same(next, bytes));
        if passes {
            self.at = end;
        }
        passes
    }

    /// A key and the colon behind it.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, Wrong> {
        if self.next_byte()? != b'"' {
            return Err(self.back());
        }
        let key = self.string()?;
        if self.next_byte()? == b':' { Ok(key) } else { Err(self.back()) }
    }

    /// A text whose first quote has been read.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        let mut escaped = false;
        loop {
            while let Some(word) = bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
                let plain = plain(u64::from_le_bytes(*word));
                self.at += plain;
                if plain < size_of::<u64>() {
                    break;
                }
            }
            match bytes.get(self.at) {
                Some(b'"') => break,
                // What is escaped may be a quote.
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(Wrong::Syntax),
            }
        }
        let end = self.at;
        self.at += 1;
        if escaped {
            return self.unescaped(from - 1, end);
        }
        self.text.get(from..end).map(Cow::Borrowed).ok_or(Wrong::Syntax)
    }

    /// The text between two quotes.
    #[cold]
    fn unescaped(&self, first: usize, last: usize) -> Result<Cow<'a, str>, Wrong> {
        let quoted = self.text.get(first..=last).ok_or(Wrong::Syntax)?;
        serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| Wrong::Syntax)
    }

    /// A number whose first byte has been read.
    #[inline]
    pub(super) fn number(&mut self) -> Result<&'a str, Wrong> {
        let from = self.at - 1;
        let bytes = self.text.as_bytes();
        if bytes.get(from) == Some(&b'-') {
            self.at += 1;
        }
        // No zero leads other digits.
        let first = bytes.get(self.at - 1).filter(|byte| byte.is_ascii_digit()).ok_or(Wrong::Syntax)?;
        if *first != b'0' {
            self.digits();
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = bytes.get(self.at) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        // One that is beyond all bounds of a type is JSON as well.
        self.text.get(from..self.at).ok_or(Wrong::Syntax)
    }

    #[inline]
    fn digits(&mut self) {
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Wrong> {
        let from = self.at;
        self.digits();
        if self.at > from { Ok(()) } else { Err(Wrong::Syntax) }
    }

    /// A word whose first byte has been read.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> Result<(), Wrong> {
        let from = self.at - 1;
        if self.text.as_bytes().get(from..from + word.len()) != Some(word.as_bytes()) {
            return Err(Wrong::Syntax);
        }
        self.at = from + word.len();
        Ok(())
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    #[inline]
    pub(super) fn next_byte(&mut self) -> Result<u8, Wrong> {
        self.space();
        let byte = *self.text.as_bytes().get(self.at).ok_or(Wrong::Syntax)?;
        self.at += 1;
        Ok(byte)
    }

    /// The byte that was read last was not expected.
    pub(super) fn back(&mut self) -> Wrong {
        self.at -= 1;
        Wrong::Syntax
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn bytes_are_the_same_where_each_is() {
        let bytes = b"more than thirty-two bytes, to be sure";
        for len in 0..=bytes.len() {
            let bytes = &bytes[..len];
            assert!(is_same(bytes, bytes));
            for at in 0..len {
                let mut other = bytes.to_vec();
                other[at] = b'#';
                assert!(!is_same(bytes, &other), "{len} {at}");
            }
        }
    }
}
