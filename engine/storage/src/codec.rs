//! How records of the log and of the manifest are put into bytes: little-endian numbers, varints, texts with their length.

use levada_model::{Compressor, DataType, Encoding, Path, SeriesSchema};

/// Why bytes are not what was put: they end early, or hold what nobody puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record holds what was never put there")]
pub(crate) struct Malformed;

/// Appends to bytes.
pub(crate) trait Put {
    fn bytes(&mut self) -> &mut Vec<u8>;

    fn put_u8(&mut self, value: u8) {
        self.bytes().push(value);
    }

    fn put_u32(&mut self, value: u32) {
        self.bytes().extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.bytes().extend_from_slice(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.put_u64(value.cast_unsigned());
    }

    /// Seven bits a byte, the low ones first.
    fn put_var(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes().push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes().push(value as u8);
    }

    fn put_len(&mut self, len: usize) {
        self.put_var(len as u64);
    }

    fn put_str(&mut self, text: &str) {
        self.put_len(text.len());
        self.bytes().extend_from_slice(text.as_bytes());
    }

    fn put_option_i64(&mut self, value: Option<i64>) {
        self.put_u8(u8::from(value.is_some()));
        if let Some(value) = value {
            self.put_i64(value);
        }
    }

    fn put_schema(&mut self, schema: SeriesSchema) {
        let SeriesSchema { data_type, encoding, compressor } = schema;
        self.bytes().extend_from_slice(&[data_type.code(), encoding.code(), compressor.code()]);
    }
}

impl Put for Vec<u8> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// Takes from bytes what [`Put`] put there; any bytes are safe to take from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn var(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A count of things of which each takes `each` bytes or more: never more than the bytes can hold.
    pub(crate) fn count(&mut self, each: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.var()?).map_err(|_| Malformed)?;
        if count.checked_mul(each.max(1)).is_none_or(|bytes| bytes > self.0.len()) {
            return Err(Malformed);
        }
        Ok(count)
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, Malformed> {
        let len = self.count(1)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Malformed)
    }

    pub(crate) fn path(&mut self) -> Result<Path, Malformed> {
        Path::parse(self.str()?).map_err(|_| Malformed)
    }

    pub(crate) fn option_i64(&mut self) -> Result<Option<i64>, Malformed> {
        self.flag()?.then(|| self.i64()).transpose()
    }

    pub(crate) fn data_type(&mut self) -> Result<DataType, Malformed> {
        DataType::from_code(self.u8()?).ok_or(Malformed)
    }

    pub(crate) fn schema(&mut self) -> Result<SeriesSchema, Malformed> {
        Ok(SeriesSchema {
            data_type: self.data_type()?,
            encoding: Encoding::from_code(self.u8()?).ok_or(Malformed)?,
            compressor: Compressor::from_code(self.u8()?).ok_or(Malformed)?,
        })
    }
}
