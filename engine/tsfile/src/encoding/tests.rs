//! Every encoding against what the peer's encoders produced, and against itself.

use std::collections::HashMap;

use levada_model::{DataType, Encoding};
use proptest::prelude::*;

use super::*;

/// Values, floating-point numbers by their bits.
#[derive(Clone, Debug, PartialEq)]
enum Raw {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<i32>),
    Double(Vec<i64>),
    Text(Vec<Vec<u8>>),
}

impl Raw {
    fn parse(data_type: DataType, text: &str) -> Self {
        fn all<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
            text.split(',').map(|value| value.parse().expect("a number")).collect()
        }
        match data_type {
            DataType::Boolean => Self::Boolean(text.split(',').map(|value| value == "1").collect()),
            DataType::Int32 => Self::Int32(all(text)),
            DataType::Int64 => Self::Int64(all(text)),
            DataType::Float => Self::Float(all(text)),
            DataType::Double => Self::Double(all(text)),
            _ => Self::Text(text.split(',').map(|value| value.as_bytes().to_vec()).collect()),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Int32(_) => DataType::Int32,
            Self::Int64(_) => DataType::Int64,
            Self::Float(_) => DataType::Float,
            Self::Double(_) => DataType::Double,
            Self::Text(_) => DataType::Text,
        }
    }

    fn dense(&self) -> Dense<'_> {
        match self {
            Self::Boolean(values) => Dense::Boolean(values.clone()),
            Self::Int32(values) => Dense::Int32(values.into()),
            Self::Int64(values) => Dense::Int64(values.into()),
            Self::Float(bits) => Dense::Float(bits.iter().map(|&bits| f32::from_bits(bits as u32)).collect()),
            Self::Double(bits) => {
                Dense::Double(bits.iter().map(|&bits| f64::from_bits(bits as u64)).collect())
            }
            Self::Text(values) => Dense::Bytes(values.iter().map(Vec::as_slice).collect()),
        }
    }

    fn of(data_type: DataType, decoded: Decoded) -> Self {
        match (data_type, decoded) {
            (_, Decoded::Boolean(values)) => Self::Boolean(values.iter().collect()),
            (DataType::Float, Decoded::Int32(values)) => Self::Float(values),
            (_, Decoded::Int32(values)) => Self::Int32(values),
            (DataType::Double, Decoded::Int64(values)) => Self::Double(values),
            (_, Decoded::Int64(values)) => Self::Int64(values),
            (_, Decoded::Bytes { offsets, data }) => Self::Text(
                offsets.windows(2).map(|pair| data[pair[0] as usize..pair[1] as usize].to_vec()).collect(),
            ),
        }
    }

    /// What the peer makes of numbers that it scales by a power of ten and rounds.
    fn rounded(&self, decimals: i32) -> Self {
        let power = 10f64.powi(decimals);
        match self {
            Self::Float(bits) => Self::Float(
                bits.iter()
                    .map(|&bits| {
                        (f64::from(f32::from_bits(bits as u32) * power as f32) + 0.5).floor() / power
                    })
                    .map(|value| (value as f32).to_bits() as i32)
                    .collect(),
            ),
            Self::Double(bits) => Self::Double(
                bits.iter()
                    .map(|&bits| (f64::from_bits(bits as u64) * power + 0.5).floor() / power)
                    .map(|value| value.to_bits() as i64)
                    .collect(),
            ),
            _ => self.clone(),
        }
    }

    fn is_float(&self) -> bool {
        matches!(self, Self::Float(_) | Self::Double(_))
    }
}

/// The fixture: encoding, values, bytes.
fn vectors() -> Vec<(Encoding, Raw, Vec<u8>)> {
    let mut values = HashMap::new();
    let mut vectors = Vec::new();
    for line in include_str!("../../tests/data/encodings.txt").lines() {
        match *line.split(' ').collect::<Vec<_>>() {
            ["values", data_type, count, text] => {
                let parsed = Raw::parse(data_type.parse().expect("a type"), text);
                values.insert((data_type, count), parsed);
            }
            ["bytes", encoding, data_type, count, hex] => {
                let bytes = (0..hex.len() / 2)
                    .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
                    .collect();
                let encoding = encoding.parse().expect("an encoding");
                vectors.push((encoding, values[&(data_type, count)].clone(), bytes));
            }
            _ => assert!(line.starts_with('#'), "{line}"),
        }
    }
    vectors
}

