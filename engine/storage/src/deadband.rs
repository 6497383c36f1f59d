//! The dead band of a series.

use std::collections::BTreeMap;

/// A dead band that a series was made with (`loss=SDT, compdev=0.5`): kept and shown. Every point is stored all the same:
/// leaving out points that lie on a line is left to a server that these series are taken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadband(BTreeMap<String, String>);

impl Deadband {
    /// A swinging door with its parameters by name, as they were written: `compdev`, `compmintime`, `compmaxtime`.
    pub fn sdt(parameters: BTreeMap<String, String>) -> Self {
        Self(parameters)
    }

    /// The algorithm's name.
    pub fn name(&self) -> &'static str {
        "SDT"
    }

    /// Its parameters by name.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}
