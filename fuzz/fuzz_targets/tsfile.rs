//! The TsFile reader: opens a file and reads all that can be read of it, also as one that was cut off.
#![no_main]

use bytes::Bytes;
use levada_tsfile::{ReadAt, ReadLimits, TsFileError, TsFileReader};
use libfuzzer_sys::fuzz_target;

fn read_all<R: ReadAt>(reader: &TsFileReader<R>) -> Result<(), TsFileError> {
    for device in reader.devices()? {
        let Some(found) = reader.device(&device)? else { continue };
        for series in found.series {
            reader.series(&device, &series.measurement)?;
            for page in reader.scan(&device, &series.measurement)? {
                // The other pages are read all the same.
                if let Ok(page) = page {
                    assert_eq!(page.times.len(), page.values.len());
                }
            }
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = Bytes::copy_from_slice(bytes);
    let limits = ReadLimits::default().page_bytes(16 << 20);
    if let Ok(reader) = TsFileReader::open_with(bytes.clone(), limits) {
        drop(read_all(&reader));
    }
    // Without its last byte, so that it is never taken for a whole file, whose index may be damaged.
    if let Ok(reader) = TsFileReader::salvage(bytes.slice(..bytes.len().saturating_sub(1))) {
        read_all(&reader).expect("what was salvaged can be looked up");
    }
});
