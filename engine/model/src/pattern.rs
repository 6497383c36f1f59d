//! Path patterns: `*` stands for one node (or part of one), `**` for one or more.

use std::{fmt, sync::Arc};

use crate::{
    Path, PathError,
    path::{canonical_node, split_names, split_nodes, unquote_node},
};

/// A path with wildcards.
///
/// Cheap to clone. `*` is exactly one node, `**` one or more, `s*`, `*1` and `*s*` match inside one node. `root.**` is everything
/// below root.
///
/// ```
/// use levada_model::{Path, PathPattern};
/// let pattern = PathPattern::parse("root.*.d1.**")?;
/// assert!(pattern.matches(&Path::parse("root.plant.d1.a.b")?));
/// assert!(!pattern.matches(&Path::parse("root.plant.d1")?));
/// # Ok::<(), levada_model::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern(Nodes);

/// The form of a pattern. One without wildcards is always a path, so that equal patterns have one form.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Nodes {
    Path(Path),
    Wild(Arc<[Node]>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Node {
    /// A node as it is, in canonical form.
    Literal(String),
    /// `*`
    One,
    /// `**`
    Many,
    /// `prefix*suffix`, either side may be empty, or `*middle*`.
    Partial(String),
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// As [`Path::parse`], with wildcards allowed in bare nodes.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !text.contains('*') {
            return Path::parse(text).map(|path| Self(Nodes::Path(path)));
        }
        let literal = |node: &str| {
            Path::parse(node)
                .map(|path| path.as_str().to_owned())
                .map_err(|error| PathError::new(text, error.reason))
        };
        Self::of_texts(split_nodes(text)?, literal)
    }

    /// Reads a pattern as files keep it: nodes without wildcards are as in [`Path::from_names`].
    ///
    /// # Errors
    /// A node is empty.
    pub fn from_names(text: &str) -> Result<Self, PathError> {
        Self::of_texts(split_names(text)?, |node| Ok(canonical_node(node).into_owned()))
    }

    fn of_texts(
        nodes: Vec<&str>,
        literal: impl Fn(&str) -> Result<String, PathError>,
    ) -> Result<Self, PathError> {
        let nodes = nodes.into_iter().map(|node| match node {
            "*" => Ok(Node::One),
            "**" => Ok(Node::Many),
            _ if node.contains('*') && !node.starts_with('`') => Ok(Node::Partial(node.to_owned())),
            _ => literal(node).map(Node::Literal),
        });
        Ok(Self::of(nodes.collect::<Result<_, _>>()?))
    }

    /// A pattern of one node, given in canonical form: a measurement by its name.
    pub fn of_node(node: &str) -> Self {
        Self(Nodes::Path(Path::from_canonical(node.to_owned())))
    }

    fn of(nodes: Vec<Node>) -> Self {
        if nodes.iter().all(|node| matches!(node, Node::Literal(_))) {
            let texts: Vec<&str> = nodes.iter().map(Node::text).collect();
            return Self(Nodes::Path(Path::from_canonical(texts.join("."))));
        }
        Self(Nodes::Wild(nodes.into()))
    }

    fn to_nodes(&self) -> Vec<Node> {
        match &self.0 {
            Nodes::Path(path) => path.nodes().map(|node| Node::Literal(node.to_owned())).collect(),
            Nodes::Wild(nodes) => nodes.to_vec(),
        }
    }

    /// Whether the pattern holds a wildcard.
    pub fn has_wildcard(&self) -> bool {
        matches!(self.0, Nodes::Wild(_))
    }

    /// The one path it names, if it has no wildcard.
    pub fn as_path(&self) -> Option<Path> {
        match &self.0 {
            Nodes::Path(path) => Some(path.clone()),
            Nodes::Wild(_) => None,
        }
    }

    /// This pattern followed by another: a `FROM` prefix and a `SELECT` suffix.
    #[must_use]
    pub fn join(&self, suffix: &Self) -> Self {
        match (&self.0, &suffix.0) {
            (Nodes::Path(path), Nodes::Path(suffix)) => Self(Nodes::Path(path.child(suffix.as_str()))),
            _ => Self::of([self.to_nodes(), suffix.to_nodes()].concat()),
        }
    }

    /// This pattern without its last node, and that node alone; `None` if there is only one node.
    pub fn split_last(&self) -> Option<(Self, Self)> {
        match &self.0 {
            Nodes::Path(path) => {
                let (front, last) = path.split_last()?;
                let last = Path::from_canonical(last.to_owned());
                Some((Self(Nodes::Path(front)), Self(Nodes::Path(last))))
            }
            Nodes::Wild(nodes) => {
                let (last, front) = nodes.split_last()?;
                (!front.is_empty()).then(|| (Self::of(front.to_vec()), Self::of(vec![last.clone()])))
            }
        }
    }

    /// How many nodes it is written with.
    pub fn len(&self) -> usize {
        match &self.0 {
            Nodes::Path(path) => path.nodes().count(),
            Nodes::Wild(nodes) => nodes.len(),
        }
    }

    /// Always `false`: a pattern has at least one node.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The nodes as they are written.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &str> {
        let nodes: Vec<&str> = match &self.0 {
            Nodes::Path(path) => path.nodes().collect(),
            Nodes::Wild(nodes) => nodes.iter().map(Node::text).collect(),
        };
        nodes.into_iter()
    }

    /// The longest prefix of literal nodes, if it is a path.
    pub fn literal_prefix(&self) -> Option<Path> {
        let nodes = match &self.0 {
            Nodes::Path(path) => return Some(path.clone()),
            Nodes::Wild(nodes) => nodes,
        };
        let literals: Vec<&str> = nodes
            .iter()
            .map_while(|node| match node {
                Node::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        (!literals.is_empty()).then(|| Path::from_canonical(literals.join(".")))
    }

    /// Whether the whole path fits.
    pub fn matches(&self, path: &Path) -> bool {
        match &self.0 {
            Nodes::Path(own) => own == path,
            Nodes::Wild(nodes) => {
                let path: Vec<&str> = path.nodes().collect();
                fits(nodes, &path)
            }
        }
    }

    /// Whether the whole path fits, given by its nodes in canonical form.
    pub fn matches_nodes(&self, nodes: &[&str]) -> bool {
        match &self.0 {
            Nodes::Path(path) => behind(path, nodes).is_some_and(str::is_empty),
            Nodes::Wild(own) => fits(own, nodes),
        }
    }

    /// Whether a path at or below the given nodes can fit. If not, a walk down a tree may skip them.
    pub fn may_match_below(&self, nodes: &[&str]) -> bool {
        match &self.0 {
            Nodes::Path(path) => {
                behind(path, nodes).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Nodes::Wild(own) => may_fit_below(own, nodes),
        }
    }

    /// Whether any path fits both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Nodes::Path(path), _) => other.matches(path),
            (_, Nodes::Path(path)) => self.matches(path),
            (Nodes::Wild(a), Nodes::Wild(b)) => overlap(a, b),
        }
    }
}

