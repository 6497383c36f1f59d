//! The nodes of the three sections: which component each is, and its options.

use levada_connector_api::{Component, ComponentKind, Problem, Registry};

use super::Depth;
use crate::{
    check::Checker,
    code,
    keys::{self, SECTIONS, SinkKeys, SourceKeys, TransformKeys},
    node::{Entry, Kind, Node},
    pipeline::ComponentRef,
    report::Report,
    schema::Schema,
    text::At,
    words,
};

/// A node, as far as it could be read.
pub(super) struct Draft<'n> {
    pub(super) kind: ComponentKind,
    pub(super) name: &'n str,
    pub(super) name_at: At,
    /// `sources.readings`.
    pub(super) path: String,
    /// Its inputs, as written.
    pub(super) inputs: Vec<(&'n str, At)>,
    pub(super) keys: Option<Keys>,
    /// The entry of its component.
    pub(super) entry: Option<&'n Entry>,
    pub(super) component: Option<ComponentRef>,
    /// Its outputs beside itself, where they are known.
    pub(super) outputs: Option<Vec<String>>,
    pub(super) decode: Option<ComponentRef>,
    pub(super) encode: Option<ComponentRef>,
    /// What it has to have for itself.
    pub(super) claims: Vec<String>,
}

/// The keys beside the component.
pub(super) enum Keys {
    Source(SourceKeys),
    Transform(TransformKeys),
    Sink(SinkKeys),
}

/// Reads the nodes of all sections, in the order of the document.
pub(super) fn read<'n>(
    root: &'n Node,
    registry: &Registry,
    depth: Depth,
    report: &mut Report<'_>,
) -> Vec<Draft<'n>> {
    let mut drafts = Vec::new();
    for (section, kind, _) in SECTIONS {
        let Some(entry) = root.entry(section) else { continue };
        if !matches!(entry.value.kind, Kind::Map(_)) {
            if !entry.value.is_null() {
                let message = format!("expected a mapping of {section} by name");
                let help = format!("give each a name: `{section}: {{my-{}: …}}`", kind.name());
                report.error(code::WRONG_TYPE, section, entry.value.at, message).help(help);
            }
            continue;
        }
        let schema = keys::schema_of_kind(kind);
        for node in entry.value.entries() {
            let path = words::joined(section, &node.key);
            check_name(node, &path, report);
            let reader = Reader { registry, depth, kind, path, schema: Schema::of(&schema) };
            drafts.push(reader.read(node, report));
        }
    }
    drafts
}

fn check_name(node: &Entry, path: &str, report: &mut Report<'_>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if node.key.is_empty() || node.key.len() > 128 || !node.key.chars().all(legal) {
        let message = format!("`{}` cannot be the name of a node", words::shown(&node.key));
        let help = "a name is made of letters, digits, `_` and `-`";
        report.error(code::NAME, path, node.key_at, message).help(help);
    }
}

/// Reads one node.
struct Reader<'r> {
    registry: &'r Registry,
    depth: Depth,
    kind: ComponentKind,
    path: String,
    schema: Schema<'r>,
}

