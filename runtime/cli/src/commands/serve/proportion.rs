//! How a call of a function divides its memory.

use serde::{Deserialize, Serialize};

/// Parts of the memory of a call of a function: for the rows that it reads, for what it holds of them, for what it gives. Written as
/// in `1:1:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Proportion([u32; 3]);

impl Proportion {
    /// As much for each.
    pub(super) const EVEN: Self = Self([1; 3]);

    /// Of so many bytes, those for rows that are read.
    pub(super) fn of_reader(self, bytes: usize) -> usize {
        let whole: u128 = self.0.iter().copied().map(u128::from).sum();
        // It is no more than all bytes, and no part is 0.
        usize::try_from(bytes as u128 * u128::from(self.0[0]) / whole.max(1)).unwrap_or(bytes)
    }
}

impl TryFrom<String> for Proportion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<u32> = text.split(':').map_while(|part| part.trim().parse().ok()).collect();
        match <[u32; 3]>::try_from(parts) {
            Ok(parts) if text.split(':').count() == 3 && !parts.contains(&0) => Ok(Self(parts)),
            _ => {
                Err(format!("`{text}` are not three whole numbers above 0 with colons between, as in 1:1:1"))
            }
        }
    }
}

impl From<Proportion> for String {
    fn from(Proportion([reader, transformer, collector]): Proportion) -> Self {
        format!("{reader}:{transformer}:{collector}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_part_is_that_of_all_parts() {
        let of = |text: &str| Proportion::try_from(text.to_owned()).map(|parts| parts.of_reader(60));
        assert_eq!((of("1:1:1"), of("3:2:1"), of("1: 5 :6")), (Ok(20), Ok(30), Ok(5)));
        assert_eq!(Proportion::EVEN.of_reader(usize::MAX), usize::MAX / 3);
        let greatest = format!("{0}:{0}:{0}", u32::MAX);
        assert_eq!(
            Proportion::try_from(greatest).map(|parts| parts.of_reader(usize::MAX)),
            Ok(usize::MAX / 3)
        );
    }

    #[test]
    fn what_is_no_proportion_is_rejected() {
        for wrong in ["", "1", "1:1", "1:1:1:1", "0:1:1", "1:0:1", "a:1:1", "1:1:-1", "1:1:99999999999"] {
            let error = Proportion::try_from(wrong.to_owned()).expect_err(wrong);
            assert!(error.contains("three whole numbers above 0"), "{error}");
        }
    }
}
