//! Path patterns: `*` stands for one node (or part of one), `**` for one or more.

use std::fmt;

use crate::{
    Path, PathError,
    path::{quote_node, split_nodes, unquote_node},
};

/// A path with wildcards.
///
/// `*` is exactly one node, `**` one or more, `s*`, `*1` and `*s*` match inside one node. `root.**` is everything
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
pub struct PathPattern {
    nodes: Vec<Node>,
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
        let nodes = split_nodes(text)?
            .into_iter()
            .map(|node| match node {
                "*" => Ok(Node::One),
                "**" => Ok(Node::Many),
                _ if node.contains('*') && !node.starts_with('`') => Ok(Node::Partial(node.to_owned())),
                _ => Path::parse(node)
                    .map(|path| Node::Literal(path.as_str().to_owned()))
                    .map_err(|error| PathError::new(text, error.reason)),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { nodes })
    }

    /// Whether the pattern holds a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.nodes.iter().any(|node| !matches!(node, Node::Literal(_)))
    }

    /// The one path it names, where it holds no wildcard.
    pub fn as_path(&self) -> Option<Path> {
        (!self.has_wildcard()).then(|| Path::parse(&self.to_string()).ok()).flatten()
    }

    /// This pattern with another behind it: `FROM` prefix and `SELECT` suffix.
    #[must_use]
    pub fn join(&self, suffix: &Self) -> Self {
        Self { nodes: self.nodes.iter().chain(&suffix.nodes).cloned().collect() }
    }

    /// This pattern without its last node, and that node alone; `None` where there is one node only.
    pub fn split_last(&self) -> Option<(Self, Self)> {
        let (last, front) = self.nodes.split_last()?;
        (!front.is_empty()).then(|| (Self { nodes: front.to_vec() }, Self { nodes: vec![last.clone()] }))
    }

    /// How many nodes it is written with.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a pattern has a node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes as they are written.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.nodes.iter().map(|node| match node {
            Node::Literal(text) | Node::Partial(text) => text,
            Node::One => "*",
            Node::Many => "**",
        })
    }

    /// The longest literal beginning, as far as it is a path.
    pub fn literal_prefix(&self) -> Option<Path> {
        let literals: Vec<&str> = self
            .nodes
            .iter()
            .map_while(|node| match node {
                Node::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        Path::parse(&literals.join(".")).ok()
    }

    /// Whether a path, whole, fits.
    pub fn matches(&self, path: &Path) -> bool {
        let nodes: Vec<&str> = path.nodes().collect();
        self.matches_nodes(&nodes)
    }

    /// Whether a path given by its nodes in canonical form, whole, fits.
    pub fn matches_nodes(&self, nodes: &[&str]) -> bool {
        fits(&self.nodes, nodes)
    }

    /// Whether some path at or below the one given by its nodes can fit: what a walk down a tree may skip.
    pub fn may_match_below(&self, nodes: &[&str]) -> bool {
        may_fit_below(&self.nodes, nodes)
    }

    /// Whether some path fits both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        overlap(&self.nodes, &other.nodes)
    }
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
            // Two globs share a name unless their literal ends contradict each other; saying yes is safe.
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
        for (i, node) in self.nodes().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(node)?;
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
        Self {
            nodes: path
                .nodes()
                .map(|node| Node::Literal(quote_node(&unquote_node(node)).into_owned()))
                .collect(),
        }
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
    fn patterns_overlap_when_a_path_fits_both() {
        let pattern = |text| PathPattern::parse(text).expect("pattern");
        assert!(pattern("root.a.**").overlaps(&pattern("root.*.b")));
        assert!(pattern("root.**").overlaps(&pattern("root.**.b")));
        assert!(!pattern("root.a.**").overlaps(&pattern("root.b.**")));
        assert!(!pattern("root.a").overlaps(&pattern("root.a.**")));
    }
}
