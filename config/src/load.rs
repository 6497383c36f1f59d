//! From a document's text to its [`Pipeline`], or to everything that is wrong with it.
//!
//! ```text
//! text ─ yaml ─▶ tree with places ─ interpolate ─▶ tree ─ nodes, check ─▶ options ─ graph ─▶ Pipeline
//!          │                             │                   │                │
//!          └─────────────────────────────┴──── report ◀──────┴────────────────┘
//! ```

pub(crate) mod claims;
mod graph;
mod nodes;

use std::path::PathBuf;

use levada_connector_api::Registry;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    check::Checker,
    code,
    diagnostic::Diagnostic,
    interpolate::{self, Environment},
    keys::{self, SECTIONS, SinkKeys, SourceKeys, TopKeys, TransformKeys},
    node::{Entry, Kind, Node, Scalar},
    pipeline::{Pipeline, SinkNode, SourceNode, TransformNode},
    report::Report,
    schema::Schema,
    text::{At, Text},
    words, yaml,
};

/// The largest document, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// Reads a pipeline document.
///
/// `file_name` is the file as the user named it: it appears in messages, and its stem is the pipeline's name if the document
/// gives none. `environment` gives the values of variables. Nothing else outside is read.
///
/// There is a pipeline exactly if no diagnostic is an error; the diagnostics are in the order of the text.
///
/// ```
/// # use levada_config::load;
/// # use levada_connector_api::Registry;
/// let (pipeline, problems) = load("sinks: {}", "plant.yaml", &Registry::new(), &|_| None);
/// assert!(pipeline.is_none());
/// assert_eq!(problems[0].message, "the pipeline has no sources");
/// ```
pub fn load(
    text: &str,
    file_name: &str,
    registry: &Registry,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Option<Pipeline>, Vec<Diagnostic>) {
    loaded(text, file_name, registry, environment, Depth::Text)
}

/// As [`load`]; and components look at the files on this machine that their options name, where these are right as far as the text
/// tells. Blocks, changes nothing and opens no store.
pub fn load_and_look(
    text: &str,
    file_name: &str,
    registry: &Registry,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Option<Pipeline>, Vec<Diagnostic>) {
    loaded(text, file_name, registry, environment, Depth::Files)
}

/// What a document is checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// What it says.
    Text,
    /// The files that it names, too.
    Files,
}

fn loaded(
    text: &str,
    file_name: &str,
    registry: &Registry,
    environment: Environment<'_>,
    depth: Depth,
) -> (Option<Pipeline>, Vec<Diagnostic>) {
    let text = Text::new(file_name, text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut report = Report::new(&text);
    let pipeline = read(&mut report, registry, environment, depth).filter(|_| !report.has_errors());
    (pipeline, report.into_diagnostics())
}

fn read(
    report: &mut Report<'_>,
    registry: &Registry,
    environment: Environment<'_>,
    depth: Depth,
) -> Option<Pipeline> {
    if report.text.text.len() > MAX_BYTES {
        let message = format!("the document is larger than {} MiB", MAX_BYTES >> 20);
        report.error(code::TOO_LARGE, "", At::default(), message);
        return None;
    }
    let mut root = yaml::parse(report)?;
    let Kind::Map(entries) = &mut root.kind else {
        let help = "a pipeline is a mapping with `sources` and `sinks`";
        report.error(code::WRONG_TYPE, "", root.at, "the document is not a mapping").help(help);
        return None;
    };
    // A place for anchors, which nothing reads.
    entries.retain(|entry| !entry.key.starts_with("x-"));
    expand_short_form(entries, "errors", "on_error");
    interpolate::interpolate(&mut root, &mut String::new(), environment, report);

    let top = top_keys(&root, report);
    let drafts = nodes::read(&root, registry, depth, report);
    claims::check(&drafts, top.as_ref(), &root, report);
    let order = graph::check(&drafts, &root, report);
    check_tests(&root, &drafts, report);
    assemble(top?, drafts, order?, report.text.file)
}

/// `errors: stop` is `errors: {on_error: stop}`.
fn expand_short_form(entries: &mut [Entry], key: &str, inner: &str) {
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) else { return };
    if matches!(&entry.value.kind, Kind::Scalar(scalar) if !scalar.is_null()) {
        let at = entry.value.at;
        let value = std::mem::replace(&mut entry.value, Node::null(at));
        entry.value.kind = Kind::Map(vec![Entry { key: inner.to_owned(), key_at: at, value }]);
    }
}

