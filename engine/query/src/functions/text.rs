//! Functions of texts. Positions and lengths count UTF-16 units, as Java's do.

use std::{fmt, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray, builder::StringBuilder, cast::AsArray,
};
use levada_model::DataType;
use levada_sql::ast::Constant;

use super::{Bound, Call, FunctionDefinition, RowFunction, TEXT};
use crate::{
    QueryError,
    expression::{matching, pattern::Pattern},
    registry::Listing,
};

pub(super) fn definitions() -> Vec<FunctionDefinition> {
    vec![
        FunctionDefinition::row(
            "string_contains",
            "(text, 's'='part'): BOOLEAN",
            "Whether the text has a part.",
            |call| {
                let part = call.required("s")?.to_owned();
                tested(call, move |text| Ok(text.contains(&part)))
            },
        )
        .built_in("UDTFContains"),
        FunctionDefinition::row(
            "string_matches",
            "(text, 'regex'='[a-z]+'): BOOLEAN",
            "Whether the whole text fits a regular expression.",
            |call| {
                let whole = Pattern::of_whole_text(call.required("regex")?)?;
                tested(call, move |text| whole.is_found_in(text))
            },
        )
        .built_in("UDTFMatches"),
        FunctionDefinition::row("length", "(text): INT32", "How many UTF-16 units the text has.", |call| {
            counted(call, |text| Some(units(text)))
        })
        .built_in("String.UDTFStrLength"),
        FunctionDefinition::row(
            "locate",
            "(text, 'target'='part'[, 'reverse'='true']): INT32",
            "Where the part begins, from 0; -1 where it is not there. In reverse, where it stands last.",
            locate,
        )
        .built_in("String.UDTFStrLocate"),
        FunctionDefinition::row(
            "startswith",
            "(text, 'target'='part'): BOOLEAN",
            "Whether the text begins so.",
            |call| {
                let target = call.required("target")?.to_owned();
                tested(call, move |text| Ok(text.starts_with(&target)))
            },
        )
        .built_in("String.UDTFStartsWith"),
        FunctionDefinition::row(
            "endswith",
            "(text, 'target'='part'): BOOLEAN",
            "Whether the text ends so.",
            |call| {
                let target = call.required("target")?.to_owned();
                tested(call, move |text| Ok(text.ends_with(&target)))
            },
        )
        .built_in("String.UDTFEndsWith"),
        FunctionDefinition::row(
            "concat",
            "(text[, text...][, 'target1'='a'...][, 'series_behind'='true']): TEXT",
            "The texts and the targets, joined; the targets first where `series_behind` is true.",
            concat,
        )
        .built_in("String.UDTFConcat"),
        FunctionDefinition::row("upper", "(text): TEXT", "The text in upper case.", |call| {
            changed(call, |text, out| out.push_str(&text.to_uppercase()))
        })
        .built_in("String.UDTFUpper"),
        FunctionDefinition::row("lower", "(text): TEXT", "The text in lower case.", |call| {
            changed(call, |text, out| out.push_str(&text.to_lowercase()))
        })
        .built_in("String.UDTFLower"),
        FunctionDefinition::row("trim", "(text): TEXT", "The text without blanks at its ends.", |call| {
            changed(call, |text, out| out.push_str(text.trim_matches(|c| c <= ' ')))
        })
        .built_in("String.UDTFTrim"),
        FunctionDefinition::row(
            "strcmp",
            "(text, text): INT32",
            "Less than 0, 0 or more, as the first text comes before, is, or comes behind the second.",
            |call| {
                call.expect(2, TEXT)?;
                Ok((Arc::new(Compare), DataType::Int32))
            },
        )
        .built_in("String.UDTFStrCompare"),
        FunctionDefinition::row(
            "replace",
            "(text, 'from', 'to'): TEXT",
            "The text with one part in the place of another wherever it stands.",
            replace,
        )
        .listed(Listing::BuiltInScalar),
        FunctionDefinition::row(
            "substring",
            "(text, from[, length]): TEXT",
            "A part of the text; `from` counts from 1. `'start'='0', 'end'='2'` count from 0.",
            substring,
        )
        .listed(Listing::BuiltInScalar)
        .also(&["substr"]),
    ]
}

/// A text's length in UTF-16 units.
fn units(text: &str) -> i32 {
    let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    i32::try_from(units).unwrap_or(i32::MAX)
}

fn changed(
    call: &Call<'_>,
    change: impl Fn(&str, &mut String) + Send + Sync + 'static,
) -> Result<Bound, QueryError> {
    call.expect(1, TEXT)?;
    Ok((Arc::new(Change(change)), DataType::Text))
}

fn counted(
    call: &Call<'_>,
    count: impl Fn(&str) -> Option<i32> + Send + Sync + 'static,
) -> Result<Bound, QueryError> {
    call.expect(1, TEXT)?;
    Ok((Arc::new(Count(count)), DataType::Int32))
}

fn tested(
    call: &Call<'_>,
    holds: impl Fn(&str) -> Result<bool, QueryError> + Send + Sync + 'static,
) -> Result<Bound, QueryError> {
    call.expect(1, TEXT)?;
    Ok((Arc::new(Test(holds)), DataType::Boolean))
}

