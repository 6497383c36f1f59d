//! Calls of functions over rows.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_model::DataType;
use levada_udf::{UdfError, UdfLimits, UdtfRun, parameters};
use serde_json::Value;

/// A value of a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// A number of any type.
    Number(f64),
    /// A whole number of 64 bits.
    Long(i64),
    /// A truth.
    Truth(bool),
    /// A text.
    Text(String),
}

impl Cell {
    /// The number that it is.
    pub(crate) fn number(&self) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Long(value) => *value as f64,
            other => panic!("{other:?} is no number"),
        }
    }
}

/// An input series.
pub(crate) type Input = (DataType, ArrayRef);

/// A series of doubles.
pub(crate) fn doubles(values: &[f64]) -> Input {
    (DataType::Double, Arc::new(Float64Array::from(values.to_vec())))
}

/// A series of doubles of which some are missing.
pub(crate) fn some_doubles(values: &[Option<f64>]) -> Input {
    (DataType::Double, Arc::new(Float64Array::from(values.to_vec())))
}

/// A series of whole numbers of 64 bits.
pub(crate) fn longs(values: &[i64]) -> Input {
    (DataType::Int64, Arc::new(Int64Array::from(values.to_vec())))
}

/// A series of texts.
pub(crate) fn texts(values: &[Option<&str>]) -> Input {
    (DataType::Text, array(DataType::Text, &values.iter().map(|each| Value::from(*each)).collect::<Vec<_>>()))
}

/// Values of a type, as JSON has them: `"NaN"` is a number.
pub(crate) fn array(data_type: DataType, values: &[Value]) -> ArrayRef {
    let number = |value: &Value| match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        _ => value.as_f64(),
    };
    match data_type {
        DataType::Int32 => {
            Arc::new(values.iter().map(|each| number(each).map(|each| each as i32)).collect::<Int32Array>())
        }
        DataType::Int64 => Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>()),
        DataType::Float => {
            Arc::new(values.iter().map(|each| number(each).map(|each| each as f32)).collect::<Float32Array>())
        }
        DataType::Boolean => Arc::new(values.iter().map(Value::as_bool).collect::<BooleanArray>()),
        DataType::Double => Arc::new(values.iter().map(number).collect::<Float64Array>()),
        _ => Arc::new(values.iter().map(Value::as_str).collect::<StringArray>()),
    }
}

fn cells(values: &ArrayRef) -> Vec<Cell> {
    use arrow_array::Array as _;
    let any = values.as_any();
    if any.is::<Int64Array>() {
        values.as_primitive::<Int64Type>().values().iter().map(|&value| Cell::Long(value)).collect()
    } else if any.is::<Int32Array>() {
        values.as_primitive::<Int32Type>().values().iter().map(|&value| Cell::Number(value.into())).collect()
    } else if any.is::<Float32Array>() {
        values
            .as_primitive::<Float32Type>()
            .values()
            .iter()
            .map(|&value| Cell::Number(value.into()))
            .collect()
    } else if any.is::<Float64Array>() {
        values.as_primitive::<Float64Type>().values().iter().map(|&value| Cell::Number(value)).collect()
    } else if any.is::<BooleanArray>() {
        values.as_boolean().values().iter().map(Cell::Truth).collect()
    } else if let Some(texts) = values.as_string_opt::<i32>() {
        texts.iter().flatten().map(|text| Cell::Text(text.to_owned())).collect()
    } else {
        values
            .as_binary::<i32>()
            .iter()
            .flatten()
            .map(|text| Cell::Text(String::from_utf8_lossy(text).into_owned()))
            .collect()
    }
}

/// The points of a call over rows that come some at a time.
pub(crate) fn call_by(
    name: &str,
    attributes: &[(&str, &str)],
    times: &[i64],
    inputs: &[Input],
    by: usize,
) -> Result<Vec<(i64, Cell)>, UdfError> {
    call_within(name, attributes, times, inputs, by, UdfLimits::default())
}

