//! From text to tree: YAML 1.2; features unwanted in a document of options are rejected by name.
//!
//! Bounds: nesting by [`MAX_DEPTH`], copies by aliases by [`MAX_COPIED_NODES`] and [`MAX_COPIED_BYTES`], so that a small file
//! cannot grow large. The merge key `<<` of YAML 1.1 is supported, as people use it with anchors.

mod advice;
mod variables;

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::{
    code,
    node::{Entry, Kind, Node, Scalar},
    report::Report,
    text::At,
    words,
};

/// How deep mappings and lists may be nested.
const MAX_DEPTH: usize = 64;
/// How many values aliases may copy.
const MAX_COPIED_NODES: usize = 250_000;
/// How many bytes of text aliases may copy.
const MAX_COPIED_BYTES: usize = 16 << 20;

/// Reads the only document of a text. `None` if it cannot be parsed; every problem is in the report.
pub(crate) fn parse(report: &mut Report<'_>) -> Option<Node> {
    let mut builder = Builder::default();
    let text = variables::hide(report.text);
    let mut parser = Parser::new_from_str(&text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                advice::syntax_error(report, &error);
                return None;
            }
        };
        let at = At {
            start: report.text.offset(span.start.line(), span.start.col()),
            end: report.text.offset(span.end.line(), span.end.col()),
        };
        builder.take(event, at, report)?;
    }
    if builder.root.is_none() {
        let help = "a pipeline has at least `sources` and `sinks`; `levada create` writes one to start from";
        report.error(code::DOCUMENTS, "", At::default(), "the document is empty").help(help);
    }
    builder.root
}

/// A mapping or list whose end has not come yet.
struct Open {
    at: At,
    anchor: usize,
    kind: Kind,
    /// The keys so far, to find duplicates.
    keys: HashSet<String>,
    /// The key whose value comes next.
    key: Option<(String, At)>,
}

/// A value that aliases may copy, and the cost of a copy.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copied_nodes: usize,
    copied_bytes: usize,
    documents: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: At, report: &mut Report<'_>) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a file holds one document, and here a second one begins";
                    report
                        .error(code::DOCUMENTS, "", at, message)
                        .help("give each pipeline a file of its own");
                    return None;
                }
                Some(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || check_tag(tag.as_deref(), at, report)?;
                let scalar = Scalar { text: variables::show(text), quoted, ..Scalar::default() };
                self.put(Node { at, kind: Kind::Scalar(scalar) }, anchor, report)
            }
            Event::Alias(anchor) => self.copy(anchor, at, report),
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), at, report)?;
                self.begin(Kind::List(Vec::new()), anchor, at, report)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), at, report)?;
                self.begin(Kind::Map(Vec::new()), anchor, at, report)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let at = report.text.first_line(At { start: open.at.start, end: at.end.max(open.at.end) });
                let mut node = Node { at, kind: open.kind };
                merge(&mut node, report);
                self.put(node, open.anchor, report)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
        }
    }

    fn begin(&mut self, kind: Kind, anchor: usize, at: At, report: &mut Report<'_>) -> Option<()> {
        if self.awaits_key() {
            report.error(code::SYNTAX, "", at, "a key has to be a text, and this one is a list or a mapping");
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            report.error(code::TOO_LARGE, "", at, message);
            return None;
        }
        self.open.push(Open { at, anchor, kind, keys: HashSet::new(), key: None });
        Some(())
    }

    fn awaits_key(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.kind, Kind::Map(_)) && open.key.is_none())
    }

    /// Adds a whole value: as a key, or where values go.
    fn put(&mut self, node: Node, anchor: usize, report: &mut Report<'_>) -> Option<()> {
        if anchor != 0 {
            let (nodes, bytes) = weigh(&node);
            self.spend(nodes, bytes, node.at, report)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match (&mut open.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some((key, key_at))) => entries.push(Entry { key, key_at, value: node }),
            (Kind::Map(entries), None) => {
                let Kind::Scalar(scalar) = node.kind else {
                    report.error(code::SYNTAX, "", node.at, "a key has to be a text");
                    return None;
                };
                if scalar.text != "<<" && !open.keys.insert(scalar.text.clone()) {
                    let message = format!("the key `{}` stands twice", words::shown(&scalar.text));
                    let first =
                        entries.iter().find(|entry| entry.key == scalar.text).map(|entry| entry.key_at);
                    let text = report.text;
                    let path = path_of(&self.open);
                    let problem = report.error(code::DUPLICATE_KEY, &path, node.at, message);
                    problem.help("remove one of the two, or rename it");
                    if let Some(first) = first {
                        problem.note_at(text, first, "the first stands here");
                    }
                }
                if let Some(open) = self.open.last_mut() {
                    open.key = Some((scalar.text, node.at));
                }
            }
            (Kind::Scalar(_), _) => {}
        }
        Some(())
    }

    fn copy(&mut self, anchor: usize, at: At, report: &mut Report<'_>) -> Option<()> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            report.error(code::SYNTAX, "", at, "an alias stands within the value it is an alias of");
            return None;
        };
        let (nodes, bytes) = (anchored.nodes, anchored.bytes);
        let node = Node { at, kind: anchored.node.kind.clone() };
        self.spend(nodes, bytes, at, report)?;
        self.put(node, 0, report)
    }

    fn spend(&mut self, nodes: usize, bytes: usize, at: At, report: &mut Report<'_>) -> Option<()> {
        self.copied_nodes += nodes;
        self.copied_bytes += bytes;
        if self.copied_nodes > MAX_COPIED_NODES || self.copied_bytes > MAX_COPIED_BYTES {
            let message =
                format!("aliases copy more than {MAX_COPIED_NODES} values or {} MiB", MAX_COPIED_BYTES >> 20);
            report
                .error(code::TOO_LARGE, "", at, message)
                .help("write out what is meant, without aliases of aliases");
            return None;
        }
        Some(())
    }
}

