//! The crate from outside: the peer's statements, error texts, random texts.

mod arbitrary;
mod authority;
mod continuous;
mod errors;
mod peer;
mod pipes;
mod statements;

use levada_sql::{ParseContext, ParseError, ast::Statement};

fn context() -> ParseContext {
    ParseContext { zone: jiff::tz::TimeZone::UTC, now: 1_700_000_000_000 }
}

fn parse(text: &str) -> Result<Statement, ParseError> {
    levada_sql::parse(text, &context())
}
