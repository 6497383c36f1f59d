//! Primitives of the format: big-endian numbers, variable-length numbers, strings.
//!
//! Lengths of strings are **zigzag** numbers (a length of 2 is the byte 4), counts and sizes are **unsigned** ones.

use crate::error::{Corrupt, Parsed};

/// Reads primitives from a slice and never beyond it.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Everything not yet read.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let found = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or_else(|| self.corrupt("the bytes end too early"))?;
        self.at += count;
        Ok(found)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn corrupt(&self, reason: impl Into<std::borrow::Cow<'static, str>>) -> Corrupt {
        Corrupt::new(self.at, reason)
    }

    pub(crate) fn u8(&mut self) -> Parsed<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn bool(&mut self) -> Parsed<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(format!("a truth value is {other}"))),
        }
    }

    pub(crate) fn i32(&mut self) -> Parsed<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Parsed<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn f32(&mut self) -> Parsed<f32> {
        self.array().map(f32::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Parsed<f64> {
        self.array().map(f64::from_be_bytes)
    }

    /// A file offset: an `i64` that must not be negative.
    pub(crate) fn offset(&mut self) -> Parsed<u64> {
        u64::try_from(self.i64()?).map_err(|_| self.corrupt("an offset is negative"))
    }

    pub(crate) fn uvar(&mut self) -> Parsed<u32> {
        self.leb128(5).map(|value| value as u32)
    }

    pub(crate) fn uvar_usize(&mut self) -> Parsed<usize> {
        self.uvar().map(|value| value as usize)
    }

    pub(crate) fn var(&mut self) -> Parsed<i32> {
        self.uvar().map(|value| (value >> 1) as i32 ^ -((value & 1) as i32))
    }

    pub(crate) fn var_i64(&mut self) -> Parsed<i64> {
        self.leb128(10).map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn leb128(&mut self, most: u32) -> Parsed<u64> {
        let mut value = 0u64;
        for index in 0..most {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f).wrapping_shl(7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a variable-length number does not end"))
    }

    /// Bytes preceded by their length as a zigzag number; `None` for a length of -1.
    pub(crate) fn var_bytes(&mut self) -> Parsed<Option<&'a [u8]>> {
        match self.var()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| self.corrupt("a length is negative"))?;
                self.take(length).map(Some)
            }
        }
    }

    pub(crate) fn vstr_or_null(&mut self) -> Parsed<Option<&'a str>> {
        let at = self.at;
        let bytes = self.var_bytes()?;
        bytes.map(std::str::from_utf8).transpose().map_err(|_| Corrupt::new(at, "a name is not UTF-8"))
    }

    pub(crate) fn vstr(&mut self) -> Parsed<&'a str> {
        let at = self.at;
        self.vstr_or_null()?.ok_or_else(|| Corrupt::new(at, "a name is missing"))
    }

    /// Bytes preceded by their length as an `i32`.
    pub(crate) fn bin(&mut self) -> Parsed<&'a [u8]> {
        let length = usize::try_from(self.i32()?).map_err(|_| self.corrupt("a length is negative"))?;
        self.take(length)
    }

    /// Skips a string preceded by its length as an `i32`; a length of -1 means none.
    pub(crate) fn skip_str(&mut self) -> Parsed<()> {
        match self.i32()? {
            -1 => Ok(()),
            length => {
                let length = usize::try_from(length).map_err(|_| self.corrupt("a length is negative"))?;
                self.take(length).map(drop)
            }
        }
    }
}

pub(crate) fn put_uvar(out: &mut Vec<u8>, value: u32) {
    put_leb128(out, u64::from(value));
}

pub(crate) fn put_leb128(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_var(out: &mut Vec<u8>, value: i32) {
    put_uvar(out, ((value << 1) ^ (value >> 31)) as u32);
}

pub(crate) fn put_var_i64(out: &mut Vec<u8>, value: i64) {
    put_leb128(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Writes bytes preceded by their length as a zigzag number. The caller has checked that they are fewer than 2³¹.
pub(crate) fn put_var_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_var(out, bytes.len() as i32);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_vstr(out: &mut Vec<u8>, text: &str) {
    put_var_bytes(out, text.as_bytes());
}

/// Writes bytes preceded by their length as an `i32`. The caller has checked that they are fewer than 2³¹.
pub(crate) fn put_bin(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_bytes_the_format_says() {
        let mut out = Vec::new();
        put_var(&mut out, 2);
        put_var(&mut out, -1);
        put_var(&mut out, i32::MIN);
        put_uvar(&mut out, 300);
        put_var_i64(&mut out, i64::MIN);
        assert_eq!(out[..2], [0x04, 0x01]);
        let mut cursor = Cursor::new(&out);
        assert_eq!(cursor.var(), Ok(2));
        assert_eq!(cursor.var(), Ok(-1));
        assert_eq!(cursor.var(), Ok(i32::MIN));
        assert_eq!(cursor.uvar(), Ok(300));
        assert_eq!(cursor.var_i64(), Ok(i64::MIN));
        assert!(cursor.is_empty());
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        assert!(Cursor::new(&[0x80, 0x80]).uvar().is_err());
        assert!(Cursor::new(&[0xff; 11]).var_i64().is_err());
        assert!(Cursor::new(&[0x08, b'a']).vstr().is_err());
        assert!(Cursor::new(&[0xff, 0xff, 0xff, 0xff]).bin().is_err());
    }
}
