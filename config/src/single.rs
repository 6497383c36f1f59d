//! Documents that are one set of options, such as the settings of a server: read with the same care as pipelines, and written out
//! with every option explained.

use levada_connector_api::{Options, Problem};
use serde_json::{Map, Value};

use crate::{
    check::Checker,
    code,
    diagnostic::Diagnostic,
    explain::Lines,
    interpolate::{self, Environment},
    keys,
    node::{Kind, Node},
    report::Report,
    schema::Schema,
    text::{At, Text},
    yaml,
};

/// A set of options as a document has it.
#[derive(Clone, Debug)]
pub struct Given<T> {
    /// All options, those that the document does not name with their defaults.
    pub options: T,
    /// What the document names, each value as its option wants it.
    pub named: Map<String, Value>,
}

/// Reads a document that is one set of options.
///
/// The names and the environment are as those of [`load`](crate::load). The options are there exactly where none of the diagnostics
/// is an error. A document without any value gives the defaults.
///
/// ```
/// # use levada_config::load_options;
/// #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     /// Where to listen.
///     #[serde(default)]
///     port: u16,
/// }
/// let (settings, problems) = load_options::<Settings>("prot: 1", "server.yaml", &|_| None);
/// assert!(settings.is_none());
/// assert_eq!(problems[0].help.as_deref(), Some("did you mean `port`?"));
/// ```
pub fn load_options<T: Options>(
    text: &str,
    file_name: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Option<Given<T>>, Vec<Diagnostic>) {
    let text = Text::new(file_name, text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut report = Report::new(&text);
    let options = read(&mut report, environment).filter(|_| !report.has_errors());
    (options, report.into_diagnostics())
}

fn read<T: Options>(report: &mut Report<'_>, environment: Environment<'_>) -> Option<Given<T>> {
    let holds_nothing = report.text.text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#')
    });
    let mut root = match holds_nothing {
        true => Node { at: At::default(), kind: Kind::Map(Vec::new()) },
        false => yaml::parse(report)?,
    };
    if !matches!(root.kind, Kind::Map(_)) {
        report.error(code::WRONG_TYPE, "", root.at, "the document is not a mapping");
        return None;
    }
    interpolate::interpolate(&mut root, &mut String::new(), environment, report);
    let schema = keys::schema_of::<T>();
    let value = Checker::new(report, "").check(&root, Schema::of(&schema), root.at)?;
    let Value::Object(named) = &value else { return None };
    let named = named.clone();
    match T::read(value) {
        Ok(options) => Some(Given { options, named }),
        Err(Problem { path, message, .. }) => {
            report.error(code::WRONG_VALUE, &path, root.locate(&path), message);
            None
        }
    }
}

/// A document in which every option of a set is a comment: what it is for, and its default or an example. Taken out of their comments,
/// all of them are read without a problem. `head` stands before, as comments too.
pub fn explained_options<T: Options>(head: &str) -> String {
    let mut lines = Lines::default();
    for paragraph in head.split("\n\n") {
        lines.comment(0, paragraph);
    }
    lines.explained(Schema::of(&keys::schema_of::<T>()));
    lines.text()
}

/// The keys that a set of options has, in the order of their declaration.
pub fn option_names<T: Options>() -> Vec<String> {
    let schema = keys::schema_of::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}
