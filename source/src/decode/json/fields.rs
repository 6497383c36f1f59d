//! The fields of a row while they are gathered.

use levada_connector_api::FieldValue;

/// The fields of a row while they are gathered.
pub(super) struct Fields<'t> {
    pub(super) held: Vec<(&'t str, FieldValue<'t>)>,
    /// The device's name, where it is made of several fields.
    pub(super) device: String,
}

impl<'t> Fields<'t> {
    pub(super) fn new(memory: Vec<(&'t str, FieldValue<'t>)>, device: String) -> Self {
        Self { held: memory, device }
    }

    pub(super) fn into_memory(self) -> (Vec<(&'t str, FieldValue<'t>)>, String) {
        (self.held, self.device)
    }

    pub(super) fn push(&mut self, field: (&'t str, FieldValue<'t>)) {
        self.held.push(field);
    }
}
