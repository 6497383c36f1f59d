//! A document to start from: required options with examples, all others as comments with their defaults.

use levada_connector_api::{Component, ComponentKind, Registry};
use serde_json::{Map, Value};

use super::example::{example, required_options};
use crate::{
    check::first_sentence,
    echo,
    keys::{self, TopKeys},
    schema::Schema,
    words,
    write::{self, Dollars},
};

/// How long a line of comment may be, in bytes.
const COMMENT_WIDTH_BYTES: usize = 96;

/// A component that is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`{hint}")]
pub struct UnknownComponent {
    kind: &'static str,
    name: String,
    hint: String,
}

/// A pipeline document with a source, transforms and a sink. It reads without a problem as it is, and also when options in it
/// are uncommented: any one of them, or all but those that say that they exclude each other.
///
/// # Errors
/// A component is not in the registry; the error names the nearest.
pub fn skeleton(
    registry: &Registry,
    source: &str,
    transforms: &[&str],
    sink: &str,
) -> Result<String, UnknownComponent> {
    let source = find(registry, ComponentKind::Source, source)?;
    let sink = find(registry, ComponentKind::Sink, sink)?;
    let transforms: Vec<_> = transforms
        .iter()
        .map(|name| find(registry, ComponentKind::Transform, name))
        .collect::<Result<_, _>>()?;
    let mut names = Names::default();
    let mut out = Lines::default();
    out.push(
        0,
        &format!("# From {} to {}. `levada lint` checks it, `levada run` runs it.", source.name, sink.name),
    );
    out.push(0, &format!("name: {}-to-{}", source.name, sink.name));
    out.blank();

    out.push(0, "sources:");
    let mut input = names.take(source.name, "source");
    out.push(2, &format!("{input}:"));
    out.component(source);
    if source.decodes {
        let json = registry.get(ComponentKind::Decoder, "json");
        if let Some(decoder) = json.or_else(|| registry.all(ComponentKind::Decoder).next()) {
            out.push(4, "# How records become rows.");
            out.push(4, "decode:");
            out.component_at(decoder, 6);
        }
    }
    out.common(ComponentKind::Source);
    out.blank();

    if !transforms.is_empty() {
        out.push(0, "transforms:");
    }
    for transform in &transforms {
        let name = names.take(transform.name, "transform");
        out.push(2, &format!("{name}:"));
        out.push(4, &format!("inputs: [{input}]"));
        out.component(transform);
        out.common(ComponentKind::Transform);
        out.blank();
        input = name;
    }

    out.push(0, "sinks:");
    let name = names.take(sink.name, "sink");
    out.push(2, &format!("{name}:"));
    out.push(4, &format!("inputs: [{input}]"));
    out.component(sink);
    out.common(ComponentKind::Sink);
    out.blank();
    let top = keys::schema_of::<TopKeys>();
    out.keys(Schema::of(&top), 0, &["name", "tests"]);
    Ok(out.text)
}

fn find<'r>(
    registry: &'r Registry,
    kind: ComponentKind,
    name: &str,
) -> Result<&'r Component, UnknownComponent> {
    registry.get(kind, name).ok_or_else(|| {
        let help = words::suggest(name, registry.all(kind).map(|each| each.name).collect::<Vec<_>>());
        let hint = help.map(|help| format!(": {help}")).unwrap_or_default();
        UnknownComponent { kind: kind.name(), name: name.to_owned(), hint }
    })
}

/// Names of nodes: the component's, numbered if it occurs twice.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn take(&mut self, component: &str, kind: &str) -> String {
        let candidates = [component.to_owned(), format!("{component}-{kind}")].into_iter();
        let more = (2..).map(|number| format!("{component}-{number}"));
        let name = candidates.chain(more).find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.push(name.clone());
        name
    }
}

/// Lines of a document.
#[derive(Default)]
pub(crate) struct Lines {
    text: String,
}

