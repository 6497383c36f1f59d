//! Names of devices and series: nodes joined by full stops, from `root` down.
//!
//! A node may be bare if it consists of letters, digits, `_` and the characters U+2E80 to U+9FFF and is not a number; otherwise
//! it is quoted by backquotes, with each backquote inside doubled. Source: `IoTDBSqlLexer` and `PathUtils` of Apache IoTDB 1.x,
//! as observed.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A path without wildcards, in canonical form: a node is quoted exactly when it must be.
///
/// Cheap to clone; compares, orders and hashes by its text.
///
/// ```
/// use levada_model::Path;
/// let path = Path::parse("root.plant.`d1`.`a.b`")?;
/// assert_eq!(path.as_str(), "root.plant.d1.`a.b`");
/// assert_eq!(path.nodes().collect::<Vec<_>>(), ["root", "plant", "d1", "`a.b`"]);
/// let (device, measurement) = path.split_last().expect("more than one node");
/// assert_eq!((device.as_str(), measurement), ("root.plant.d1", "`a.b`"));
/// # Ok::<(), levada_model::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path(Arc<str>);

/// Why a string is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a legal path: {reason}")]
pub struct PathError {
    /// The text as given.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl PathError {
    pub(crate) fn new(path: &str, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }
}

impl Path {
    /// Reads a path and brings it into canonical form.
    ///
    /// # Errors
    /// An empty node, a quote that is not closed, or a bare node with characters that need quotes.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if is_plain(text) {
            return Ok(Self(text.into()));
        }
        let mut canonical = String::with_capacity(text.len());
        for node in split_nodes(text)? {
            if !canonical.is_empty() {
                canonical.push('.');
            }
            match quoted_content(node) {
                Some(content) => canonical.push_str(&quote_node(&content)),
                None if is_bare(node) => canonical.push_str(node),
                None => {
                    return Err(PathError::new(
                        text,
                        format!(
                            "node `{node}` must stand between backquotes: it is a number or has characters other than letters, digits and _"
                        ),
                    ));
                }
            }
        }
        Ok(Self(canonical.into()))
    }

    /// Reads a path as files and other programs keep it, and brings it into canonical form: a node that needs quotes and has none
    /// is the name itself, whatever characters it has. What [`Path::parse`] reads is read as the same path.
    ///
    /// # Errors
    /// A node is empty.
    ///
    /// ```
    /// use levada_model::Path;
    /// assert_eq!(Path::from_names("root.a-b.größe.`x.y`")?.as_str(), "root.`a-b`.`größe`.`x.y`");
    /// # Ok::<(), levada_model::PathError>(())
    /// ```
    pub fn from_names(text: &str) -> Result<Self, PathError> {
        if is_plain(text) {
            return Ok(Self(text.into()));
        }
        let nodes = split_names(text)?.into_iter().map(canonical_node);
        Ok(Self(nodes.collect::<Vec<_>>().join(".").into()))
    }

    /// A path of a string known to be in canonical form.
    pub(crate) fn from_canonical(text: String) -> Self {
        Self(text.into())
    }

    /// A path of raw (unquoted) node names; quotes are added where needed.
    pub fn from_raw_nodes<'a>(nodes: impl IntoIterator<Item = &'a str>) -> Self {
        let nodes: Vec<_> = nodes.into_iter().map(quote_node).collect();
        Self(nodes.join(".").into())
    }

    /// The path one node below; the node is raw and gets quotes if it needs them.
    #[must_use]
    pub fn child_raw(&self, node: &str) -> Self {
        self.child(&quote_node(node))
    }

    /// The path one node below; the node is already in canonical form.
    #[must_use]
    pub fn child(&self, node: &str) -> Self {
        Self(format!("{}.{node}", self.0).into())
    }

    /// The whole text, in canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The nodes in canonical form, from the top.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        // Quotes are rare, and a plain split is several times faster.
        let found: Vec<&str> = if self.0.contains('`') {
            split_nodes(&self.0).unwrap_or_default()
        } else {
            self.0.split('.').collect()
        };
        found.into_iter()
    }

    /// The parent and the last node (in canonical form); `None` for a path of one node.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let at = if self.0.ends_with('`') {
            let last = self.nodes().next_back()?;
            self.0.len().checked_sub(last.len() + 1)?
        } else {
            self.0.rfind('.')?
        };
        Some((Self(self.0[..at].into()), &self.0[at + 1..]))
    }

    /// The parent; `None` for a path of one node.
    pub fn parent(&self) -> Option<Self> {
        self.split_last().map(|(parent, _)| parent)
    }

    /// Whether this path is `other` or lies above it.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

