//! `regexsplit` and `strsplit`: the parts of a text.

use levada_udf::{DataType, Failure, UdfParameters};

use super::{
    Made, each,
    regex::{read, searched},
};
use crate::work::Work;

/// Which part is wanted; `None` for how many there are.
fn index(parameters: &UdfParameters) -> Result<Option<usize>, Failure> {
    match parameters.int_or("index", -1)? {
        -1 => Ok(None),
        index => usize::try_from(index)
            .map(Some)
            .map_err(|_| Failure::parameters(format!("index should be -1 or more: {index} is not"))),
    }
}

fn output(index: Option<usize>) -> DataType {
    if index.is_some() { DataType::Text } else { DataType::Int32 }
}

/// Empty parts at the end do not count; a text without a separator is one part, whatever it is.
fn chosen(text: &str, separators: &[(usize, usize)], index: Option<usize>) -> Result<Made, Failure> {
    let mut parts = Vec::with_capacity(separators.len() + 1);
    let mut last = 0;
    for &(start, end) in separators {
        // A separator without letters at the beginning has no part before it.
        if end > 0 {
            parts.push(&text[last..start]);
            last = end;
        }
    }
    parts.push(&text[last..]);
    while parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    if !separators.is_empty() && parts == [""] && !text.is_empty() {
        parts.clear();
    }
    match index {
        None => {
            i32::try_from(parts.len()).map(Made::Count).map_err(|_| Failure::new("a text has too many parts"))
        }
        Some(index) => Ok(parts.get(index).map_or(Made::Nothing, |part| Made::Text((*part).to_owned()))),
    }
}

pub(super) fn by_regex(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let regex = read(parameters)?;
    let index = index(parameters)?;
    Ok(each(output(index), move |text| {
        let found = regex.find_iter(text).map(|found| found.map(|found| (found.start(), found.end())));
        let mut separators: Vec<_> = searched(found.collect())?;
        // Nor is there a part behind a separator without letters at the end.
        separators.retain(|&(start, end)| start < end || start < text.len());
        chosen(text, &separators, index)
    }))
}

pub(super) fn by_text(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let key = if parameters.has("target") { "target" } else { "delim" };
    let separator = parameters.string_or(key, ",").to_owned();
    let index = index(parameters)?;
    if separator.is_empty() {
        return Err(Failure::parameters(format!("{key} should not be empty")));
    }
    Ok(each(output(index), move |text| {
        let found = text.match_indices(&separator).map(|(at, part)| (at, at + part.len()));
        chosen(text, &found.collect::<Vec<_>>(), index)
    }))
}
