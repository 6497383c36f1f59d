//! Strings, numbers, true and false, and the conversions between them.

use levada_connector_api::{ByteSize, Interval, port_of};
use serde_json::{Number, Value};

use super::Checker;
use crate::{
    code,
    node::Scalar,
    schema::{Schema, Type},
    text::At,
    words,
};

/// The type that YAML gives a scalar if no schema decides.
pub(super) fn natural(scalar: &Scalar) -> Value {
    if scalar.is_null() {
        return Value::Null;
    }
    // A substituted string in quotes is a number, or true or false, only if one is expected.
    if scalar.quoted {
        return Value::String(scalar.text.clone());
    }
    if let Some(boolean) = scalar.boolean() {
        return Value::Bool(boolean);
    }
    // So are digits with `_` between them.
    if !scalar.text.contains('_') {
        if let Some(number) = scalar.integer().and_then(whole) {
            return number;
        }
        if let Some(number) = scalar.float().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(scalar.text.clone())
}

fn whole(number: i128) -> Option<Value> {
    let unsigned = u64::try_from(number).map(Value::from);
    unsigned.or_else(|_| i64::try_from(number).map(Value::from)).ok()
}

/// A scalar as a message names it: ``the text `abc` ``.
pub(super) fn found(scalar: &Scalar, schema: Schema<'_>) -> String {
    if scalar.is_null() {
        return "nothing".to_owned();
    }
    let from = match scalar.variables.as_slice() {
        [] => String::new(),
        names => format!(" from {}", words::list(names.iter().map(String::as_str), "and")),
    };
    if schema.is_secret() || scalar.variables.iter().any(|name| crate::secret::is_secret_name(name)) {
        return format!("a text{from}");
    }
    let text = words::shown(&scalar.text);
    match natural(scalar) {
        Value::Bool(_) => format!("`{text}`{from}"),
        Value::Number(_) => format!("the number `{text}`{from}"),
        _ if scalar.text.is_empty() => format!("an empty text{from}"),
        _ => format!("the text `{text}`{from}"),
    }
}

impl Checker<'_, '_> {
    pub(super) fn scalar(&mut self, scalar: &Scalar, at: At, schema: Schema<'_>) -> Option<Value> {
        if scalar.is_null() {
            let message = format!("expected {}, found nothing", schema.wanted());
            self.error(code::WRONG_TYPE, at, message).help("write a value, or remove the key");
            return None;
        }
        let types = schema.types();
        let constants = schema.constants();
        if !constants.is_empty() {
            return self.constant(scalar, at, schema, &constants);
        }
        // Its own type takes precedence over what it can be converted to.
        if scalar.quoted && scalar.variables.is_empty() && types.contains(&Type::String) {
            return self.string(scalar, at, schema);
        }
        if types.contains(&Type::Boolean)
            && let Some(boolean) = scalar.boolean()
        {
            return Some(Value::Bool(boolean));
        }
        if types.contains(&Type::Integer)
            && let Some(value) = integer(scalar)
        {
            return self.integer(value, scalar, at, schema);
        }
        if types.contains(&Type::Number) {
            // A number written without a point stays a whole number.
            let whole = scalar.integer().and_then(|number| Some((number as f64, whole(number)?)));
            let number = |value: f64| Number::from_f64(value).map(|number| (value, Value::Number(number)));
            if let Some((value, number)) = whole.or_else(|| scalar.float().and_then(number)) {
                return self.in_range(value, scalar, at, schema).then_some(number);
            }
        }
        if types.contains(&Type::String) {
            return self.string(scalar, at, schema);
        }
        let unquoted = Scalar { quoted: false, ..scalar.clone() };
        let found = found(scalar, schema);
        let number = matches!(natural(&unquoted), Value::Number(_) | Value::Bool(_)) && scalar.quoted;
        let word = scalar.text.to_lowercase();
        self.wrong_type(at, schema, &found);
        let problem = self.report.found.last_mut()?;
        if number {
            problem.help("in quotes it is a text: remove the quotes");
        } else if types.contains(&Type::Boolean) && matches!(word.as_str(), "yes" | "on" | "y") {
            problem.help("write `true`");
        } else if types.contains(&Type::Boolean) && matches!(word.as_str(), "no" | "off" | "n") {
            problem.help("write `false`");
        }
        None
    }

    fn constant(
        &mut self,
        scalar: &Scalar,
        at: At,
        schema: Schema<'_>,
        constants: &[&Value],
    ) -> Option<Value> {
        let text = &scalar.text;
        let fits = |constant: &&&Value| match constant {
            Value::String(name) => name == text,
            other => natural(&Scalar { quoted: false, ..scalar.clone() }) == ***other,
        };
        if let Some(constant) = constants.iter().find(fits) {
            return Some((*constant).clone());
        }
        let names = constants.iter().filter_map(|constant| constant.as_str());
        let help = words::nearest(text, names).map(|name| format!("did you mean `{name}`?"));
        let message = format!("expected {}, found {}", schema.wanted(), found(scalar, schema));
        self.error(code::WRONG_VALUE, at, message).maybe_help(help);
        None
    }

    fn integer(&mut self, value: i128, scalar: &Scalar, at: At, schema: Schema<'_>) -> Option<Value> {
        let (least, most) = match schema.text("format") {
            Some("int8") => (i8::MIN.into(), i8::MAX.into()),
            Some("uint8") => (0, u8::MAX.into()),
            Some("int16") => (i16::MIN.into(), i16::MAX.into()),
            Some("uint16") => (0, u16::MAX.into()),
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            Some("uint32") => (0, u32::MAX.into()),
            Some("int64") => (i64::MIN.into(), i64::MAX.into()),
            _ => (i64::MIN.into(), i128::from(u64::MAX)),
        };
        if !self.in_range(value as f64, scalar, at, schema) {
            return None;
        }
        if value < least || value > most {
            let message =
                format!("expected a whole number from {least} to {most}, found {}", found(scalar, schema));
            self.error(code::WRONG_VALUE, at, message);
            return None;
        }
        whole(value)
    }

    fn in_range(&mut self, value: f64, scalar: &Scalar, at: At, schema: Schema<'_>) -> bool {
        let limit = |keyword| schema.number(keyword);
        let what = schema.wanted();
        let wrong = match () {
            () if limit("minimum").is_some_and(|least| value < least) => {
                match (limit("minimum"), limit("maximum")) {
                    (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
                    (Some(least), None) => format!("{what} of at least {least}"),
                    _ => what,
                }
            }
            () if limit("maximum").is_some_and(|most| value > most) => {
                match (limit("minimum"), limit("maximum")) {
                    (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
                    (_, Some(most)) => format!("{what} of at most {most}"),
                    _ => what,
                }
            }
            () if limit("exclusiveMinimum").is_some_and(|least| value <= least) => {
                format!("{what} above {}", limit("exclusiveMinimum").unwrap_or_default())
            }
            () if limit("exclusiveMaximum").is_some_and(|most| value >= most) => {
                format!("{what} below {}", limit("exclusiveMaximum").unwrap_or_default())
            }
            () => return true,
        };
        let message = format!("expected {wrong}, found {}", found(scalar, schema));
        self.error(code::WRONG_VALUE, at, message);
        false
    }

    fn string(&mut self, scalar: &Scalar, at: At, schema: Schema<'_>) -> Option<Value> {
        let text = scalar.text.as_str();
        let wrong = |message: String| Some(message);
        let length = text.chars().count() as f64;
        let problem = match schema.text("format") {
            Some("interval") => text.parse::<Interval>().err(),
            _ if text.contains('\0') => {
                wrong("a NUL character is in the text, which no name and no file can hold".to_owned())
            }
            Some("byte-size") => text.parse::<ByteSize>().err(),
            Some("address") => port_of(text).err(),
            _ if schema.number("minLength").is_some_and(|least| length < least) => {
                let least = schema.number("minLength").unwrap_or_default();
                match least {
                    1.0 => wrong("expected a text, found an empty one".to_owned()),
                    _ => wrong(format!("expected a text of at least {least} characters, found {length}")),
                }
            }
            _ if schema.number("maxLength").is_some_and(|most| length > most) => {
                let most = schema.number("maxLength").unwrap_or_default();
                match most {
                    1.0 => wrong(format!("expected a single character, found {length}")),
                    _ => wrong(format!("expected a text of at most {most} characters, found {length}")),
                }
            }
            _ => schema.text("pattern").and_then(|pattern| {
                let fits = regex::Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text));
                let message =
                    format!("expected a text that fits `{pattern}`, found {}", found(scalar, schema));
                (!fits).then_some(message)
            }),
        };
        match problem {
            None => Some(Value::String(text.to_owned())),
            Some(message) => {
                let text = schema.text("description").filter(|_| schema.get("pattern").is_some());
                let plain = schema.text("format").is_none();
                let help = text.filter(|_| plain).map(super::first_sentence);
                self.error(code::WRONG_VALUE, at, message).maybe_help(help);
                None
            }
        }
    }
}

/// A whole number, also if it is written as `1e6` or `5.0`.
fn integer(scalar: &Scalar) -> Option<i128> {
    let from_float = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i128);
    scalar.integer().or_else(|| scalar.float().and_then(from_float))
}