/// As [`call_by`], within limits.
pub(crate) fn call_within(
    name: &str,
    attributes: &[(&str, &str)],
    times: &[i64],
    inputs: &[Input],
    by: usize,
    limits: UdfLimits,
) -> Result<Vec<(i64, Cell)>, UdfError> {
    let (_, factory) = levada_udf_library::all()
        .into_iter()
        .find(|(each, _)| *each == name)
        .unwrap_or_else(|| panic!("there is no function {name}"));
    let series = inputs.iter().enumerate().map(|(at, each)| (format!("root.d.s{at}"), each.0));
    let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    let mut run = UdtfRun::open(name, &*factory, parameters(series, attributes), limits)?;
    let mut all = Vec::new();
    let mut pull = |run: &mut UdtfRun| -> Result<(), UdfError> {
        while let Some(points) = run.next()? {
            all.extend(points.times.iter().copied().zip(cells(&points.values)));
        }
        Ok(())
    };
    for from in (0..times.len()).step_by(by) {
        let rows = by.min(times.len() - from);
        let columns = inputs.iter().map(|(_, column)| column.slice(from, rows)).collect();
        run.push(times[from..from + rows].to_vec().into(), columns)?;
        pull(&mut run)?;
    }
    run.end();
    pull(&mut run)?;
    Ok(all)
}

/// The points of a call that ends well, however its rows are split.
pub(crate) fn call(
    name: &str,
    attributes: &[(&str, &str)],
    times: &[i64],
    inputs: &[Input],
) -> Vec<(i64, Cell)> {
    let whole =
        call_by(name, attributes, times, inputs, 4096).unwrap_or_else(|error| panic!("{name}: {error}"));
    // What is drawn by chance is another each time.
    if name != "sample" {
        let split =
            call_by(name, attributes, times, inputs, 3).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(format!("{whole:?}"), format!("{split:?}"), "{name}: rows by three");
    }
    whole
}

/// The message of a call that cannot be.
pub(crate) fn rejected(name: &str, attributes: &[(&str, &str)], inputs: &[Input]) -> String {
    let times: Vec<i64> = (0..inputs[0].1.len() as i64).collect();
    call_by(name, attributes, &times, inputs, 4096).expect_err("it is rejected").to_string()
}

/// Times at equal distances.
pub(crate) fn times(count: usize, step: i64) -> Vec<i64> {
    (0..count as i64).map(|at| at * step).collect()
}

/// Asserts that points are those expected, but for what rounding loses.
pub(crate) fn assert_points(what: &str, actual: &[(i64, Cell)], expected: &[Value], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: {actual:?}");
    for ((time, value), expected) in actual.iter().zip(expected) {
        assert_eq!(Some(*time), expected[0].as_i64(), "{what}: {actual:?}");
        let same = match (value, &expected[1]) {
            (Cell::Text(text), expected) => Some(text.as_str()) == expected.as_str(),
            (Cell::Truth(truth), Value::Bool(expected)) => truth == expected,
            (Cell::Truth(truth), expected) => {
                expected.as_str() == Some(if *truth { "true" } else { "false" })
            }
            (number, Value::String(text)) if text == "NaN" => number.number().is_nan(),
            (number, expected) => {
                let expected = expected.as_f64().expect("a number");
                (number.number() - expected).abs() <= tolerance * expected.abs().max(1.0)
            }
        };
        assert!(same, "{what}: at {time} {value:?} and not {}", expected[1]);
    }
}

/// A case of a file.
pub(crate) fn case(case: &Value) -> (String, Vec<(i64, Cell)>, Vec<Value>) {
    let name = case["function"].as_str().expect("a name");
    let attributes: Vec<(&str, &str)> = case["attributes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| (each[0].as_str().expect("a key"), each[1].as_str().expect("a value")))
        .collect();
    let times: Vec<i64> =
        case["times"].as_array().expect("a list").iter().filter_map(Value::as_i64).collect();
    let inputs: Vec<Input> = case["inputs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|input| {
            let data_type = match input["type"].as_str() {
                Some("INT32") => DataType::Int32,
                Some("INT64") => DataType::Int64,
                Some("FLOAT") => DataType::Float,
                Some("DOUBLE") => DataType::Double,
                _ => DataType::Text,
            };
            (data_type, array(data_type, input["values"].as_array().expect("a list")))
        })
        .collect();
    let points = call(name, &attributes, &times, &inputs);
    (format!("{name} {attributes:?}"), points, case["points"].as_array().expect("a list").clone())
}