/// The rest of a path after some nodes, if its text begins with them. No node begins with another and a full stop.
fn behind<'a>(path: &'a Path, nodes: &[&str]) -> Option<&'a str> {
    let mut rest = path.as_str();
    for (index, node) in nodes.iter().enumerate() {
        rest = if index > 0 { rest.strip_prefix('.')? } else { rest };
        rest = rest.strip_prefix(node)?;
    }
    Some(rest)
}

fn fits(pattern: &[Node], nodes: &[&str]) -> bool {
    match (pattern.split_first(), nodes.split_first()) {
        (None, None) => true,
        (Some((Node::Many, rest)), Some((_, below))) => fits(rest, below) || fits(pattern, below),
        (Some((node, rest)), Some((name, below))) => node.accepts(name) && fits(rest, below),
        _ => false,
    }
}

fn may_fit_below(pattern: &[Node], nodes: &[&str]) -> bool {
    match (pattern.split_first(), nodes.split_first()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some((Node::Many, _)), Some(_)) => true,
        (Some((node, rest)), Some((name, below))) => node.accepts(name) && may_fit_below(rest, below),
    }
}

fn overlap(a: &[Node], b: &[Node]) -> bool {
    match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (None, _) | (_, None) => false,
        (Some((Node::Many, a_rest)), Some((Node::Many, b_rest))) => {
            overlap(a_rest, b_rest) || overlap(a, b_rest) || overlap(a_rest, b)
        }
        (Some((Node::Many, a_rest)), Some((_, b_rest))) => overlap(a_rest, b_rest) || overlap(a, b_rest),
        (Some((_, a_rest)), Some((Node::Many, b_rest))) => overlap(a_rest, b_rest) || overlap(a_rest, b),
        (Some((x, a_rest)), Some((y, b_rest))) => x.shares_a_name_with(y) && overlap(a_rest, b_rest),
    }
}