/// The canonical form of a raw node name: quoted only if it must be.
pub fn quote_node(raw: &str) -> Cow<'_, str> {
    if is_bare(raw) { Cow::Borrowed(raw) } else { Cow::Owned(format!("`{}`", raw.replace('`', "``"))) }
}

/// The raw name of a node in canonical form.
pub fn unquote_node(node: &str) -> Cow<'_, str> {
    quoted_content(node).unwrap_or(Cow::Borrowed(node))
}

/// The canonical form of a node as files and other programs keep it: quoted, or the name itself.
///
/// ```
/// # use levada_model::canonical_node;
/// assert_eq!(["`a`", "a b", "`a b`", "`"].map(|node| canonical_node(node).into_owned()), ["a", "`a b`", "`a b`", "````"]);
/// ```
pub fn canonical_node(node: &str) -> Cow<'_, str> {
    match quoted_content(node).filter(|_| quoted_end(node) == Some(node.len())) {
        Some(content) => Cow::Owned(quote_node(&content).into_owned()),
        None => quote_node(node),
    }
}

/// Where each node of a path ends that files and other programs keep: at full stops outside of quoted nodes, and at the end. A
/// backquote that does not open a node, or that nothing closes, is a character of a name.
pub fn node_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::with_capacity(8);
    let mut start = 0;
    while let Some(rest) = text.get(start..) {
        let quoted = if rest.starts_with('`') { quoted_end(rest) } else { None };
        let is_whole =
            |end: &usize| rest.get(*end..).is_some_and(|after| after.is_empty() || after.starts_with('.'));
        let end = quoted.filter(is_whole).or_else(|| rest.find('.')).unwrap_or(rest.len());
        ends.push(start + end);
        start += end + 1;
    }
    ends
}

/// Splits where [`node_ends`] says.
pub(crate) fn split_names(text: &str) -> Result<Vec<&str>, PathError> {
    let mut start = 0;
    let nodes = node_ends(text).into_iter().map(|end| {
        let node = text.get(start..end).filter(|node| !node.is_empty());
        start = end + 1;
        node.ok_or_else(|| PathError::new(text, "a node is empty"))
    });
    nodes.collect()
}

/// The content of a quoted node, `None` for a bare one.
fn quoted_content(node: &str) -> Option<Cow<'_, str>> {
    let inner = node.strip_prefix('`')?.strip_suffix('`')?;
    Some(if inner.contains('`') { Cow::Owned(inner.replace("``", "`")) } else { Cow::Borrowed(inner) })
}

/// Splits at full stops outside backquotes; checks that each quote is closed and fills its node.
pub(crate) fn split_nodes(text: &str) -> Result<Vec<&str>, PathError> {
    let mut nodes = Vec::with_capacity(8);
    let mut rest = text;
    loop {
        let end = if rest.starts_with('`') {
            quoted_end(rest).ok_or_else(|| PathError::new(text, "a backquote is not closed"))?
        } else {
            rest.find('.').unwrap_or(rest.len())
        };
        let (node, after) = rest.split_at(end);
        if node.is_empty() {
            return Err(PathError::new(text, "a node is empty"));
        }
        nodes.push(node);
        if after.is_empty() {
            return Ok(nodes);
        }
        rest = after
            .strip_prefix('.')
            .ok_or_else(|| PathError::new(text, "a full stop is missing after a quoted node"))?;
    }
}

