//! A schema, ready for reading and writing: all of its parts in one list, references resolved.

use std::collections::HashMap;

use levada_connector_api::model::TimeUnit;
use serde_json::{Map, Value};

use crate::TYPE_NOTE;

/// Decimals of more digits are taken for bytes: what is read has 16 bytes at most.
const MOST_DIGITS: u64 = 1_000;

/// The parts of a schema.
#[derive(Debug)]
pub struct Schema {
    all: Vec<Shape>,
    root: usize,
}

/// How the bytes of one part stand; parts in it are given by their places in the list.
#[derive(Debug)]
pub enum Shape {
    /// No bytes.
    Null,
    /// A byte, 0 or 1.
    Boolean,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// 4 bytes.
    Float,
    /// 8 bytes.
    Double,
    /// Characters.
    Text,
    /// Characters of a series of type STRING.
    String,
    /// Bytes.
    Bytes,
    /// So many bytes.
    Fixed(usize),
    /// Digits behind the decimal point, and the number of bytes where it is fixed.
    Decimal(usize, Option<usize>),
    /// Days since 1970.
    Date,
    /// A point in time.
    Time(TimeUnit),
    /// Of a zone that is not said.
    LocalTime(TimeUnit),
    /// One of these symbols.
    Enum(Vec<String>),
    /// Fields, one after another.
    Record(Vec<Field>),
    /// One of these.
    Union(Vec<usize>),
    /// Blocks of these.
    List(usize),
    /// Blocks of a text and one of these.
    Map(usize),
}

/// A field of a record.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its part, by the place in the list.
    pub shape: usize,
    /// What a reader takes for it where a writer has no such field.
    pub default: Option<Value>,
}

impl Schema {
    /// Reads a schema. Those that it refers to come before those that refer to them.
    ///
    /// # Errors
    /// It is none, or not one of records; a schema that it refers to is not there.
    pub fn parse(text: &str, references: &[String]) -> Result<Self, String> {
        let json = |text: &str| {
            serde_json::from_str::<Value>(text).map_err(|error| format!("an Avro schema is JSON: {error}"))
        };
        let mut maker = Maker::default();
        for reference in references {
            maker.add(&json(reference)?, "")?;
        }
        let root = maker.add(&json(text)?, "")?;
        let shapes = Self { all: maker.all, root };
        match shapes.root() {
            Shape::Record(_) | Shape::List(_) | Shape::Union(_) => Ok(shapes),
            _ => Err("the schema is not one of records".to_owned()),
        }
    }

    /// What a whole datum is.
    pub fn root(&self) -> &Shape {
        self.get(self.root)
    }

    /// A part.
    #[inline]
    pub fn get(&self, at: usize) -> &Shape {
        self.all.get(at).unwrap_or(&Shape::Null)
    }
}

#[derive(Default)]
struct Maker {
    all: Vec<Shape>,
    names: HashMap<String, usize>,
}

impl Maker {
    /// Adds a part with those in it; its place.
    fn add(&mut self, schema: &Value, namespace: &str) -> Result<usize, String> {
        match schema {
            Value::String(name) => match plain(name) {
                Some(shape) => Ok(self.push(shape)),
                None => self.known(name, namespace),
            },
            Value::Array(variants) => {
                let variants = variants.iter().map(|variant| self.add(variant, namespace));
                let variants = variants.collect::<Result<_, _>>()?;
                Ok(self.push(Shape::Union(variants)))
            }
            Value::Object(schema) => match schema.get("type") {
                Some(Value::String(kind)) => self.object(kind, schema, namespace),
                Some(within) => self.add(within, namespace),
                None => Err("a part of the schema has no type".to_owned()),
            },
            _ => Err(format!("{schema} is no part of a schema")),
        }
    }