#[test]
fn what_the_peer_encodes_is_decoded() {
    let vectors = vectors();
    assert!(vectors.len() > 100);
    for (encoding, values, bytes) in vectors {
        // Here the peer's own decoder gets other values, too.
        if encoding == Encoding::Sprintz && lossless(encoding, &values.dense()) != encoding {
            continue;
        }
        let expected = match encoding {
            Encoding::Rle => values.rounded(2),
            Encoding::Ts2Diff => values.rounded(0),
            _ => values.clone(),
        };
        let data_type = values.data_type();
        let count = values.dense().len();
        let decoded = decode(encoding, data_type, &bytes, count);
        let decoded = decoded.unwrap_or_else(|error| panic!("{encoding} {data_type} {count}: {error:?}"));
        assert_eq!(Raw::of(data_type, decoded), expected, "{encoding} {data_type} {count}");
    }
}

#[test]
fn bytes_are_those_of_the_peer() {
    for (encoding, values, bytes) in vectors() {
        let same_runs = encoding != Encoding::Rle && encoding != Encoding::Dictionary;
        let scaled = encoding == Encoding::Ts2Diff && values.is_float();
        let read_only = encoding == Encoding::Regular;
        if same_runs && !scaled && !read_only && lossless(encoding, &values.dense()) == encoding {
            let mut encoded = Vec::new();
            encode(Version::V4, encoding, &values.dense(), &mut encoded).expect("encodes");
            let data_type = values.data_type();
            // What stands in the last bits of TS_2DIFF is by chance.
            let end = encoded.len() - usize::from(encoding == Encoding::Ts2Diff);
            assert_eq!(encoded.len(), bytes.len(), "{encoding} {data_type}");
            assert_eq!(hex(&encoded[..end]), hex(&bytes[..end]), "{encoding} {data_type}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Values that are near each other, repeat, or are anything.
fn numbers() -> impl Strategy<Value = Vec<i64>> {
    let one = prop_oneof![
        4 => -100i64..100,
        2 => Just(7i64),
        1 => any::<i64>(),
        1 => Just(i64::MIN),
        1 => Just(i64::from(i32::MIN)),
        1 => (0i64..1000).prop_map(|cents| (cents as f64 / 100.).to_bits() as i64),
        1 => (0i64..1000).prop_map(|cents| i64::from((cents as f32 / 100.).to_bits())),
        1 => Just(f64::NAN.to_bits() as i64),
        1 => Just(i64::from(f32::NAN.to_bits())),
    ];
    prop::collection::vec((one, 1usize..20), 0..120).prop_map(|runs| {
        runs.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect()
    })
}

fn round_trip(values: &Raw) -> Result<(), TestCaseError> {
    let data_type = values.data_type();
    for encoding in Encoding::ALL {
        if !encoding.supports(data_type) || encoding == Encoding::Regular {
            continue;
        }
        let chosen = lossless(encoding, &values.dense());
        let mut bytes = Vec::new();
        encode(Version::V4, chosen, &values.dense(), &mut bytes).expect("encodes");
        let decoded = decode(chosen, data_type, &bytes, values.dense().len());
        let decoded = decoded.map_err(|error| TestCaseError::fail(format!("{chosen}: {error:?}")))?;
        prop_assert_eq!(&Raw::of(data_type, decoded), values, "{}", chosen);
    }
    if values.is_float() {
        let (mut bytes, count) = (Vec::new(), values.dense().len());
        encode(Version::V3, Encoding::Rlbe, &values.dense(), &mut bytes).expect("encodes");
        let decoded = match data_type {
            DataType::Float => decode_rlbe::<f32>(&bytes, count, true).map(Raw::Float),
            _ => decode_rlbe::<f64>(&bytes, count, true).map(Raw::Double),
        };
        let decoded = decoded.map_err(|error| TestCaseError::fail(format!("old RLBE: {error:?}")))?;
        prop_assert_eq!(&decoded, values, "old RLBE");
    }
    Ok(())
}

#[test]
fn times_are_read_in_every_encoding_of_integers() {
    let times: Vec<i64> = (0..300).map(|row| 1_700_000_000_000 + row * 1000 + row % 3).collect();
    let dense = Dense::Int64((&times).into());
    for encoding in Encoding::ALL {
        if !encoding.supports(DataType::Int64) || encoding == Encoding::Regular {
            continue;
        }
        let mut bytes = Vec::new();
        encode(Version::V4, encoding, &dense, &mut bytes).expect("encodes");
        let count = times.len();
        assert_eq!(decode_times(encoding, &bytes, count, Some(count)).as_ref(), Ok(&times), "{encoding}");
        assert!(decode_times(encoding, &bytes, count - 1, None).is_err(), "{encoding}");
        assert!(decode_times(encoding, &bytes, count - 1, Some(count)).is_err(), "{encoding}");
        if matches!(encoding, Encoding::Plain | Encoding::Rle | Encoding::Ts2Diff) {
            assert_eq!(decode_times(encoding, &bytes, 1 << 20, None).as_ref(), Ok(&times), "{encoding}");
        }
    }
    let regular = [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 5];
    assert_eq!(decode_times(Encoding::Regular, &regular, 3, Some(3)), Ok(vec![5, 15, 25]));
}

proptest! {
    #[test]
    fn every_number_survives_every_encoding(numbers in numbers()) {
        let low: Vec<i32> = numbers.iter().map(|&number| number as i32).collect();
        round_trip(&Raw::Boolean(numbers.iter().map(|number| number % 3 == 0).collect()))?;
        round_trip(&Raw::Int32(low.clone()))?;
        round_trip(&Raw::Float(low.clone()))?;
        round_trip(&Raw::Float(low.iter().map(|&cents| (cents as f32 / 100.).to_bits() as i32).collect()))?;
        round_trip(&Raw::Double(low.iter().map(|&c| (f64::from(c) / 100.).to_bits() as i64).collect()))?;
        round_trip(&Raw::Int64(numbers.clone()))?;
        round_trip(&Raw::Double(numbers))?;
    }

    #[test]
    fn every_text_survives_every_encoding(texts in prop::collection::vec("[a-c]{0,3}|.{0,20}", 0..100)) {
        round_trip(&Raw::Text(texts.into_iter().map(String::into_bytes).collect()))?;
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0u8), Just(0xff), 0u8..4], 0..80),
        count in 0usize..3000,
    ) {
        for data_type in DataType::ALL {
            for encoding in Encoding::ALL {
                if let Ok(decoded) = decode(encoding, data_type, &bytes, count) {
                    prop_assert_eq!(Raw::of(data_type, decoded).dense().len(), count, "{} {}", encoding, data_type);
                }
            }
        }
    }

    #[test]
    fn no_damage_makes_a_decoder_panic(
        numbers in numbers(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let low: Vec<i32> = numbers.iter().map(|&number| number as i32).collect();
        for values in [Raw::Int32(low.clone()), Raw::Float(low), Raw::Int64(numbers.clone()), Raw::Double(numbers)] {
            let (data_type, count) = (values.data_type(), values.dense().len());
            for encoding in Encoding::ALL {
                let mut bytes = Vec::new();
                let chosen = lossless(encoding, &values.dense());
                if encode(Version::V4, chosen, &values.dense(), &mut bytes).is_err() || bytes.is_empty() {
                    continue;
                }
                for (at, byte) in &damage {
                    let at = at.index(bytes.len());
                    bytes[at] ^= byte;
                }
                if let Ok(decoded) = decode(chosen, data_type, &bytes, count) {
                    prop_assert_eq!(Raw::of(data_type, decoded).dense().len(), count, "{}", chosen);
                }
            }
        }
    }
}
