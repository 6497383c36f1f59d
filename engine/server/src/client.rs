//! Which generation of clients one is of.

/// What a client understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// Before 1.0: no types but the first six.
    Old,
    /// 1.x: columns are found by name.
    V1,
    /// From 2.0 on: columns are found by number.
    V2,
}