    fn object(&mut self, kind: &str, schema: &Map<String, Value>, namespace: &str) -> Result<usize, String> {
        let part = |key: &str| schema.get(key).ok_or_else(|| format!("the type `{kind}` has no `{key}`"));
        Ok(match kind {
            "record" | "error" => {
                let (at, namespace) = self.named(schema, namespace)?;
                let fields = part("fields")?.as_array().ok_or("the fields of a record are no list")?;
                let mut all = Vec::with_capacity(fields.len());
                for field in fields {
                    let name = field.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
                    let of = field.get("type").ok_or_else(|| format!("the field `{name}` has no type"))?;
                    let shape = self.add(of, &namespace).map_err(|error| format!("`{name}`: {error}"))?;
                    let default = field.get("default").cloned();
                    all.push(Field { name: name.to_owned(), shape, default });
                }
                self.set(at, Shape::Record(all))
            }
            "enum" => {
                let (at, _) = self.named(schema, namespace)?;
                let symbols = part("symbols")?.as_array().ok_or("the symbols of an enum are no list")?;
                let symbols = symbols.iter().map(|each| each.as_str().map(str::to_owned));
                let symbols = symbols.collect::<Option<_>>().ok_or("a symbol of an enum is no text")?;
                self.set(at, Shape::Enum(symbols))
            }
            "fixed" => {
                let (at, _) = self.named(schema, namespace)?;
                let size = part("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("the size of a fixed type is no number")?;
                let shape =
                    decimal(schema).map_or(Shape::Fixed(size), |scale| Shape::Decimal(scale, Some(size)));
                self.set(at, shape)
            }
            "array" => {
                let items = self.add(part("items")?, namespace)?;
                self.push(Shape::List(items))
            }
            "map" => {
                let values = self.add(part("values")?, namespace)?;
                self.push(Shape::Map(values))
            }
            _ => match plain(kind) {
                Some(shape) => self.push(logical(shape, schema)),
                None => self.known(kind, namespace)?,
            },
        })
    }

    fn push(&mut self, shape: Shape) -> usize {
        self.all.push(shape);
        self.all.len() - 1
    }

    /// A part with a name, which parts of it may refer to; and the namespace of names in it.
    fn named(&mut self, schema: &Map<String, Value>, namespace: &str) -> Result<(usize, String), String> {
        let text = |key| schema.get(key).and_then(Value::as_str);
        let name = text("name").ok_or("a type has no name")?;
        let full = full(name, text("namespace").unwrap_or(namespace));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let at = self.push(Shape::Null);
        if self.names.contains_key(&full) {
            return Err(format!("two types are named `{full}`"));
        }
        self.names.insert(full, at);
        Ok((at, namespace))
    }

    fn set(&mut self, at: usize, shape: Shape) -> usize {
        if let Some(place) = self.all.get_mut(at) {
            *place = shape;
        }
        at
    }

    fn known(&self, name: &str, namespace: &str) -> Result<usize, String> {
        let known = self.names.get(&full(name, namespace)).or_else(|| self.names.get(name));
        known.copied().ok_or_else(|| format!("the type `{name}` is not known"))
    }
}

fn full(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.trim_start_matches('.').to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

/// A type that needs no more than its name.
fn plain(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::Text,
        _ => return None,
    })
}

/// What a logical type makes of a plain one; one that is not known, or does not fit, makes nothing of it.
fn logical(shape: Shape, schema: &Map<String, Value>) -> Shape {
    let name = schema.get("logicalType").and_then(Value::as_str).unwrap_or_default();
    match (&shape, name) {
        (Shape::Int, "date") => Shape::Date,
        (Shape::Long, "timestamp-millis") => Shape::Time(TimeUnit::Millisecond),
        (Shape::Long, "timestamp-micros") => Shape::Time(TimeUnit::Microsecond),
        (Shape::Long, "timestamp-nanos") => Shape::Time(TimeUnit::Nanosecond),
        (Shape::Long, "local-timestamp-millis") => Shape::LocalTime(TimeUnit::Millisecond),
        (Shape::Long, "local-timestamp-micros") => Shape::LocalTime(TimeUnit::Microsecond),
        (Shape::Long, "local-timestamp-nanos") => Shape::LocalTime(TimeUnit::Nanosecond),
        (Shape::Text, _) if schema.get(TYPE_NOTE).and_then(Value::as_str) == Some("STRING") => Shape::String,
        (Shape::Bytes, _) => decimal(schema).map_or(shape, |scale| Shape::Decimal(scale, None)),
        _ => shape,
    }
}

/// How many digits of a decimal stand behind its point; `None` where it is none.
fn decimal(schema: &Map<String, Value>) -> Option<usize> {
    if schema.get("logicalType").and_then(Value::as_str) != Some("decimal") {
        return None;
    }
    let precision = schema.get("precision").and_then(Value::as_u64)?;
    let scale = schema.get("scale").map_or(Some(0), Value::as_u64)?;
    usize::try_from(scale).ok().filter(|_| scale <= precision && (1..=MOST_DIGITS).contains(&precision))
}