impl Node {
    fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Partial(text) => text,
            Self::One => "*",
            Self::Many => "**",
        }
    }

    fn accepts(&self, name: &str) -> bool {
        match self {
            Self::Literal(text) => text == name,
            Self::One | Self::Many => true,
            Self::Partial(glob) => glob_fits(glob, &unquote_node(name)),
        }
    }

    fn shares_a_name_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(text), node) | (node, Self::Literal(text)) => node.accepts(text),
            // Two globs overlap unless their literal ends contradict each other; `true` is the safe answer.
            _ => true,
        }
    }
}

/// Matches a name against literal runs separated by stars.
fn glob_fits(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = match &self.0 {
            Nodes::Path(path) => return f.write_str(path.as_str()),
            Nodes::Wild(nodes) => nodes,
        };
        for (i, node) in nodes.iter().enumerate() {
            f.write_str(if i > 0 { "." } else { "" })?;
            f.write_str(node.text())?;
        }
        Ok(())
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&Path> for PathPattern {
    fn from(path: &Path) -> Self {
        Self(Nodes::Path(path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        PathPattern::parse(pattern).expect("pattern").matches(&Path::parse(path).expect("path"))
    }

    #[test]
    fn stars_stand_for_one_node_and_double_stars_for_one_or_more() {
        assert!(matches("root.*.s", "root.d.s"));
        assert!(!matches("root.*.s", "root.d.e.s"));
        assert!(matches("root.**.s", "root.d.e.s"));
        assert!(!matches("root.**.s", "root.s"));
        assert!(matches("root.**", "root.a"));
        assert!(!matches("root.**", "root"));
        assert!(matches("root.**.b.**.d", "root.a.b.b.c.d"));
    }

    #[test]
    fn part_of_a_node_may_be_a_star() {
        assert!(matches("root.s*", "root.s1"));
        assert!(matches("root.*1", "root.s1"));
        assert!(matches("root.*s*", "root.asb"));
        assert!(matches("root.a*b*c", "root.aXbYc"));
        assert!(!matches("root.a*b", "root.ab.b"));
        assert!(!matches("root.ab*b", "root.ab"));
    }

    #[test]
    fn a_walk_may_skip_what_cannot_match_below() {
        let pattern = PathPattern::parse("root.a.*.s").expect("pattern");
        assert!(pattern.may_match_below(&["root"]));
        assert!(pattern.may_match_below(&["root", "a", "x"]));
        assert!(!pattern.may_match_below(&["root", "b"]));
        assert!(!pattern.may_match_below(&["root", "a", "x", "s", "t"]));
    }

    #[test]
    fn a_pattern_without_wildcards_is_its_path() {
        let pattern = |text| PathPattern::parse(text).expect("pattern");
        let quoted = pattern("root.`a`.`b.c`");
        assert_eq!(quoted.to_string(), "root.a.`b.c`");
        assert_eq!((quoted.len(), quoted.nodes().collect::<Vec<_>>()), (3, vec!["root", "a", "`b.c`"]));
        assert_eq!(quoted, pattern("root").join(&pattern("a")).join(&pattern("`b.c`")));
        assert_eq!(quoted, PathPattern::from(&Path::parse("root.a.`b.c`").expect("path")));
        let (front, last) = pattern("root.a.*").split_last().expect("three nodes");
        assert_eq!((front, last), (pattern("root.a"), pattern("*")));
        assert!(quoted.matches_nodes(&["root", "a", "`b.c`"]) && !quoted.matches_nodes(&["root", "a"]));
        assert!(quoted.may_match_below(&["root", "a"]) && !quoted.may_match_below(&["root", "ab"]));
        assert!(!pattern("root.ab").may_match_below(&["root", "a"]));
        assert!(!pattern("root.a").matches_nodes(&["root", "a", "b"]));
    }

    #[test]
    fn patterns_overlap_when_a_path_fits_both() {
        let pattern = |text| PathPattern::parse(text).expect("pattern");
        assert!(pattern("root.a.**").overlaps(&pattern("root.*.b")));
        assert!(pattern("root.**").overlaps(&pattern("root.**.b")));
        assert!(!pattern("root.a.**").overlaps(&pattern("root.b.**")));
        assert!(!pattern("root.a").overlaps(&pattern("root.a.**")));
    }
}
