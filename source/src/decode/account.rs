//! What the decoders of one source notice together: rows without values, fields that no record has, times too fine.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use levada_connector_api::{
    BatchBuilder, FieldValue, Noticed, Placed, Remark,
    model::{Moment, convert::shown},
};
use parking_lot::Mutex;

/// Counts of all decoders of one source.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Rows without a value.
    empty: AtomicU64,
    /// Rows in the millisecond of another.
    on_another: AtomicU64,
    /// Records in which fields were looked for.
    records: AtomicU64,
    /// What is looked for, what is said of it, and whether any record had it.
    fields: Vec<(String, String, AtomicBool)>,
    /// Columns without a type that had numbers, and those that had what a number would not keep as it is written.
    columns: Mutex<BTreeMap<String, Looks>>,
}

/// What cells of a column looked like.
#[derive(Debug, Default)]
struct Looks {
    has_numbers: bool,
    /// The first that can be read as a number but is not written as one.
    label: Option<String>,
}

impl Account {
    /// An account of fields by their name, and where they should stand.
    pub(super) fn new(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let found = |(name, place)| {
            let said = format!("the field `{name}` was found at {place}");
            (name, said, AtomicBool::new(false))
        };
        Self { fields: fields.into_iter().map(found).collect(), ..Self::default() }
    }

    /// With measurements that `cast` names; their indexes follow those of the fields.
    pub(super) fn casting<'n>(mut self, names: impl IntoIterator<Item = &'n String>) -> Self {
        for name in names {
            let said = format!("the measurement `{name}`, which `cast` names, was found");
            self.fields.push((format!("cast.{name}"), said, AtomicBool::new(false)));
        }
        self
    }

    /// Hands a row over and takes note of what becomes of it.
    ///
    /// # Errors
    /// The row cannot be held.
    #[inline]
    pub(super) fn row(
        &self,
        rows: &mut BatchBuilder,
        device: &str,
        at: Moment,
        fields: &[(&str, FieldValue<'_>)],
    ) -> Result<(), String> {
        let count = match rows.row_at(device, at, fields).map_err(|error| error.to_string())? {
            Placed::Held => return Ok(()),
            Placed::OnAnother => &self.on_another,
            Placed::Empty => &self.empty,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A record that has nothing in it, not even a row without values.
    pub(super) fn empty_record(&self) {
        self.empty.fetch_add(1, Ordering::Relaxed);
    }

    /// A record in which fields are looked for.
    pub(super) fn looks(&self) {
        self.records.fetch_add(1, Ordering::Relaxed);
    }

    /// A column without a type has numbers.
    #[cold]
    pub(super) fn has_numbers(&self, column: &str) {
        let mut columns = self.columns.lock();
        columns.entry(column.to_owned()).or_default().has_numbers = true;
    }

    /// A column without a type has text that can be read as a number but is not written as one.
    #[cold]
    pub(super) fn has_label(&self, column: &str, label: &str) {
        let mut columns = self.columns.lock();
        columns.entry(column.to_owned()).or_default().label.get_or_insert_with(|| label.to_owned());
    }

    /// The field of an index was found.
    #[inline]
    pub(super) fn found(&self, index: usize) {
        if let Some((.., found)) = self.fields.get(index)
            && !found.load(Ordering::Relaxed)
        {
            found.store(true, Ordering::Relaxed);
        }
    }
}

impl Noticed for Account {
    fn empty(&self) -> u64 {
        self.empty.load(Ordering::Relaxed)
    }

    fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut remark =
            |about: &str, message: String| remarks.push(Remark { about: about.to_owned(), message });
        let records = self.records.load(Ordering::Relaxed);
        for (name, said, found) in &self.fields {
            if records > 0 && !found.load(Ordering::Relaxed) {
                remark(name, format!("{said} in none of {records} records"));
            }
        }
        for (name, looks) in &*self.columns.lock() {
            if let Looks { has_numbers: true, label: Some(label) } = looks {
                let label = shown(label);
                remark(
                    &format!("labels.{name}"),
                    format!(
                        "the column `{name}` has numbers, and `{label}`, which a number would not keep as it is written: say which it is \
                         with `cast: {{{name}: TEXT}}` or `{{{name}: DOUBLE}}`"
                    ),
                );
            }
        }
        match self.empty() {
            0 => {}
            empty => remark(
                "empty",
                format!(
                    "records gave no value, {empty} so far: beside device and time there was nothing, or null"
                ),
            ),
        }
        match self.on_another.load(Ordering::Relaxed) {
            0 => {}
            count => remark(
                "milliseconds",
                format!(
                    "times are finer than milliseconds, and {count} rows so far fall on the millisecond of another row of their \
                     device: of two values of one series there, a store keeps the later"
                ),
            ),
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_no_record_has_is_named_and_one_that_some_have_is_not() {
        let account = Account::new([("a", "$.x.a"), ("b", "$.b")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(account.remarks(), [], "nothing was looked for");
        account.looks();
        account.looks();
        account.found(1);
        let messages: Vec<_> = account.remarks().into_iter().map(|remark| remark.message).collect();
        assert_eq!(messages, ["the field `a` was found at $.x.a in none of 2 records"]);
    }

    #[test]
    fn a_column_of_numbers_and_of_what_a_number_would_not_keep_is_named() {
        let account = Account::default();
        account.has_numbers("a");
        account.has_label("zip", "02142");
        assert_eq!(account.remarks(), [], "each is of one kind");
        account.has_numbers("zip");
        account.has_label("zip", "00123");
        let remarks = account.remarks();
        assert!(remarks.len() == 1 && remarks[0].message.contains("`02142`"), "{remarks:?}");
    }

    #[test]
    fn rows_without_values_and_rows_on_one_millisecond_are_counted() {
        let account = Account::default();
        let mut rows = BatchBuilder::new();
        let at = |nanos| levada_connector_api::model::TimeUnit::Nanosecond.moment(nanos).expect("in range");
        account.row(&mut rows, "d", at(1), &[("a", FieldValue::Double(1.0))]).expect("held");
        account.row(&mut rows, "d", at(2), &[("a", FieldValue::Double(2.0))]).expect("held");
        account.row(&mut rows, "d", at(3), &[("a", FieldValue::Null)]).expect("empty");
        assert_eq!((account.empty(), rows.rows()), (1, 2));
        let about: Vec<_> = account.remarks().into_iter().map(|remark| remark.about).collect();
        assert_eq!(about, ["empty", "milliseconds"]);
    }
}
