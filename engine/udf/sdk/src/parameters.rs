//! What a call of a function was given: series and attributes.

use std::str::FromStr;

use crate::{DataType, Failure};

/// One input series of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path, or the expression as it heads a column.
    pub path: String,
    /// The type of its values.
    pub data_type: DataType,
}

/// What a call of a function was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UdfParameters {
    inputs: Vec<Input>,
    attributes: Vec<(String, String)>,
}

/// Reads of attributes as one type: absent, wrong and present are told apart.
macro_rules! typed {
    ($type:ty, $what:literal, $get:ident, $get_or:ident, $required:ident) => {
        #[doc = concat!("An attribute as ", $what, "; `None` where it is not given.")]
        ///
        /// # Errors
        /// It is given and cannot be read as one.
        pub fn $get(&self, key: &str) -> Result<Option<$type>, Failure> {
            self.string(key).map(|text| parse(key, text, $what)).transpose()
        }

        #[doc = concat!("An attribute as ", $what, ", or another value where it is not given.")]
        ///
        /// # Errors
        /// It is given and cannot be read as one.
        pub fn $get_or(&self, key: &str, otherwise: $type) -> Result<$type, Failure> {
            Ok(self.$get(key)?.unwrap_or(otherwise))
        }

        #[doc = concat!("An attribute as ", $what, ".")]
        ///
        /// # Errors
        /// It is not given, or cannot be read as one.
        pub fn $required(&self, key: &str) -> Result<$type, Failure> {
            parse(key, self.required(key)?, $what)
        }
    };
}

impl UdfParameters {
    /// Of series and attributes. Of attributes with one key the last counts.
    pub fn new(inputs: Vec<Input>, attributes: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (key, value) in attributes {
            match kept.iter_mut().find(|(each, _)| *each == key) {
                Some(known) => known.1 = value,
                None => kept.push((key, value)),
            }
        }
        Self { inputs, attributes: kept }
    }

    /// The input series, in the order of the call.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The paths of the input series.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inputs.iter().map(|input| input.path.as_str())
    }

    /// The type of an input.
    ///
    /// # Errors
    /// There is no such input.
    pub fn data_type(&self, index: usize) -> Result<DataType, Failure> {
        self.inputs.get(index).map(|input| input.data_type).ok_or_else(|| {
            Failure::parameters(format!("there is no input {index}: the call has {}", self.inputs.len()))
        })
    }

    /// The type of the series with a path.
    ///
    /// # Errors
    /// No input has the path.
    pub fn data_type_of(&self, path: &str) -> Result<DataType, Failure> {
        let found = self.inputs.iter().find(|input| input.path == path);
        found.map(|input| input.data_type).ok_or_else(|| Failure::parameters(format!("no input is `{path}`")))
    }

    /// All attributes, in the order of the call.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether an attribute is given.
    pub fn has(&self, key: &str) -> bool {
        self.string(key).is_some()
    }

    /// An attribute's text; `None` where it is not given.
    pub fn string(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(each, _)| each == key).map(|(_, value)| value.as_str())
    }

    /// An attribute's text, or another where it is not given.
    pub fn string_or<'a>(&'a self, key: &str, otherwise: &'a str) -> &'a str {
        self.string(key).unwrap_or(otherwise)
    }

    /// The text of an attribute that must be given.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, key: &str) -> Result<&str, Failure> {
        self.string(key).ok_or_else(|| {
            Failure::parameters(format!("attribute \"{key}\" is required but was not provided."))
        })
    }

    typed!(i32, "a whole number of 32 bits", int, int_or, required_int);
    typed!(i64, "a whole number of 64 bits", long, long_or, required_long);
    typed!(f32, "a number of single precision", float, float_or, required_float);
    typed!(f64, "a number", double, double_or, required_double);
    typed!(bool, "true or false", boolean, boolean_or, required_boolean);
}

fn parse<T: FromStr>(key: &str, text: &str, what: &str) -> Result<T, Failure> {
    let trimmed = text.trim();
    // Truths are written in any case.
    trimmed
        .parse()
        .or_else(|_| trimmed.to_ascii_lowercase().parse())
        .map_err(|_| Failure::parameters(format!("attribute \"{key}\" must be {what}: `{text}` is not")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> UdfParameters {
        let inputs = vec![Input { path: "root.d.s1".to_owned(), data_type: DataType::Int32 }];
        let attributes = [("k", "7"), ("x", "1.5"), ("t", "TRUE"), ("k", "8")];
        UdfParameters::new(inputs, attributes.map(|(key, value)| (key.to_owned(), value.to_owned())))
    }

    #[test]
    fn the_last_of_two_attributes_with_one_key_counts() {
        assert_eq!(parameters().attributes().len(), 3);
        assert_eq!(parameters().int("k"), Ok(Some(8)));
    }

    #[test]
    fn an_absent_attribute_is_told_from_a_wrong_one() {
        let parameters = parameters();
        assert_eq!(parameters.long("absent"), Ok(None));
        assert_eq!(parameters.long_or("absent", 678), Ok(678));
        assert_eq!(parameters.double("x"), Ok(Some(1.5)));
        assert_eq!(parameters.boolean("t"), Ok(Some(true)));
        let wrong = parameters.long_or("x", 678).expect_err("1.5 is no whole number");
        assert_eq!(wrong.message(), "attribute \"x\" must be a whole number of 64 bits: `1.5` is not");
        let absent = parameters.required_long("absent").expect_err("it is not given");
        assert_eq!(absent.message(), "attribute \"absent\" is required but was not provided.");
    }

    #[test]
    fn types_are_found_by_index_and_by_path() {
        let parameters = parameters();
        assert_eq!(parameters.data_type(0), Ok(DataType::Int32));
        assert_eq!(parameters.data_type_of("root.d.s1"), Ok(DataType::Int32));
        assert!(parameters.data_type(1).is_err() && parameters.data_type_of("root.d.s2").is_err());
    }
}