impl Reader<'_> {
    fn read<'n>(self, node: &'n Entry, report: &mut Report<'_>) -> Draft<'n> {
        let inputs = node.value.entry("inputs").map_or(&[][..], |inputs| inputs.value.items());
        let inputs = inputs.iter().filter_map(|input| input.text().map(|text| (text, input.at))).collect();
        let mut draft = Draft {
            kind: self.kind,
            name: &node.key,
            name_at: node.key_at,
            path: self.path.clone(),
            inputs,
            keys: None,
            entry: None,
            component: None,
            outputs: None,
            decode: None,
            encode: None,
            claims: Vec::new(),
        };
        if !matches!(node.value.kind, Kind::Map(_)) {
            let message = format!("`{}` has no component", words::shown(&node.key));
            let help = self.components();
            report.error(code::COMPONENTS, &self.path, node.key_at, message).help(help);
            return draft;
        }
        draft.entry = self.component_entry(node, report);
        draft.keys = self.keys(node, draft.entry, report);
        if let Some(entry) = draft.entry
            && let Some(component) = self.registry.get(self.kind, &entry.key)
        {
            draft.component = self.options(component, entry, &self.path, &mut draft.claims, report);
            let options = draft.component.as_ref().map(|component| &component.options);
            draft.outputs = options.and_then(|options| component.outputs(options).ok());
            draft.decode = self.decode(component, entry, node, report);
            let joins = draft.component.as_ref().and_then(|chosen| component.joins(&chosen.options));
            draft.encode = self.encode(component, joins, (entry, node), report);
        }
        draft
    }

    fn is_common(&self, key: &str) -> bool {
        self.schema.property(key).is_some() || self.coder() == Some(key)
    }

    fn components(&self) -> String {
        let names = self.registry.all(self.kind).map(|component| component.name);
        let names: Vec<_> = names.collect();
        match names.as_slice() {
            [] => format!("there are no {}s to choose from", self.kind.name()),
            names => format!("give it one of {}", words::list(names.iter().copied(), "or")),
        }
    }

    /// The one key that is not a common key. If there are several, the first known component, so that its options are checked
    /// too.
    fn component_entry<'n>(&self, node: &'n Entry, report: &mut Report<'_>) -> Option<&'n Entry> {
        let others: Vec<_> =
            node.value.entries().iter().filter(|entry| !self.is_common(&entry.key)).collect();
        let known = |entry: &&&Entry| self.registry.get(self.kind, &entry.key).is_some();
        let chosen = others.iter().find(known).copied();
        if others.is_empty() {
            let message = format!("`{}` has no component", words::shown(&node.key));
            report.error(code::COMPONENTS, &self.path, node.key_at, message).help(self.components());
        }
        for entry in &others {
            if chosen.is_some_and(|chosen| std::ptr::eq(chosen, *entry)) {
                continue;
            }
            let path = words::joined(&self.path, &entry.key);
            match chosen {
                Some(first) if known(&entry) => {
                    let text = report.text;
                    let message = format!("`{}` has a second component", words::shown(&node.key));
                    let problem = report.error(code::COMPONENTS, &path, entry.key_at, message);
                    problem.note_at(text, first.key_at, "the first stands here");
                    problem.help("a node is one component: make it two nodes");
                }
                Some(_) => {
                    let unused = self.common().filter(|name| node.value.entry(name).is_none());
                    let help = words::suggest(&entry.key, unused.collect::<Vec<_>>());
                    let message = format!("unknown key `{}`", words::shown(&entry.key));
                    report.error(code::UNKNOWN_KEY, &path, entry.key_at, message).maybe_help(help);
                }
                None => self.unknown_component(entry, &path, report),
            }
        }
        chosen
    }

    fn common(&self) -> impl Iterator<Item = &str> {
        self.schema.properties().into_iter().flatten().map(|(name, _)| name.as_str()).chain(self.coder())
    }

    /// The key beside a component that says how its records become rows, or its rows bytes.
    fn coder(&self) -> Option<&'static str> {
        match self.kind {
            ComponentKind::Source => Some("decode"),
            ComponentKind::Sink => Some("encode"),
            _ => None,
        }
    }

    fn unknown_component(&self, entry: &Entry, path: &str, report: &mut Report<'_>) {
        let elsewhere =
            ComponentKind::ALL.into_iter().find(|kind| self.registry.get(*kind, &entry.key).is_some());
        let kind = self.kind.name();
        let (message, help) = match elsewhere {
            Some(other) => {
                let message = format!("`{}` is a {}, not a {kind}", entry.key, other.name());
                (message, Some(self.components()))
            }
            None => {
                let known = self.registry.all(self.kind).map(|component| component.name);
                let message = format!("there is no {kind} `{}`", words::shown(&entry.key));
                let help = words::nearest(&entry.key, known.chain(self.common()));
                (
                    message,
                    Some(help.map_or_else(|| self.components(), |name| format!("did you mean `{name}`?"))),
                )
            }
        };
        report.error(code::UNKNOWN_COMPONENT, path, entry.key_at, message).maybe_help(help);
    }

    fn keys(&self, node: &Entry, component: Option<&Entry>, report: &mut Report<'_>) -> Option<Keys> {
        let is_ours = |entry: &&Entry| {
            let chosen = component.is_some_and(|component| std::ptr::eq(component, *entry));
            !chosen && self.schema.property(&entry.key).is_some()
        };
        let ours = node.value.entries().iter().filter(is_ours).cloned().collect();
        let ours = Node { at: node.value.at, kind: Kind::Map(ours) };
        let value = Checker::new(report, &self.path).check(&ours, self.schema, node.key_at)?;
        match self.kind {
            ComponentKind::Transform => {
                super::typed(value, &self.path, node.key_at, report).map(Keys::Transform)
            }
            ComponentKind::Sink => super::typed(value, &self.path, node.key_at, report).map(Keys::Sink),
            _ => super::typed(value, &self.path, node.key_at, report).map(Keys::Source),
        }
    }

    /// Checks options against their schema, then by the component's own rules.
    fn options(
        &self,
        component: &Component,
        entry: &Entry,
        above: &str,
        claims: &mut Vec<String>,
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        let path = words::joined(above, &entry.key);
        let schema = component.schema.as_value();
        let options = Checker::new(report, &path).check(&entry.value, Schema::of(schema), entry.key_at)?;
        let (mut problems, claimed) = match component.inspect(&options) {
            Ok(inspected) => inspected,
            Err(problem) => (vec![problem], Vec::new()),
        };
        claims.extend(claimed);
        let are_right = |problems: &[Problem]| problems.iter().all(|problem| problem.doubtful);
        if self.depth == Depth::Files && are_right(&problems) {
            problems.extend(component.look(&options, self.registry.facilities()));
        }
        let right = are_right(&problems);
        for problem in problems {
            let at = match entry.value.locate(&problem.path) {
                at if at == entry.value.at => entry.key_at,
                at => at,
            };
            let path = match problem.path.as_str() {
                "" => path.clone(),
                inner if inner.starts_with('[') => format!("{path}{inner}"),
                inner => format!("{path}.{inner}"),
            };
            let (message, help) = reworded(problem.message);
            match problem.doubtful {
                true => report.warning(code::DOUBTFUL, &path, at, message).maybe_help(help),
                false => report.error(code::REJECTED, &path, at, message).maybe_help(help),
            };
        }
        right.then(|| ComponentRef { name: component.name.to_owned(), options })
    }

    fn decode(
        &self,
        component: &Component,
        entry: &Entry,
        node: &Entry,
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        if self.kind != ComponentKind::Source {
            return None;
        }
        let path = words::joined(&self.path, "decode");
        let names: Vec<_> = self.registry.all(ComponentKind::Decoder).map(|decoder| decoder.name).collect();
        let decode = match (component.decodes, node.value.entry("decode")) {
            (true, Some(decode)) => decode,
            (false, None) => return None,
            (true, None) => {
                let message =
                    format!("`decode` is missing: `{}` has to be told what its records are", entry.key);
                let help =
                    format!("say it beside `{}`, as in `decode: {{{}: {{}}}}`", entry.key, first(&names));
                report.error(code::DECODE, &path, node.key_at, message).help(help);
                return None;
            }
            (false, Some(decode)) => {
                let message = format!("`{}` has rows already: there is nothing to decode", entry.key);
                report.error(code::DECODE, &path, decode.key_at, message).help("remove `decode`");
                return None;
            }
        };
        let coder = self.coder_entry(ComponentKind::Decoder, decode, &path, &names, report)?;
        self.stands_alone(component, ComponentKind::Decoder, coder, (&path, decode), report)
    }

    fn encode(
        &self,
        component: &Component,
        joins: Option<&str>,
        (entry, node): (&Entry, &Entry),
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        if self.kind != ComponentKind::Sink {
            return None;
        }
        let encode = node.value.entry("encode")?;
        let path = words::joined(&self.path, "encode");
        let Some(same) = component.encodes else {
            let message = format!("`{}` writes no lines: there is nothing to encode", entry.key);
            report.error(code::DECODE, &path, encode.key_at, message).help("remove `encode`");
            return None;
        };
        for option in entry.value.entries().iter().filter(|option| same.contains(&&*option.key)) {
            let path = format!("{}.{}", words::joined(&self.path, &entry.key), option.key);
            let message = format!("`{}` says what `encode` says too", option.key);
            let help = "keep one of the two; what this option can say the encoder's options can";
            report.error(code::DECODE, &path, option.key_at, message).help(help);
        }
        let names: Vec<_> = self.registry.all(ComponentKind::Encoder).map(|encoder| encoder.name).collect();
        let coder = self.coder_entry(ComponentKind::Encoder, encode, &path, &names, report)?;
        let is_binary =
            self.registry.get(ComponentKind::Encoder, &coder.name).is_some_and(|each| each.binary);
        if let (Some(option), true) = (joins, is_binary) {
            let message = format!("`{}` makes records of bytes: a message has one row", coder.name);
            let path = words::joined(&path, &coder.name);
            report
                .error(code::REJECTED, &path, encode.key_at, message)
                .help(format!("leave out `{option}` of `{}`", component.name));
            return None;
        }
        self.stands_alone(component, ComponentKind::Encoder, coder, (&path, encode), report)
    }

    /// A decoder or encoder that names the columns in a first line has no place where each record stands alone, and one of bytes none
    /// among lines.
    fn stands_alone(
        &self,
        component: &Component,
        kind: ComponentKind,
        coder: ComponentRef,
        (path, entry): (&str, &Entry),
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        let of_kind = self.registry.get(kind, &coder.name)?;
        if of_kind.binary && !component.alone {
            let message =
                format!("`{}` writes lines, and `{}` makes records of bytes", component.name, coder.name);
            let help = "it is for messages, as those of the sink `kafka`";
            report.error(code::REJECTED, &words::joined(path, &coder.name), entry.key_at, message).help(help);
            return None;
        }
        if !component.alone || !of_kind.needs_header(&coder.options) {
            return Some(coder);
        }
        let message = format!("each record of `{}` stands alone: there is no header line", component.name);
        let help =
            format!("name the columns, as in `{}: {{{}: {{…, columns: […]}}}}`", entry.key, coder.name);
        report.error(code::REJECTED, &words::joined(path, &coder.name), entry.key_at, message).help(help);
        None
    }

    /// The decoder or encoder that `decode` or `encode` names, with its options.
    fn coder_entry(
        &self,
        kind: ComponentKind,
        coder: &Entry,
        path: &str,
        names: &[&str],
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        let (key, what) = (&coder.key, kind.name());
        // `decode: json` is short for `decode: {json: {}}`.
        if let Some(name) = coder.value.text() {
            let value = Node::null(coder.value.at);
            let short = Entry { key: name.to_owned(), key_at: coder.value.at, value };
            return self.coder_of(kind, &short, path, names, report);
        }
        match coder.value.entries() {
            [only] => self.coder_of(kind, only, path, names, report),
            [] => {
                let choice = words::list(names.iter().copied(), "or");
                report
                    .error(code::DECODE, path, coder.key_at, format!("`{key}` names no {what}"))
                    .help(format!("give it one of {choice}"));
                None
            }
            [first, second, ..] => {
                let text = report.text;
                let message = format!("`{key}` names a second {what}");
                let problem = report.error(code::DECODE, path, second.key_at, message);
                problem.note_at(text, first.key_at, "the first stands here");
                None
            }
        }
    }

    fn coder_of(
        &self,
        kind: ComponentKind,
        entry: &Entry,
        path: &str,
        names: &[&str],
        report: &mut Report<'_>,
    ) -> Option<ComponentRef> {
        let Some(coder) = self.registry.get(kind, &entry.key) else {
            let message = format!("there is no {} `{}`", kind.name(), words::shown(&entry.key));
            let help = words::suggest(&entry.key, names.iter().copied());
            let path = words::joined(path, &entry.key);
            report.error(code::UNKNOWN_COMPONENT, &path, entry.key_at, message).maybe_help(help);
            return None;
        };
        self.options(coder, entry, path, &mut Vec::new(), report)
    }
}

fn first<'a>(names: &[&'a str]) -> &'a str {
    names.first().copied().unwrap_or("json")
}

/// A type's error about named values, in our words and with the nearest name.
fn reworded(message: String) -> (String, Option<String>) {
    let parts = message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "));
    let Some((written, names)) = parts else { return (message, None) };
    let names: Vec<_> = names.split('`').skip(1).step_by(2).collect();
    let help = words::nearest(written, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    let all = words::list(names.iter().copied(), "or");
    (format!("expected {all}, found the text `{}`", words::shown(written)), help)
}
