//! `regexreplace` and `strreplace`: some of the matches of a text replaced.

use levada_udf::{DataType, Failure, UdfParameters};

use super::{
    Made, each,
    regex::{Replacement, read, searched},
};
use crate::{read::at_least, work::Work};

/// Which matches are replaced.
#[derive(Clone, Copy, Debug)]
struct Which {
    limit: Option<usize>,
    offset: usize,
    reverse: bool,
}

impl Which {
    fn read(parameters: &UdfParameters) -> Result<Self, Failure> {
        let limit = match parameters.int_or("limit", -1)? {
            -1 => None,
            limit => Some(usize::try_from(limit).map_err(|_| {
                Failure::parameters("limit has to be -1 for replacing all matches or non-negative integers for limited times.")
            })?),
        };
        let offset = at_least(parameters, "offset", 0, 0)?;
        Ok(Self { limit, offset, reverse: parameters.boolean_or("reverse", false)? })
    }

    /// Their places among so many.
    fn places(self, count: usize) -> std::ops::Range<usize> {
        let first = self.offset.min(count);
        let last = self.limit.map_or(count, |limit| first.saturating_add(limit).min(count));
        if self.reverse { count - last..count - first } else { first..last }
    }
}

pub(super) fn by_text(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let target = parameters.required("target")?.to_owned();
    let replacement = parameters.required("replace")?.to_owned();
    let which = Which::read(parameters)?;
    if target.is_empty() {
        return Err(Failure::parameters("target should not be empty"));
    }
    Ok(each(DataType::Text, move |text| {
        let mut places: Vec<usize> = if which.reverse {
            text.rmatch_indices(&target).map(|(at, _)| at).collect()
        } else {
            text.match_indices(&target).map(|(at, _)| at).collect()
        };
        places.sort_unstable();
        let mut made = String::with_capacity(text.len());
        let mut last = 0;
        for at in &places[which.places(places.len())] {
            made.push_str(&text[last..*at]);
            made.push_str(&replacement);
            last = at + target.len();
        }
        made.push_str(&text[last..]);
        Ok(Made::Text(made))
    }))
}

pub(super) fn by_regex(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let regex = read(parameters)?;
    let replacement = Replacement::parse(parameters.required("replace")?, &regex)?;
    let which = Which::read(parameters)?;
    Ok(each(DataType::Text, move |text| {
        let found: Vec<_> = searched(regex.captures_iter(text).collect())?;
        let mut made = String::with_capacity(text.len());
        let mut last = 0;
        for captures in &found[which.places(found.len())] {
            let Some(whole) = captures.get(0) else { continue };
            made.push_str(&text[last..whole.start()]);
            replacement.add(captures, &mut made);
            last = whole.end();
        }
        made.push_str(&text[last..]);
        Ok(Made::Text(made))
    }))
}
