//! From tokens to the syntax tree.
//!
//! A recursive descent over statements and clauses, and precedence climbing over expressions ([`expression`]). Whatever
//! is asked for at a token and not found is noted, so that an error can say what could have stood there. Nesting is
//! limited: a text, however long, cannot exhaust the stack.

mod authority;
mod continuous;
mod data;
mod expression;
mod function;
mod literal;
mod path;
mod pipe;
mod schema;
mod select;
mod show;
mod statement;
mod template;
mod trigger;
mod unsupported;
mod view;
mod window;

pub(crate) use path::RESERVED;

use jiff::tz::TimeZone;
use levada_model::StatusCode;

use crate::{
    ParseError, Span,
    ast::Statement,
    lexer::{Symbol, Token, TokenKind, tokenize, unquote},
};

/// What a statement's meaning depends on beside its text.
#[derive(Clone, Debug)]
pub struct ParseContext {
    /// The time zone in which literals of time without an offset are read.
    pub zone: TimeZone,
    /// What `now()` stands for, in milliseconds since 1970 UTC.
    pub now: i64,
}

/// Reads one statement.
///
/// ```
/// use levada_sql::{ParseContext, ast::Statement, parse};
/// let context = ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
/// let statement = parse("select s1 from root.d1 where time > 2024-01-01;", &context)?;
/// assert!(matches!(statement, Statement::Select(_)));
/// let error = parse("selec s1 from root.d1", &context).expect_err("misspelt");
/// assert!(error.to_string().contains("line 1:0 unexpected 'selec'"), "{error}");
/// # Ok::<(), levada_sql::ParseError>(())
/// ```
///
/// # Errors
/// The text is not a statement, or it is one that makes no sense whatever exists; see [`ParseError::code`].
pub fn parse(text: &str, context: &ParseContext) -> Result<Statement, ParseError> {
    let mut parser = Parser::new(text, context)?;
    let statement = parser.statement()?;
    parser.eat_symbol(Symbol::Semicolon);
    parser.end()?;
    Ok(statement)
}

/// Reads one expression, as it may stand in `WHERE` or as a column of `SELECT`.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(text: &str, context: &ParseContext) -> Result<crate::ast::Expression, ParseError> {
    let mut parser = Parser::new(text, context)?;
    let expression = parser.expression()?;
    parser.end()?;
    Ok(expression)
}

/// Reads what is to be computed for each row, `select s1 + 1 as s2, s3 where s4 > 0`; the word `select` may be left out.
///
/// ```
/// # let context = levada_sql::ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
/// let projection = levada_sql::parse_projection("select s1 + 1 as s2, s3 where s4 > 0", &context)?;
/// assert_eq!((projection.columns.len(), projection.condition.is_some()), (2, true));
/// # Ok::<(), levada_sql::ParseError>(())
/// ```
///
/// # Errors
/// As [`parse`]; clauses that need more than one row, or say where rows come from, are errors too.
pub fn parse_projection(text: &str, context: &ParseContext) -> Result<crate::ast::Projection, ParseError> {
    let mut parser = Parser::new(text, context)?;
    let projection = parser.projection()?;
    parser.eat_symbol(Symbol::Semicolon);
    parser.end()?;
    Ok(projection)
}

type Parsed<T> = Result<T, ParseError>;

