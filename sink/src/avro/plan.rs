//! How rows are written by a schema: its fields in their order, and what each takes.

use std::collections::HashMap;

use levada_connector_api::model::{DataType, TimeUnit};
use levada_schema_registry::{Field, Schema, Shape};
use serde_json::Value;

/// The record whose fields are measurements by their own names; those of others are named `outer_inner`.
pub(super) const NESTED: &str = "measurements";
/// Records within each other.
const DEEPEST: usize = 16;
/// A record that has itself in it has more at each level.
const MOST_FIELDS: usize = 100_000;

/// The fields that are no measurements.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Empty where there is none.
    pub(super) device: String,
    pub(super) time: Option<String>,
}

/// How rows are written by a schema.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) slots: Vec<Slot>,
    pub(super) leaves: Vec<Leaf>,
    places: HashMap<String, usize>,
}

/// What writes the next bytes.
#[derive(Debug)]
pub(super) enum Slot {
    /// The device, behind the number of its branch.
    Device(Vec<u8>),
    /// The time, behind the number of its branch.
    Time(Vec<u8>, TimeUnit),
    /// A measurement.
    Leaf(usize),
    /// Others, behind the number of their branch. Where they may all be absent, what stands for none of them.
    Record { slots: Vec<Slot>, before: Vec<u8>, null: Option<Vec<u8>> },
}

/// A field that takes a measurement.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) name: String,
    /// What it takes; nothing where it is of a kind that is not written.
    pub(super) branches: Vec<Branch>,
    /// What stands for no value; `None` where there has to be one.
    pub(super) absent: Option<Vec<u8>>,
}

/// One type that a field takes.
#[derive(Debug)]
pub(super) struct Branch {
    /// The number of the branch in a union.
    pub(super) before: Vec<u8>,
    pub(super) kind: Kind,
}

/// What values are written as.
#[derive(Debug)]
pub(super) enum Kind {
    Plain(DataType),
    /// So many bytes.
    Fixed(usize),
    /// One of these texts.
    Enum(Vec<String>),
    /// A time in this unit.
    Time(TimeUnit),
}

impl Kind {
    fn of(shape: &Shape) -> Option<Self> {
        Some(match shape {
            Shape::Boolean => Self::Plain(DataType::Boolean),
            Shape::Int => Self::Plain(DataType::Int32),
            Shape::Long => Self::Plain(DataType::Int64),
            Shape::Float => Self::Plain(DataType::Float),
            Shape::Double => Self::Plain(DataType::Double),
            Shape::Text => Self::Plain(DataType::Text),
            Shape::String => Self::Plain(DataType::String),
            Shape::Bytes => Self::Plain(DataType::Blob),
            Shape::Date => Self::Plain(DataType::Date),
            Shape::Fixed(size) => Self::Fixed(*size),
            Shape::Enum(symbols) => Self::Enum(symbols.clone()),
            Shape::Time(unit) | Shape::LocalTime(unit) => Self::Time(*unit),
            _ => return None,
        })
    }

    /// The type that values are converted to.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Plain(data_type) => *data_type,
            Self::Fixed(_) => DataType::Blob,
            Self::Enum(_) => DataType::Text,
            Self::Time(_) => DataType::Timestamp,
        }
    }
}

/// Types that Avro has one of in a union.
pub(super) fn base(data_type: DataType) -> DataType {
    match data_type {
        DataType::String => DataType::Text,
        DataType::Date => DataType::Int32,
        DataType::Timestamp => DataType::Int64,
        other => other,
    }
}

impl Leaf {
    /// The branch of exactly this type.
    pub(super) fn exact(&self, data_type: DataType) -> Option<usize> {
        self.branches.iter().position(|branch| branch.kind.data_type() == data_type)
    }

    /// Whether its union has room for a type that it does not have yet.
    pub(super) fn has_room(&self, data_type: DataType) -> bool {
        self.branches.iter().all(|branch| base(branch.kind.data_type()) != base(data_type))
    }
}

impl Plan {
    /// Reads a schema. Those that it refers to come before those that refer to them.
    ///
    /// # Errors
    /// It is none, or has no place for the device or the time.
    pub(super) fn parse(text: &str, references: &[String], names: &Names) -> Result<Self, String> {
        let schema = Schema::parse(text, references)?;
        let Shape::Record(fields) = schema.root() else {
            return Err("the schema is not that of a record".to_owned());
        };
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        let time = names.time.as_deref().unwrap_or(if has("time") { "time" } else { "timestamp" });
        if !names.device.is_empty() && !has(&names.device) {
            return Err(format!(
                "the schema has no field `{0}` for the device: name the one it has (`device: …`), or none (`device: \"\"`)",
                names.device
            ));
        }
        if !has(time) {
            return Err(format!(
                "the schema has no field `{time}` for the time: name the one it has (`time: …`)"
            ));
        }
        let mut maker = Maker { schema: &schema, leaves: Vec::new(), places: HashMap::new() };
        let mut slots = Vec::with_capacity(fields.len());
        for field in fields {
            slots.push(match field.name.as_str() {
                name if name == names.device => maker.device(field)?,
                name if name == time => maker.time(field)?,
                name => maker.field(field, name, 0)?,
            });
        }
        let Maker { leaves, places, .. } = maker;
        Ok(Self { slots, leaves, places })
    }

    /// The field for a measurement, by its number.
    pub(super) fn place(&self, measurement: &str) -> Option<usize> {
        self.places.get(measurement).copied()
    }
}

