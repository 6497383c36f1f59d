//! The records of a `.mods2` file.

/// A deletion.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// Of series that a pattern matches.
    Tree { start: i64, end: i64, pattern: &'a str },
    /// From a table.
    Table,
}

/// Conditions on devices may hold each other; no deeper than this.
const DEEPEST: usize = 16;

/// Reads records, up to the first that is cut off or not understood.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all was read.
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Record<'a>> {
        let mut from = Self { rest: self.rest };
        let record = from.record()?;
        self.rest = from.rest;
        Some(record)
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let kind = self.byte()?;
        let (start, end) = (self.long()?, self.long()?);
        match kind {
            1 => Some(Record::Tree { start, end, pattern: self.text()?? }),
            0 => {
                self.text()?;
                self.condition(0)?;
                for _ in 0..self.zigzag()? {
                    self.text()?;
                }
                Some(Record::Table)
            }
            _ => None,
        }
    }

    /// Skips a condition on devices: none, a device, a segment's value, several of these.
    fn condition(&mut self, depth: usize) -> Option<()> {
        match self.byte()? {
            0 => {}
            1 => {
                for _ in 0..self.number()? {
                    self.text()?;
                }
            }
            2 => {
                self.text()?;
                self.zigzag()?;
            }
            3 if depth < DEEPEST => {
                for _ in 0..self.zigzag()? {
                    self.condition(depth + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn long(&mut self) -> Option<i64> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(i64::from_be_bytes(*bytes))
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i32> {
        let number = self.number()?;
        Some((number >> 1) as i32 ^ -((number & 1) as i32))
    }

    /// A text, which may be null.
    fn text(&mut self) -> Option<Option<&'a str>> {
        let Ok(length) = usize::try_from(self.zigzag()?) else { return Some(None) };
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok().map(Some)
    }
}