impl Lines {
    fn push(&mut self, indent: usize, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn component(&mut self, component: &Component) {
        self.component_at(component, 4);
    }

    fn component_at(&mut self, component: &Component, indent: usize) {
        let schema = Schema::of(component.schema.as_value());
        self.comment(indent, component.summary);
        if schema.properties().is_none() {
            let value = written(&required_options(schema));
            self.push(indent, &format!("{}: {value}", component.name));
        } else {
            self.push(indent, &format!("{}:", component.name));
            let apart = self.options(schema, indent + 2, component);
            if !apart.is_empty() {
                let apart = words::list(apart.iter().map(String::as_str), "and");
                let page = format!("{}/{}", component.kind.name(), component.name);
                let text = format!("Not together with what stands here: {apart}; see `levada docs {page}`.");
                self.comment(indent + 2, &text);
            }
        }
    }

    /// The keys beside the component, all as comments.
    fn common(&mut self, kind: ComponentKind) {
        self.keys(Schema::of(&keys::schema_of_kind(kind)), 4, &["inputs"]);
    }

    /// The document.
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// Keys as comments, each with all that is said of it, and a blank line before.
    pub(crate) fn explained(&mut self, schema: Schema<'_>) {
        for (key, value) in schema.properties().into_iter().flatten() {
            let option = schema.sub(value);
            let own = value.get("description").and_then(Value::as_str);
            self.blank();
            self.comment(0, own.or_else(|| option.text("description")).unwrap_or_default());
            self.push(0, &format!("# {key}: {}", written(&shown(option, key))));
        }
    }

    /// Keys as comments, with what they are for.
    fn keys(&mut self, schema: Schema<'_>, indent: usize, without: &[&str]) {
        for (key, value) in schema.properties().into_iter().flatten() {
            if !without.contains(&key.as_str()) {
                let option = schema.sub(value);
                self.describe(indent, value, option, "");
                self.push(indent, &format!("# {key}: {}", written(&shown(option, key))));
            }
        }
    }

    /// A component's options with their descriptions; optional ones are comments.
    ///
    /// Options that the component rejects beside the given ones are left out: their names are returned.
    fn options(&mut self, schema: Schema<'_>, indent: usize, component: &Component) -> Vec<String> {
        let given = match required_options(schema) {
            Value::Object(given) => given,
            _ => Map::new(),
        };
        let properties = || schema.properties().into_iter().flatten();
        for (key, value) in properties() {
            if let Some(example) = given.get(key) {
                self.describe(indent, value, schema.sub(value), "");
                self.push(indent, &format!("{key}: {}", written(example)));
            }
        }
        let optional: Vec<_> = properties().filter(|(key, _)| !given.contains_key(*key)).collect();
        let mut together = Together { component, given, shown: Vec::new() };
        let mut apart = Vec::new();
        for (key, value) in optional {
            let option = schema.sub(value);
            let example = shown(option, key);
            match together.add(key, &example) {
                Place::Beside => self.describe(indent, value, option, ""),
                Place::InsteadOf(other) => {
                    self.describe(indent, value, option, &format!(" Not together with `{other}`."));
                }
                Place::Nowhere => {
                    apart.push(key.clone());
                    continue;
                }
            }
            self.push(indent, &format!("# {key}: {}", written(&example)));
        }
        apart
    }

    /// An option's description; one beside a reference is the option's own.
    fn describe(&mut self, indent: usize, value: &Value, option: Schema<'_>, more: &str) {
        let own = value.get("description").and_then(Value::as_str).or_else(|| option.text("description"));
        if let Some(description) = own {
            self.comment(indent, &format!("{}.{more}", first_sentence(description)));
        }
    }

    pub(crate) fn comment(&mut self, indent: usize, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() + word.len() + indent > COMMENT_WIDTH_BYTES && line.len() > 1 {
                self.push(indent, &line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.push(indent, &line);
    }
}

fn written(value: &Value) -> String {
    write::inline(value, Dollars::Variables)
}

/// Options that a component accepts together.
struct Together<'c> {
    component: &'c Component,
    given: Map<String, Value>,
    /// Options that may all be uncommented at once.
    shown: Vec<(String, Value)>,
}

/// Where an option may be written.
enum Place {
    Beside,
    InsteadOf(String),
    Nowhere,
}

impl Together<'_> {
    fn add(&mut self, key: &str, value: &Value) -> Place {
        let new = (key.to_owned(), value.clone());
        if !self.takes([&new]) {
            return Place::Nowhere;
        }
        if self.takes(self.shown.iter().chain([&new])) {
            self.shown.push(new);
            return Place::Beside;
        }
        let other = self.shown.iter().find(|other| !self.takes([*other, &new]));
        other.map_or(Place::Nowhere, |(other, _)| Place::InsteadOf(other.clone()))
    }

    /// Whether the component accepts these options beside the given ones.
    fn takes<'o>(&self, more: impl IntoIterator<Item = &'o (String, Value)>) -> bool {
        let mut options = self.given.clone();
        options.extend(more.into_iter().cloned());
        matches!(self.component.inspect(&Value::Object(options)), Ok((problems, _)) if problems.is_empty())
    }
}

/// The value shown for an option: its default if that is informative, otherwise an example.
fn shown(schema: Schema<'_>, key: &str) -> Value {
    let mut default = schema.get("default").cloned().unwrap_or_default();
    echo::strip_nulls(&mut default);
    let says_nothing = match &default {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    };
    if says_nothing { example(schema, key) } else { default }
}