/// The number of values in a tree, and of bytes of text.
fn weigh(node: &Node) -> (usize, usize) {
    let add = |(nodes, bytes): (usize, usize), (more, longer)| (nodes + more, bytes + longer);
    match &node.kind {
        Kind::Scalar(scalar) => (1, scalar.text.len()),
        Kind::List(items) => items.iter().map(weigh).fold((1, 0), add),
        Kind::Map(entries) => {
            entries.iter().map(|entry| add(weigh(&entry.value), (0, entry.key.len()))).fold((1, 0), add)
        }
    }
}

fn path_of(open: &[Open]) -> String {
    let mut path = String::new();
    for each in open {
        match (&each.kind, &each.key) {
            (Kind::List(items), _) => path.push_str(&format!("[{}]", items.len())),
            (_, Some((key, _))) => words::push_key(&mut path, key),
            _ => {}
        }
    }
    path
}

/// Whether the tag makes a string of the value.
fn check_tag(tag: Option<&Tag>, at: At, report: &mut Report<'_>) -> Option<bool> {
    let Some(tag) = tag else { return Some(false) };
    let known = ["str", "int", "float", "bool", "null", "map", "seq"];
    if tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()) {
        return Some(tag.suffix == "str");
    }
    let message = format!("the tag `{}` means nothing here", words::shown(&tag.to_string()));
    report.error(code::SYNTAX, "", at, message).help("remove it; a text that begins with `!` needs quotes");
    None
}

/// Merges what `<<` names into its mapping; the mapping's own keys take precedence.
fn merge(node: &mut Node, report: &mut Report<'_>) {
    let Kind::Map(entries) = &mut node.kind else { return };
    if !entries.iter().any(|entry| entry.key == "<<") {
        return;
    }
    let (merged, mut own): (Vec<_>, Vec<_>) =
        std::mem::take(entries).into_iter().partition(|entry| entry.key == "<<");
    for entry in merged {
        let maps = match entry.value.kind {
            Kind::List(items) => items,
            kind => vec![Node { at: entry.value.at, kind }],
        };
        for map in maps {
            let Kind::Map(entries) = map.kind else {
                let message = "`<<` takes in mappings, and this is none";
                report.error(code::WRONG_TYPE, "", map.at, message);
                continue;
            };
            for entry in entries {
                if !own.iter().any(|known| known.key == entry.key) {
                    own.push(entry);
                }
            }
        }
    }
    *entries = own;
}
