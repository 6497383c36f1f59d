//! The bloom filter over the paths of a file's series.
//!
//! For each of up to eight seeds the bit `|h| mod bits` is set, where `h` is the low half of the sum of both halves of
//! MurmurHash3 (x64, 128 bits) of the path's UTF-8. Bytes of 0x80 or more after the last whole block of 16 are hashed in two
//! ways: Apache's Java sign-extends them, unlike the canonical function; Apache's C++ and Python's `tsfile`, which uses it, do
//! not. A path with such bytes gets the bits of both, so that readers of either kind find it.

use crate::{
    error::Parsed,
    wire::{Cursor, put_uvar},
};

const SEEDS: [u64; 8] = [5, 7, 11, 19, 31, 37, 43, 59];

/// A filter has at least this many bits: fewer are not worth its header.
const MIN_BITS: u32 = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BloomFilter {
    /// Bit `i` is in byte `i / 8`, the lowest first; missing bytes are zero.
    bytes: Vec<u8>,
    bits: u32,
    hashes: usize,
}

impl BloomFilter {
    /// An empty filter for a number of paths, with `error` as the probability of a false positive.
    pub(crate) fn new(paths: usize, error: f64) -> Self {
        let error = error.clamp(0.01, 0.1);
        let ln2 = std::f64::consts::LN_2;
        let bits = (-(paths as f64) * error.ln() / ln2 / ln2) as u32;
        let bits = bits.saturating_add(1).clamp(MIN_BITS, i32::MAX as u32);
        let hashes = (SEEDS.len()).min((-error.ln() / ln2) as usize + 1);
        Self { bytes: vec![0; bits.div_ceil(8) as usize], bits, hashes }
    }

    pub(crate) fn insert(&mut self, path: &str) {
        for &tail in Tail::all_of(path) {
            for bit in bits_of(path, tail, self.bits, self.hashes) {
                self.bytes[bit / 8] |= 1 << (bit % 8);
            }
        }
    }

    pub(crate) fn may_contain(&self, path: &str) -> bool {
        Tail::all_of(path).iter().any(|&tail| {
            bits_of(path, tail, self.bits, self.hashes)
                .all(|bit| self.bytes.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1))
        })
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let used = self.bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        put_uvar(out, used as u32);
        if used > 0 {
            out.extend_from_slice(&self.bytes[..used]);
            put_uvar(out, self.bits);
            put_uvar(out, self.hashes as u32);
        }
    }

    /// Reads the next filter; `None` if it has no bytes.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Option<Self>> {
        let length = cursor.uvar_usize()?;
        if length == 0 {
            return Ok(None);
        }
        let bytes = cursor.take(length)?.to_vec();
        let bits = cursor.uvar()?;
        let hashes = cursor.uvar_usize()?;
        if bits == 0 || bits > i32::MAX as u32 || hashes > SEEDS.len() {
            return Err(cursor.corrupt("the bloom filter's sizes are impossible"));
        }
        Ok(Some(Self { bytes, bits, hashes }))
    }
}

/// How the bytes after the last whole block become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Sign-extended, as Java's bytes.
    Signed,
    /// As in the canonical function.
    Unsigned,
}

impl Tail {
    /// The ways that differ for a path.
    fn all_of(path: &str) -> &'static [Self] {
        let (_, tail) = path.as_bytes().as_chunks::<16>();
        if tail.is_ascii() { &[Self::Signed] } else { &[Self::Signed, Self::Unsigned] }
    }

    fn number(self, byte: u8) -> u64 {
        match self {
            Self::Signed => byte as i8 as i64 as u64,
            Self::Unsigned => u64::from(byte),
        }
    }
}

fn bits_of(path: &str, tail: Tail, bits: u32, hashes: usize) -> impl Iterator<Item = usize> {
    SEEDS.into_iter().take(hashes).map(move |seed| {
        let hash = hash(path.as_bytes(), tail, seed) as i32;
        // The least integer has no absolute value, and becomes 0.
        (hash.checked_abs().unwrap_or(0) as u32 % bits) as usize
    })
}

