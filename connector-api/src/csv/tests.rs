use proptest::prelude::*;

use super::*;

/// All records of a text, given to the scanner so many bytes at a time: fields with their quotes, or what is wrong.
fn all(text: &str, step: usize) -> Vec<Result<Vec<(String, bool)>, &'static str>> {
    let (mut records, mut from) = (Vec::new(), 0);
    while from < text.len() {
        let (mut scanner, mut fields, mut given) = (Scanner::new(b',', true), Vec::new(), 0);
        let (length, wrong) = loop {
            given = (given + step).min(text.len() - from);
            let bytes = &text.as_bytes()[from..from + given];
            if let Scanned::Whole { length, wrong } =
                scanner.scan(bytes, from + given == text.len(), &mut fields)
            {
                break (length, wrong);
            }
        };
        let record = &text[from..from + length];
        let fields = fields
            .into_iter()
            .map(|(place, quoted)| (Field::new(&record[place], quoted).text().into_owned(), quoted));
        records.push(wrong.map_or_else(|| Ok(fields.collect()), Err));
        from += length;
    }
    records
}

#[test]
fn what_is_wrong_costs_its_own_line_only() {
    for step in [1, 7, 1_000] {
        let found = all("1,\"open\n2,\"closed\"\r\n3,\"x\"y\n# a remark\n4,\"never\n5,five\n", step);
        let sound: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(sound, [false, true, false, false, false, true], "{found:?}");
        assert_eq!(found[4], Err(OPEN));
        assert_eq!(found[5], Ok(vec![("5".to_owned(), false), ("five".to_owned(), false)]));
    }
}

#[test]
fn a_record_is_read_whole_and_what_is_none_line_by_line() {
    let text = "a,\"x\n\ny\"\n\nb,\"open\nc,\"d\"\ne,\"never\nf";
    let mut input = io::Cursor::new(text);
    let mut reader = RecordReader::new(Some(b','));
    let mut records = Vec::new();
    loop {
        let mut record = Vec::new();
        let read = reader.read(&mut input, 1 << 20, &mut record).expect("readable");
        assert_eq!(read, record.len());
        if read == 0 {
            break;
        }
        records.push(String::from_utf8(record).expect("text"));
    }
    assert_eq!(records, ["a,\"x\n\ny\"\n", "\n", "b,\"open\n", "c,\"d\"\n", "e,\"never\n", "f"]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(prop::collection::vec("[a\",;\r\n# nul\u{a0}]{0,6}", 1..4), 1..4),
        always: bool,
        step in 1usize..20,
    ) {
        let mut out = Vec::new();
        for row in &rows {
            for (at, field) in row.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                put_field(field, b',', always, &mut out);
            }
            out.push(b'\n');
        }
        let read = all(std::str::from_utf8(&out).expect("text"), step);
        let texts: Vec<Vec<String>> =
            read.into_iter().map(|row| row.expect("sound").into_iter().map(|(text, _)| text).collect()).collect();
        prop_assert_eq!(texts, rows);
    }

    #[test]
    fn any_text_is_records(text in "[a,\"\r\n#]{0,40}", step in 1usize..9) {
        prop_assert_eq!(all(&text, step), all(&text, 1_000));
    }
}