/// `substring(t, 2[, 3])`, counted from 1; `substr(t, 'start'='1', 'end'='3')`, counted from 0.
fn substring(call: &Call<'_>) -> Result<Bound, QueryError> {
    let (from, to) = if call.types.len() > 1 {
        let start = call.integer(1)?;
        let length = if call.types.len() > 2 { call.integer(2)? } else { i64::MAX };
        if length < 0 {
            return Err(call.reject("the length must not be negative"));
        }
        (start.saturating_sub(1), start.saturating_sub(1).saturating_add(length))
    } else {
        let start: i64 = call.parsed_required("start")?;
        (start, call.parsed("end", i64::MAX)?)
    };
    if !call.types.first().is_some_and(|first| first.is_text()) {
        call.expect(1, TEXT)?;
    }
    let (from, to) = (from.max(0) as usize, to.max(0) as usize);
    let cut = move |text: &str, out: &mut String| {
        if text.is_ascii() {
            out.push_str(text.get(from.min(text.len())..to.min(text.len())).unwrap_or_default());
        } else {
            let units: Vec<u16> = text.encode_utf16().skip(from).take(to.saturating_sub(from)).collect();
            out.push_str(&String::from_utf16_lossy(&units));
        }
    };
    Ok((Arc::new(Change(cut)), DataType::Text))
}

fn replace(call: &Call<'_>) -> Result<Bound, QueryError> {
    let (Some(Constant::Text(from)), Some(Constant::Text(to))) = (call.constant(1), call.constant(2)) else {
        return Err(call.reject("the second and the third argument must be texts"));
    };
    if call.types.len() != 3 || !call.types[0].is_text() {
        call.expect(3, TEXT)?;
    }
    let (from, to) = (from.clone(), to.clone());
    Ok((
        Arc::new(Change(move |text: &str, out: &mut String| out.push_str(&text.replace(&from, &to)))),
        DataType::Text,
    ))
}

fn locate(call: &Call<'_>) -> Result<Bound, QueryError> {
    let target = call.required("target")?.to_owned();
    let reverse = call.parsed("reverse", false)?;
    counted(call, move |text| {
        let found = if reverse { text.rfind(&target) } else { text.find(&target) };
        Some(found.map_or(-1, |at| units(&text[..at])))
    })
}

fn concat(call: &Call<'_>) -> Result<Bound, QueryError> {
    if call.types.is_empty() {
        call.expect(1, TEXT)?;
    }
    call.expect_each(TEXT)?;
    let targets =
        call.function.attributes.iter().filter(|(key, _)| key.to_ascii_lowercase().starts_with("target"));
    let constant: String = targets.map(|(_, value)| value.as_str()).collect();
    Ok((Arc::new(Concat { constant, series_behind: call.parsed("series_behind", false)? }), DataType::Text))
}

/// A text made of each text.
struct Change<F>(F);

impl<F> fmt::Debug for Change<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

impl<F: Fn(&str, &mut String) + Send + Sync> RowFunction for Change<F> {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let texts: &StringArray = inputs[0].as_string();
        let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        let mut out = String::new();
        for text in texts {
            match text {
                Some(text) => {
                    out.clear();
                    (self.0)(text, &mut out);
                    builder.append_value(&out);
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }
}

/// A number for each text.
struct Count<F>(F);

impl<F> fmt::Debug for Count<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count")
    }
}

impl<F: Fn(&str) -> Option<i32> + Send + Sync> RowFunction for Count<F> {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let texts: &StringArray = inputs[0].as_string();
        Ok(Arc::new(texts.iter().map(|text| text.and_then(&self.0)).collect::<Int32Array>()))
    }
}

/// Whether something holds for each text.
struct Test<F>(F);

impl<F> fmt::Debug for Test<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Test")
    }
}

impl<F: Fn(&str) -> Result<bool, QueryError> + Send + Sync> RowFunction for Test<F> {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let result: BooleanArray = matching::test(inputs[0].as_string(), &self.0)?;
        Ok(Arc::new(result))
    }
}

/// `strcmp(a, b)`: the difference of the first units that differ, or of the lengths.
#[derive(Debug)]
struct Compare;

impl RowFunction for Compare {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let (left, right): (&StringArray, &StringArray) = (inputs[0].as_string(), inputs[1].as_string());
        let compare = |a: &str, b: &str| {
            let mut pairs = a.encode_utf16().zip(b.encode_utf16());
            pairs
                .find(|(a, b)| a != b)
                .map_or_else(|| units(a) - units(b), |(a, b)| i32::from(a) - i32::from(b))
        };
        let result: Int32Array = left.iter().zip(right).map(|(a, b)| Some(compare(a?, b?))).collect();
        Ok(Arc::new(result))
    }
}

/// `concat(a, b, 'target1'='-')`: texts in their order with a constant behind or before; nulls are left out.
#[derive(Debug)]
struct Concat {
    constant: String,
    series_behind: bool,
}

impl RowFunction for Concat {
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let texts: Vec<&StringArray> = inputs.iter().map(|input| input.as_string()).collect();
        let mut builder = StringBuilder::new();
        let mut out = String::new();
        for row in 0..times.len() {
            out.clear();
            let mut found = false;
            if self.series_behind {
                out.push_str(&self.constant);
            }
            for text in texts.iter().filter(|text| text.is_valid(row)) {
                found = true;
                out.push_str(text.value(row));
            }
            if !self.series_behind {
                out.push_str(&self.constant);
            }
            builder.append_option(found.then_some(out.as_str()));
        }
        Ok(Arc::new(builder.finish()))
    }
}
