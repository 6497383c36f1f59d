//! Statements about templates. `schema template` and `device template` say the same.

use levada_model::{Path, PathPattern, StatusCode};

use super::{Parsed, Parser};
use crate::{
    ParseError,
    ast::{ChangeTemplate, SeriesDefinition, ShowTemplates, Statement},
    lexer::{Symbol, TokenKind},
};

impl Parser<'_> {
    /// Takes `device template` or `schema template` if that stands here.
    pub(super) fn eat_template(&mut self) -> bool {
        self.eat_all(&["DEVICE", "TEMPLATE"]) || self.eat_all(&["SCHEMA", "TEMPLATE"])
    }

    fn expect_template(&mut self) -> Parsed<()> {
        if self.eat_template() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// `t aligned (s1 INT32, s2 DOUBLE encoding=GORILLA)` behind `create device template`; without series it gets them later.
    pub(super) fn create_template(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let aligned = self.eat("ALIGNED");
        let has_series = self.token().kind == TokenKind::Symbol(Symbol::LeftParen);
        let series = if has_series { self.template_series()? } else { Vec::new() };
        Ok(Statement::ChangeTemplate(ChangeTemplate::Create { name, aligned, series }))
    }

    /// `t add (s3 TEXT)` behind `alter device template`.
    pub(super) fn alter_template(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        self.expect("ADD")?;
        Ok(Statement::ChangeTemplate(ChangeTemplate::Extend { name, series: self.template_series()? }))
    }

    fn template_series(&mut self) -> Parsed<Vec<(String, SeriesDefinition)>> {
        self.parenthesised(|parser| {
            let start = parser.start();
            let measurement = parser.measurement()?;
            let definition = parser.series_definition()?;
            let more = [
                ("alias", definition.alias.is_some()),
                ("tag", !definition.tags.is_empty()),
                ("attribute", !definition.attributes.is_empty()),
                ("property", !definition.properties.is_empty()),
            ];
            match more.into_iter().find(|(_, given)| *given) {
                None => Ok((measurement, definition)),
                Some((what, _)) => {
                    let message = format!("Device Template: {what} is not supported yet.");
                    Err(parser.semantic(parser.span_from(start), message))
                }
            }
        })
    }

    /// `t to root.a` behind `set device template`.
    pub(super) fn set_template(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        self.expect("TO")?;
        let path = self.place_of_template(StatusCode::TEMPLATE_INCOMPATIBLE, |pattern| {
            format!(
                "Cannot set device template [{name}] to path [{pattern}]: a pattern is no path. Set it to the path above, and it is for \
                 all devices below."
            )
        })?;
        Ok(Statement::ChangeTemplate(ChangeTemplate::Set { name, path }))
    }

    /// The path that a template is set for. No pattern may be.
    fn place_of_template(
        &mut self,
        code: StatusCode,
        why: impl FnOnce(&PathPattern) -> String,
    ) -> Parsed<Path> {
        let start = self.start();
        let pattern = self.pattern()?;
        pattern
            .as_path()
            .ok_or_else(|| ParseError { code, ..self.semantic(self.span_from(start), why(&pattern)) })
    }

    /// `t from root.a` behind `unset device template`.
    pub(super) fn unset_template(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        self.expect("FROM")?;
        let path = self.place_of_template(StatusCode::TEMPLATE_NOT_SET, |pattern| {
            format!("No template on {pattern}: a template is set for a path, and this is a pattern")
        })?;
        Ok(Statement::ChangeTemplate(ChangeTemplate::Unset { name, path }))
    }

    /// `t` behind `drop device template`.
    pub(super) fn drop_template(&mut self) -> Parsed<Statement> {
        Ok(Statement::ChangeTemplate(ChangeTemplate::Drop { name: self.name()? }))
    }

    /// `using device template on root.a.d`, `of schema template on root.a.d` behind `create timeseries`.
    pub(super) fn activate(&mut self) -> Parsed<Option<Statement>> {
        let stands = |parser: &Self, word| {
            parser.at(&[word, "device", "template"]) || parser.at(&[word, "schema", "template"])
        };
        if !stands(self, "using") && !stands(self, "of") {
            return Ok(None);
        }
        self.skip(3);
        self.expect("ON")?;
        let device = self.full_path()?;
        Ok(Some(Statement::ChangeTemplate(ChangeTemplate::Activate { device })))
    }

    /// What stands behind `deactivate`.
    pub(super) fn deactivate(&mut self) -> Parsed<Statement> {
        self.expect_template()?;
        self.deactivation()
    }

    /// `of device template t from root.a.*` behind `delete timeseries`.
    pub(super) fn delete_of_template(&mut self) -> Parsed<Option<Statement>> {
        if !self.at(&["of", "device", "template"]) && !self.at(&["of", "schema", "template"]) {
            return Ok(None);
        }
        self.skip(3);
        self.deactivation().map(Some)
    }

    fn deactivation(&mut self) -> Parsed<Statement> {
        let name = if self.at(&["from"]) { None } else { Some(self.name()?) };
        self.expect("FROM")?;
        let patterns = self.list(Self::pattern)?;
        Ok(Statement::ChangeTemplate(ChangeTemplate::Deactivate { name, patterns }))
    }

    /// What of templates stands behind `show`.
    pub(super) fn show_templates(&mut self) -> Parsed<Option<Statement>> {
        let show = if self.eat_all(&["DEVICE", "TEMPLATES"]) || self.eat_all(&["SCHEMA", "TEMPLATES"]) {
            ShowTemplates::All
        } else if self.eat("NODES") {
            self.expect("IN")?;
            self.expect_template()?;
            ShowTemplates::Nodes { name: self.name()? }
        } else if self.eat("PATHS") {
            self.show_template_paths()?
        } else {
            return Ok(None);
        };
        Ok(Some(Statement::ShowTemplates(show)))
    }

    fn show_template_paths(&mut self) -> Parsed<ShowTemplates> {
        if self.eat("SET") {
            self.expect_template()?;
            return Ok(ShowTemplates::Set { name: self.name()? });
        }
        let pattern: PathPattern = self.pattern_or("root.**")?;
        self.expect("USING")?;
        self.expect_template()?;
        Ok(ShowTemplates::Using { name: self.name()?, pattern })
    }
}
