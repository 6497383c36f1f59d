//! A CSV file as columns: the first is the time, each other is an input.

use std::path::Path;

use anyhow::Context;
use arrow_array::ArrayRef;
use jiff::tz::TimeZone;
use levada_connector_api::csv::{Field, Scanned, Scanner};
use levada_model::{
    DataType,
    convert::{Given, convert_each},
    parse_time,
};

use crate::exit::Failure;

/// The rows of a file.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) times: Vec<i64>,
    /// Name and type of each input.
    pub(super) inputs: Vec<(String, DataType)>,
    pub(super) arrays: Vec<ArrayRef>,
}

/// A field's text, and whether it is between quotes; none where it says that there is no value.
type Cell = Option<(String, bool)>;

impl Columns {
    /// Reads a file. Its head names the inputs, each with its type in brackets (`s1(INT64)`), or without: then the type is that
    /// of its values.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is wrong; the error names the line.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text)
            .map_err(|message| Failure::invalid(format!("{}: {message}", file.display())).into())
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut records = records(text)?.into_iter();
        let (_, head) = records.next().ok_or("it has no head: `Time,s1,s2`")?;
        let names: Vec<String> = head.into_iter().skip(1).map(|cell| cell.unwrap_or_default().0).collect();
        if names.is_empty() {
            return Err("its head names no input: `Time,s1,s2`".to_owned());
        }
        let mut times: Vec<i64> = Vec::new();
        let mut cells: Vec<Vec<(usize, Cell)>> = names.iter().map(|_| Vec::new()).collect();
        for (line, record) in records {
            if record.len() != names.len() + 1 {
                return Err(format!(
                    "line {line}: {} fields, the head has {}",
                    record.len(),
                    names.len() + 1
                ));
            }
            let mut record = record.into_iter();
            let time = record.next().flatten().ok_or_else(|| format!("line {line}: it has no time"))?.0;
            let time = of_time(&time).ok_or_else(|| format!("line {line}: `{time}` is no time"))?;
            if times.last().is_some_and(|&last| last >= time) {
                return Err(format!(
                    "line {line}: times must increase, and {time} is not after the one before"
                ));
            }
            times.push(time);
            for (column, cell) in cells.iter_mut().zip(record) {
                column.push((line, cell));
            }
        }
        let mut inputs = Vec::new();
        let mut arrays = Vec::new();
        for (name, cells) in names.iter().zip(&cells) {
            let (name, data_type) = named(name, cells)?;
            arrays.push(array(&name, data_type, cells)?);
            inputs.push((name, data_type));
        }
        Ok(Self { times, inputs, arrays })
    }
}

/// The fields of each record, with the number of its line.
fn records(text: &[u8]) -> Result<Vec<(usize, Vec<Cell>)>, String> {
    let mut records = Vec::new();
    let (mut from, mut line) = (0, 1);
    while from < text.len() {
        let mut places = Vec::new();
        let Scanned::Whole { length, wrong } =
            Scanner::new(b',', true).scan(&text[from..], true, &mut places)
        else {
            return Err(format!("line {line}: it does not end"));
        };
        if let Some(wrong) = wrong {
            return Err(format!("line {line}: {wrong}"));
        }
        let record = &text[from..from + length];
        let of_place = |(range, quoted): &(std::ops::Range<usize>, bool)| -> Result<Cell, String> {
            let raw = std::str::from_utf8(&record[range.clone()])
                .map_err(|_| format!("line {line}: it is not UTF-8"))?;
            let field = Field::new(raw, *quoted);
            Ok((!field.is_null()).then(|| (field.text().into_owned(), *quoted)))
        };
        let fields: Vec<Cell> = places.iter().map(of_place).collect::<Result<_, _>>()?;
        // An empty line, or a remark, is no row.
        if !fields.is_empty() && fields != [None] {
            records.push((line, fields));
        }
        line += record.iter().filter(|byte| **byte == b'\n').count();
        from += length;
    }
    Ok(records)
}

fn of_time(text: &str) -> Option<i64> {
    text.trim()
        .parse()
        .ok()
        .or_else(|| parse_time(text.trim(), &TimeZone::UTC).ok().map(|time| time.millis()))
}

/// The name and type of an input.
fn named(head: &str, cells: &[(usize, Cell)]) -> Result<(String, DataType), String> {
    if let Some((name, rest)) = head.split_once('(') {
        let data_type = rest.trim_end().trim_end_matches(')').trim();
        let data_type = data_type.parse().map_err(|error| format!("line 1: {head}: {error}"))?;
        return Ok((name.trim().to_owned(), data_type));
    }
    let all = |is: &dyn Fn(&str) -> bool| {
        cells.iter().all(|(_, cell)| cell.as_ref().is_none_or(|(text, quoted)| !quoted && is(text.trim())))
    };
    let data_type = if all(&|text| text.parse::<i64>().is_ok()) {
        DataType::Int64
    } else if all(&|text| text.parse::<f64>().is_ok()) {
        DataType::Double
    } else if all(&|text| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")) {
        DataType::Boolean
    } else {
        DataType::Text
    };
    Ok((head.trim().to_owned(), data_type))
}

fn array(name: &str, data_type: DataType, cells: &[(usize, Cell)]) -> Result<ArrayRef, String> {
    let given = cells.iter().map(|(_, cell)| cell.as_ref().map(|(text, quoted)| given(text, *quoted)));
    let converted = convert_each(given, data_type, &TimeZone::UTC);
    match converted.rejected.first() {
        None => Ok(converted.values),
        Some((row, reason)) => {
            let (line, cell) = cells.get(*row as usize).ok_or("a row that is not there was rejected")?;
            let text = cell.as_ref().map_or("", |(text, _)| text.as_str());
            Err(format!("line {line}: {name}: {}", reason.of(text, data_type)))
        }
    }
}

fn given(text: &str, quoted: bool) -> Given<'_> {
    let trimmed = text.trim();
    match trimmed.parse::<f64>() {
        Ok(number) if !quoted && number.is_finite() => Given::Number(trimmed),
        _ => Given::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Result<Vec<DataType>, String> {
        Columns::parse(text.as_bytes())
            .map(|columns| columns.inputs.into_iter().map(|(_, each)| each).collect())
    }

    #[test]
    fn types_are_those_of_the_head_or_of_the_values() {
        use DataType as T;
        let text = "Time,a,b,c,d,e(FLOAT)\n1,1,1.5,true,x,1\n2,,2,false,\"7\",\n";
        assert_eq!(types(text).expect("it is right"), [T::Int64, T::Double, T::Boolean, T::Text, T::Float]);
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        for (text, error) in [
            ("", "it has no head: `Time,s1,s2`"),
            ("Time\n1\n", "its head names no input: `Time,s1,s2`"),
            ("Time,a\n1,1\n1,2\n", "line 3: times must increase, and 1 is not after the one before"),
            ("Time,a\nx,1\n", "line 2: `x` is no time"),
            ("Time,a\n1,2,3\n", "line 2: 3 fields, the head has 2"),
        ] {
            assert_eq!(types(text).expect_err(error), error);
        }
        let error = types("Time,a(INT32)\n1,1\n2,99999999999\n").expect_err("it is too large");
        assert!(error.starts_with("line 3: a: `99999999999` is not of type INT32"), "{error}");
        assert!(types("Time,a(INT99)\n").expect_err("no type").contains("INT99"));
    }
}
