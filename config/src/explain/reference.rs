//! Reference pages in Markdown.

use levada_connector_api::{Component, ComponentKind, Guarantee, Registry};
use serde_json::{Value, json};

use super::{example::required_options, usage::usage};
use crate::{
    echo,
    keys::{self, SECTIONS, TopKeys},
    schema::{Schema, Type},
    write::{self, Dollars},
};

/// The reference page of a component: its description, the smallest document that uses it, what it promises, and every option
/// with its type, default, description and example.
///
/// Each example is a whole document, completed with other components of the registry: `lint` accepts it as it is, once its
/// variables are set.
///
/// ```
/// # use levada_config::reference;
/// # use levada_connector_api::{ComponentKind, Registry};
/// # let registry = Registry::new();
/// if let Some(component) = registry.get(ComponentKind::Source, "kafka") {
///     println!("{}", reference(&registry, component));
/// }
/// ```
pub fn reference(registry: &Registry, component: &Component) -> String {
    let schema = Schema::of(component.schema.as_value());
    let mut page = format!("# `{}` ({})\n\n{}\n", component.name, component.kind.name(), component.summary);
    if let Some(description) = schema.text("description").filter(|text| *text != component.summary) {
        page.push_str(&format!("\n{description}\n"));
    }
    let yaml = |options: &Value| write::to_yaml(&usage(registry, component, options), Dollars::Variables);
    page.push_str(&format!("\n```yaml\n{}```\n", yaml(&required_options(schema))));
    if let Some(Guarantee { text, tests }) = component.guarantee {
        let tests = tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", ");
        page.push_str(&format!("\n## Delivery\n\n{text}\n\nShown by {tests}.\n"));
    }
    page.push_str("\n## Options\n\n");
    let is_mapping = schema.types() == [Type::Object];
    if schema.properties().is_none() && schema.alternatives().is_empty() {
        match is_mapping {
            true => page.push_str("None.\n"),
            false => page.push_str(&format!("`{}` is {}.\n", component.name, schema.wanted())),
        }
    } else {
        options(schema, &mut page);
    }
    // The first was shown above.
    let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
    for (index, each) in examples.skip(1).enumerate() {
        if index == 0 {
            page.push_str("\n## More examples\n");
        }
        page.push_str(&format!("\n```yaml\n{}```\n", yaml(each)));
    }
    page
}

/// The reference page of the document itself: its top-level keys, and the keys of nodes beside their component.
pub fn document_reference() -> String {
    let mut page = String::from("# The pipeline file\n\n");
    let top = keys::schema_of::<TopKeys>();
    let schema = Schema::of(&top);
    page.push_str(schema.text("description").unwrap_or_default());
    page.push_str("\n\n| key | what it holds |\n| --- | --- |\n");
    for (section, kind, description) in SECTIONS {
        let name = kind.name();
        page.push_str(&format!("| `{section}` | {description} A node is one {name} and the keys below. |\n"));
    }
    page.push_str("| `x-…` | Nothing: a place for YAML anchors. |\n\n## Keys of the document\n\n");
    options(schema, &mut page);
    for (_, kind, _) in SECTIONS {
        let keys = keys::schema_of_kind(kind);
        page.push_str(&format!("\n## Keys of a {}\n\n", kind.name()));
        page.push_str(match kind {
            ComponentKind::Source => {
                "Beside its component, and `decode` with one decoder where the component needs it:\n\n"
            }
            ComponentKind::Sink => {
                "Beside its component, and `encode` with one encoder where the component writes lines:\n\n"
            }
            _ => "Beside its component:\n\n",
        });
        options(Schema::of(&keys), &mut page);
    }
    page
}

/// A row of an options table.
struct Row {
    path: String,
    wanted: String,
    default: String,
    description: String,
}

/// The table of a mapping's options, including nested ones, and the meaning of their values.
fn options(schema: Schema<'_>, page: &mut String) {
    let mut table = Table { rows: Vec::new(), values: Vec::new(), open: Vec::new() };
    table.within(schema, "", None);
    page.push_str("| option | type | default | description |\n| --- | --- | --- | --- |\n");
    for Row { path, wanted, default, description } in table.rows {
        let description = description.replace('\n', " ").replace('|', "\\|");
        page.push_str(&format!(
            "| `{path}` | {} | {default} | {description} |\n",
            wanted.replace('|', "\\|")
        ));
    }
    for (path, values) in table.values {
        page.push_str(&format!("\nValues of `{path}`:\n\n{values}"));
    }
}

struct Table<'s> {
    rows: Vec<Row>,
    /// Options with named values, and the list of these values.
    values: Vec<(String, String)>,
    /// The schemas around the current one: one that occurs again contains itself.
    open: Vec<Schema<'s>>,
}

