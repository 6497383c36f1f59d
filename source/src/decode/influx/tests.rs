use levada_connector_api::{Batch, ComponentKind, Registry};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn decode_with(options: serde_json::Value, record: &str) -> Result<Batch, DecodeError> {
    let registry = Registry::new().with_decoder::<InfluxDecoder>();
    let component = registry.get(ComponentKind::Decoder, "influx").expect("registered");
    let factory = component.decoder(options, &BuildContext::new("p", "n")).expect("options that work");
    let mut rows = BatchBuilder::new();
    rows.record(record.as_bytes(), 0);
    factory.make().decode(record.as_bytes(), &mut rows)?;
    Ok(rows.finish(Vec::new()))
}

/// All values, as `device time measurement TYPE value`.
fn points(batch: &Batch) -> Vec<String> {
    let mut points = Vec::new();
    for tablet in batch.readings.iter().map(|readings| &readings.tablet) {
        for row in 0..tablet.rows() {
            for column in tablet.columns() {
                if let Some(value) = column.value(row) {
                    let (device, time) = (tablet.device(), tablet.times().value(row));
                    points.push(format!("{device} {time} {} {} {value}", column.name, value.data_type()));
                }
            }
        }
    }
    points
}

fn decode(record: &str) -> Vec<String> {
    points(&decode_with(json!({}), record).expect(record))
}

#[test]
fn a_line_is_a_row_of_the_device_that_table_and_tags_name() {
    let line = r#"weather,site=hall\ 1,line=l7 temperature=21.5,on=t,count=-3i,note="it is, \"well\"\\" 1700000000000000000"#;
    let device = "root.weather.l7.`hall 1` 1700000000000";
    assert_eq!(
        decode(line),
        [
            format!("{device} temperature DOUBLE 21.5"),
            format!("{device} on BOOLEAN true"),
            format!("{device} count INT64 -3"),
            format!("{device} note TEXT it is, \"well\"\\"),
        ]
    );
    // The order of tags does not matter.
    let other = "weather,line=l7,site=hall\\ 1 temperature=1e3 1700000000000000000";
    assert_eq!(decode(other), [format!("{device} temperature DOUBLE 1000.0")]);
}

#[test]
fn escapes_quotes_and_line_breaks_are_as_the_protocol_has_them() {
    let lines = "# a remark with a \" quote\n\nm\\,x,t\"ag=a\\=b v\\ w=1i 1000000\r\nm t=\"two\nlines\",u=\"\" 2000000\n";
    assert_eq!(
        decode(lines),
        [
            "root.`m,x`.`a=b` 1 `v w` INT64 1".to_owned(),
            "root.m 2 t TEXT two\nlines".to_owned(),
            "root.m 2 u TEXT ".to_owned(),
        ]
    );
}

#[test]
fn tags_may_be_columns_and_times_of_another_unit() {
    let options = json!({"tags": "columns", "time_unit": "s", "prefix": "root.plant"});
    let batch = decode_with(options, "cpu,host=a v=1u 1700000000").expect("well formed");
    assert_eq!(
        points(&batch),
        ["root.plant.cpu 1700000000000 v INT64 1", "root.plant.cpu 1700000000000 host TEXT a",]
    );
}

#[test]
fn a_line_that_is_not_well_formed_leaves_no_row_and_says_where_it_is() {
    for (line, reason) in [
        ("m", "there is no field"),
        ("m ", "there is no field"),
        (",a=b v=1", "there is no table"),
        ("m,a v=1 1", "the tag `a` is no name=value"),
        ("m,a= v=1 1", "the tag `a=` is no name=value"),
        ("m v= 1", "the field `v=` is no name=value"),
        ("m =1 1", "the field `=1` is no name=value"),
        ("m v=abc 1", "`abc` is no number"),
        ("m v=inf 1", "`inf` is no number"),
        ("m v=1e999 1", "`1e999` is no number that a DOUBLE holds"),
        ("m v=9223372036854775808i 1", "is no whole number that an INT64 holds"),
        ("m v=\"open 1", "a quote is not closed"),
        ("m v=1 soon", "`soon` is no time"),
        ("m v=1", "time"),
        ("m v=1,v=2 1", "two values of one row are named `v`"),
        ("m,a=1,b=2,a=3 v=1 1", "the tag `a` stands twice"),
        ("m v=9007199254740993 1", "a DOUBLE does not hold `9007199254740993` exactly"),
        ("m v=-5u 1", "`-5u` is no whole number"),
    ] {
        let batch = decode_with(json!({}), &format!("m v=1 1\nm v=1 2\n{line}")).expect(line);
        assert_eq!((batch.rows(), batch.rejected.len()), (2, 1), "{line}");
        let error = &batch.rejected[0].error;
        assert!(error.starts_with("line 3: ") && error.contains(reason), "{line}: {error}");
        assert_eq!(batch.rejected[0].record.bytes(), line.trim_end().as_bytes());
        assert_eq!(batch.readings[0].record(1).expect("from a record").bytes(), b"m v=1 2");
        assert!(decode_with(json!({}), line).is_err(), "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_rows_or_an_error(text in "[m,=\\\\ \"\n#ti1.eü-]{0,60}") {
        let decoded = decode_with(json!({}), &text);
        prop_assert!(decoded.is_ok() || decoded.is_err_and(|error| error.message.starts_with("line ")));
    }
}
