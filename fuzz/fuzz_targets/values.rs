//! Each decoder of values: two bytes choose encoding and type, two say how many values there should be.
#![no_main]

use arrow_array::Array;
use levada_model::{DataType, Encoding};
use levada_tsfile::decode_values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [encoding, data_type, low, high, values @ ..] = bytes else { return };
    let encoding = Encoding::ALL[usize::from(*encoding) % Encoding::ALL.len()];
    let data_type = DataType::ALL[usize::from(*data_type) % DataType::ALL.len()];
    let count = usize::from(u16::from_le_bytes([*low, *high]));
    if let Ok(decoded) = decode_values(encoding, data_type, values, count) {
        assert_eq!(decoded.len(), count, "{encoding} {data_type}");
    }
});
