//! What a function of the library is called, takes and gives: one declaration makes its checks, its factory and its line in
//! the reference.

use std::fmt;

use levada_udf::{DataType, Failure, UdfParameters, Validator};

use crate::work::Work;

/// What a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What values there are, and how they are distributed.
    Profiling,
    /// How good the data are.
    Quality,
    /// Values and times made right.
    Repair,
    /// Series compared with each other.
    Matching,
    /// Values that stand out.
    Anomalies,
    /// Frequencies and filters.
    Frequency,
    /// Stretches of a series.
    Discovery,
    /// Texts.
    Texts,
}

impl Group {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 8] = [
        Self::Profiling,
        Self::Quality,
        Self::Repair,
        Self::Matching,
        Self::Anomalies,
        Self::Frequency,
        Self::Discovery,
        Self::Texts,
    ];

    /// The heading in the reference.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Profiling => "Data profiling",
            Self::Quality => "Data quality",
            Self::Repair => "Data repair",
            Self::Matching => "Data matching",
            Self::Anomalies => "Anomaly detection",
            Self::Frequency => "Frequency domain",
            Self::Discovery => "Series discovery",
            Self::Texts => "String processing",
        }
    }
}

/// Which input series a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// So many of numbers.
    Numbers(usize),
    /// One or more of numbers.
    ManyNumbers,
    /// An even number of series of numbers.
    NumberPairs,
    /// One of any type.
    Any,
    /// One or more of any type.
    ManyAny,
    /// One of texts.
    Text,
}

impl Inputs {
    pub(crate) fn check(self, validator: &Validator<'_>) -> Result<(), Failure> {
        match self {
            Self::Numbers(count) => validator.inputs(count)?.input_types(&DataType::NUMERIC)?,
            Self::ManyNumbers => validator.inputs_in(1..)?.input_types(&DataType::NUMERIC)?,
            Self::NumberPairs => {
                let count = validator.parameters().inputs().len();
                validator
                    .check(
                        count >= 2 && count.is_multiple_of(2),
                        format_args!("the number of the input series should be even. actual: {count}."),
                    )?
                    .input_types(&DataType::NUMERIC)?
            }
            Self::Any => validator.inputs(1)?,
            Self::ManyAny => validator.inputs_in(1..)?,
            Self::Text => validator.inputs(1)?.input_types(&DataType::TEXT)?,
        };
        Ok(())
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numbers(1) => "1 series of numbers",
            Self::Numbers(_) => "2 series of numbers",
            Self::ManyNumbers => "1 or more series of numbers",
            Self::NumberPairs => "an even number of series of numbers",
            Self::Any => "1 series of any type",
            Self::ManyAny => "1 or more series of any type",
            Self::Text => "1 series of texts",
        })
    }
}

/// An attribute of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not given; `None` where it must be.
    pub default: Option<&'static str>,
    /// What it says, and which values it may have.
    pub about: &'static str,
}

/// An attribute that may be left out.
pub(crate) const fn option(name: &'static str, default: &'static str, about: &'static str) -> Parameter {
    Parameter { name, default: Some(default), about }
}

/// An attribute that must be given.
pub(crate) const fn required(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, default: None, about }
}

pub(crate) type Start = fn(&UdfParameters) -> Result<Box<dyn Work>, Failure>;

/// A function of the library.
#[derive(Clone, Copy)]
pub struct Declaration {
    /// What SQL calls it, in lower case.
    pub name: &'static str,
    /// The class that Apache IoTDB's library has for it: `CREATE FUNCTION … AS` finds it by this, too.
    pub class: &'static str,
    /// What it is about.
    pub group: Group,
    /// The series it takes.
    pub inputs: Inputs,
    /// The attributes it reads; others have no meaning.
    pub parameters: &'static [Parameter],
    /// What its points are, and what it does with values that are missing.
    pub result: &'static str,
    /// Reads the attributes and begins.
    pub(crate) start: Start,
}

impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration")
            .field("name", &self.name)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Declaration {
    /// What follows the name in a call, and the type of the points: `(number[, 'error'='0']): DOUBLE`.
    pub fn signature(&self) -> String {
        let (input, like) = match self.inputs {
            Inputs::Numbers(1) => ("number", "number"),
            Inputs::Numbers(_) => ("number, number", "number"),
            Inputs::ManyNumbers | Inputs::NumberPairs => ("number…", "number"),
            Inputs::Any => ("any", "any"),
            Inputs::ManyAny => ("any…", "any"),
            Inputs::Text => ("text", "text"),
        };
        let attributes = self.parameters.iter().map(|each| match each.default {
            None => format!(", '{}'='…'", each.name),
            // What is no word is said in the reference.
            Some(default) if default.contains(' ') => format!("[, '{}'='…']", each.name),
            Some(default) => format!("[, '{}'='{default}']", each.name),
        });
        let output = match self.described().0 {
            "the input's type" => format!("like {like}"),
            output => output.to_owned(),
        };
        format!("({input}{}): {output}", attributes.collect::<String>())
    }

    /// One sentence on what it gives.
    pub fn summary(&self) -> String {
        let mut letters = self.described().1.chars();
        let first = letters.next().map(|each| each.to_uppercase().collect::<String>());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    }

    /// The type of the points, and what they are.
    fn described(&self) -> (&'static str, &'static str) {
        self.result.split_once(": ").unwrap_or(("any", self.result))
    }
}

/// The reference of all functions in Markdown: a table for each group.
pub fn reference() -> String {
    let mut page = String::new();
    for group in Group::ALL {
        page += &format!("## {}\n\n", group.title());
        page += "| function | input | attributes | result |\n| --- | --- | --- | --- |\n";
        for each in crate::DECLARATIONS.iter().filter(|each| each.group == group) {
            let attributes: Vec<String> = each.parameters.iter().map(described).collect();
            let attributes = if attributes.is_empty() { "none".to_owned() } else { attributes.join("<br>") };
            page += &format!("| `{}` | {} | {attributes} | {} |\n", each.name, each.inputs, each.result);
        }
        page.push('\n');
    }
    page
}

fn described(parameter: &Parameter) -> String {
    match parameter.default {
        None => format!("`{}` (required): {}", parameter.name, parameter.about),
        Some(default) => format!("`{}` ({default}): {}", parameter.name, parameter.about),
    }
}
