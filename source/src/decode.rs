//! Decoders: what makes rows of a record's bytes.
//!
//! | name | a record is |
//! | --- | --- |
//! | `json` | an object, flat or an event map, or an array of those |
//! | `csv` | lines of separated values |
//! | `line` | `device,time,m1:m2,TYPE1:TYPE2,v1:v2` |
//! | `avro` | a record of a schema that a registry knows, or a file holds |
//! | `influx` | lines of InfluxDB's protocol, `table,tag=value field=value time` |
//!
//! Invariants: no bytes, whatever they are, make a decoder panic or recurse without bound; a record that is not well
//! formed leaves no row behind, nor does a part of one that has several, whose other parts are taken; nothing is guessed silently: what cannot be read is rejected with the place in it.

mod account;
mod avro;
mod csv;
mod influx;
mod json;
mod line;
mod parts;
mod time;
mod typed;

pub(crate) use self::{parts::Reasons, time::date_time};

pub use self::{
    avro::{AvroDecoder, AvroOptions},
    csv::{CsvDecoder, CsvOptions},
    influx::{InfluxDecoder, InfluxOptions, Tags},
    json::{FieldChoice, JsonDecoder, JsonOptions, JsonPath, Place},
    line::{LineDecoder, LineOptions},
    time::{MissingTime, TimeUnit},
    typed::Integers,
};
