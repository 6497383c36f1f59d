//! Which type a series gets of which nobody says it: by all its values in the file.

use std::{collections::HashMap, sync::Arc};

use levada_model::{DataType, Path};

use super::object::Token;

/// Whole numbers beyond are not all to be had as DOUBLE.
const EXACT: i64 = 1 << 53;

/// What was seen of every series.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<Path, HashMap<Arc<str>, Guess>>);

/// What was seen of one.
#[derive(Clone, Copy, Debug, Default)]
struct Guess {
    booleans: bool,
    whole: bool,
    real: bool,
    /// Whole numbers that DOUBLE would round.
    large: bool,
    others: bool,
}

impl Guesses {
    /// Looks at values of a series.
    pub(super) fn see<'a>(
        &mut self,
        device: &Path,
        name: &Arc<str>,
        values: impl Iterator<Item = &'a Token<'a>>,
    ) {
        let of_device = match self.0.get_mut(device) {
            Some(of_device) => of_device,
            None => self.0.entry(device.clone()).or_default(),
        };
        let guess = match of_device.get_mut(name) {
            Some(guess) => guess,
            None => of_device.entry(Arc::clone(name)).or_default(),
        };
        values.for_each(|value| guess.see(value));
    }

    /// Whether a series was seen.
    pub(super) fn knows(&self, device: &Path, name: &Arc<str>) -> bool {
        self.0.get(device).is_some_and(|of_device| of_device.contains_key(name))
    }

    /// The type of a series.
    pub(super) fn data_type(&self, device: &Path, name: &Arc<str>) -> DataType {
        let guess = self.0.get(device).and_then(|of_device| of_device.get(name)).copied();
        guess.unwrap_or_default().data_type()
    }
}

impl Guess {
    fn see(&mut self, value: &Token<'_>) {
        match value {
            Token::Null => {}
            Token::Boolean(_) => self.booleans = true,
            Token::Number(digits) => match digits.parse::<i64>() {
                Ok(number) => {
                    self.whole = true;
                    self.large |= !(-EXACT..=EXACT).contains(&number);
                }
                // With more digits than any number has, or none that is finite.
                Err(_) if !digits.contains(['.', 'e', 'E']) => self.others = true,
                Err(_) if digits.parse::<f64>().is_ok_and(f64::is_finite) => self.real = true,
                Err(_) => self.others = true,
            },
            Token::Text(text) if matches!(&**text, "NaN" | "Infinity" | "-Infinity") => self.real = true,
            Token::Text(_) | Token::Other(_) => self.others = true,
        }
    }

    fn data_type(self) -> DataType {
        let numbers = self.whole || self.real;
        if self.others || numbers && self.booleans || self.real && self.large {
            DataType::Text
        } else if self.booleans {
            DataType::Boolean
        } else if self.real {
            DataType::Double
        } else if self.whole {
            DataType::Int64
        } else {
            DataType::Text
        }
    }
}
