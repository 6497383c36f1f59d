//! A file that was cut off is read up to its last whole chunk group.

use bytes::Bytes;
use levada_model::{DataType, Path, SeriesSchema};
use levada_tsfile::{
    AlignedColumn, DeviceId, TsFileError, TsFileReader, TsFileWriter, Version, WriterOptions,
};

use crate::columns::{times, values};

const ROWS: usize = 250;

/// A file of four chunk groups, plain and aligned in turn, and where each ends.
fn file(version: Version) -> Result<(Bytes, Vec<u64>), TsFileError> {
    let options = WriterOptions::default().pages(100, 64 << 10);
    let mut writer = TsFileWriter::new(Vec::new(), version, options)?;
    let schema = SeriesSchema::default_for(DataType::Double);
    let column = values(schema.data_type, ROWS, true);
    let mut ends = Vec::new();
    for group in 0..4 {
        writer.start_chunk_group(device(group))?;
        let times = times(ROWS, 1_000_000 * group);
        if group % 2 == 0 {
            writer.write_series("a", schema, &times, &column)?;
            writer.write_series("b", schema, &times, &column)?;
        } else {
            let column = |measurement| AlignedColumn { measurement, schema, values: &*column };
            writer.write_aligned(&times, &[column("a"), column("b")])?;
        }
        ends.push(writer.position());
    }
    Ok((writer.finish()?.0.into(), ends))
}

fn device(group: i64) -> DeviceId {
    DeviceId::from(&Path::parse(&format!("root.plant.d{group}")).expect("legal"))
}

#[test]
fn whatever_the_cut_whole_groups_are_read() -> Result<(), TsFileError> {
    for version in [Version::V3, Version::V4] {
        let (whole, ends) = file(version)?;
        let sealed = TsFileReader::open(whole.clone())?;
        for cut in (7..whole.len()).step_by(37) {
            let reader = TsFileReader::salvage(whole.slice(..cut))?;
            assert!(!reader.is_sealed());
            // Whether a group is whole shows when something follows.
            let groups = ends.iter().filter(|&&end| end < cut as u64).count();
            assert_eq!(reader.devices()?.len(), groups, "cut at {cut}");
            let end = if groups == 0 { 7 } else { ends[groups - 1] };
            assert_eq!(reader.data_end(), end, "cut at {cut}");
            for group in 0..groups {
                let found = reader.device(&device(group as i64))?.expect("it is there");
                assert_eq!(Some(&found), sealed.device(&device(group as i64))?.as_ref());
                for measurement in ["a", "b"] {
                    let pages: Result<Vec<_>, _> = reader.scan(&found.device, measurement)?.collect();
                    let expected: Result<Vec<_>, _> = sealed.scan(&found.device, measurement)?.collect();
                    for (page, expected) in pages?.iter().zip(expected?) {
                        assert_eq!((&page.times, &page.values), (&expected.times, &expected.values));
                    }
                }
            }
        }
        let reader = TsFileReader::salvage(whole)?;
        assert!(reader.is_sealed());
    }
    Ok(())
}
