//! Reads numbers, texts and lists.

use bytes::{Buf, Bytes};
use levada_model::{Compressor, DataType, Encoding, Path, PathPattern, SeriesSchema};

use crate::{
    columns::{take, take_byte, take_count, take_type},
    thrift::WireError,
};

/// Bytes that are read from the front.
#[derive(Clone, Debug)]
pub(super) struct Take(pub(super) Bytes);

impl Take {
    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        take_byte(&mut self.0, "a byte")
    }

    pub(super) fn i8(&mut self) -> Result<i8, WireError> {
        Ok(self.u8()?.cast_signed())
    }

    pub(super) fn is(&mut self) -> Result<bool, WireError> {
        Ok(self.u8()? != 0)
    }

    pub(super) fn i16(&mut self) -> Result<i16, WireError> {
        Ok(take(&mut self.0, 2, "a number")?.get_i16())
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        Ok(take(&mut self.0, 4, "a number")?.get_i32())
    }

    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        Ok(take(&mut self.0, 8, "a number")?.get_i64())
    }

    /// A count of things; of none, as many bytes need be there.
    pub(super) fn count(&mut self) -> Result<usize, WireError> {
        take_count(&mut self.0, "a count")
    }

    /// As many as there are of something that has so many bytes at least.
    pub(super) fn count_of(&mut self, bytes: usize) -> Result<usize, WireError> {
        let (count, left) = (self.count()?, self.0.len());
        match count.checked_mul(bytes) {
            Some(needed) if needed <= left => Ok(count),
            _ => Err(WireError::Length {
                what: "a list",
                length: i64::try_from(count).unwrap_or(i64::MAX),
                left,
            }),
        }
    }

    pub(super) fn blob(&mut self) -> Result<Bytes, WireError> {
        let length = take_count(&mut self.0, "bytes")?;
        take(&mut self.0, length, "bytes")
    }

    pub(super) fn text(&mut self) -> Result<String, WireError> {
        let bytes = self.blob()?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| WireError::Text)
    }

    /// A text; `None` where its length is -1.
    pub(super) fn nullable_text(&mut self) -> Result<Option<String>, WireError> {
        if self.0.starts_with(&[0xff; 4]) {
            self.0.advance(4);
            return Ok(None);
        }
        self.text().map(Some)
    }

    /// Keys and values; a value that is not there is empty.
    pub(super) fn map(&mut self) -> Result<Vec<(String, String)>, WireError> {
        if self.0.starts_with(&[0xff; 4]) {
            self.0.advance(4);
            return Ok(Vec::new());
        }
        let count = self.count()?;
        (0..count).map(|_| Ok((self.text()?, self.nullable_text()?.unwrap_or_default()))).collect()
    }

    pub(super) fn data_type(&mut self) -> Result<DataType, WireError> {
        take_type(&mut self.0)
    }

    /// Type, encoding and compression; what is not known of the last two is left to the receiver.
    pub(super) fn schema(&mut self) -> Result<SeriesSchema, WireError> {
        let schema = SeriesSchema::default_for(self.data_type()?);
        let (encoding, compressor) = (self.u8()?, self.u8()?);
        Ok(with_codes(schema, encoding, compressor))
    }

    /// The path of a device or a series.
    pub(super) fn path(&mut self) -> Result<Path, WireError> {
        path(&self.text()?)
    }
}

/// A schema with an encoding and a compression by their numbers.
pub(super) fn with_codes(schema: SeriesSchema, encoding: u8, compressor: u8) -> SeriesSchema {
    SeriesSchema {
        encoding: Encoding::from_code(encoding).unwrap_or(schema.encoding),
        compressor: Compressor::from_code(compressor).unwrap_or(schema.compressor),
        ..schema
    }
}

pub(super) fn path(text: &str) -> Result<Path, WireError> {
    Path::parse(text).map_err(|error| WireError::Mismatch(format!("{text} is not a legal path: {error}")))
}

pub(super) fn pattern(text: &str) -> Result<PathPattern, WireError> {
    PathPattern::parse(text)
        .map_err(|error| WireError::Mismatch(format!("{text} is not a legal pattern of paths: {error}")))
}