struct Maker<'a> {
    schema: &'a Schema,
    leaves: Vec<Leaf>,
    places: HashMap<String, usize>,
}

impl<'a> Maker<'a> {
    /// What a field may be, each behind the number of its branch.
    fn variants(&self, field: &Field) -> Vec<(Vec<u8>, &'a Shape)> {
        let schema = self.schema;
        match schema.get(field.shape) {
            Shape::Union(variants) => {
                let numbered = (0i64..).zip(variants);
                numbered.map(|(nth, at)| (long(nth), schema.get(*at))).collect()
            }
            only => vec![(Vec::new(), only)],
        }
    }

    fn device(&self, field: &Field) -> Result<Slot, String> {
        let variants = self.variants(field).into_iter();
        let mut fit = variants.filter(|(_, shape)| matches!(shape, Shape::Text | Shape::String));
        let (before, _) =
            fit.next().ok_or_else(|| format!("the field `{}` of the device is no string", field.name))?;
        Ok(Slot::Device(before))
    }

    fn time(&self, field: &Field) -> Result<Slot, String> {
        let fit = self.variants(field).into_iter().find_map(|(before, shape)| match shape {
            Shape::Long => Some(Slot::Time(before, TimeUnit::Millisecond)),
            Shape::Time(unit) | Shape::LocalTime(unit) => Some(Slot::Time(before, *unit)),
            _ => None,
        });
        fit.ok_or_else(|| {
            format!(
                "the field `{}` of the time is no long, with or without a logical type for times",
                field.name
            )
        })
    }

    fn field(&mut self, field: &Field, name: &str, depth: usize) -> Result<Slot, String> {
        let variants = self.variants(field);
        let null =
            variants.iter().find(|(_, shape)| matches!(shape, Shape::Null)).map(|(before, _)| before.clone());
        let nested = variants.iter().find_map(|(before, shape)| match shape {
            Shape::Record(fields) => Some((before.clone(), fields)),
            _ => None,
        });
        if let Some((before, fields)) = nested.filter(|_| depth < DEEPEST) {
            let named = |inner: &str| match name == NESTED && depth == 0 {
                true => inner.to_owned(),
                false => format!("{name}_{inner}"),
            };
            let slots = fields.iter().map(|inner| self.field(inner, &named(&inner.name), depth + 1));
            return Ok(Slot::Record { slots: slots.collect::<Result<_, _>>()?, before, null });
        }
        if self.leaves.len() >= MOST_FIELDS {
            return Err(format!(
                "the schema has more than {MOST_FIELDS} fields, those of records within it included"
            ));
        }
        let branches: Vec<_> = variants
            .iter()
            .filter_map(|(before, shape)| Some(Branch { before: before.clone(), kind: Kind::of(shape)? }))
            .collect();
        let default = field.default.as_ref().zip(variants.first());
        let absent =
            null.or_else(|| default.and_then(|(value, (before, shape))| written(before, shape, value)));
        if branches.is_empty() && absent.is_none() {
            return Err(format!(
                "the field `{name}` is of a kind that is not written, and may not be left out: let it be null"
            ));
        }
        let at = self.leaves.len();
        self.leaves.push(Leaf { name: name.to_owned(), branches, absent });
        self.places.entry(name.to_owned()).or_insert(at);
        Ok(Slot::Leaf(at))
    }
}

/// A default, as bytes; `None` where it is none of its kind, or of one that is not written.
fn written(before: &[u8], shape: &Shape, value: &Value) -> Option<Vec<u8>> {
    let mut bytes = before.to_vec();
    match (shape, value) {
        (Shape::Null, Value::Null) => {}
        (Shape::Boolean, Value::Bool(value)) => bytes.push(u8::from(*value)),
        (
            Shape::Int | Shape::Long | Shape::Date | Shape::Time(_) | Shape::LocalTime(_),
            Value::Number(number),
        ) => {
            bytes.extend(long(number.as_i64()?));
        }
        (Shape::Float, Value::Number(number)) => bytes.extend((number.as_f64()? as f32).to_le_bytes()),
        (Shape::Double, Value::Number(number)) => bytes.extend(number.as_f64()?.to_le_bytes()),
        (Shape::Text | Shape::String, Value::String(text)) => put_bytes(text.as_bytes(), &mut bytes),
        (Shape::Bytes, Value::String(text)) => put_bytes(&latin(text)?, &mut bytes),
        (Shape::Fixed(size), Value::String(text)) => {
            bytes.extend(latin(text).filter(|given| given.len() == *size)?);
        }
        (Shape::Enum(symbols), Value::String(text)) => {
            let nth = symbols.iter().position(|symbol| symbol == text)?;
            bytes.extend(long(i64::try_from(nth).ok()?));
        }
        (Shape::List(_), Value::Array(items)) if items.is_empty() => bytes.push(0),
        (Shape::Map(_), Value::Object(items)) if items.is_empty() => bytes.push(0),
        _ => return None,
    }
    Some(bytes)
}

/// Bytes as a default says them: a character for each.
fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|each| u8::try_from(u32::from(each)).ok()).collect()
}

fn long(number: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2);
    put_long(number, &mut bytes);
    bytes
}

/// A whole number: seven bits a byte, the lowest first, the sign in the lowest of all.
#[inline]
pub(super) fn put_long(number: i64, out: &mut Vec<u8>) {
    let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while zigzag >= 0x80 {
        out.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

/// Bytes or characters behind their number.
#[inline]
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // Nothing in memory is longer.
    put_long(i64::try_from(bytes.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(bytes);
}
