//! Bytes as text, and what to do where they are none.

/// Bytes as text, without the byte order mark that many programs of Windows put before the first.
///
/// # Errors
/// They are not UTF-8, or are text in UTF-16: says so, and what to do.
#[inline]
pub fn text_of(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if is_utf16(bytes) {
        return Err("text in UTF-16: turn it into UTF-8 first, as `iconv -f UTF-16 -t UTF-8` does".to_owned());
    }
    // The faster check does not say where.
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes)).map_err(|error| {
        format!(
            "not UTF-8: the byte at {} is not text; turn it into UTF-8 first, as `iconv -f WINDOWS-1252 -t UTF-8` does",
            error.valid_up_to()
        )
    })
}

/// Whether bytes look like Latin text in UTF-16: it begins with a byte order mark, or every other byte is zero.
fn is_utf16(bytes: &[u8]) -> bool {
    /// So many bytes are looked at.
    const FIRST: usize = 32;
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, _, ..] | [_, 0, ..] if bytes.len() >= 4 => {
            let first = bytes.get(..FIRST).unwrap_or(bytes);
            let zeros = |odd: usize| first.iter().skip(odd).step_by(2).all(|byte| *byte == 0);
            zeros(0) != zeros(1)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_and_what_is_not_says_what_to_do() {
        assert_eq!(text_of("\u{feff}grün".as_bytes()), Ok("grün"));
        assert_eq!(text_of(b""), Ok(""));
        assert_eq!(text_of(b"a\0b\0c d"), Ok("a\0b\0c d"), "zeros among others");
        let latin = text_of(b"gr\xfcn").expect_err("Latin-1");
        assert!(latin.contains("the byte at 2 is not text") && latin.contains("iconv"), "{latin}");
    }

    #[test]
    fn utf16_is_told_with_and_without_its_mark() {
        let text = "time,device\n1,d\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [&[0xff, 0xfe], &little[..]].concat();
        // A line of it ends in the midst of a character.
        let line = little.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        for bytes in [&little[..], &big, &marked, &marked[..line + 2], &little[line..]] {
            assert!(text_of(bytes).is_err_and(|error| error.contains("UTF-16")), "{bytes:?}");
        }
    }
}
