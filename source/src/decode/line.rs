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
        let result =
            text.lines().filter(|line| !line.trim().is_empty()).try_for_each(|line| self.line(line, rows));
        result.map_err(|message| {
            rows.take_back();
            DecodeError::new(message)
        })
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
    fn a_broken_line_leaves_no_row_of_its_record() {
        for wrong in
            ["", "d", "d,1,a,INT32", "d,1,a:b,INT32,1", "d,1,a,WORD,1", "d,x,a,INT32,1", ",1,a,INT32,1"]
        {
            let record = format!("d,1700000000000,a,INT32,1\n{wrong}\nd,1700000000000,a,INT32,x");
            assert!(decode(record.as_bytes()).is_err(), "{wrong}");
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
