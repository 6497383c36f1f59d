//! What is sent: a row of a device.

use std::fmt;

use levada_connector_api::{Result, model::Value};

/// A row of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The device: `root.sg.d1`, or below the sink's database.
    pub device: String,
    /// The time, in milliseconds since 1970 UTC.
    pub timestamp: i64,
    /// Measurements and their values; at least one.
    pub values: Vec<(String, EventValue)>,
}

/// A value of an [`Event`].
#[derive(Clone, Debug, PartialEq)]
pub enum EventValue {
    /// It has a type. A series that is missing is made with it; one that exists gets it converted where that loses nothing.
    Typed(Value),
    /// As it was written: the series says the type. A series that is missing becomes DOUBLE where this reads as a number, BOOLEAN where
    /// it is `true` or `false`, and TEXT otherwise.
    Written(String),
}

impl Event {
    /// A row without values yet.
    pub fn new(device: impl Into<String>, timestamp: i64) -> Self {
        Self { device: device.into(), timestamp, values: Vec::new() }
    }

    /// With one more value.
    ///
    /// ```
    /// use levada_connector::{Event, model::Value};
    /// let event = Event::new("root.sg.d1", 1_700_000_000_000).with("s1", Value::Double(0.5));
    /// assert_eq!(event.values.len(), 1);
    /// ```
    #[must_use]
    pub fn with(mut self, measurement: impl Into<String>, value: Value) -> Self {
        self.values.push((measurement.into(), EventValue::Typed(value)));
        self
    }
}

/// A row that the store will never take.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// The row.
    pub event: Event,
    /// Why. Other values of the same row may have been stored.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.event.device, self.event.timestamp, self.reason)
    }
}

/// How items become events. Closures `Fn(T) -> Result<Option<Event>>` are one.
pub trait SerializationSchema<T>: Send + Sync {
    /// The event of an item; `None` for one that is not stored.
    ///
    /// # Errors
    /// The item is none that can be stored; [`IotdbSink::send`](crate::IotdbSink::send) gives the error back.
    fn serialize(&self, item: T) -> Result<Option<Event>>;
}

impl<T, F: Fn(T) -> Result<Option<Event>> + Send + Sync> SerializationSchema<T> for F {
    fn serialize(&self, item: T) -> Result<Option<Event>> {
        self(item)
    }
}
