//! How times are printed.

use std::fmt;

/// How times are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeDisplay {
    /// `2017-11-01T00:00:00.000+08:00`.
    #[default]
    Iso,
    /// Milliseconds.
    Millis,
    /// As a pattern says.
    Pattern {
        /// As it was given.
        pattern: String,
        /// The same for `strftime`.
        strftime: String,
    },
}

impl TimeDisplay {
    /// A type by its name, or a pattern in Java's letters: `yyyy-MM-dd HH:mm:ss.SSS`.
    ///
    /// # Errors
    /// A letter of the pattern means nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "default" | "iso8601" => return Ok(Self::Iso),
            "long" | "number" => return Ok(Self::Millis),
            _ => {}
        }
        let mut strftime = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let mut count = 1;
            while c.is_ascii_alphabetic() && chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            strftime.push_str(match (c, count) {
                ('y' | 'u', 4) => "%Y",
                ('y' | 'u', 2) => "%y",
                ('M', 2) => "%m",
                ('M', 3) => "%b",
                ('d', 2) => "%d",
                ('H', 2) => "%H",
                ('m', 2) => "%M",
                ('s', 2) => "%S",
                ('S', 3) => "%3f",
                ('E', 1..=3) => "%a",
                ('X', 3) => "%:z",
                ('Z', 1) => "%z",
                ('z', 1) => "%Z",
                ('%', _) => "%%",
                (c, _) if c.is_ascii_alphabetic() => {
                    return Err(format!(
                        "`{}` means nothing in a form of times: `default`, `long`, or letters as in `yyyy-MM-dd HH:mm:ss.SSS`",
                        c.to_string().repeat(count)
                    ));
                }
                (c, _) => {
                    strftime.push(c);
                    continue;
                }
            });
        }
        Ok(Self::Pattern { pattern: text.to_owned(), strftime })
    }
}

impl fmt::Display for TimeDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iso => "default",
            Self::Millis => "long",
            Self::Pattern { pattern, .. } => pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::TimeDisplay;
    use crate::output::Zone;

    #[test]
    fn times_are_printed_as_their_type_says() {
        let printed = |name: &str| {
            let display = TimeDisplay::parse(name).expect("a type");
            Zone::parse(Some("+08:00")).expect("a zone").displayed(display).format(1_509_465_600_123)
        };
        assert_eq!(printed("default"), "2017-11-01T00:00:00.123+08:00");
        assert_eq!(printed("LONG"), "1509465600123");
        assert_eq!(printed("yyyy-MM-dd HH:mm:ss"), "2017-11-01 00:00:00");
        assert_eq!(printed("dd.MM.yy 100% SSS XXX"), "01.11.17 100% 123 +08:00");
        assert!(TimeDisplay::parse("yyyy-QQ").expect_err("wrong").contains("`QQ`"));
    }
}
