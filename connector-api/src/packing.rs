//! How a file is packed, told by how it begins.

/// How files begin that other programs pack, and the program that unpacks them. None of it begins a text.
const PACKINGS: [(&[u8], &str); 8] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh91AY&SY", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
];

/// What packed a file that begins with these bytes, as far as can be told.
///
/// ```
/// use levada_connector_api::packing_of;
/// assert_eq!(packing_of(b"\x28\xb5\x2f\xfd\x04\x00"), Some("zstd"));
/// assert_eq!(packing_of(b"{\"device\": \"d1\"}"), None);
/// ```
pub fn packing_of(head: &[u8]) -> Option<&'static str> {
    PACKINGS.iter().find(|(begin, _)| head.starts_with(begin)).map(|(_, name)| *name)
}
