//! From text to tokens.
//!
//! ```text
//!   select s1 from root.d1 where time > 2024-01-01T00:00:00+00:00   -- newest
//!   Word   Word ┆  Word . Word   ┆    > DateTime                    (comment)
//! ```
//!
//! A token is a kind and a [`Span`]; its text is cut from the statement when it is needed. Keywords are words like any
//! other: what a word means is for the parser to say, so that almost all of them can be names. Words, durations and
//! reals that look alike are told apart here: `1d` is a duration, `1e5` a real, `1x` a word.

mod datetime;
mod number;

use levada_model::StatusCode;

pub(crate) use self::datetime::parse_datetime;
pub(crate) use self::number::parse_duration;
use crate::{ParseError, Span};

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or a bare name.
    Word,
    /// A name between backquotes.
    Quoted,
    /// A text between `'` or `"`.
    Text,
    /// `X'0aff'`
    Blob,
    /// Digits.
    Integer,
    /// Digits with a point or an exponent.
    Real,
    /// `1d12h`
    Duration,
    /// `2024-01-31`, `2024-01-31T12:00:00.5+01:00`
    DateTime,
    /// Punctuation and operators.
    Symbol(Symbol),
    /// Behind the last.
    End,
}

macro_rules! symbols {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Punctuation and operators; longer ones come before those they begin with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Symbol {
            $($name,)*
        }

        impl Symbol {
            const ALL: &[(Self, &str)] = &[$((Self::$name, $text),)*];

            /// As written.
            pub(crate) const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

symbols! {
    DoubleStar = "**", Star = "*", LeftParen = "(", RightParen = ")", LeftBracket = "[", RightBracket = "]",
    Comma = ",", Semicolon = ";", Dot = ".", Plus = "+", Minus = "-", Slash = "/", Percent = "%",
    DoubleEqual = "==", Equal = "=", NotEqual = "!=", Not = "!", Unequal = "<>", LessOrEqual = "<=", Less = "<",
    GreaterOrEqual = ">=", Greater = ">", DoubleAnd = "&&", And = "&", DoubleOr = "||", Or = "|",
}

/// Cuts a text into tokens; the last is [`TokenKind::End`].
pub(crate) fn tokenize(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::with_capacity(text.len() / 4 + 2) };
    while lexer.skip_blanks() {
        lexer.token()?;
    }
    let end = Span::new(text.len(), text.len());
    lexer.tokens.push(Token { kind: TokenKind::End, span: end });
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes to the next token; false at the end.
    fn skip_blanks(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("--") {
                return !trimmed.is_empty();
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn token(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let mut bytes = rest.bytes();
        let (first, second) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
        let (kind, length) = match first {
            b'`' => (TokenKind::Quoted, self.quoted(0, "backquote")?),
            b'\'' | b'"' => (TokenKind::Text, self.quoted(0, "quote")?),
            b'x' | b'X' if second == b'\'' => (TokenKind::Blob, self.quoted(1, "quote")?),
            b'0'..=b'9' => number::scan(
                rest,
                self.is_behind(&[Symbol::Dot]),
                self.is_behind(&[Symbol::Star, Symbol::DoubleStar]),
            ),
            b'.' if second.is_ascii_digit() && !self.is_in_path() => number::scan(rest, false, false),
            _ => match rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()) {
                0 => return self.symbol(),
                length => (TokenKind::Word, length),
            },
        };
        self.push(kind, length);
        Ok(())
    }

    /// The length of a token whose opening quote stands at byte `from`; a quote is escaped by doubling it.
    fn quoted(&self, from: usize, what: &str) -> Result<usize, ParseError> {
        let rest = &self.rest().as_bytes()[from..];
        let quote = rest[0];
        let mut at = 1;
        loop {
            match (rest.get(at), rest.get(at + 1)) {
                (Some(&byte), Some(&next)) if byte == quote && next == quote => at += 2,
                (Some(&byte), _) if byte == quote => return Ok(from + at + 1),
                (Some(_), _) => at += 1,
                (None, _) => {
                    let span = Span::new(self.at, self.text.len());
                    return Err(self.error(span, format!("the {what} is not closed")));
                }
            }
        }
    }

    fn symbol(&mut self) -> Result<(), ParseError> {
        let rest = self.rest();
        let Some(&(symbol, text)) = Symbol::ALL.iter().find(|(_, text)| rest.starts_with(text)) else {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            let span = Span::new(self.at, self.at + length);
            return Err(
                self.error(span, format!("unexpected character '{}'", span.of(self.text).escape_debug()))
            );
        };
        self.push(TokenKind::Symbol(symbol), text.len());
        Ok(())
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let span = Span::new(self.at, self.at + length);
        self.at = span.end;
        self.tokens.push(Token { kind, span });
    }

    /// Whether a full stop here joins two nodes of a path rather than begins a number.
    fn is_in_path(&self) -> bool {
        self.tokens.last().is_some_and(|last| {
            last.span.end == self.at
                && match last.kind {
                    TokenKind::Word | TokenKind::Quoted | TokenKind::Duration => true,
                    TokenKind::Symbol(symbol) => matches!(symbol, Symbol::Star | Symbol::DoubleStar),
                    _ => false,
                }
        })
    }

    /// Whether one of some symbols stands right before what comes.
    fn is_behind(&self, symbols: &[Symbol]) -> bool {
        self.tokens.last().is_some_and(|last| {
            last.span.end == self.at && symbols.iter().any(|&symbol| last.kind == TokenKind::Symbol(symbol))
        })
    }

    fn error(&self, span: Span, message: String) -> ParseError {
        ParseError::new(self.text, span, StatusCode::SQL_PARSE_ERROR, message)
    }
}

/// Whether a character may be part of a word. Not every word may stand as a node without backquotes.
pub(crate) fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '_' | ':' | '@' | '#' | '$' | '{' | '}')
        || ('\u{2E80}'..='\u{9FFF}').contains(&c)
}

/// What stands between a token's quotes, doubled quotes undone.
pub(crate) fn unquote(quoted: &str) -> String {
    let Some(quote) = quoted.chars().next() else { return String::new() };
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    inner.replace([quote, quote].iter().collect::<String>().as_str(), quote.to_string().as_str())
}

#[cfg(test)]
mod tests;
