//! Paths, patterns and names.

use levada_model::{Path, PathPattern, quote_node};

use super::{Parsed, Parser};
use crate::{
    Span,
    ast::SeriesName,
    lexer::{Symbol, TokenKind, unquote},
};

/// Words that are no names unless between backquotes.
pub(crate) const RESERVED: [&str; 3] = ["root", "time", "timestamp"];

impl Parser<'_> {
    /// A path from `root` without wildcards.
    pub(super) fn full_path(&mut self) -> Parsed<Path> {
        let start = self.start();
        let text = self.root_nodes(false)?;
        Path::parse(&text).map_err(|error| self.error(self.span_from(start), error.to_string()))
    }

    /// A path from `root` that may hold wildcards.
    pub(super) fn pattern(&mut self) -> Parsed<PathPattern> {
        let start = self.start();
        let text = self.root_nodes(true)?;
        self.to_pattern(&text, self.span_from(start))
    }

    /// A pattern if one begins here, otherwise the given one.
    pub(super) fn pattern_or(&mut self, otherwise: &str) -> Parsed<PathPattern> {
        if self.is_word(0, "root") {
            return self.pattern();
        }
        self.expected.push("ROOT");
        Ok(PathPattern::parse(otherwise).expect("the given one is legal"))
    }

    /// A suffix or full path in an expression, its first node perhaps a wildcard. Only the bare word `root` begins a full
    /// path: between backquotes it is a name like any other.
    pub(super) fn series_name(&mut self) -> Parsed<SeriesName> {
        let start = self.start();
        let mut text = String::new();
        let is_whole = self.is_word(0, "root");
        if is_whole {
            text.push_str("root");
            self.bump();
        } else {
            self.node(true, true, &mut text)?;
        }
        self.further_nodes(true, true, &mut text)?;
        let pattern = self.to_pattern(&text, self.span_from(start))?;
        Ok(if is_whole { SeriesName::whole(pattern) } else { SeriesName::suffix(pattern) })
    }

    fn to_pattern(&self, text: &str, span: Span) -> Parsed<PathPattern> {
        PathPattern::parse(text).map_err(|error| self.error(span, error.to_string()))
    }

    fn root_nodes(&mut self, wildcards: bool) -> Parsed<String> {
        self.expect("ROOT")?;
        let mut text = "root".to_owned();
        self.further_nodes(wildcards, false, &mut text)?;
        Ok(text)
    }

    fn further_nodes(&mut self, wildcards: bool, in_expression: bool, into: &mut String) -> Parsed<()> {
        while self.eat_symbol(Symbol::Dot) {
            into.push('.');
            self.node(wildcards, in_expression, into)?;
        }
        Ok(())
    }

    /// One node: a name, perhaps with stars around. In an expression a star behind a name may be a multiplication.
    fn node(&mut self, wildcards: bool, in_expression: bool, into: &mut String) -> Parsed<()> {
        let token = self.token();
        match token.kind {
            TokenKind::Symbol(symbol @ (Symbol::Star | Symbol::DoubleStar)) if wildcards => {
                self.bump();
                into.push_str(symbol.text());
                if self.is_name(0) && self.is_adjacent(0) && self.token().kind != TokenKind::Quoted {
                    self.name_and_star(wildcards, in_expression, into)?;
                }
                Ok(())
            }
            TokenKind::Integer => {
                let number = self.text_of(token);
                Err(self.error(token.span, format!("a number is a node only between backquotes: `{number}`")))
            }
            _ => self.name_and_star(wildcards, in_expression, into),
        }
    }

    fn name_and_star(&mut self, wildcards: bool, in_expression: bool, into: &mut String) -> Parsed<()> {
        let number = self.token().kind == TokenKind::Integer;
        let bare = matches!(self.token().kind, TokenKind::Word | TokenKind::Duration);
        if number {
            into.push_str(self.text_of(self.token()));
            self.bump();
        } else if bare && self.is_name(0) {
            into.push_str(self.bare_name()?);
        } else {
            into.push_str(&quote_node(&self.name()?));
            return Ok(());
        }
        let star = match self.token().kind {
            TokenKind::Symbol(symbol @ (Symbol::Star | Symbol::DoubleStar)) => symbol,
            _ => return Ok(()),
        };
        if wildcards && self.is_adjacent(0) && !(in_expression && self.begins_operand(1)) {
            self.bump();
            into.push_str(star.text());
        }
        Ok(())
    }

    /// A word as it is, checked to be allowed without backquotes.
    fn bare_name(&mut self) -> Parsed<&str> {
        let token = self.token();
        let word = self.text_of(token);
        if quote_node(word) != word {
            let message = format!(
                "'{word}' is illegal, identifier not enclosed with backticks can only consist of digits, characters and underscore"
            );
            return Err(self.semantic(token.span, message));
        }
        self.bump();
        Ok(word)
    }

    /// Whether a name stands so many tokens behind the current one.
    pub(super) fn is_name(&self, count: usize) -> bool {
        let token = self.ahead(count);
        match token.kind {
            TokenKind::Quoted | TokenKind::Duration => true,
            TokenKind::Word => !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(self.text_of(token))),
            TokenKind::Integer => count == 0 && self.is_adjacent(0) && self.previous_is_star(),
            _ => false,
        }
    }

    fn previous_is_star(&self) -> bool {
        self.position.checked_sub(1).is_some_and(|at| {
            matches!(self.tokens[at].kind, TokenKind::Symbol(Symbol::Star | Symbol::DoubleStar))
        })
    }

    /// A name, its quotes removed.
    pub(super) fn name(&mut self) -> Parsed<String> {
        if !self.is_name(0) || self.token().kind == TokenKind::Integer {
            self.expected.push("a name");
            return Err(self.unexpected());
        }
        if self.token().kind != TokenKind::Quoted {
            return self.bare_name().map(str::to_owned);
        }
        let token = self.bump();
        let name = unquote(self.text_of(token));
        if name.is_empty() {
            return Err(self.error(token.span, "a name is empty"));
        }
        Ok(name)
    }

    /// A name or a text, without quotes: keys and values of tags, attributes and properties, aliases.
    pub(super) fn name_or_text(&mut self) -> Parsed<String> {
        if self.token().kind == TokenKind::Text { self.text_literal() } else { self.name() }
    }

    /// A measurement: a node in canonical form.
    pub(super) fn measurement(&mut self) -> Parsed<String> {
        Ok(quote_node(&self.name()?).into_owned())
    }
}
