//! Statements about pipes.

use super::{Parsed, Parser};
use crate::{
    ast::{AlterAttributes, Attributes, ChangePipe, CreatePipe, PipeBody, PipeGrammar, ShowPipes, Statement},
    lexer::{Symbol, TokenKind, parse_datetime},
};

const SOURCES: [&str; 2] = ["SOURCE", "EXTRACTOR"];
const SINKS: [&str; 2] = ["SINK", "CONNECTOR"];

impl Parser<'_> {
    /// `pipe …`, `pipesink …` behind `create`.
    pub(super) fn create_pipe(&mut self) -> Parsed<Option<Statement>> {
        if self.eat("PIPESINK") {
            let name = self.name()?;
            self.expect("AS")?;
            let kind = self.name_or_text()?;
            let attributes = if self.at_symbol(Symbol::LeftParen) { self.attributes()? } else { none() };
            return changes(ChangePipe::CreateSink { name, kind, attributes });
        }
        if !self.eat("PIPE") {
            return Ok(None);
        }
        let if_not_exists = self.eat_all(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?;
        let body = if self.eat("TO") { self.pipe_to_sink()? } else { self.pipe_with()? };
        changes(ChangePipe::Create(CreatePipe { name, if_not_exists, body }))
    }

    /// `s from (select ** from root where time >= 0) with SyncDelOp=true`
    fn pipe_to_sink(&mut self) -> Parsed<PipeBody> {
        let sink = self.name()?;
        let start = if self.eat("FROM") { self.pipe_start()? } else { None };
        let attributes = if self.eat("WITH") { Attributes(self.list(Self::attribute)?) } else { none() };
        Ok(PipeBody::ToSink { sink, start, attributes })
    }

    /// `(select ** from root where time >= '2022-03-30 00:00:00')`
    fn pipe_start(&mut self) -> Parsed<Option<i64>> {
        self.expect_symbol(Symbol::LeftParen)?;
        self.expect("SELECT")?;
        self.expect_symbol(Symbol::DoubleStar)?;
        self.expect("FROM")?;
        self.expect("ROOT")?;
        let mut start = None;
        if self.eat("WHERE") {
            if self.eat_any(&["TIME", "TIMESTAMP"]).is_none() {
                return Err(self.unexpected());
            }
            self.expect_symbol(Symbol::GreaterOrEqual)?;
            start = Some(self.quoted_or_bare_time()?);
        }
        self.expect_symbol(Symbol::RightParen)?;
        Ok(start)
    }

    fn quoted_or_bare_time(&mut self) -> Parsed<i64> {
        let token = self.token();
        if token.kind != TokenKind::Text {
            return self.time_value();
        }
        let text = self.text_literal()?;
        parse_datetime(&text, &self.context.zone).map_err(|message| self.error(token.span, message))
    }

    /// `with source (…) with processor (…) with sink (…)`, or the attributes of the sink alone.
    fn pipe_with(&mut self) -> Parsed<PipeBody> {
        if self.at_symbol(Symbol::LeftParen) {
            return Ok(PipeBody::With { source: none(), processor: none(), sink: self.attributes()? });
        }
        let with = |parser: &mut Self, words: &[&'static str]| -> Parsed<Option<Attributes>> {
            let ahead = usize::from(parser.is_word(0, "with"));
            if !words.iter().any(|word| parser.is_word(ahead, word)) {
                return Ok(None);
            }
            parser.skip(ahead + 1);
            // A sink has to be named; the other parts have what they need without a word.
            if words != SINKS && parser.at_empty() {
                return Ok(Some(none()));
            }
            parser.attributes().map(Some)
        };
        let source = with(self, &SOURCES)?.unwrap_or_default();
        let processor = with(self, &["PROCESSOR"])?.unwrap_or_default();
        let Some(sink) = with(self, &SINKS)? else {
            self.expected.extend(["TO", "WITH SOURCE", "WITH PROCESSOR", "WITH SINK"]);
            return Err(self.unexpected());
        };
        Ok(PipeBody::With { source, processor, sink })
    }

    /// `pipe p modify source (…) replace sink (…)` behind `alter`.
    pub(super) fn alter_pipe(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let (mut source, mut processor, mut sink) = (None, None, None);
        while let Some(how) = self.eat_any(&["MODIFY", "REPLACE"]) {
            let replace = how == 1;
            let part = match self.eat_any(&["SOURCE", "EXTRACTOR", "PROCESSOR", "SINK", "CONNECTOR"]) {
                Some(0 | 1) => &mut source,
                Some(2) => &mut processor,
                Some(_) => &mut sink,
                None => return Err(self.unexpected()),
            };
            let attributes = if replace && self.at_empty() { none() } else { self.attributes()? };
            *part = Some(AlterAttributes { replace, attributes });
            self.eat_symbol(Symbol::Comma);
        }
        if source.is_none() && processor.is_none() && sink.is_none() {
            return Err(self.unexpected());
        }
        Ok(Statement::ChangePipe(ChangePipe::Alter { name, source, processor, sink }))
    }

    /// Takes `()`.
    fn at_empty(&mut self) -> bool {
        let empty =
            self.at_symbol(Symbol::LeftParen) && self.ahead(1).kind == TokenKind::Symbol(Symbol::RightParen);
        if empty {
            self.skip(2);
        }
        empty
    }

    /// `pipe …`, `pipesink …` behind `drop`.
    pub(super) fn drop_pipe(&mut self) -> Parsed<Option<Statement>> {
        if self.eat("PIPESINK") {
            return changes(ChangePipe::DropSink { name: self.name()? });
        }
        if !self.eat("PIPE") {
            return Ok(None);
        }
        let (name, if_exists) = self.existing_pipe()?;
        changes(ChangePipe::Drop { name, if_exists })
    }

    /// What stands behind `start` and `stop`.
    pub(super) fn start_or_stop_pipe(&mut self, starts: bool) -> Parsed<Statement> {
        self.expect("PIPE")?;
        let (name, if_exists) = self.existing_pipe()?;
        Ok(Statement::ChangePipe(match starts {
            true => ChangePipe::Start { name, if_exists },
            false => ChangePipe::Stop { name, if_exists },
        }))
    }

    fn existing_pipe(&mut self) -> Parsed<(String, bool)> {
        let if_exists = self.eat_all(&["IF", "EXISTS"]);
        Ok((self.name()?, if_exists))
    }

    /// `pipes`, `pipe p`, `pipesinks` and the like behind `show`.
    pub(super) fn show_pipes(&mut self) -> Parsed<Option<Statement>> {
        let show = match self.eat_any(&["PIPESINKTYPE", "PIPESINKS", "PIPESINK", "PIPES", "PIPE"]) {
            Some(0) => ShowPipes::SinkTypes,
            Some(1 | 2) => ShowPipes::Sinks { name: self.name_if_any()? },
            Some(word) => {
                let is_plural = word == 3;
                let name = if self.is_word(0, "where") { None } else { self.name_if_any()? };
                let mut with_sink_of = None;
                if self.eat("WHERE") {
                    if self.eat_any(&SINKS).is_none() {
                        return Err(self.unexpected());
                    }
                    for word in ["USED", "BY"] {
                        self.expect(word)?;
                    }
                    with_sink_of = Some(self.name()?);
                }
                let grammar = match (&with_sink_of, is_plural == name.is_some()) {
                    (Some(_), _) => PipeGrammar::Later,
                    (None, true) => PipeGrammar::Sync,
                    (None, false) => PipeGrammar::Both,
                };
                ShowPipes::Pipes { name, with_sink_of, grammar }
            }
            None => return Ok(None),
        };
        Ok(Some(Statement::ShowPipes(show)))
    }

    fn name_if_any(&mut self) -> Parsed<Option<String>> {
        if self.is_name(0) { self.name().map(Some) } else { Ok(None) }
    }

    /// `(key=value, 'key'='value')`; a comma, or a semicolon, may stand behind the last.
    fn attributes(&mut self) -> Parsed<Attributes> {
        self.expect_symbol(Symbol::LeftParen)?;
        let mut attributes = vec![self.attribute()?];
        while self.eat_symbol(Symbol::Comma) {
            if self.at_symbol(Symbol::RightParen) {
                break;
            }
            attributes.push(self.attribute()?);
        }
        self.eat_symbol(Symbol::Semicolon);
        self.expect_symbol(Symbol::RightParen)?;
        Ok(Attributes(attributes))
    }

    fn attribute(&mut self) -> Parsed<(String, String)> {
        let key = self.name_or_text()?;
        self.equals()?;
        Ok((key, self.property_value()?))
    }
}

fn none() -> Attributes {
    Attributes::default()
}

#[expect(clippy::unnecessary_wraps, reason = "as those who ask for it give it on")]
fn changes(change: ChangePipe) -> Parsed<Option<Statement>> {
    Ok(Some(Statement::ChangePipe(change)))
}
