//! Pages on subjects that span several connectors.
//!
//! A page is Markdown: either a file below `topics/`, or generated from what it describes. Its YAML blocks are whole documents:
//! tests lint them, and run their `tests:`.

use std::borrow::Cow;

use super::document_reference;

/// A page on a subject that several connectors share.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// The name it is asked for by; no component has this name.
    pub name: &'static str,
    /// One sentence for lists.
    pub summary: &'static str,
    page: fn() -> Cow<'static, str>,
}

impl Topic {
    /// The page, in Markdown.
    pub fn page(&self) -> Cow<'static, str> {
        (self.page)()
    }
}

/// A page from a file.
macro_rules! written {
    ($name:literal, $summary:literal) => {
        Topic {
            name: $name,
            summary: $summary,
            page: || Cow::Borrowed(include_str!(concat!("topics/", $name, ".md"))),
        }
    };
}

const TOPICS: &[Topic] = &[
    Topic {
        name: "pipeline",
        summary: "The pipeline file: its sections, and the keys beside a connector.",
        page: || Cow::Owned(document_reference()),
    },
    written!("variables", "Environment variables in a pipeline file: `${VAR}`, `:-`, `:?` and `$$`."),
    written!("records", "How records become rows: devices, times, nested objects, nulls, types."),
    Topic {
        name: "types",
        summary: "Types of values: what stays as it was written, and the table of conversions.",
        page: || {
            let table = levada_connector_api::model::convert::table();
            Cow::Owned(format!("{}\n{table}", include_str!("topics/types.md")))
        },
    },
    written!("state", "Transforms that hold readings: saved state, what a crash or a stop leaves, outputs."),
    written!(
        "dead-letters",
        "Dead letters: what stands in them, how they are sent again, names of Kafka Connect."
    ),
    written!("running", "Pipelines that run: reload, streams over HTTP, who may, `tap` and `top`."),
    written!("templates", "Names that are made of parts: `{$.site}`, `{n}`, and paths with `*` and `{a,b}`."),
];

/// All topics, in the order in which they are listed.
///
/// ```
/// # use levada_config::topics;
/// let variables = topics().iter().find(|topic| topic.name == "variables").expect("a topic");
/// assert!(variables.page().starts_with("# "));
/// ```
pub fn topics() -> &'static [Topic] {
    TOPICS
}