fn hash(bytes: &[u8], kind: Tail, seed: u64) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let (mut h1, mut h2) = (seed, seed);
    let mix1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (blocks, tail) = bytes.as_chunks::<16>();
    for block in blocks {
        let pair = u128::from_le_bytes(*block);
        h1 ^= mix1(pair as u64);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= mix2((pair >> 64) as u64);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let number = |bytes: &[u8]| {
        bytes.iter().enumerate().fold(0u64, |k, (index, &byte)| k ^ (kind.number(byte) << (8 * index)))
    };
    let (low, high) = tail.split_at(tail.len().min(8));
    if !high.is_empty() {
        h2 ^= mix2(number(high));
    }
    if !low.is_empty() {
        h1 ^= mix1(number(low));
    }
    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1.wrapping_add(h2)
}

const fn finish(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_and_little_else() {
        let mut filter = BloomFilter::new(1000, 0.05);
        let path = |index: usize| format!("root.plant.d{index}.temperature");
        (0..1000).for_each(|index| filter.insert(&path(index)));
        let mut bytes = Vec::new();
        filter.put(&mut bytes);
        let back = BloomFilter::parse(&mut Cursor::new(&bytes)).expect("parses").expect("has bits");
        assert!((0..1000).all(|index| back.may_contain(&path(index))));
        let wrong = (1000..11_000).filter(|&index| back.may_contain(&path(index))).count();
        assert!(wrong < 800, "{wrong} of 10000");
    }

    /// Names that others have, with bytes from 0x80 on at the end, in the middle, and in whole blocks.
    const NAMES: [&str; 5] = [
        "root.sg.d1.温度",
        "root.über.d1.s",
        "root.sg.d1.temperatura_média",
        "root.工厂.设备一.温度传感器",
        "root.a.é",
    ];

    #[test]
    fn a_name_beyond_ascii_has_the_bits_of_both_hashes() {
        let mut filter = BloomFilter::new(NAMES.len(), 0.05);
        NAMES.iter().for_each(|name| filter.insert(name));
        for name in NAMES {
            for tail in [Tail::Signed, Tail::Unsigned] {
                let mut bits = bits_of(name, tail, filter.bits, filter.hashes);
                assert!(bits.all(|bit| filter.bytes[bit / 8] >> (bit % 8) & 1 == 1), "{name}, {tail:?}");
            }
        }
    }

    #[test]
    fn a_name_beyond_ascii_is_found_by_either_hash() {
        for name in NAMES {
            for tail in [Tail::Signed, Tail::Unsigned] {
                let mut filter = BloomFilter::new(1, 0.05);
                for bit in bits_of(name, tail, filter.bits, filter.hashes) {
                    filter.bytes[bit / 8] |= 1 << (bit % 8);
                }
                assert!(filter.may_contain(name), "{name}, {tail:?}");
                assert!(!filter.may_contain("root.other.d1.压力"));
            }
        }
    }

    #[test]
    fn the_unsigned_hash_is_the_canonical_one() {
        // MurmurHash3_x64_128 of "温度" with seed 0, both halves added.
        let differing =
            hash("温度".as_bytes(), Tail::Signed, 0) != hash("温度".as_bytes(), Tail::Unsigned, 0);
        assert!(differing);
        assert_eq!(hash(b"hello", Tail::Unsigned, 0), hash(b"hello", Tail::Signed, 0));
        assert_eq!(
            hash(b"hello", Tail::Unsigned, 0),
            0xcbd8_a7b3_41bd_9b02_u64.wrapping_add(0x5b1e_906a_48ae_1d19)
        );
    }

    #[test]
    fn sizes_are_as_the_peer_computes_them() {
        let filter = BloomFilter::new(1, 0.05);
        assert_eq!((filter.bits, filter.hashes), (256, 5));
    }
}
