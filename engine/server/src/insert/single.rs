//! A record alone as a tablet of one row, with the names that the record before had.

use std::sync::Arc;

use arrow_array::Int64Array;
use bytes::Bytes;
use levada_model::{Column, SessionError, Tablet};
use levada_rpc::columns::record::decode_row;

use super::{Record, device, each_once, measurement};
use crate::status::malformed;

/// So many bytes of names are kept for the record that comes next.
const KEPT_BYTES: usize = 16 << 10;

/// The measurements of the record that came last on a connection: mostly those of the next one, too.
#[derive(Debug, Default)]
pub(crate) struct Names {
    given: Vec<String>,
    known: Known,
}

/// Names in canonical form and in their order, each with its place in the record.
type Known = Vec<(Arc<str>, usize)>;

impl Names {
    /// # Errors
    /// One is no legal name, or is there twice.
    fn known(&mut self, given: &[String]) -> Result<&Known, SessionError> {
        // What failed, or was not kept, has left no names: a record without any must not be taken for it.
        if self.given != given || self.known.len() != given.len() {
            self.given.clear();
            self.known = known(given)?;
            if given.iter().map(|name| name.len() + size_of::<String>()).sum::<usize>() <= KEPT_BYTES {
                given.clone_into(&mut self.given);
            }
        }
        Ok(&self.known)
    }
}

fn known(given: &[String]) -> Result<Known, SessionError> {
    let names = given.iter().enumerate().map(|(at, text)| Ok((measurement(text)?, at)));
    let mut names = names.collect::<Result<Known, SessionError>>()?;
    each_once(&names.iter().map(|(name, _)| &**name).collect::<Vec<_>>())?;
    names.sort_unstable();
    Ok(names)
}

/// The tablet that a record is, its columns in the order of their names; `None` where all its values are null.
///
/// # Errors
/// The record cannot be read, or names are not legal.
pub(crate) fn single(
    names: &mut Names,
    record: Record<'_, Bytes>,
    aligned: bool,
) -> Result<Option<Tablet>, SessionError> {
    let mut values = decode_row(record.measurements.len(), record.values).map_err(malformed)?;
    let known = names.known(record.measurements)?;
    let device = device(record.device)?;
    let mut columns = Vec::with_capacity(known.len());
    for (name, at) in known {
        if let Some((data_type, values)) = values[*at].take() {
            columns.push(Column { name: Arc::clone(name), data_type, values });
        }
    }
    if columns.is_empty() {
        return Ok(None);
    }
    let times = Int64Array::from(vec![record.time]);
    Tablet::try_new(device, aligned, times, columns).map(Some).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use levada_model::Value;
    use levada_rpc::columns::record::encode;

    use super::*;

    fn made(
        names: &mut Names,
        given: &[&str],
        values: &[Option<Value>],
    ) -> Result<Option<Tablet>, SessionError> {
        let measurements: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
        let record =
            Record { device: "root.d", time: 5, measurements: &measurements, values: encode(values) };
        single(names, record, true)
    }

    #[test]
    fn a_record_has_its_own_names_whatever_the_one_before_had() {
        let mut names = Names::default();
        let number = |value| Some(Value::Int32(value));
        let rounds = [
            (["b", "a", "`c d`"], [number(1), None, number(2)], vec!["`c d`", "b"]),
            (["b", "a", "`c d`"], [None, number(3), number(4)], vec!["`c d`", "a"]),
            (["b", "`a`", "c"], [number(5), number(6), None], vec!["a", "b"]),
        ];
        for (given, values, expected) in rounds {
            let tablet = made(&mut names, &given, &values).expect("legal").expect("values");
            assert!(tablet.aligned() && tablet.device().as_str() == "root.d");
            assert_eq!(tablet.times().values().to_vec(), [5]);
            assert_eq!(tablet.columns().iter().map(|column| &*column.name).collect::<Vec<_>>(), expected);
            for column in tablet.columns() {
                let at =
                    given.iter().position(|name| name.trim_matches('`') == column.name.trim_matches('`'));
                assert_eq!(Value::at(&column.values, column.data_type, 0), values[at.expect("given")]);
            }
        }
        assert_eq!(made(&mut names, &["a"], &[None]).expect("legal"), None);
        for given in [["a", "`a`"], ["a", "a"], ["a", "b.c"], ["a", "b-"]] {
            assert!(made(&mut names, &given, &[number(1), number(2)]).is_err(), "{given:?}");
            // Nor does it pass the second time.
            assert!(made(&mut names, &given, &[number(1), number(2)]).is_err(), "{given:?}");
        }
    }

    #[test]
    fn very_many_names_are_not_kept() {
        let mut names = Names::default();
        let given: Vec<String> = (0..2_000).map(|at| format!("s{at}")).collect();
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let values = vec![Some(Value::Int32(1)); given.len()];
        let tablet = made(&mut names, &given, &values).expect("legal").expect("values");
        assert_eq!(tablet.columns().len(), 2_000);
        assert!(names.given.is_empty());
        assert_eq!(
            made(&mut names, &[], &[]).expect("legal"),
            None,
            "nor taken for those of a record without any"
        );
    }
}
