//! `FILL`.

use crate::{
    ast::{Duration, Fill, TypedFill, TypedFillMethod},
    lexer::{Symbol, TokenKind},
    parser::{Parsed, Parser},
};

impl Parser<'_> {
    /// What stands behind `fill`.
    pub(super) fn fill(&mut self) -> Parsed<Fill> {
        self.expect_symbol(Symbol::LeftParen)?;
        let is_typed = self.token().kind == TokenKind::Word
            && self.ahead(1).kind == TokenKind::Symbol(Symbol::LeftBracket);
        let fill = if is_typed {
            Fill::Typed(self.list(Self::typed_fill)?)
        } else if self.eat("PREVIOUS") {
            Fill::Previous { within: self.further_duration()? }
        } else if self.eat("LINEAR") {
            Fill::Linear
        } else {
            Fill::Constant(self.constant()?)
        };
        self.expect_symbol(Symbol::RightParen)?;
        Ok(fill)
    }

    /// `int32[previous, 5m]`
    fn typed_fill(&mut self) -> Parsed<TypedFill> {
        let data_type = if self.eat("ALL") { None } else { Some(self.data_type()?) };
        self.expect_symbol(Symbol::LeftBracket)?;
        let method = if self.eat("PREVIOUS") {
            TypedFillMethod::Previous { before: self.further_duration()?, until_last: false }
        } else if self.eat("PREVIOUSUNTILLAST") {
            TypedFillMethod::Previous { before: self.further_duration()?, until_last: true }
        } else if self.eat("LINEAR") {
            let before = self.further_duration()?;
            TypedFillMethod::Linear { before, after: self.further_duration()? }
        } else {
            TypedFillMethod::Constant(self.constant()?)
        };
        self.expect_symbol(Symbol::RightBracket)?;
        Ok(TypedFill { data_type, method })
    }

    /// `, 5m`
    fn further_duration(&mut self) -> Parsed<Option<Duration>> {
        if self.eat_symbol(Symbol::Comma) { self.duration().map(Some) } else { Ok(None) }
    }
}
