//! How states are written, and what goes with them: numbers in little-endian, texts with their length before them.

use levada_connector_api::{Error, Result, model::Value};

/// Appends to a state.
pub(crate) struct Put<'a>(pub(crate) &'a mut Vec<u8>);

/// Reads a state. Whatever the bytes are, it ends in values or an error.
pub(crate) struct Take<'a>(&'a [u8]);

impl Put<'_> {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn signed(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn float(&mut self, number: f64) {
        self.number(number.to_bits());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Boolean(value) => self.tagged(0, i64::from(*value)),
            Value::Int32(value) => self.tagged(1, i64::from(*value)),
            Value::Int64(value) => self.tagged(2, *value),
            Value::Float(value) => self.tagged(3, i64::from(value.to_bits())),
            Value::Double(value) => self.tagged(4, value.to_bits().cast_signed()),
            Value::Timestamp(value) => self.tagged(5, *value),
            Value::Date(value) => self.tagged(6, i64::from(*value)),
            Value::Text(text) => {
                self.byte(7);
                self.text(text);
            }
            Value::String(text) => {
                self.byte(8);
                self.text(text);
            }
            Value::Blob(bytes) => {
                self.byte(9);
                self.bytes(bytes);
            }
        }
    }

    fn tagged(&mut self, tag: u8, number: i64) {
        self.byte(tag);
        self.signed(number);
    }
}

impl<'a> Take<'a> {
    pub(crate) fn new(state: &'a [u8]) -> Self {
        Self(state)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn float(&mut self) -> Result<f64> {
        self.number().map(f64::from_bits)
    }

    /// An index of four bytes.
    pub(crate) fn index(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// How many things follow, each of at least one byte.
    pub(crate) fn count(&mut self) -> Result<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| damaged())?;
        if count > self.0.len() { Err(damaged()) } else { Ok(count) }
    }

    /// A number of rows that came before.
    pub(crate) fn count_of_rows(&mut self) -> Result<usize> {
        usize::try_from(self.number()?).map_err(|_| damaged())
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.count()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| damaged())
    }

    pub(crate) fn value(&mut self) -> Result<Value> {
        let tag = self.byte()?;
        let narrow = |number: i64| i32::try_from(number).map_err(|_| damaged());
        Ok(match tag {
            0 => Value::Boolean(self.signed()? != 0),
            1 => Value::Int32(narrow(self.signed()?)?),
            2 => Value::Int64(self.signed()?),
            3 => Value::Float(f32::from_bits(u32::try_from(self.signed()?).map_err(|_| damaged())?)),
            4 => Value::Double(self.float()?),
            5 => Value::Timestamp(self.signed()?),
            6 => Value::Date(narrow(self.signed()?)?),
            7 => Value::Text(self.text()?.to_owned()),
            8 => Value::String(self.text()?.to_owned()),
            9 => Value::Blob(self.bytes()?.to_vec()),
            _ => return Err(damaged()),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// Bytes that no transform of this kind has saved.
pub(crate) fn damaged() -> Error {
    Error::data("the saved state is not one of this transform, or is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_and_parts_of_them_are_damaged() {
        let values = [
            Value::Boolean(true),
            Value::Int32(-7),
            Value::Int64(i64::MIN),
            Value::Float(-0.5),
            Value::Double(f64::INFINITY),
            Value::Timestamp(5),
            Value::Date(20_240_229),
            Value::Text("ä".to_owned()),
            Value::String(String::new()),
            Value::Blob(vec![0, 255]),
        ];
        let mut state = Vec::new();
        values.iter().for_each(|value| Put(&mut state).value(value));
        let mut take = Take::new(&state);
        for value in &values {
            assert_eq!(take.value().expect("whole"), *value);
        }
        assert!(take.is_empty());
        for cut in 0..state.len() {
            let mut take = Take::new(&state[..cut]);
            let read = (0..values.len()).take_while(|_| take.value().is_ok()).count();
            assert!(read < values.len(), "cut at {cut}");
        }
    }
}
