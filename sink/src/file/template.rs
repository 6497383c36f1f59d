//! Paths with places to be filled in: `out/{device}/{date}/readings.parquet`.
//!
//! What may be filled in is said in [`crate::template`]. Characters of a device that not every file system takes in a name are
//! written as `%` and two hexadecimal digits for each byte, so that two devices never share a file.

use std::path::PathBuf;

use crate::template::Piece;
pub(super) use crate::template::Template;

/// The longest name of a file or folder; file systems take up to 255 bytes, and a number and an end come behind.
const LONGEST_NAME: usize = 220;

impl Template {
    /// The path itself, where there is nothing to fill in.
    pub(crate) fn fixed(&self) -> Option<PathBuf> {
        match self.pieces.as_slice() {
            [] => Some(PathBuf::new()),
            [Piece::Text(text)] => Some(PathBuf::from(text)),
            _ => None,
        }
    }

    /// The path of rows of a device and a time.
    ///
    /// # Errors
    /// There is no such path; the message says why.
    pub(crate) fn path(&self, device: &str, time: i64) -> Result<PathBuf, String> {
        let path = self.fill(device, time, put_name)?;
        let path = PathBuf::from(path);
        match path.components().find(|part| part.as_os_str().len() > LONGEST_NAME) {
            Some(_) => Err(format!("the device's name is too long for a file: {LONGEST_NAME} bytes at most")),
            None => Ok(path),
        }
    }

    /// The folder in front of the first place to be filled in.
    pub(crate) fn root(&self) -> PathBuf {
        let known = match self.pieces.first() {
            Some(Piece::Text(text)) => text.as_str(),
            _ => "",
        };
        let folder = &known[..known.rfind('/').map_or(0, |at| at + 1)];
        if folder.is_empty() { PathBuf::from(".") } else { PathBuf::from(folder) }
    }

    /// What the names of folders and of the file behind [`Template::root`] look like.
    pub(super) fn levels(&self) -> Vec<Level> {
        let mut levels = vec![Level::default()];
        let root = match self.pieces.first() {
            Some(Piece::Text(text)) => text.rfind('/').map_or(0, |at| at + 1),
            _ => 0,
        };
        for (nth, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    let text = if nth == 0 { &text[root..] } else { text.as_str() };
                    for (at, part) in text.split('/').enumerate() {
                        if at > 0 {
                            levels.push(Level::default());
                        }
                        if let Some(level) = levels.last_mut() {
                            level.text(part);
                        }
                    }
                }
                Piece::Field(_) => {
                    if let Some(level) = levels.last_mut() {
                        level.open = true;
                        if level.texts.is_empty() {
                            level.texts.push(String::new());
                        }
                        level.texts.push(String::new());
                    }
                }
            }
        }
        levels.retain(|level| level.open || !level.texts.is_empty());
        levels
    }

    /// A path as it may come out, for looking at its form.
    pub(crate) fn example(&self) -> PathBuf {
        self.path("root.plant.d1", 0).unwrap_or_default()
    }
}

/// What the name of one folder, or of the file, looks like: texts with anything between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    texts: Vec<String>,
    open: bool,
}

impl Level {
    fn text(&mut self, text: &str) {
        match self.texts.last_mut() {
            Some(last) => last.push_str(text),
            None if text.is_empty() => {}
            None => self.texts.push(text.to_owned()),
        }
    }

    /// The name, where it has no open place.
    pub(crate) fn fixed(&self) -> Option<&str> {
        if self.open { None } else { self.texts.first().map(String::as_str) }
    }

    /// Whether a name has this form.
    pub(super) fn fits(&self, name: &str) -> bool {
        let Some((first, others)) = self.texts.split_first() else { return true };
        // A place in front of all text has an empty text before it.
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for (at, text) in others.iter().enumerate() {
            if at + 1 == others.len() {
                return rest.ends_with(text.as_str());
            }
            let Some(found) = rest.find(text.as_str()) else { return false };
            rest = &rest[found + text.len()..];
        }
        self.open || rest.is_empty()
    }
}

/// Adds a name that every file system takes, and no other device has.
pub(crate) fn put_name(device: &str, path: &mut String) {
    use std::fmt::Write as _;
    for each in device.chars() {
        if each.is_alphanumeric() || matches!(each, '_' | '.') {
            path.push(each);
        } else {
            for byte in each.encode_utf8(&mut [0; 4]).bytes() {
                // A string takes everything.
                let _written = write!(path, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::template::HOUR;

    fn template(path: &str) -> Template {
        Template::parse(path, "path").expect(path)
    }

    #[test]
    fn places_are_filled_in() {
        let path = |of: &str, time| template(of).path("root.plant.`a/b`", time).expect("a path");
        let at = 1_714_550_400_000;
        assert_eq!(
            path("out/{device}/{date}/r.csv", at),
            Path::new("out/root.plant.%60a%2Fb%60/2024-05-01/r.csv")
        );
        assert_eq!(path("{year}/{month}-{day}T{hour}.csv", at), Path::new("2024/05-01T08.csv"));
        assert_eq!(path("{{{hour}}}.csv", -1), Path::new("{23}.csv"));
        assert_eq!(template("a/b.csv").fixed(), Some(PathBuf::from("a/b.csv")));
        assert_eq!(template("a/{{b}}.csv").fixed(), Some(PathBuf::from("a/{b}.csv")));
        assert_eq!(template("{date}").fixed(), None);
        assert_eq!(
            ["a", "{device}", "{date}", "{month}{hour}"].map(|path| template(path).span()),
            [None, None, Some(24 * HOUR), Some(HOUR)]
        );
    }

    #[test]
    fn what_is_no_template_is_an_error_that_says_what_may_stand_there() {
        for (path, reason) in [
            (
                "out/{devcie}.csv",
                "`{devcie}` is nothing that a path can be made of: it may be {device}, {date}, ",
            ),
            ("out/{device", "has a brace without its other"),
            ("out/device}.csv", "has a brace without its other"),
            ("out/{}.csv", "`{}` is nothing"),
        ] {
            let error = Template::parse(path, "path").expect_err(path);
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn rows_without_a_path_are_told_why() {
        let error = template("{date}.csv").path("root.d", i64::MAX).expect_err("no day");
        assert!(error.starts_with("the time 9223372036854775807 is on no day"), "{error}");
        let long = format!("root.{}", "x".repeat(300));
        assert!(template("{device}.csv").path(&long, 0).expect_err("long").contains("too long for a file"));
    }

    #[test]
    fn names_are_recognised_level_by_level() {
        let of = template("out/x/{device}/day={date}/r-{hour}.csv");
        assert_eq!(of.root(), Path::new("out/x/"));
        let levels = of.levels();
        assert_eq!(levels.len(), 3);
        assert!(levels[0].fits("root.d1") && levels[1].fits("day=2024-05-01") && levels[2].fits("r-08.csv"));
        assert!(
            !levels[1].fits("2024-05-01") && !levels[2].fits("r-08.jsonl") && !levels[2].fits("x-08.csv")
        );
        let fixed = template("{device}/r.csv").levels();
        assert_eq!((fixed[0].fixed(), fixed[1].fixed()), (None, Some("r.csv")));
        assert_eq!(template("{device}.csv").root(), Path::new("."));
    }
}
