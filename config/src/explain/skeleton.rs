//! A document to start from: what has to be given with examples, all else as comments with its default.

use levada_connector_api::{Component, ComponentKind, Registry};
use serde_json::Value;

use super::example::{example, required_options};
use crate::{
    check::first_sentence,
    echo,
    keys::{self, TopKeys},
    schema::Schema,
    words, write,
};

/// How long a line of comment is.
const WIDTH: usize = 96;

/// A component that is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`{hint}")]
pub struct UnknownComponent {
    kind: &'static str,
    name: String,
    hint: String,
}

/// A pipeline document with a source, transforms and a sink: it reads without a problem as it stands.
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
    out.options(Schema::of(&top), 0, &["name", "tests"]);
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

/// Names of nodes: the component's, told apart where it comes twice.
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

#[derive(Default)]
struct Lines {
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
            let value = write::inline(&required_options(schema));
            self.push(indent, &format!("{}: {value}", component.name));
        } else {
            // Where all its options stay comments, a key without a value says `{}`.
            self.push(indent, &format!("{}:", component.name));
            self.options(schema, indent + 2, &[]);
        }
    }

    /// The keys beside the component, all of them comments.
    fn common(&mut self, kind: ComponentKind) {
        let keys = keys::schema_of_kind(kind);
        self.options(Schema::of(&keys), 4, &["inputs"]);
    }

    /// Options with what they are for; those that need not be given are comments.
    fn options(&mut self, schema: Schema<'_>, indent: usize, without: &[&str]) {
        let model = required_options(schema);
        let given = |key: &str| model.get(key).filter(|_| !without.contains(&key));
        let properties =
            || schema.properties().into_iter().flatten().filter(|(key, _)| !without.contains(&key.as_str()));
        let (first, rest): (Vec<_>, Vec<_>) = properties().partition(|(key, _)| given(key).is_some());
        for (key, value) in first.into_iter().chain(rest) {
            let option = schema.sub(value);
            let own = value.get("description").and_then(Value::as_str).or_else(|| option.text("description"));
            if let Some(description) = own {
                self.comment(indent, &(first_sentence(description) + "."));
            }
            let line = |value: &Value| format!("{key}: {}", write::inline(value).replace("$${", "${"));
            match given(key) {
                Some(value) => self.push(indent, &line(value)),
                None => self.push(indent, &format!("# {}", line(&shown(option, key)))),
            }
        }
    }

    fn comment(&mut self, indent: usize, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() + word.len() + indent > WIDTH && line.len() > 1 {
                self.push(indent, &line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.push(indent, &line);
    }
}

/// The value that an option is shown with: its default where that says something, else an example.
fn shown(schema: Schema<'_>, key: &str) -> Value {
    match schema.get("default") {
        Some(default) if !default.is_null() => {
            let mut default = default.clone();
            echo::strip_nulls(&mut default);
            default
        }
        _ => example(schema, key),
    }
}