/// The length of the quoted node at the beginning of a string.
fn quoted_end(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text.get(at..)?.find('`')? + 1;
        if !text[at..].starts_with('`') {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether a raw name may stand without quotes.
fn is_bare(node: &str) -> bool {
    !node.is_empty() && node.chars().all(is_bare_char) && !is_number(node)
}

fn is_bare_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || ('\u{2E80}'..='\u{9FFF}').contains(&c)
}

/// Whether a bare word would read as a number: `12`, `1e5`; the peer rejects those.
fn is_number(node: &str) -> bool {
    node.starts_with(|c: char| c.is_ascii_digit()) && node.parse::<f64>().is_ok()
}

/// Fast check for the usual path: ASCII words that start with a letter or `_`, joined by single full stops.
fn is_plain(text: &str) -> bool {
    let mut at_start = true;
    for byte in text.bytes() {
        match byte {
            b'.' if at_start => return false,
            b'.' => at_start = true,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => at_start = false,
            b'0'..=b'9' if !at_start => {}
            _ => return false,
        }
    }
    !at_start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_are_dropped_where_they_are_not_needed() {
        let path = Path::parse("root.`a`.`b c`.`d``e`.`12`").expect("legal");
        assert_eq!(path.as_str(), "root.a.`b c`.`d``e`.`12`");
        let raw: Vec<_> = path.nodes().map(|node| unquote_node(node).into_owned()).collect();
        assert_eq!(raw, ["root", "a", "b c", "d`e", "12"]);
    }

    #[test]
    fn illegal_paths_say_what_is_wrong() {
        for (text, reason) in [
            ("", "a node is empty"),
            ("root..a", "a node is empty"),
            ("root.a.", "a node is empty"),
            ("root.`a", "a backquote is not closed"),
            ("root.`a`b", "a full stop is missing"),
            ("root.12", "must stand between backquotes"),
            ("root.a b", "must stand between backquotes"),
        ] {
            let error = Path::parse(text).expect_err(text);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_prefix_ends_at_a_full_stop() {
        let path = |text| Path::parse(text).expect("legal");
        assert!(path("root.a").is_prefix_of(&path("root.a.b")));
        assert!(path("root.a").is_prefix_of(&path("root.a")));
        assert!(!path("root.a").is_prefix_of(&path("root.ab")));
    }

    #[test]
    fn names_that_files_keep_are_quoted_where_they_must_be() {
        for (text, canonical) in [
            ("root.p.größe", "root.p.`größe`"),
            ("root.p.тест", "root.p.`тест`"),
            ("root.测试.a b.🙂", "root.测试.`a b`.`🙂`"),
            ("root.a-b.12", "root.`a-b`.`12`"),
            ("root.`a.b`.`c`", "root.`a.b`.c"),
            ("root.a`b.`c", "root.`a``b`.```c`"),
            ("root.`a`b", "root.```a``b`"),
            ("root.*.x*", "root.`*`.`x*`"),
        ] {
            assert_eq!(Path::from_names(text).map(String::from), Ok(canonical.to_owned()), "{text}");
        }
        for text in ["", "root..a", "root.a."] {
            assert!(Path::from_names(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_are_read_as_paths_are_where_they_are_some(text in "[a`.* 0-9ö]{0,12}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::from_names(&text).expect("a path"), path);
            }
            if let Ok(path) = Path::from_names(&text) {
                prop_assert_eq!(Path::parse(path.as_str()).expect("canonical"), path);
            }
        }

        #[test]
        fn raw_nodes_survive_quoting(nodes in prop::collection::vec("[^\u{0}]{1,6}", 1..5)) {
            let path = Path::from_raw_nodes(nodes.iter().map(String::as_str));
            let back: Vec<_> = path.nodes().map(|node| unquote_node(node).into_owned()).collect();
            prop_assert_eq!(&back, &nodes);
            prop_assert_eq!(Path::parse(path.as_str()).expect("canonical"), path);
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text in "[a`.* 0-9]{0,12}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(path.as_str()).expect("canonical"), path);
            }
        }
    }
}
