//! What the program that runs a pipeline lends to components that know what it is.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::Arc,
};

/// Things that a program lends to components, one for each type: the contract does not know them, a component asks for the
/// type that it knows. Cheap to clone.
#[derive(Clone, Default)]
pub struct Facilities(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Facilities {
    /// With one more; one of the same type gives way.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, facility: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Arc::new(facility));
        self
    }

    /// The one of a type, where it is lent.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

impl fmt::Debug for Facilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facilities").field("count", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_found_by_its_type() {
        let facilities = Facilities::default().with(7_u8).with("seven").with(8_u8);
        assert_eq!(facilities.get::<u8>(), Some(&8));
        assert_eq!(facilities.get::<&str>(), Some(&"seven"));
        assert_eq!(facilities.get::<u16>(), None);
    }
}
