//! What can be written and read: numbers, strings, blobs, lists, maps.

use bytes::Bytes;

use super::{Reader, WireError, Writer};

/// The type of a field or an element on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A signed byte.
    I8,
    /// IEEE 754 binary64.
    Double,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits; enums too.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Bytes, or text in UTF-8.
    Binary,
    /// Fields.
    Struct,
    /// Keys and values.
    Map,
    /// Elements, each once.
    Set,
    /// Elements.
    List,
}

/// The types with their codes in the binary and the compact protocol. A compact boolean field has code 1 or 2, by its value.
const CODES: [(Type, u8, u8); 11] = [
    (Type::Bool, 2, 1),
    (Type::I8, 3, 3),
    (Type::Double, 4, 7),
    (Type::I16, 6, 4),
    (Type::I32, 8, 5),
    (Type::I64, 10, 6),
    (Type::Binary, 11, 8),
    (Type::Struct, 12, 12),
    (Type::Map, 13, 11),
    (Type::Set, 14, 10),
    (Type::List, 15, 9),
];

impl Type {
    pub(super) fn binary_code(self) -> u8 {
        CODES[self as usize].1
    }

    pub(super) fn compact_code(self) -> u8 {
        CODES[self as usize].2
    }

    pub(super) fn of_binary(code: u8) -> Result<Self, WireError> {
        let found = CODES.iter().find(|each| each.1 == code).map(|each| each.0);
        found.ok_or(WireError::Code { what: "type of the binary protocol", code: code.into() })
    }

    pub(super) fn of_compact(code: u8) -> Result<Self, WireError> {
        if code == 2 {
            return Ok(Self::Bool);
        }
        let found = CODES.iter().find(|each| each.2 == code).map(|each| each.0);
        found.ok_or(WireError::Code { what: "type of the compact protocol", code: code.into() })
    }

    /// The least size of a value in the binary protocol, in bytes; in the compact protocol it is 1.
    pub(super) fn least_bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::Struct => 1,
            Self::I16 => 2,
            Self::I32 | Self::Binary => 4,
            Self::I64 | Self::Double => 8,
            Self::List | Self::Set => 5,
            Self::Map => 6,
        }
    }
}

/// A type that can be written and read.
pub trait Wire: Sized {
    /// The type on the wire.
    const TYPE: Type;

    /// Appends the value.
    fn write(&self, to: &mut Writer);

    /// Reads a value.
    ///
    /// # Errors
    /// The bytes are not such a value.
    fn read(from: &mut Reader) -> Result<Self, WireError>;

    /// Appends the value as a field of the structure being written.
    fn write_field(&self, id: i16, to: &mut Writer) {
        to.field(id, Self::TYPE);
        self.write(to);
    }
}

/// A map, in the order in which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V> Pairs<K, V> {
    /// The last value given for a key.
    pub fn get<Q: ?Sized + PartialEq<K>>(&self, key: &Q) -> Option<&V> {
        self.0.iter().rev().find(|(each, _)| key == each).map(|(_, value)| value)
    }
}

macro_rules! scalars {
    ($($type:ty, $kind:ident, $write:ident, $read:ident;)*) => {$(
        impl Wire for $type {
            const TYPE: Type = Type::$kind;
            fn write(&self, to: &mut Writer) {
                to.$write(*self);
            }
            fn read(from: &mut Reader) -> Result<Self, WireError> {
                from.$read()
            }
        }
    )*};
}

scalars! {
    i8, I8, i8, i8;
    i16, I16, i16, i16;
    i32, I32, i32, i32;
    i64, I64, i64, i64;
}

impl Wire for bool {
    const TYPE: Type = Type::Bool;
    fn write(&self, to: &mut Writer) {
        to.bool(*self);
    }
    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.bool()
    }
    fn write_field(&self, id: i16, to: &mut Writer) {
        to.bool_field(id, *self);
    }
}

impl Wire for Bytes {
    const TYPE: Type = Type::Binary;
    fn write(&self, to: &mut Writer) {
        to.blob(self);
    }
    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.blob("a blob")
    }
}

impl Wire for String {
    const TYPE: Type = Type::Binary;
    fn write(&self, to: &mut Writer) {
        to.text(self);
    }
    fn read(from: &mut Reader) -> Result<Self, WireError> {
        from.text("a text")
    }
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: Type = Type::List;
    fn write(&self, to: &mut Writer) {
        to.list(T::TYPE, self.len());
        for each in self {
            each.write(to);
        }
    }
    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let (element, length) = from.list()?;
        if element != T::TYPE && length > 0 {
            return Err(WireError::Element { what: "a list" });
        }
        from.nested(|from| {
            let mut list = Self::with_capacity(length.min(1 << 12));
            for _ in 0..length {
                list.push(T::read(from)?);
            }
            Ok(list)
        })
    }
}

impl<K: Wire, V: Wire> Wire for Pairs<K, V> {
    const TYPE: Type = Type::Map;
    fn write(&self, to: &mut Writer) {
        to.map(K::TYPE, V::TYPE, self.0.len());
        for (key, value) in &self.0 {
            key.write(to);
            value.write(to);
        }
    }
    fn read(from: &mut Reader) -> Result<Self, WireError> {
        let (types, length) = from.map()?;
        if length > 0 && types != Some((K::TYPE, V::TYPE)) {
            return Err(WireError::Element { what: "a map" });
        }
        from.nested(|from| {
            let mut pairs = Vec::with_capacity(length.min(1 << 12));
            for _ in 0..length {
                pairs.push((K::read(from)?, V::read(from)?));
            }
            Ok(Self(pairs))
        })
    }
}
