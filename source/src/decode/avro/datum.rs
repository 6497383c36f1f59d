//! A datum's bytes, as a list of nodes.
//!
//! Invariants: whatever the bytes are, reading ends, in nodes or with the reason and the field; memory is bounded by the bytes and by
//! [`MOST_NODES`]. Texts and bytes are borrowed from the record, names from the schema.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use levada_connector_api::model::{
    DataType, Moment, TimeUnit,
    convert::{date_of_days, is_not_finite},
};

use levada_schema_registry::{Field, Schema, Shape};

use crate::decode::json::{DEEPEST, Node, Value};

/// A record has at most so many parts: elements of a list may take no bytes at all.
const MOST_NODES: usize = 1_000_000;

/// Reads a datum; the tape is empty.
///
/// # Errors
/// The bytes are none of this schema.
pub(super) fn read<'a>(
    schema: &'a Schema,
    bytes: &'a [u8],
    zone: &'a TimeZone,
    tape: &mut Vec<Node<'a>>,
) -> Result<(), String> {
    let mut reader = Reader { schema, zone, rest: bytes };
    reader.value(schema.root(), Cow::Borrowed(""), 0, tape)?;
    match reader.rest.len() {
        0 => Ok(()),
        more => Err(format!("{more} bytes are left behind the record: it is of another schema")),
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    zone: &'a TimeZone,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(
        &mut self,
        shape: &'a Shape,
        key: Cow<'a, str>,
        depth: usize,
        tape: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("nested more than {DEEPEST} deep"));
        }
        if tape.len() >= MOST_NODES {
            return Err(format!("more than {MOST_NODES} values in one record"));
        }
        let value = match shape {
            Shape::Null => Value::Null,
            Shape::Boolean => match self.take(1)? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                other => return Err(format!("{other:?} is no boolean")),
            },
            Shape::Int => Value::Int32(self.int()?),
            Shape::Long => Value::Int64(self.long()?),
            Shape::Float => Value::Float(f32::from_le_bytes(self.array()?)),
            Shape::Double => Value::Double(f64::from_le_bytes(self.array()?)),
            Shape::Text => text(self.text()?),
            Shape::String => Value::Characters(DataType::String, self.text()?),
            Shape::Bytes => Value::Bytes(self.bytes()?),
            Shape::Fixed(size) => Value::Bytes(self.take(*size)?),
            Shape::Decimal(scale, size) => {
                let unscaled = match size {
                    Some(size) => self.take(*size)?,
                    None => self.bytes()?,
                };
                Value::Digits(digits(unscaled, *scale)?)
            }
            Shape::Date => Value::Date(day(self.int()?)?),
            Shape::Time(unit) => Value::Time(moment(*unit, self.long()?)?),
            Shape::LocalTime(unit) => Value::Time(self.local(*unit)?),
            Shape::Enum(symbols) => {
                let nth = self.long()?;
                let symbol = usize::try_from(nth).ok().and_then(|nth| symbols.get(nth));
                Value::Text(Cow::Borrowed(
                    symbol.ok_or_else(|| format!("the enum has no symbol {nth}"))?.as_str(),
                ))
            }
            Shape::Union(variants) => {
                let nth = self.long()?;
                let variant = usize::try_from(nth).ok().and_then(|nth| variants.get(nth));
                let variant = *variant.ok_or_else(|| format!("the union has no variant {nth}"))?;
                return self.value(self.schema.get(variant), key, depth + 1, tape);
            }
            Shape::Record(_) | Shape::List(_) | Shape::Map(_) => return self.nested(shape, key, depth, tape),
        };
        tape.push(Node { key, value });
        Ok(())
    }

    /// A part with others in it.
    fn nested(
        &mut self,
        shape: &'a Shape,
        key: Cow<'a, str>,
        depth: usize,
        tape: &mut Vec<Node<'a>>,
    ) -> Result<(), String> {
        let at = open(key, tape);
        let close_as: fn(usize) -> Value<'a> = match shape {
            Shape::Record(fields) => {
                for Field { name, shape, .. } in fields {
                    let field =
                        self.value(self.schema.get(*shape), Cow::Borrowed(name.as_str()), depth + 1, tape);
                    field.map_err(|error| format!("`{name}`: {error}"))?;
                }
                Value::Object
            }
            Shape::Map(values) => {
                let values = self.schema.get(*values);
                self.blocks(|reader| {
                    let key = reader.text()?;
                    reader.value(values, Cow::Borrowed(key), depth + 1, tape)
                })?;
                Value::Object
            }
            Shape::List(items) => {
                let items = self.schema.get(*items);
                self.blocks(|reader| reader.value(items, Cow::Borrowed(""), depth + 1, tape))?;
                Value::List
            }
            _ => |_| Value::Null,
        };
        close(at, close_as, tape);
        Ok(())
    }

    /// The elements of a list or a map: blocks of so many, the last of which has none.
    fn blocks(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // A reader that is not interested could skip so many bytes.
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                element(self)?;
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("the record ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or("the record ends too early")?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A whole number: seven bits a byte, the lowest first, the sign in the lowest of all.
    #[inline]
    fn long(&mut self) -> Result<i64, String> {
        let mut zigzag = 0u64;
        for nth in 0..10u32 {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if nth == 9 && bits > 1 {
                break;
            }
            zigzag |= bits << (7 * nth);
            if byte & 0x80 == 0 {
                return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        Err("a whole number has more than 64 bits".to_owned())
    }

    fn int(&mut self) -> Result<i32, String> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| format!("{long} is no int"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| format!("a length of {length}"))?)
    }

    fn text(&mut self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|error| format!("a string is not UTF-8: {error}"))
    }

    /// A time of the zone of those that do not say theirs.
    fn local(&mut self, unit: TimeUnit) -> Result<Moment, String> {
        let count = self.long()?;
        let at = moment(unit, count)?;
        if *self.zone == TimeZone::UTC {
            return Ok(at);
        }
        let out_of_range = |_| format!("the local time {count} is out of range");
        let clock = Timestamp::from_millisecond(at.millis()).map_err(out_of_range)?;
        let clock = TimeZone::UTC.to_datetime(clock);
        let there = self.zone.to_timestamp(clock).map_err(out_of_range)?.as_millisecond();
        // What is finer than a millisecond is that of the clock.
        let shift = there - at.millis();
        let per_milli = match unit {
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1_000_000,
            _ => 1,
        };
        moment(unit, count.checked_add(shift * per_milli).ok_or("the local time is out of range")?)
    }
}

