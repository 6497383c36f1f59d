//! Texts with places to be filled in: `out/{device}/{date}.csv`.
//!
//! | in the text | of a row |
//! | --- | --- |
//! | `{device}` | its device, `root.plant.d1` |
//! | `{date}` | its day in UTC, `2024-05-01` |
//! | `{year}`, `{month}`, `{day}`, `{hour}` | parts of its time in UTC, `2024`, `05`, `01`, `08` |
//!
//! `{{` and `}}` are braces.

use jiff::civil::DateTime;
use levada_connector_api::model::date_time;

pub(crate) const HOUR: i64 = 60 * 60 * 1_000;

/// What may stand between braces.
const FIELDS: [(&str, Field); 6] = [
    ("device", Field::Device),
    ("date", Field::Date),
    ("year", Field::Year),
    ("month", Field::Month),
    ("day", Field::Day),
    ("hour", Field::Hour),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Device,
    Date,
    Year,
    Month,
    Day,
    Hour,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Field(Field),
}

/// A text with places to be filled in, or without any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

impl Template {
    /// Reads a text that is a `what`, as in a path.
    ///
    /// # Errors
    /// A brace is not closed, or between braces stands what is unknown; the message says what may stand there.
    pub(crate) fn parse(text: &str, what: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain.push_str(&from[..1]);
                rest = after;
                continue;
            }
            let named = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let Some((name, after)) = named else {
                return Err(format!(
                    "`{text}` has a brace without its other: a brace itself is written `{{{{` or `}}}}`"
                ));
            };
            let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
                let known: Vec<_> = FIELDS.iter().map(|(known, _)| format!("{{{known}}}")).collect();
                return Err(format!(
                    "`{{{name}}}` is nothing that a {what} can be made of: it may be {}; a brace itself is written `{{{{`",
                    known.join(", ")
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Field(*field));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// A text without places.
    #[cfg(feature = "kafka")]
    pub(crate) fn plain(text: String) -> Self {
        Self { pieces: vec![Piece::Text(text)] }
    }

    /// Milliseconds within which rows of a device have one text; `None` where times have no part in it.
    pub(crate) fn span(&self) -> Option<i64> {
        let fields = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(Field::Device) | Piece::Text(_) => None,
            Piece::Field(Field::Hour) => Some(HOUR),
            Piece::Field(_) => Some(24 * HOUR),
        });
        fields.min()
    }

    /// The text of rows of a device and a time. `put_device` adds a device's name.
    ///
    /// # Errors
    /// There is none; the message says why.
    pub(crate) fn fill(
        &self,
        device: &str,
        time: i64,
        put_device: impl Fn(&str, &mut String),
    ) -> Result<String, String> {
        let mut filled = String::new();
        let mut moment: Option<DateTime> = None;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(Field::Device) => put_device(device, &mut filled),
                Piece::Field(field) => {
                    let moment = match moment {
                        Some(moment) => moment,
                        None => *moment.insert(calendar(time)?),
                    };
                    filled.push_str(&part(*field, moment));
                }
            }
        }
        Ok(filled)
    }
}

fn calendar(time: i64) -> Result<DateTime, String> {
    date_time(time).ok_or_else(|| format!("the time {time} is on no day of the calendar"))
}

fn part(field: Field, moment: DateTime) -> String {
    match field {
        Field::Device => String::new(),
        Field::Date => moment.date().to_string(),
        // As a date begins, also before the year 0.
        Field::Year if moment.year() < 0 => format!("-{:06}", moment.year().unsigned_abs()),
        Field::Year => format!("{:04}", moment.year()),
        Field::Month => format!("{:02}", moment.month()),
        Field::Day => format!("{:02}", moment.day()),
        Field::Hour => format!("{:02}", moment.hour()),
    }
}
