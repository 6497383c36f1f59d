//! What a source adds to the rows of a record: columns, and the device where the record names none.

use crate::FieldValue;

/// What is added to the rows of one record. Keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Beside {
    device: String,
    columns: Vec<(String, Added)>,
    used: usize,
}

#[derive(Debug)]
enum Added {
    Text(String),
    Timestamp(i64),
    Int64(i64),
}

impl Beside {
    /// Nothing is added any more.
    pub(super) fn clear(&mut self) {
        self.device.clear();
        self.used = 0;
    }

    pub(super) fn set_device(&mut self, name: &str) {
        self.device.clear();
        self.device.push_str(name);
    }

    pub(super) fn device(&self) -> Option<&str> {
        (!self.device.is_empty()).then_some(self.device.as_str())
    }

    pub(super) fn add(&mut self, name: &str, value: FieldValue<'_>) {
        let added = match value {
            FieldValue::Text(text) | FieldValue::String(text) => Added::Text(text.to_owned()),
            FieldValue::Timestamp(time) => Added::Timestamp(time),
            FieldValue::Int64(value) => Added::Int64(value),
            _ => return,
        };
        self.columns.truncate(self.used);
        self.columns.push((name.to_owned(), added));
        self.used += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The columns, as fields of a row.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, FieldValue<'_>)> {
        self.columns.iter().take(self.used).map(|(name, added)| {
            let value = match added {
                Added::Text(text) => FieldValue::Text(text),
                Added::Timestamp(time) => FieldValue::Timestamp(*time),
                Added::Int64(value) => FieldValue::Int64(*value),
            };
            (name.as_str(), value)
        })
    }
}