/// A text, also one that reads like a number which JSON has no form for.
fn text(text: &str) -> Value<'_> {
    match is_not_finite(text) {
        true => Value::Characters(DataType::Text, text),
        false => Value::Text(Cow::Borrowed(text)),
    }
}

fn open<'a>(key: Cow<'a, str>, tape: &mut Vec<Node<'a>>) -> usize {
    tape.push(Node { key, value: Value::Null });
    tape.len() - 1
}

fn close<'a>(at: usize, value: fn(usize) -> Value<'a>, tape: &mut [Node<'a>]) {
    let end = tape.len();
    if let Some(node) = tape.get_mut(at) {
        node.value = value(end);
    }
}

fn moment(unit: TimeUnit, count: i64) -> Result<Moment, String> {
    unit.moment(count).ok_or_else(|| format!("the time {count} is out of range"))
}

/// A day, counted from 1970-01-01, as `yyyymmdd`.
fn day(days: i32) -> Result<i32, String> {
    date_of_days(days.into()).ok_or_else(|| format!("the date, {days} days from 1970, is out of range"))
}

/// The digits of a decimal: a whole number, the highest byte first, and how many of its digits stand behind the point.
fn digits(bytes: &[u8], scale: usize) -> Result<Box<str>, String> {
    let Some(first) = bytes.first() else { return Err("a decimal has no bytes".to_owned()) };
    if bytes.len() > 16 {
        return Err(format!("a decimal of {} bytes; 16 is the most that is read", bytes.len()));
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1_i128 };
    let unscaled = bytes.iter().fold(sign, |number, byte| (number << 8) | i128::from(*byte));
    let minus = if unscaled < 0 { "-" } else { "" };
    let mut text = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    if scale > 0 {
        text.insert(text.len() - scale, '.');
    }
    Ok(format!("{minus}{text}").into())
}
