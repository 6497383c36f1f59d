//! Maps of strings as events, the form that Flink's connector takes by default.

use std::collections::HashMap;

use jiff::Timestamp;
use levada_connector_api::{
    Error, Result,
    model::{DataType, convert::Given},
};

use crate::{Event, EventValue, SerializationSchema};

/// Makes an event of a map with the keys `device`, `timestamp`, `measurements`, `types` and `values`. The last three are lists,
/// separated by commas. Without a `timestamp` the event is of now; without `types` the store determines them.
///
/// ```
/// use std::collections::HashMap;
/// use levada_connector::{EventValue, MapSchema, SerializationSchema, model::Value};
/// let map = [("device", "root.sg.d1"), ("timestamp", "5"), ("measurements", "s1,s2"), ("types", "DOUBLE,TEXT"), ("values", "0.5,on")];
/// let map: HashMap<String, String> = map.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
/// let event = MapSchema::default().serialize(map)?.expect("an event");
/// assert_eq!(event.values[0], ("s1".to_owned(), EventValue::Typed(Value::Double(0.5))));
/// # Ok::<(), levada_connector::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapSchema {
    /// The key of the device.
    pub device: String,
    /// The key of the time, in milliseconds.
    pub timestamp: String,
    /// The key of the measurements.
    pub measurements: String,
    /// The key of the types.
    pub types: String,
    /// The key of the values.
    pub values: String,
    /// What stands between measurements, between types, and between values.
    pub separator: String,
}

impl Default for MapSchema {
    fn default() -> Self {
        Self {
            device: "device".to_owned(),
            timestamp: "timestamp".to_owned(),
            measurements: "measurements".to_owned(),
            types: "types".to_owned(),
            values: "values".to_owned(),
            separator: ",".to_owned(),
        }
    }
}

impl SerializationSchema<HashMap<String, String>> for MapSchema {
    fn serialize(&self, map: HashMap<String, String>) -> Result<Option<Event>> {
        let wanted = |key: &str| map.get(key).ok_or_else(|| Error::data(format!("the map has no `{key}`")));
        let device = wanted(&self.device)?.clone();
        let timestamp = match map.get(&self.timestamp) {
            None => Timestamp::now().as_millisecond(),
            Some(text) => text.trim().parse().map_err(|_| {
                Error::data(format!("`{}` is `{text}`, which is no number of milliseconds", self.timestamp))
            })?,
        };
        let list = |text: &'_ String| -> Vec<String> {
            text.split(&self.separator).map(|each| each.trim().to_owned()).collect()
        };
        let measurements = list(wanted(&self.measurements)?);
        // Spaces may belong to a text.
        let values: Vec<&str> = wanted(&self.values)?.split(&self.separator).collect();
        let types = map.get(&self.types).map(list);
        let counts = (measurements.len(), values.len(), types.as_ref().map_or(values.len(), Vec::len));
        if counts.0 != counts.1 || counts.1 != counts.2 {
            let message =
                format!("the map has {} measurements, {} values and {} types", counts.0, counts.1, counts.2);
            return Err(Error::data(message));
        }
        let mut event = Event::new(device, timestamp);
        for (at, (measurement, value)) in measurements.into_iter().zip(values).enumerate() {
            let value = match types.as_ref().and_then(|types| types.get(at)) {
                None => EventValue::Written(value.to_owned()),
                Some(name) => typed(&measurement, name, value)?,
            };
            event.values.push((measurement, value));
        }
        Ok(Some(event))
    }
}

/// A value of a type that is named, by the one table of conversions.
fn typed(measurement: &str, name: &str, text: &str) -> Result<EventValue> {
    let data_type: DataType =
        name.parse().map_err(|error| Error::data(format!("measurement `{measurement}`: {error}")))?;
    let given = if data_type.is_numeric() { Given::Number(text.trim()) } else { Given::Text(text) };
    match given.value(data_type) {
        Ok(value) => Ok(EventValue::Typed(value)),
        Err(_) => Err(Error::data(format!("measurement `{measurement}`: `{text}` is no {data_type}"))),
    }
}

#[cfg(test)]
mod tests {
    use levada_connector_api::model::Value;

    use super::*;

    fn event(pairs: &[(&str, &str)]) -> Result<Event> {
        let map = pairs.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        MapSchema::default().serialize(map).map(|event| event.expect("an event"))
    }

    #[test]
    fn a_map_becomes_an_event_of_its_types() {
        let event = event(&[
            ("device", "root.sg.d1"),
            ("timestamp", "7"),
            ("measurements", "a,b,c,d"),
            ("types", "INT32,DOUBLE,BOOLEAN,TEXT"),
            ("values", "1,-2.5,true, x y"),
        ])
        .expect("well formed");
        let values: Vec<_> = event.values.into_iter().map(|(_, value)| value).collect();
        let expected =
            [Value::Int32(1), Value::Double(-2.5), Value::Boolean(true), Value::Text(" x y".to_owned())];
        assert_eq!(values, expected.map(EventValue::Typed));
    }

    #[test]
    fn a_map_that_is_none_is_told_by_its_key() {
        let base = [("device", "d"), ("measurements", "a"), ("values", "1")];
        assert!(event(&base).is_ok(), "the time is now, the type is found out");
        for (key, text, reason) in [
            ("timestamp", "noon", "`timestamp` is `noon`"),
            ("values", "1,2", "1 measurements, 2 values"),
            ("types", "FLAOT", "measurement `a`"),
            ("types", "BOOLEAN", "is no BOOLEAN"),
        ] {
            let mut pairs: Vec<_> = base.iter().copied().filter(|(known, _)| *known != key).collect();
            pairs.push((key, text));
            if key == "types" && text == "BOOLEAN" {
                pairs.retain(|(known, _)| *known != "values");
                pairs.push(("values", "maybe"));
            }
            let error = event(&pairs).expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(event(&base[1..]).expect_err("no device").to_string().contains("no `device`"));
    }
}
