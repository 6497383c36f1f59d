//! Reading structures.

use bytes::{Buf, Bytes};

use super::{Protocol, Type, WireError};

/// How deep structures and containers may nest.
const MAX_DEPTH: usize = 32;

/// The rest of a message. Blobs taken from it share its memory.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    protocol: Protocol,
    depth: usize,
    /// The last field's id in the structure being read.
    last: i16,
    /// The value of a boolean field whose head was read: the compact protocol keeps the value in the head.
    boolean: Option<bool>,
}

impl Reader {
    /// A reader of bytes in a protocol.
    pub fn new(bytes: Bytes, protocol: Protocol) -> Self {
        Self { bytes, protocol, depth: 0, last: 0, boolean: None }
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    fn need(&self, needed: usize, what: &'static str) -> Result<(), WireError> {
        let left = self.bytes.len();
        if left < needed { Err(WireError::Ends { what, needed, left }) } else { Ok(()) }
    }

    /// One byte.
    ///
    /// # Errors
    /// No byte is left.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        self.need(1, what)?;
        Ok(self.bytes.get_u8())
    }

    /// Runs `read` one level deeper.
    ///
    /// # Errors
    /// It is too deep, or `read` fails.
    pub fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.depth == MAX_DEPTH {
            return Err(WireError::Depth(MAX_DEPTH));
        }
        self.depth += 1;
        let last = std::mem::take(&mut self.last);
        let value = read(self)?;
        self.last = last;
        self.depth -= 1;
        Ok(value)
    }

    /// The next field's id and type; `None` at the structure's end.
    ///
    /// # Errors
    /// The bytes end, or there is no such type.
    pub fn field(&mut self) -> Result<Option<(i16, Type)>, WireError> {
        let head = self.byte("a field")?;
        if head == 0 {
            return Ok(None);
        }
        if self.protocol == Protocol::Binary {
            let kind = Type::of_binary(head)?;
            self.need(2, "a field's number")?;
            return Ok(Some((self.bytes.get_i16(), kind)));
        }
        let kind = Type::of_compact(head & 0x0f)?;
        self.last = match head >> 4 {
            0 => self.i16()?,
            delta => self.last.wrapping_add(delta.into()),
        };
        if kind == Type::Bool {
            self.boolean = Some(head & 0x0f == 1);
        }
        Ok(Some((self.last, kind)))
    }

    /// Skips a value.
    ///
    /// # Errors
    /// The bytes are not such a value.
    pub fn skip(&mut self, kind: Type) -> Result<(), WireError> {
        match kind {
            Type::Bool => self.bool().map(drop),
            Type::I8 => self.i8().map(drop),
            Type::I16 => self.i16().map(drop),
            Type::I32 => self.i32().map(drop),
            Type::I64 => self.i64().map(drop),
            Type::Double => {
                self.need(8, "a number")?;
                self.bytes.advance(8);
                Ok(())
            }
            Type::Binary => self.blob("a blob").map(drop),
            Type::Struct => self.nested(|from| {
                while let Some((_, kind)) = from.field()? {
                    from.skip(kind)?;
                }
                Ok(())
            }),
            Type::List | Type::Set => {
                let (element, length) = self.list()?;
                self.nested(|from| (0..length).try_for_each(|_| from.skip(element)))
            }
            Type::Map => match self.map()? {
                (Some((key, value)), length) => self.nested(|from| {
                    (0..length).try_for_each(|_| from.skip(key).and_then(|()| from.skip(value)))
                }),
                (None, _) => Ok(()),
            },
        }
    }

    /// The head of a list or set: the type of its elements and how many there are.
    ///
    /// # Errors
    /// The bytes end, or cannot hold so many elements.
    pub fn list(&mut self) -> Result<(Type, usize), WireError> {
        let head = self.byte("a list")?;
        let (element, length) = match self.protocol {
            Protocol::Binary => (Type::of_binary(head)?, self.raw_length("a list")?),
            Protocol::Compact => {
                let length = match head >> 4 {
                    15 => self.raw_length("a list")?,
                    length => length.into(),
                };
                (Type::of_compact(head & 0x0f)?, length)
            }
        };
        Ok((element, self.checked(length, self.least_bytes(element), "a list")?))
    }

    /// The head of a map: the types of its keys and values, and how many pairs there are. An empty map may have no types.
    ///
    /// # Errors
    /// The bytes end, or cannot hold so many pairs.
    pub fn map(&mut self) -> Result<(Option<(Type, Type)>, usize), WireError> {
        let (types, length) = match self.protocol {
            Protocol::Binary => {
                let (key, value) = (self.byte("a map")?, self.byte("a map")?);
                let length = self.raw_length("a map")?;
                // An empty map's types may be anything, 0 too.
                if length == 0 {
                    return Ok((None, 0));
                }
                ((Type::of_binary(key)?, Type::of_binary(value)?), length)
            }
            Protocol::Compact => {
                let length = self.raw_length("a map")?;
                if length == 0 {
                    return Ok((None, 0));
                }
                let types = self.byte("a map")?;
                ((Type::of_compact(types >> 4)?, Type::of_compact(types & 0x0f)?), length)
            }
        };
        let least = self.least_bytes(types.0) + self.least_bytes(types.1);
        Ok((Some(types), self.checked(length, least, "a map")?))
    }

    fn least_bytes(&self, kind: Type) -> usize {
        match self.protocol {
            Protocol::Binary => kind.least_bytes(),
            Protocol::Compact => 1,
        }
    }

    /// A length as it is written.
    fn raw_length(&mut self, what: &'static str) -> Result<i64, WireError> {
        match self.protocol {
            Protocol::Binary => {
                self.need(4, what)?;
                Ok(self.bytes.get_i32().into())
            }
            Protocol::Compact => {
                let length = self.varint(what)?;
                i64::try_from(length).map_err(|_| WireError::Length {
                    what,
                    length: i64::MAX,
                    left: self.bytes.len(),
                })
            }
        }
    }

    fn checked(&self, length: i64, least: usize, what: &'static str) -> Result<usize, WireError> {
        let left = self.bytes.len();
        let fits = usize::try_from(length).ok().filter(|length| *length <= left / least);
        fits.ok_or(WireError::Length { what, length, left })
    }

    /// A boolean.
    ///
    /// # Errors
    /// The bytes end.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        match self.boolean.take() {
            Some(value) => Ok(value),
            // 2 is `false` in the compact protocol; in the binary one anything but 1 is.
            None => Ok(self.byte("a boolean")? == 1),
        }
    }

    /// A signed byte.
    ///
    /// # Errors
    /// The bytes end.
    pub fn i8(&mut self) -> Result<i8, WireError> {
        Ok(self.byte("a byte")? as i8)
    }

    /// A number of 16 bits.
    ///
    /// # Errors
    /// The bytes end, or the number does not fit.
    pub fn i16(&mut self) -> Result<i16, WireError> {
        if self.protocol == Protocol::Binary {
            self.need(2, "a number")?;
            return Ok(self.bytes.get_i16());
        }
        self.zigzag("a number of 16 bits")
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    /// The bytes end, or the number does not fit.
    pub fn i32(&mut self) -> Result<i32, WireError> {
        if self.protocol == Protocol::Binary {
            self.need(4, "a number")?;
            return Ok(self.bytes.get_i32());
        }
        self.zigzag("a number of 32 bits")
    }

    /// A number of 64 bits.
    ///
    /// # Errors
    /// The bytes end.
    pub fn i64(&mut self) -> Result<i64, WireError> {
        if self.protocol == Protocol::Binary {
            self.need(8, "a number")?;
            return Ok(self.bytes.get_i64());
        }
        self.zigzag("a number of 64 bits")
    }

    /// Bytes, which share this message's memory.
    ///
    /// # Errors
    /// Fewer bytes are left than the length says.
    pub fn blob(&mut self, what: &'static str) -> Result<Bytes, WireError> {
        let length = self.raw_length(what)?;
        let length = self.checked(length, 1, what)?;
        Ok(self.bytes.split_to(length))
    }

    /// A string.
    ///
    /// # Errors
    /// Fewer bytes are left than the length says, or they are not UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<String, WireError> {
        let bytes = self.blob(what)?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| WireError::Text)
    }

    fn zigzag<T: TryFrom<i64>>(&mut self, what: &'static str) -> Result<T, WireError> {
        let bits = self.varint(what)?;
        let value = (bits >> 1) as i64 ^ -((bits & 1) as i64);
        T::try_from(value).map_err(|_| WireError::Code { what, code: value })
    }

    pub(super) fn varint(&mut self, what: &'static str) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Length { what, length: i64::MAX, left: self.bytes.len() })
    }
}
