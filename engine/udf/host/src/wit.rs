//! The contract's types as they cross the border: `engine/udf/wit/udf.wit`.

use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum DataType {
    #[component(name = "boolean")]
    Boolean,
    #[component(name = "int32")]
    Int32,
    #[component(name = "int64")]
    Int64,
    #[component(name = "float")]
    Float,
    #[component(name = "double")]
    Double,
    #[component(name = "text")]
    Text,
    #[component(name = "timestamp")]
    Timestamp,
    #[component(name = "date")]
    Date,
    #[component(name = "blob")]
    Blob,
    #[component(name = "string")]
    String,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct BytesIn<'a> {
    pub(crate) offsets: &'a [i32],
    pub(crate) bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum ValuesIn<'a> {
    #[component(name = "boolean")]
    Boolean(&'a [u8]),
    #[component(name = "int32")]
    Int32(&'a [i32]),
    #[component(name = "int64")]
    Int64(&'a [i64]),
    #[component(name = "float")]
    Float(&'a [f32]),
    #[component(name = "double")]
    Double(&'a [f64]),
    #[component(name = "bytes")]
    Bytes(BytesIn<'a>),
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct ColumnIn<'a> {
    pub(crate) validity: Option<&'a [u8]>,
    pub(crate) values: ValuesIn<'a>,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct BatchIn<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) columns: &'a [ColumnIn<'a>],
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Window {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) begin: i64,
    pub(crate) end: i64,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct GroupRows {
    pub(crate) group: u32,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct BytesOut {
    pub(crate) offsets: Vec<i32>,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum ValuesOut {
    #[component(name = "boolean")]
    Boolean(Vec<u8>),
    #[component(name = "int32")]
    Int32(Vec<i32>),
    #[component(name = "int64")]
    Int64(Vec<i64>),
    #[component(name = "float")]
    Float(Vec<f32>),
    #[component(name = "double")]
    Double(Vec<f64>),
    #[component(name = "bytes")]
    Bytes(BytesOut),
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct ColumnOut {
    pub(crate) validity: Option<Vec<u8>>,
    pub(crate) values: ValuesOut,
}

/// A page of a window, which goes to the module.
#[derive(Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct BatchOut {
    pub(crate) times: Vec<i64>,
    pub(crate) columns: Vec<ColumnOut>,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct PointsOut {
    pub(crate) times: Vec<i64>,
    pub(crate) values: ValuesOut,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "they are made by lifting")]
pub(crate) enum Cause {
    #[component(name = "invalid-parameters")]
    InvalidParameters,
    #[component(name = "invalid-input")]
    InvalidInput,
    #[component(name = "wrong-type")]
    WrongType,
    #[component(name = "times-not-increasing")]
    TimesNotIncreasing,
    #[component(name = "other")]
    Other,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Input<'a> {
    pub(crate) path: &'a str,
    #[component(name = "data-type")]
    pub(crate) data_type: DataType,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Parameters<'a> {
    pub(crate) inputs: &'a [Input<'a>],
    pub(crate) attributes: &'a [(&'a str, &'a str)],
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Display {
    pub(crate) begin: Option<i64>,
    pub(crate) end: Option<i64>,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct TimeWindow {
    pub(crate) interval: i64,
    pub(crate) step: i64,
    pub(crate) display: Display,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct SizeWindow {
    pub(crate) size: u64,
    pub(crate) step: u64,
    pub(crate) display: Display,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct SessionWindow {
    pub(crate) gap: i64,
    pub(crate) display: Display,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct StateWindow {
    pub(crate) delta: f64,
    pub(crate) display: Display,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Access {
    #[component(name = "row-by-row")]
    RowByRow,
    #[component(name = "sliding-time")]
    SlidingTime(TimeWindow),
    #[component(name = "sliding-size")]
    SlidingSize(SizeWindow),
    #[component(name = "session")]
    Session(SessionWindow),
    #[component(name = "state")]
    State(StateWindow),
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Configuration {
    pub(crate) access: Access,
    pub(crate) output: DataType,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "they are made by lifting")]
pub(crate) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warning")]
    Warning,
    #[component(name = "error")]
    Error,
}
