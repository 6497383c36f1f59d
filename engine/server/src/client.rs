//! Which generation of clients one is of.

/// What a client understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// 0.12: paths are prefixes, and heads have other names.
    Oldest,
    /// 0.13: no types but the first six.
    Old,
    /// 1.x: columns are found by name.
    V1,
    /// From 2.0 on: columns are found by number.
    V2,
}

impl Client {
    /// Whether it is of before 1.0: no types but the first six, and a form for columns with times of their own.
    pub(crate) fn is_old(self) -> bool {
        self < Self::V1
    }
}