/// The keys that do not declare nodes.
fn top_keys(root: &Node, report: &mut Report<'_>) -> Option<TopKeys> {
    let mut schema = keys::schema_of::<TopKeys>();
    // The sections are included so that a misspelt one is reported; their nodes are read elsewhere.
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.extend(SECTIONS.map(|(name, ..)| (name.to_owned(), Value::Bool(true))));
    }
    let top = root.entries().iter().map(|entry| match SECTIONS.iter().any(|(name, ..)| *name == entry.key) {
        true => {
            Entry { value: Node { at: entry.value.at, kind: Kind::List(Vec::new()) }, ..entry.clone_key() }
        }
        false => entry.clone(),
    });
    let top = Node { at: root.at, kind: Kind::Map(top.collect()) };
    let mut value = Checker::new(report, "").check(&top, Schema::of(&schema), root.at)?;
    if let Value::Object(values) = &mut value {
        values.retain(|key, _| !SECTIONS.iter().any(|(name, ..)| name == key));
    }
    typed(value, "", root.at, report)
}

impl Entry {
    fn clone_key(&self) -> Self {
        let value = Node { at: self.value.at, kind: Kind::Scalar(Scalar::default()) };
        Self { key: self.key.clone(), key_at: self.key_at, value }
    }
}

/// What fits its schema fits its type, except for rules that only the type knows.
fn typed<T: DeserializeOwned>(value: Value, path: &str, at: At, report: &mut Report<'_>) -> Option<T> {
    match serde_json::from_value(value) {
        Ok(typed) => Some(typed),
        Err(error) => {
            report.error(code::WRONG_VALUE, path, at, error.to_string());
            None
        }
    }
}

/// Checks that tests name existing nodes.
fn check_tests(root: &Node, drafts: &[nodes::Draft<'_>], report: &mut Report<'_>) {
    let Some(tests) = root.entry("tests") else { return };
    for (index, test) in tests.value.items().iter().enumerate() {
        for section in ["input", "expect"] {
            let Some(section) = test.entry(section) else { continue };
            let names = drafts
                .iter()
                .filter(|draft| {
                    section.key == "expect" || draft.kind == levada_connector_api::ComponentKind::Source
                })
                .map(|draft| draft.name);
            for entry in section.value.entries() {
                if !names.clone().any(|name| name == entry.key) {
                    let path = words::joined(&format!("tests[{index}].{}", section.key), &entry.key);
                    let what = if section.key == "input" { "source" } else { "node" };
                    let message = format!("there is no {what} `{}`", words::shown(&entry.key));
                    let help = words::suggest(&entry.key, names.clone());
                    report.error(code::UNKNOWN_INPUT, &path, entry.key_at, message).maybe_help(help);
                }
            }
        }
    }
}

fn assemble(top: TopKeys, drafts: Vec<nodes::Draft<'_>>, order: Vec<String>, file: &str) -> Option<Pipeline> {
    let mut pipeline = Pipeline {
        name: top.name.unwrap_or_else(|| name_of_file(file)),
        sources: Vec::new(),
        transforms: Vec::new(),
        sinks: Vec::new(),
        errors: top.errors,
        state_dir: top.state_dir,
        grace: top.grace,
        http: top.http,
        log: top.log,
        tests: top.tests,
        order,
    };
    for draft in drafts {
        let (name, component) = (draft.name.to_owned(), draft.component?);
        match draft.keys? {
            nodes::Keys::Source(SourceKeys { queue }) => {
                pipeline.sources.push(SourceNode { name, component, decode: draft.decode, queue });
            }
            nodes::Keys::Transform(TransformKeys { inputs, queue }) => {
                pipeline.transforms.push(TransformNode { name, inputs, component, queue });
            }
            nodes::Keys::Sink(SinkKeys { inputs, batch, retry }) => {
                pipeline.sinks.push(SinkNode { name, inputs, component, encode: draft.encode, batch, retry });
            }
        }
    }
    Some(pipeline)
}

/// A pipeline name from a file name: its stem, with forbidden characters replaced.
fn name_of_file(file: &str) -> String {
    let stem =
        PathBuf::from(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = stem.chars().map(legal).collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    if name.is_empty() { "pipeline".to_owned() } else { name.to_owned() }
}
