//! Values written in a statement.

/// A value written in a statement.
///
/// Numbers keep the text they were typed as, since result columns are named by it.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A whole number within 64 bits; one beyond is a [`Constant::Real`].
    Integer {
        /// Its value.
        value: i64,
        /// As typed, sign included where it belongs to the constant.
        text: String,
    },
    /// A number with a point or an exponent, `NaN`, or a whole number that does not fit 64 bits.
    Real {
        /// Its value.
        value: f64,
        /// As typed.
        text: String,
    },
    /// A text, its quotes removed.
    Text(String),
    /// `X'0aff'`
    Blob(Vec<u8>),
    /// A literal of time, `now()` or an expression of such and durations, in milliseconds since 1970 UTC.
    Time(i64),
}
