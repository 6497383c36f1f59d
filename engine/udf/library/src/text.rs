//! String processing: what texts match, and texts made of others. Regular expressions have the syntax of Perl, which Java's is
//! also close to, with look-around and references back.

mod regex;
mod replace;
mod split;

use levada_udf::{Columns, DataType, Failure, PointCollector};

use crate::{
    declaration::{Declaration, Group, Inputs, Parameter, Start, option, required},
    work::Work,
};

const fn of(
    name: &'static str,
    class: &'static str,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration { name, class, group: Group::Texts, inputs: Inputs::Text, parameters, result, start }
}

const LIMIT: Parameter = option("limit", "-1", "how many matches are replaced; -1: all");
const OFFSET: Parameter = option("offset", "0", "how many matches are left before");
const REVERSE: Parameter = option("reverse", "false", "whether matches are counted from the end");
const INDEX: Parameter = option("index", "-1", "which part, from 0 on; -1: how many there are");
const PARTS: &str = "INT32 or TEXT: how many parts there are, or one of them, and no point where there are fewer; empty parts at the end do not count";

/// The functions of this group.
pub(crate) const ALL: [Declaration; 5] = [
    of(
        "regexmatch",
        "org.apache.iotdb.library.string.UDTFRegexMatch",
        &[
            required("regex", "the regular expression"),
            option("group", "0", "which group of it; 0 is the whole match"),
        ],
        "TEXT: what the first match has, and no point where there is none",
        regex::matched,
    ),
    of(
        "regexreplace",
        "org.apache.iotdb.library.string.UDTFRegexReplace",
        &[
            required("regex", "the regular expression"),
            required("replace", "what comes instead; `$1` is what group 1 has"),
            LIMIT,
            OFFSET,
            REVERSE,
        ],
        "TEXT: the text with matches replaced",
        replace::by_regex,
    ),
    of(
        "regexsplit",
        "org.apache.iotdb.library.string.UDTFRegexSplit",
        &[required("regex", "the regular expression that parts are separated by"), INDEX],
        PARTS,
        split::by_regex,
    ),
    of(
        "strreplace",
        "org.apache.iotdb.library.string.UDTFStrReplace",
        &[
            required("target", "what is replaced"),
            required("replace", "what comes instead"),
            LIMIT,
            OFFSET,
            REVERSE,
        ],
        "TEXT: the text with matches replaced",
        replace::by_text,
    ),
    of(
        "strsplit",
        "org.apache.iotdb.library.string.UDTFStrSplit",
        &[option("delim", ",", "what parts are separated by; also called `target`"), INDEX],
        PARTS,
        split::by_text,
    ),
];

/// What a text becomes.
enum Made {
    Text(String),
    Count(i32),
    Nothing,
}

/// A function of each text on its own.
struct Each<F> {
    output: DataType,
    make: F,
}

fn each<F>(output: DataType, make: F) -> Box<dyn Work>
where
    F: FnMut(&str) -> Result<Made, Failure> + Send + 'static,
{
    Box::new(Each { output, make })
}

impl<F: FnMut(&str) -> Result<Made, Failure> + Send> Work for Each<F> {
    fn output(&self) -> DataType {
        self.output
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(text) = column.get::<&str>(row)? else { continue };
            match (self.make)(text)? {
                Made::Text(text) => points.put(time, text)?,
                Made::Count(count) => points.put(time, count)?,
                Made::Nothing => {}
            }
        }
        Ok(())
    }
}
