//! Why bytes are not a message.

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They end too early.
    #[error("{needed} bytes are needed for {what}, and {left} are left")]
    Ends {
        /// What was read.
        what: &'static str,
        /// How many bytes it takes.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// A length is negative, or more than the bytes that are left can hold.
    #[error("{what} says it has the length {length}, and {left} bytes are left")]
    Length {
        /// What was read.
        what: &'static str,
        /// The stated length, in bytes or elements.
        length: i64,
        /// How many bytes there are.
        left: usize,
    },
    /// A required field is missing.
    #[error("field `{field}` of {structure} is missing")]
    Missing {
        /// The structure.
        structure: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A container's elements have another type than expected.
    #[error("{what} holds elements of another type than expected")]
    Element {
        /// What was read.
        what: &'static str,
    },
    /// Structures are nested too deep.
    #[error("structures are nested more than {0} deep")]
    Depth(usize),
    /// A string that is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// An unknown code.
    #[error("{code} is no {what}")]
    Code {
        /// What it should be a code of.
        what: &'static str,
        /// The code.
        code: i64,
    },
    /// Two parts that belong together do not fit.
    #[error("{0}")]
    Mismatch(String),
}
