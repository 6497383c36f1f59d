//! One event as a line of text, as the peers' message-queue examples send it:
//! `device,time,m1:m2,TYPE1:TYPE2,v1:v2`.

use std::sync::Arc;

use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, FieldValue, Problem,
    Result, model::DataType, text_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    account::Account,
    parts::Parts,
    time::{MissingTime, TimeReader, TimeUnit, zone_problem},
    typed::text_as,
};

/// How lines are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LineOptions {
    /// What a time that is a number counts.
    pub time_unit: TimeUnit,
    /// The zone of times that do not say theirs, by its name or offset; UTC unless given.
    #[schemars(example = "Europe/Paris")]
    pub zone: Option<String>,
}

/// The type of the decoder, for the registry.
#[derive(Debug)]
pub struct LineDecoder {
    time: TimeReader,
    account: Arc<Account>,
}

impl DecoderType for LineDecoder {
    const NAME: &'static str = "line";
    const SUMMARY: &'static str = "Events as text: device,time,m1:m2,TYPE1:TYPE2,v1:v2.";
    type Options = LineOptions;

    fn check(options: &LineOptions) -> Vec<Problem> {
        zone_problem(options.zone.as_deref()).into_iter().collect()
    }

    fn build(options: LineOptions, context: &BuildContext) -> Result<DecoderFactory> {
        let zone = options.zone.as_deref();
        let time = TimeReader::new(options.time_unit, MissingTime::Reject, zone, &context.node);
        let account = Arc::new(Account::default());
        let noticed = Arc::clone(&account);
        let make = move || -> Box<dyn Decoder> {
            Box::new(Self { time: time.clone(), account: Arc::clone(&account) })
        };
        Ok(DecoderFactory::new(make).noticing(noticed))
    }
}

impl Decoder for LineDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = text_of(record).map_err(DecodeError::new)?;
        let several = text.trim().contains('\n');
        let mut parts = Parts::default();
        let mut at = record.len() - text.len();
        for (nth, line) in text.split_inclusive('\n').enumerate() {
            let from = at;
            at += line.len();
            let line = line.trim_end_matches(['\r', '\n']);
            if !line.trim().is_empty() {
                let bytes = several.then_some(from..from + line.len());
                let name = || if several { format!("line {}", nth + 1) } else { String::new() };
                parts.part(rows, bytes, name, |rows| self.line(line, rows));
            }
        }
        parts.end(rows).map_err(DecodeError::new)
    }
}

impl LineDecoder {
    fn line(&self, line: &str, rows: &mut BatchBuilder) -> Result<(), String> {
        let mut parts = line.splitn(5, ',');
        let mut part = |what: &str| parts.next().ok_or_else(|| format!("the {what} is missing"));
        let device = part("device")?.trim();
        let time = self.time.text(part("time")?)?;
        let (names, types, values) =
            (part("list of measurements")?, part("list of types")?, part("list of values")?);
        let counts = [names, types, values].map(|list| list.split(':').count());
        if counts[0] != counts[1] || counts[0] != counts[2] {
            let [names, types, values] = counts;
            return Err(format!(
                "{names} measurements, {types} types, {values} values: there must be as many of each"
            ));
        }
        let mut fields = Vec::with_capacity(counts[0]);
        for ((name, data_type), value) in names.split(':').zip(types.split(':')).zip(values.split(':')) {
            let name = name.trim();
            let data_type: DataType =
                data_type.trim().parse().map_err(|error: levada_connector_api::model::UnknownName| {
                    format!("measurement `{name}`: {error}")
                })?;
            let value = text_as(unquoted(value, data_type), data_type, self.time.zone());
            fields.push((name, value.map_err(|error| format!("measurement `{name}`: {error}"))?));
        }
        let fields: &[(&str, FieldValue<'_>)] = &fields;
        self.account.row(rows, device, time, fields)
    }
}

/// Texts come between single or double quotes there; the quotes are not part of the value.
fn unquoted(value: &str, data_type: DataType) -> &str {
    if !data_type.is_text() {
        return value;
    }
    let trimmed = value.trim();
    ['\'', '"']
        .into_iter()
        .find_map(|quote| trimmed.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(record: &[u8]) -> Result<levada_connector_api::Batch, DecodeError> {
        let mut decoder = LineDecoder {
            time: TimeReader::new(TimeUnit::Ms, MissingTime::Reject, None, "n"),
            account: Arc::default(),
        };
        let mut rows = BatchBuilder::new();
        rows.record(record, 0);
        decoder.decode(record, &mut rows)?;
        Ok(rows.finish(Vec::new()))
    }

    #[test]
    fn the_peers_event_text_is_read() {
        let batch = decode(b"root.vehicle.d0,1700000000000,s0:s1,INT32:TEXT,10:'a, b'").expect("well formed");
        let tablet = &batch.readings[0].tablet;
        assert_eq!(tablet.device().as_str(), "root.vehicle.d0");
        let values = tablet.columns().iter().filter_map(|column| {
            levada_connector_api::model::Value::at(&column.values, column.data_type, 0)
                .map(|value| value.to_string())
        });
        assert_eq!(values.collect::<Vec<_>>(), ["10", "a, b"]);
    }

    #[test]
    fn a_broken_line_costs_no_other() {
        for wrong in ["d", "d,1,a,INT32", "d,1,a:b,INT32,1", "d,1,a,WORD,1", "d,x,a,INT32,1", ",1,a,INT32,1"]
        {
            let record = format!("d,1700000000000,a,INT32,1\n\n{wrong}\r\nd,1700000000001,a,INT32,2\n");
            let batch = decode(record.as_bytes()).expect("two lines are good");
            assert_eq!((batch.rows(), batch.rejected.len()), (2, 1), "{wrong}");
            assert_eq!(batch.rejected[0].record.bytes(), wrong.as_bytes());
            assert!(batch.rejected[0].error.starts_with("line 3: "), "{batch:?}");
            let record = batch.readings[0].record(1).expect("from a record");
            assert_eq!(record.bytes(), b"d,1700000000001,a,INT32,2");
            assert!(
                decode(wrong.as_bytes()).is_err_and(|error| !error.message.starts_with("line")),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[d1,:.a'INT]{0,40}") {
            let outcomes = [decode(&bytes), decode(text.as_bytes())];
            prop_assert_eq!(outcomes.len(), 2);
        }
    }
}
