//! Sets whose members have a code in files and on the wire, and a name in SQL.

/// A name that is not one of a closed set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`, expected one of {expected}")]
pub struct UnknownName {
    /// What kind of name was expected.
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// The valid names, joined by commas.
    pub expected: String,
}

/// Implements, for an enum whose discriminants are the codes: `ALL`, `code`, `from_code`, `name`, `Display`, `FromStr`. Members
/// are listed in the order of their codes.
macro_rules! closed_set {
    ($set:ident, $what:literal; $($member:ident = $name:literal),+ $(,)?) => {
        impl $set {
            #[doc = concat!("Every ", $what, ", in the order of their codes.")]
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$member),+];

            /// The code on the wire and in files.
            pub const fn code(self) -> u8 {
                self as u8
            }

            #[doc = concat!("The ", $what, " of a code; `None` where none has it.")]
            pub fn from_code(code: u8) -> Option<Self> {
                Self::ALL.into_iter().find(|each| each.code() == code)
            }

            /// The name in SQL and in results.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $name),+
                }
            }
        }

        impl ::std::fmt::Display for $set {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl ::std::str::FromStr for $set {
            type Err = $crate::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::UnknownName> {
                $crate::closed_set::named($what, &Self::ALL, Self::name, name)
            }
        }
    };
}

pub(crate) use closed_set;

/// Finds a name, in any case, among the members of a closed set.
pub(crate) fn named<T: Copy>(
    what: &'static str,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    name: &str,
) -> Result<T, UnknownName> {
    all.iter().copied().find(|&each| name_of(each).eq_ignore_ascii_case(name)).ok_or_else(|| UnknownName {
        what,
        name: name.to_owned(),
        expected: all.iter().map(|&each| name_of(each)).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Compressor, DataType, Encoding};

    #[test]
    fn codes_and_names_lead_back_to_their_members() {
        for each in DataType::ALL {
            assert_eq!((DataType::from_code(each.code()), each.name().parse()), (Some(each), Ok(each)));
        }
        for each in Encoding::ALL {
            assert_eq!((Encoding::from_code(each.code()), each.name().parse()), (Some(each), Ok(each)));
        }
        for each in Compressor::ALL {
            assert_eq!((Compressor::from_code(each.code()), each.name().parse()), (Some(each), Ok(each)));
        }
        assert!(Encoding::ALL.is_sorted_by_key(|each| each.code()));
        assert_eq!(DataType::from_code(6), None);
        let error = "zip".parse::<Compressor>().expect_err("there is none of that name");
        assert_eq!(
            error.to_string(),
            "unknown compressor `zip`, expected one of UNCOMPRESSED, SNAPPY, GZIP, LZ4, ZSTD, LZMA2"
        );
    }
}
