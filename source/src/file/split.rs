//! The names of splits.
//!
//! ```text
//!   files/logs/a.jsonl@4096-00c0ffee00c0ffee       node, path, and the *print*: length and hash of the file's head
//!   files/logs/a.jsonl@4096-00c0ffee00c0ffee#2     another file of this path that begins alike
//!   files/logs/a.jsonl                             a file of which nothing was read: it is empty, or cannot be read
//! ```
//!
//! A position is stored under this name, so that it cannot be taken for one of another file, whatever else is lost.

use std::path::Path;

use levada_connector_api::model::SplitName;

use super::excerpt::Excerpt;

/// What a name is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// Node and path.
    pub(super) plain: &'a str,
    pub(super) print: Excerpt,
    /// Which of the files that begin alike.
    pub(super) number: u64,
}

/// The name of a path, whatever file is there.
pub(super) fn plain(node: &str, path: &Path) -> SplitName {
    SplitName::new(format!("{node}/{}", path.display()))
}

/// The name of a file that begins with `print`.
pub(super) fn named(plain: &SplitName, print: &Excerpt) -> SplitName {
    if print.end == 0 {
        plain.clone()
    } else {
        SplitName::new(format!("{plain}@{}", print.of_head_to_text()))
    }
}

/// The name of another that begins alike.
pub(super) fn numbered(name: &SplitName, number: u64) -> SplitName {
    SplitName::new(format!("{name}#{number}"))
}

/// The parts of a name; `None` where it has no print.
pub(super) fn parts(name: &str) -> Option<Parts<'_>> {
    let (plain, rest) = name.rsplit_once('@')?;
    let (print, number) = match rest.split_once('#') {
        Some((print, number)) => (print, number.parse().ok()?),
        None => (rest, 1),
    };
    Some(Parts { plain, print: Excerpt::of_head_from_text(print)?, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_into_its_parts() {
        for path in ["logs/a.jsonl", "a@b", "a@4096-00c0ffee00c0ffee", "a#2"] {
            let plain = plain("files", Path::new(path));
            let print = Excerpt::of(0, b"time,device");
            let name = named(&plain, &print);
            let expected = Parts { plain: plain.as_str(), print, number: 1 };
            assert_eq!(parts(name.as_str()), Some(expected), "{name}");
            let third = numbered(&name, 3);
            assert_eq!(parts(third.as_str()), Some(Parts { number: 3, ..expected }), "{third}");
        }
        for no in ["files/a", "files/a@b", "files/a@1-2", "files/a@11-00c0ffee00c0ffee#x", "files/a#2"] {
            assert_eq!(parts(no), None, "{no}");
        }
        let plain = plain("files", Path::new("a"));
        assert_eq!(named(&plain, &Excerpt::of(0, b"")), plain);
    }
}