/// Whether options always exist, or belong to one of several forms.
#[derive(Clone, Copy)]
enum Form<'f> {
    Only,
    /// The form named by a key: ``with `shape: sine` ``.
    Tagged(&'f str),
    /// A form that is itself a key: its meaning.
    Key(&'f str),
}

impl<'s> Table<'s> {
    /// The options of a mapping.
    fn mapping(&mut self, schema: Schema<'s>, path: &str, form: Form<'_>, above: Option<&Value>) {
        let required: Vec<_> = schema.required().collect();
        for (key, value) in schema.properties().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // A description beside a reference is the option's own.
            let own = value.get("description").and_then(Value::as_str);
            let default = above.map_or(value.get("default"), |above| above.get(key));
            self.option(schema.sub(value), own, &path, form, default, required.contains(&key.as_str()));
        }
        if schema.get("additionalProperties").is_some()
            && let Some(each) = schema.additional()
        {
            let path = if path.is_empty() { "*".to_owned() } else { format!("{path}.*") };
            self.within(each, &path, None);
        }
    }

    fn option(
        &mut self,
        schema: Schema<'s>,
        own: Option<&str>,
        path: &str,
        form: Form<'_>,
        default: Option<&Value>,
        required: bool,
    ) {
        if schema.get("const").is_some() {
            return;
        }
        let given = default.filter(|value| value.is_object());
        let default = match default.cloned() {
            Some(mut value) => {
                echo::strip_nulls(&mut value);
                if is_empty(&value) {
                    String::new()
                } else {
                    format!("`{}`", write::inline(&value, Dollars::Variables))
                }
            }
            None if required && matches!(form, Form::Only) => "**required**".to_owned(),
            None => String::new(),
        };
        let own = own.or_else(|| schema.text("description")).unwrap_or_default();
        let mut description = match form {
            Form::Only => own.to_owned(),
            Form::Tagged(tag) => format!("({tag}) {own}"),
            Form::Key(meaning) if own.is_empty() => meaning.to_owned(),
            Form::Key(meaning) => format!("{meaning} {own}"),
        };
        let examples = schema.get("examples").and_then(Value::as_array);
        if let Some(each) = examples.and_then(|all| all.first()).filter(|_| schema.get("format").is_none()) {
            description.push_str(&format!(" For example `{}`.", write::inline(each, Dollars::Variables)));
        }
        self.rows.push(Row { path: path.to_owned(), wanted: short(schema), default, description });
        self.within(schema, path, given);
    }

    /// The options within a value whose default is `above`.
    fn within(&mut self, schema: Schema<'s>, path: &str, above: Option<&Value>) {
        if self.open.iter().any(|open| open.is_like(schema)) {
            return;
        }
        self.open.push(schema);
        let alternatives = schema.alternatives();
        let named: String = alternatives.iter().filter_map(|each| meaning(*each)).collect();
        if !named.is_empty() {
            self.values.push((path.to_owned(), named));
        }
        if let Some(items) = schema.get("items") {
            self.within(schema.sub(items), &format!("{path}[]"), None);
        }
        self.mapping(schema, path, Form::Only, above);
        let forms = alternatives.iter().filter(|each| each.takes(Type::Object));
        let several = forms.clone().count() > 1;
        for each in forms {
            let tag = each.properties().into_iter().flatten().find_map(|(key, value)| {
                value
                    .get("const")
                    .map(|tag| format!("with `{key}: {}`", write::inline(tag, Dollars::Variables)))
            });
            let form = match (&tag, each.only_key()) {
                (Some(tag), _) => Form::Tagged(tag),
                (None, Some(_)) if several => Form::Key(each.text("description").unwrap_or_default()),
                _ => Form::Only,
            };
            self.mapping(*each, path, form, None);
        }
        self.open.pop();
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => {
            entries.is_empty() || entries.values().all(|value| value.is_null() || is_empty(value))
        }
        _ => false,
    }
}

/// The expected type, in the words of a table.
fn short(schema: Schema<'_>) -> String {
    if let Some(items) = schema.get("items").filter(|_| schema.alternatives().is_empty()) {
        let each = short(schema.sub(items));
        return if each == "value" { "list".to_owned() } else { format!("list of {each}") };
    }
    let wanted = schema.wanted();
    let mut parts = wanted.split(" such as ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    // What follows is the quoted example, then the rest.
    parts.for_each(|part| plain.push_str(part.splitn(3, '`').nth(2).unwrap_or_default()));
    plain.strip_prefix("a ").unwrap_or(&plain).replace(" or a ", " or ").replace(", a ", ", ")
}

/// `` - `earliest`: The oldest record. ``
fn meaning(schema: Schema<'_>) -> Option<String> {
    let description = schema.text("description").map(|text| text.replace('\n', " "));
    let mut properties = schema.properties().into_iter().flatten();
    let mut tag = || properties.find_map(|(key, value)| value.get("const").map(|tag| json!({key: tag})));
    let name = match schema.get("const") {
        Some(value) => write::inline(value, Dollars::Variables),
        None => write::inline(&tag()?, Dollars::Variables).trim_matches(['{', '}']).to_owned(),
    };
    Some(match description {
        Some(description) => format!("- `{name}`: {description}\n"),
        None => format!("- `{name}`\n"),
    })
}
