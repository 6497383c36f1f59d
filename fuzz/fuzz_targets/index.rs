//! The index of a TsFile: series' metadata with statistics, index nodes, what stands at the very end.
//!
//! The first byte chooses the version, the next two say how many of the bytes that follow stand before what stands at the end.
#![no_main]

use bytes::Bytes;
use levada_fuzz::wire::{Input, put_foot};
use levada_tsfile::{ReadLimits, TsFileError, TsFileReader};
use libfuzzer_sys::fuzz_target;

fn read_all(reader: &TsFileReader<Bytes>) -> Result<(), TsFileError> {
    for device in reader.devices()? {
        // The other devices are read all the same.
        let Ok(Some(found)) = reader.device(&device) else { continue };
        for series in &found.series {
            let one = reader.series(&device, &series.measurement);
            drop(one.map(|series| series.map(|series| series.statistics.max())));
            for chunk in &series.chunks {
                drop(reader.read_chunk(chunk).map(|chunk| chunk.pages().len()));
            }
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut file = b"TsFile".to_vec();
    file.push(input.choose(&[3, 4]));
    let index = input.short();
    file.extend_from_slice(input.take(index));
    let tail = input.0.len();
    file.extend_from_slice(input.0);
    put_foot(&mut file, tail);
    let limits = ReadLimits::default().page_bytes(16 << 20);
    if let Ok(reader) = TsFileReader::open_with(Bytes::from(file), limits) {
        drop(read_all(&reader));
    }
});