/// How deep expressions may nest in the text.
const MAX_NESTING: usize = 128;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    /// What was asked for at the current token and not found.
    expected: Vec<&'static str>,
    context: &'a ParseContext,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, context: &'a ParseContext) -> Parsed<Self> {
        Ok(Self { text, tokens: tokenize(text)?, position: 0, expected: Vec::new(), context, nesting: 0 })
    }

    fn token(&self) -> Token {
        self.ahead(0)
    }

    /// The token so many behind the current one.
    fn ahead(&self, count: usize) -> Token {
        let at = (self.position + count).min(self.tokens.len() - 1);
        self.tokens[at]
    }

    fn text_of(&self, token: Token) -> &'a str {
        token.span.of(self.text)
    }

    /// Whether no blank stands before the token so many behind the current one.
    fn is_adjacent(&self, count: usize) -> bool {
        let at = self.position + count;
        at > 0 && at < self.tokens.len() && self.tokens[at - 1].span.end == self.tokens[at].span.start
    }

    fn bump(&mut self) -> Token {
        let token = self.token();
        self.position = (self.position + 1).min(self.tokens.len() - 1);
        self.expected.clear();
        token
    }

    /// Passes over so many tokens.
    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.bump();
        }
    }

    /// The end of the token before the current one.
    fn previous_end(&self) -> usize {
        self.position.checked_sub(1).map_or(0, |at| self.tokens[at].span.end)
    }

    /// From a place to the end of the token before the current one.
    fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.previous_end().max(start))
    }

    fn start(&self) -> usize {
        self.token().span.start
    }

    fn is_word(&self, count: usize, word: &str) -> bool {
        let token = self.ahead(count);
        token.kind == TokenKind::Word && self.text_of(token).eq_ignore_ascii_case(word)
    }

    /// Whether keywords stand here, one behind the other.
    fn at(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(count, word)| self.is_word(count, word))
    }

    fn at_symbol(&self, symbol: Symbol) -> bool {
        self.token().kind == TokenKind::Symbol(symbol)
    }

    /// Takes a keyword (given in capitals) if it stands here.
    fn eat(&mut self, word: &'static str) -> bool {
        let found = self.is_word(0, word);
        if found {
            self.bump();
        } else {
            self.expected.push(word);
        }
        found
    }

    /// Takes one of several keywords; its index.
    fn eat_any(&mut self, words: &[&'static str]) -> Option<usize> {
        words.iter().position(|word| self.eat(word))
    }

    /// Takes keywords if all of them stand here, one behind the other.
    fn eat_all(&mut self, words: &[&'static str]) -> bool {
        let found = self.at(words);
        if found {
            self.skip(words.len());
        } else if let Some(first) = words.first() {
            self.expected.push(first);
        }
        found
    }

    fn eat_symbol(&mut self, symbol: Symbol) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.bump();
        } else {
            self.expected.push(symbol.text());
        }
        found
    }

    fn expect(&mut self, word: &'static str) -> Parsed<()> {
        if self.eat(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_symbol(&mut self, symbol: Symbol) -> Parsed<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn end(&mut self) -> Parsed<()> {
        if self.token().kind == TokenKind::End {
            return Ok(());
        }
        self.expected.push("the end of the statement");
        Err(self.unexpected())
    }

    /// The error of a token that fits nothing that was asked for here.
    fn unexpected(&mut self) -> ParseError {
        let token = self.token();
        let mut expected: Vec<String> = Vec::new();
        for each in std::mem::take(&mut self.expected) {
            let each = if each.contains(char::is_alphabetic) { each.to_owned() } else { format!("'{each}'") };
            if !expected.contains(&each) {
                expected.push(each);
            }
        }
        let found = match token.kind {
            TokenKind::End => "unexpected end of the statement".to_owned(),
            _ => format!("unexpected '{}'", shorten(self.text_of(token))),
        };
        let mut message = found;
        match expected.as_slice() {
            [] => {}
            [one] => message.push_str(&format!(", expected {one}")),
            several => message.push_str(&format!(", expected one of {}", several.join(", "))),
        }
        if let Some(near) = self.nearest(token, &expected) {
            message.push_str(&format!("; did you mean {near}?"));
        }
        ParseError { expected, ..self.error(token.span, message) }
    }

    /// The expected keyword a word was probably meant to be.
    fn nearest<'e>(&self, token: Token, expected: &'e [String]) -> Option<&'e str> {
        if token.kind != TokenKind::Word {
            return None;
        }
        let word = self.text_of(token).to_ascii_uppercase();
        let words = expected.iter().filter(|each| each.bytes().all(|byte| byte.is_ascii_uppercase()));
        let distances = words.map(|each| (strsim::damerau_levenshtein(&word, each), each.as_str()));
        distances
            .min()
            .filter(|(distance, each)| *distance <= 2 && *distance < each.len())
            .map(|(_, each)| each)
    }

    /// The error of a text that is not well formed at some place.
    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, StatusCode::SQL_PARSE_ERROR, message)
    }

    /// The error of a well-formed text that makes no sense.
    fn semantic(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, StatusCode::SEMANTIC_ERROR, message)
    }

    /// Items with commas between.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(Symbol::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Items with commas between, in parentheses.
    fn parenthesised<T>(&mut self, item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_symbol(Symbol::LeftParen)?;
        let items = self.list(item)?;
        self.expect_symbol(Symbol::RightParen)?;
        Ok(items)
    }

    /// The content of a text token.
    fn text_literal(&mut self) -> Parsed<String> {
        if self.token().kind != TokenKind::Text {
            self.expected.push("a text in quotes");
            return Err(self.unexpected());
        }
        let token = self.bump();
        Ok(unquote(self.text_of(token)))
    }

    /// Runs a step one level deeper.
    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            let message = format!("the expression nests deeper than {MAX_NESTING} levels");
            return Err(self.error(self.token().span, message));
        }
        self.nesting += 1;
        let result = step(self);
        self.nesting -= 1;
        result
    }
}

/// The beginning of a text that is too long for a message.
fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
