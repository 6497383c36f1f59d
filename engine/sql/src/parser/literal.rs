//! Constants, numbers, lengths and moments of time.

use levada_model::convert::bytes_of_digits;

use super::{Parsed, Parser};
use crate::{
    Span,
    ast::{Constant, Duration},
    lexer::{Symbol, TokenKind, parse_datetime, parse_duration, unquote},
};

impl Parser<'_> {
    /// A constant, a sign before numbers included.
    pub(super) fn constant(&mut self) -> Parsed<Constant> {
        let sign = self.sign();
        match self.token().kind {
            TokenKind::Integer | TokenKind::Real => {
                let token = self.bump();
                Ok(number(sign == Some(Symbol::Minus), self.text_of(token)))
            }
            TokenKind::Word if self.is_word(0, "nan") => {
                let token = self.bump();
                Ok(number(sign == Some(Symbol::Minus), self.text_of(token)))
            }
            _ if sign.is_some() => {
                self.expected.push("a number");
                Err(self.unexpected())
            }
            _ => self.unsigned_constant(),
        }
    }

    fn sign(&mut self) -> Option<Symbol> {
        match self.token().kind {
            TokenKind::Symbol(symbol @ (Symbol::Plus | Symbol::Minus)) => {
                self.bump();
                Some(symbol)
            }
            _ => None,
        }
    }

    fn unsigned_constant(&mut self) -> Parsed<Constant> {
        let token = self.token();
        let constant = match token.kind {
            TokenKind::Text => Constant::Text(unquote(self.text_of(token))),
            TokenKind::Blob => Constant::Blob(self.blob(self.text_of(token), token.span)?),
            TokenKind::DateTime => return self.moment().map(Constant::Time),
            TokenKind::Duration => {
                let length = self.duration()?;
                let value = length.fixed_millis();
                return Ok(Constant::Integer { value, text: value.to_string() });
            }
            TokenKind::Word if self.is_now() => return self.moment().map(Constant::Time),
            TokenKind::Word if self.is_word(0, "true") => Constant::Boolean(true),
            TokenKind::Word if self.is_word(0, "false") => Constant::Boolean(false),
            TokenKind::Word if self.is_word(0, "null") => Constant::Null,
            _ => {
                self.expected.push("a value");
                return Err(self.unexpected());
            }
        };
        self.bump();
        Ok(constant)
    }

    fn blob(&self, literal: &str, span: Span) -> Parsed<Vec<u8>> {
        bytes_of_literal(literal).ok_or_else(|| {
            self.semantic(
                span,
                "Binary literal must contain an even number of digits 0-9, a-f between its quotes",
            )
        })
    }

    /// Whether `now()` stands here.
    pub(super) fn is_now(&self) -> bool {
        self.is_word(0, "now")
            && self.ahead(1).kind == TokenKind::Symbol(Symbol::LeftParen)
            && self.ahead(2).kind == TokenKind::Symbol(Symbol::RightParen)
    }

    /// Whether a literal of time or `now()` stands here.
    pub(super) fn is_moment(&self) -> bool {
        self.token().kind == TokenKind::DateTime || self.is_now()
    }

    /// A literal of time or `now()`, and durations added or taken away.
    pub(super) fn moment(&mut self) -> Parsed<i64> {
        let mut time = if self.is_now() {
            self.skip(3);
            self.context.now
        } else if self.token().kind == TokenKind::DateTime {
            let token = self.bump();
            parse_datetime(self.text_of(token), &self.context.zone)
                .map_err(|message| self.semantic(token.span, message))?
        } else {
            self.expected.push("a time");
            return Err(self.unexpected());
        };
        while let TokenKind::Symbol(sign @ (Symbol::Plus | Symbol::Minus)) = self.token().kind
            && self.ahead(1).kind == TokenKind::Duration
        {
            self.bump();
            let length = self.duration()?.fixed_millis();
            time =
                if sign == Symbol::Plus { time.saturating_add(length) } else { time.saturating_sub(length) };
        }
        Ok(time)
    }

    /// A moment or a whole number of milliseconds.
    pub(super) fn time_value(&mut self) -> Parsed<i64> {
        if self.is_moment() {
            return self.moment();
        }
        let start = self.start();
        let negative = self.sign() == Some(Symbol::Minus);
        if self.token().kind != TokenKind::Integer {
            self.expected.push("a time");
            return Err(self.unexpected());
        }
        let token = self.bump();
        match number(negative, self.text_of(token)) {
            Constant::Integer { value, .. } => Ok(value),
            _ => Err(self.semantic(self.span_from(start), "the time does not fit 64 bits")),
        }
    }

    /// A length of time.
    pub(super) fn duration(&mut self) -> Parsed<Duration> {
        let token = self.token();
        match parse_duration(self.text_of(token)).filter(|_| token.kind == TokenKind::Duration) {
            Some(length) => {
                self.bump();
                Ok(length)
            }
            None => {
                self.expected.push("a duration");
                Err(self.unexpected())
            }
        }
    }

    /// A whole number without a sign that fits 64 bits.
    pub(super) fn whole_number(&mut self) -> Parsed<i64> {
        let token = self.token();
        if token.kind != TokenKind::Integer {
            self.expected.push("a whole number");
            return Err(self.unexpected());
        }
        let number = self.text_of(token).parse();
        let number = number.map_err(|_| self.error(token.span, "the number does not fit 64 bits"))?;
        self.bump();
        Ok(number)
    }

    /// A whole number that counts nodes of a path.
    pub(super) fn level(&mut self) -> Parsed<u32> {
        let span = self.token().span;
        u32::try_from(self.whole_number()?).map_err(|_| self.error(span, "there is no such level"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Parsed<bool> {
        match self.eat_any(&["TRUE", "FALSE"]) {
            Some(index) => Ok(index == 0),
            None => Err(self.unexpected()),
        }
    }
}

/// The constant of a number's digits.
pub(super) fn number(negative: bool, digits: &str) -> Constant {
    let text = if negative { format!("-{digits}") } else { digits.to_owned() };
    match text.parse() {
        Ok(value) => Constant::Integer { value, text },
        Err(_) => Constant::Real { value: text.parse().unwrap_or(f64::NAN), text },
    }
}

/// The bytes of `X'0a ff'`; blanks may stand between digits.
pub(super) fn bytes_of_literal(literal: &str) -> Option<Vec<u8>> {
    let digits: String = unquote(&literal[1..]).split_ascii_whitespace().collect();
    bytes_of_digits(&digits)
}
