//! One input's values in some rows.

use crate::{Bits, Cause, DataType, Failure};

/// One input's values in some rows, in Arrow's layout.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    data_type: DataType,
    values: Values<'a>,
    /// Which are present; all where `None`.
    validity: Option<Bits<'a>>,
}

/// The values, by how they are laid out. What stands where a value is null has no meaning.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// `BOOLEAN`.
    Boolean(Bits<'a>),
    /// `INT32`, `DATE`.
    Int32(&'a [i32]),
    /// `INT64`, `TIMESTAMP`.
    Int64(&'a [i64]),
    /// `FLOAT`.
    Float(&'a [f32]),
    /// `DOUBLE`.
    Double(&'a [f64]),
    /// `TEXT`, `STRING`, `BLOB`: value `n` is `bytes[offsets[n]..offsets[n + 1]]`.
    Bytes {
        /// One more than there are values.
        offsets: &'a [i32],
        /// All of them.
        bytes: &'a [u8],
    },
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Boolean(bits) => bits.len(),
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bytes { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }

    fn holds(&self, data_type: DataType) -> bool {
        use DataType as T;
        matches!(
            (self, data_type),
            (Self::Boolean(_), T::Boolean)
                | (Self::Int32(_), T::Int32 | T::Date)
                | (Self::Int64(_), T::Int64 | T::Timestamp)
                | (Self::Float(_), T::Float)
                | (Self::Double(_), T::Double)
                | (Self::Bytes { .. }, T::Text | T::String | T::Blob)
        )
    }
}

impl<'a> Column<'a> {
    /// Values and which of them are present; `None` where the layout is not the type's, or the lengths differ.
    pub fn new(data_type: DataType, values: Values<'a>, validity: Option<Bits<'a>>) -> Option<Self> {
        let fits = values.holds(data_type) && validity.is_none_or(|bits| bits.len() == values.len());
        fits.then_some(Self { data_type, values, validity })
    }

    /// The type of its values.
    pub fn data_type(&self) -> DataType {
        self.data_type
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values, with those where it is null.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// Which values are present; all where `None`.
    pub fn validity(&self) -> Option<Bits<'a>> {
        self.validity
    }

    /// Whether it has no value in a row.
    #[inline(always)]
    pub fn is_null(&self, row: usize) -> bool {
        self.validity.is_some_and(|bits| !bits.get(row))
    }

    /// The value in a row; `None` where it is null.
    ///
    /// # Errors
    /// Its values are of another type.
    #[inline(always)]
    pub fn get<T: Get<'a>>(&self, row: usize) -> Result<Option<T>, Failure> {
        if self.is_null(row) { Ok(None) } else { T::get(self, row).map(Some) }
    }

    /// The value in a row as a `f64`, of any numeric type; `None` where it is null.
    ///
    /// # Errors
    /// Its values are no numbers.
    #[inline(always)]
    pub fn number(&self, row: usize) -> Result<Option<f64>, Failure> {
        if self.is_null(row) {
            return Ok(None);
        }
        Ok(Some(match self.values {
            Values::Int32(values) if self.data_type == DataType::Int32 => values[row].into(),
            // Beyond 2^53 digits are lost, as everywhere where a number of 64 bits meets a double.
            Values::Int64(values) if self.data_type == DataType::Int64 => values[row] as f64,
            Values::Float(values) => values[row].into(),
            Values::Double(values) => values[row],
            _ => return Err(wrong(self.data_type, "a number")),
        }))
    }

    /// All values at once, with those where it is null.
    ///
    /// # Errors
    /// They are of another type.
    pub fn slice<T: Slice>(&self) -> Result<&'a [T], Failure> {
        T::slice(self.values).ok_or_else(|| wrong(self.data_type, T::NAME))
    }

    /// Some of its rows.
    ///
    /// # Panics
    /// It has fewer than `from + len`.
    pub fn rows(&self, from: usize, len: usize) -> Self {
        let values = match self.values {
            Values::Boolean(bits) => Values::Boolean(bits.slice(from, len)),
            Values::Int32(values) => Values::Int32(&values[from..from + len]),
            Values::Int64(values) => Values::Int64(&values[from..from + len]),
            Values::Float(values) => Values::Float(&values[from..from + len]),
            Values::Double(values) => Values::Double(&values[from..from + len]),
            Values::Bytes { offsets, bytes } => Values::Bytes { offsets: &offsets[from..=from + len], bytes },
        };
        Self { data_type: self.data_type, values, validity: self.validity.map(|bits| bits.slice(from, len)) }
    }

    #[inline(always)]
    fn bytes(&self, row: usize) -> Option<&'a [u8]> {
        let Values::Bytes { offsets, bytes } = self.values else { return None };
        bytes.get(offsets[row] as usize..offsets[row + 1] as usize)
    }
}

/// By value, so that no pointer to a column leaves the loop over its rows: its layout is looked at once for all of them then.
#[cold]
fn wrong(data_type: DataType, read_as: &str) -> Failure {
    Failure::of(Cause::WrongType, format!("values of type {data_type} were read as {read_as}"))
}

/// Rust types that a value can be read as. Not for others to implement.
pub trait Get<'a>: Sized {
    /// The value in a row that is not null.
    #[doc(hidden)]
    fn get(column: &Column<'a>, row: usize) -> Result<Self, Failure>;
}

/// Rust types whose values stand side by side in a column. Not for others to implement.
pub trait Slice: Copy + 'static {
    /// What errors call it.
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    fn slice(values: Values<'_>) -> Option<&[Self]>;
}

macro_rules! plain {
    ($($type:ident, $layout:ident);+) => {
        $(
            impl Get<'_> for $type {
                #[inline(always)]
                fn get(column: &Column<'_>, row: usize) -> Result<Self, Failure> {
                    match column.values {
                        Values::$layout(values) => Ok(values[row]),
                        _ => Err(wrong(column.data_type, stringify!($type))),
                    }
                }
            }

            impl Slice for $type {
                const NAME: &'static str = stringify!($type);

                #[inline(always)]
                fn slice(values: Values<'_>) -> Option<&[Self]> {
                    match values {
                        Values::$layout(values) => Some(values),
                        _ => None,
                    }
                }
            }
        )+
    };
}

plain!(i32, Int32; i64, Int64; f32, Float; f64, Double);

impl Get<'_> for bool {
    #[inline(always)]
    fn get(column: &Column<'_>, row: usize) -> Result<Self, Failure> {
        match column.values {
            Values::Boolean(bits) => Ok(bits.get(row)),
            _ => Err(wrong(column.data_type, "bool")),
        }
    }
}

impl<'a> Get<'a> for &'a [u8] {
    #[inline(always)]
    fn get(column: &Column<'a>, row: usize) -> Result<Self, Failure> {
        column.bytes(row).ok_or_else(|| wrong(column.data_type, "bytes"))
    }
}

impl<'a> Get<'a> for &'a str {
    #[inline(always)]
    fn get(column: &Column<'a>, row: usize) -> Result<Self, Failure> {
        let bytes = column.bytes(row).ok_or_else(|| wrong(column.data_type, "text"))?;
        std::str::from_utf8(bytes).map_err(|_| wrong(column.data_type, "text, which its bytes are not"))
    }
}
