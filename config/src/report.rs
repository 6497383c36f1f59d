//! Collects problems as they are found.

use crate::{
    diagnostic::{Diagnostic, Level, Note},
    text::{At, Text},
};

/// Collects problems; none stops the search for the next.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) text: &'a Text<'a>,
    pub(crate) found: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(text: &'a Text<'a>) -> Self {
        Self { text, found: Vec::new() }
    }

    fn add(
        &mut self,
        level: Level,
        code: &'static str,
        path: &str,
        at: At,
        message: String,
    ) -> &mut Diagnostic {
        let span = Some(self.text.span(at));
        let path = path.to_owned();
        self.found.push(Diagnostic { code, level, path, span, message, help: None, notes: Vec::new() });
        self.found.last_mut().expect("just pushed")
    }

    pub(crate) fn error(
        &mut self,
        code: &'static str,
        path: &str,
        at: At,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Level::Error, code, path, at, message.into())
    }

    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        path: &str,
        at: At,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Level::Warning, code, path, at, message.into())
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// What was found, in the order of the text; repetitions caused by an alias are reported once.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found;
        found.sort_by_key(|each| each.span.as_ref().map_or(0, |span| span.offset));
        found.dedup_by(|a, b| a.code == b.code && a.span == b.span && a.message == b.message);
        found
    }
}

impl Diagnostic {
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(&mut self, help: Option<String>) -> &mut Self {
        if help.is_some() {
            self.help = help;
        }
        self
    }

    pub(crate) fn note_at(&mut self, text: &Text<'_>, at: At, message: impl Into<String>) -> &mut Self {
        self.notes.push(Note { message: message.into(), span: Some(text.span(at)) });
        self
    }
}
