//! Which types series get of which nobody says them: by all their values in the file, as [`Guess`] has it.

use std::{collections::HashMap, sync::Arc};

use levada_model::{Path, convert::is_not_finite};

use super::object::Token;
use crate::commands::import::guess::{Guess, Seen};

/// What was seen of every series.
#[derive(Debug, Default)]
pub(super) struct Guesses(HashMap<Path, HashMap<Arc<str>, Guess>>);

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
        values.filter_map(seen).for_each(|seen| guess.see(seen));
    }

    /// What was seen of a series.
    pub(super) fn of(&self, device: &Path, name: &Arc<str>) -> Option<&Guess> {
        self.0.get(device)?.get(name)
    }
}

/// What a value is; `None` for none.
pub(super) fn seen(value: &Token<'_>) -> Option<Seen> {
    Some(match value {
        Token::Null => return None,
        Token::Boolean(_) => Seen::Boolean,
        Token::Number(digits) => match digits.parse() {
            Ok(number) => Seen::Whole(number),
            // With more digits than any type of whole numbers has.
            Err(_) if !digits.contains(['.', 'e', 'E']) => Seen::Text,
            Err(_) => Seen::Real,
        },
        Token::Text(text) if is_not_finite(text) => Seen::Real,
        Token::Text(_) | Token::Said(_) | Token::Other(_) => Seen::Text,
    })
}

/// What is said of the type of values of several kinds; `None` where they are of one.
pub(super) fn told(guess: &Guess) -> Option<String> {
    let (data_type, fitting) = guess.data_type().filter(|_| guess.is_mixed())?;
    let rest = match guess.count() - fitting {
        0 => String::new(),
        rest => format!("; the lines of the {rest} that are none are rejected"),
    };
    let kinds = guess.kinds();
    Some(format!("is {data_type} where there is no such series yet: its values are {kinds}{rest}"))
}
