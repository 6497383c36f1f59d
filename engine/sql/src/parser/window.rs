//! `GROUP BY`.

use super::{Parsed, Parser};
use crate::{
    ast::{BinaryOperator, Constant, GroupBy, Keep, RowWindows, TimeWindows, WindowBounds},
    lexer::{Symbol, TokenKind},
};

impl Parser<'_> {
    /// What stands behind `group by`.
    pub(super) fn group_by(&mut self) -> Parsed<GroupBy> {
        let mut group = GroupBy::default();
        loop {
            let span = self.token().span;
            let again = match self.eat_any(&[
                "LEVEL",
                "LEVELS",
                "TAGS",
                "VARIATION",
                "CONDITION",
                "SESSION",
                "COUNT",
            ]) {
                Some(0 | 1) => {
                    self.equals()?;
                    let again = !group.levels.is_empty();
                    // A comma behind a level is followed by another level, or by another way of grouping.
                    group.levels.push(self.level()?);
                    while self.at_symbol(Symbol::Comma) && self.ahead(1).kind == TokenKind::Integer {
                        self.bump();
                        group.levels.push(self.level()?);
                    }
                    again
                }
                Some(2) => {
                    let again = !group.tags.is_empty();
                    group.tags = self.parenthesised(Self::name_or_text)?;
                    again
                }
                Some(3) => group.rows.replace(self.variation()?).is_some(),
                Some(4) => group.rows.replace(self.condition_windows()?).is_some(),
                Some(5) => group.rows.replace(self.session()?).is_some(),
                Some(_) => group.rows.replace(self.count_windows()?).is_some(),
                None => {
                    self.eat("TIME");
                    group.time.replace(self.time_windows()?).is_some()
                }
            };
            if again {
                return Err(self.error(span, "GROUP BY says this twice"));
            }
            if !self.eat_symbol(Symbol::Comma) {
                return Ok(group);
            }
        }
    }

    /// `([0, 100), 10ms, 20ms)`
    fn time_windows(&mut self) -> Parsed<TimeWindows> {
        self.expect_symbol(Symbol::LeftParen)?;
        let bounds =
            if self.token().kind == TokenKind::Duration { None } else { Some(self.window_bounds()?) };
        if bounds.is_some() {
            self.expect_symbol(Symbol::Comma)?;
        }
        let interval = self.duration()?;
        let step = if self.eat_symbol(Symbol::Comma) { Some(self.duration()?) } else { None };
        self.expect_symbol(Symbol::RightParen)?;
        Ok(TimeWindows { bounds, interval, step })
    }

    /// `[0, 100)`, `(0, 100]`
    fn window_bounds(&mut self) -> Parsed<WindowBounds> {
        let left_closed = self.eat_symbol(Symbol::LeftBracket);
        if !left_closed {
            self.expect_symbol(Symbol::LeftParen)?;
        }
        let start = self.time_value()?;
        self.expect_symbol(Symbol::Comma)?;
        let end = self.time_value()?;
        self.expect_symbol(if left_closed { Symbol::RightParen } else { Symbol::RightBracket })?;
        Ok(WindowBounds { start, end, left_closed })
    }

    fn variation(&mut self) -> Parsed<RowWindows> {
        self.expect_symbol(Symbol::LeftParen)?;
        let expression = Box::new(self.expression()?);
        let (mut delta, mut ignore_null) = (0.0, true);
        while self.eat_symbol(Symbol::Comma) {
            if let Some(ignore) = self.ignore_null()? {
                ignore_null = ignore;
                break;
            }
            let span = self.token().span;
            delta = match self.constant()? {
                Constant::Integer { text, .. } | Constant::Real { text, .. } => {
                    text.parse().unwrap_or(f64::NAN)
                }
                _ => return Err(self.error(span, "the difference is not a number")),
            };
        }
        self.expect_symbol(Symbol::RightParen)?;
        Ok(RowWindows::Variation { expression, delta, ignore_null })
    }

    fn condition_windows(&mut self) -> Parsed<RowWindows> {
        self.expect_symbol(Symbol::LeftParen)?;
        let predicate = Box::new(self.expression()?);
        let (mut keep, mut ignore_null) = (None, true);
        while self.eat_symbol(Symbol::Comma) {
            if let Some(ignore) = self.ignore_null()? {
                ignore_null = ignore;
                break;
            }
            keep = Some(self.keep()?);
        }
        self.expect_symbol(Symbol::RightParen)?;
        Ok(RowWindows::Condition { predicate, keep, ignore_null })
    }

    /// `keep >= 3`, or `3`, which is the same.
    fn keep(&mut self) -> Parsed<Keep> {
        let mut operator = BinaryOperator::GreaterOrEqual;
        if self.eat("KEEP") {
            operator = match self.token().kind {
                TokenKind::Symbol(Symbol::Greater) => BinaryOperator::Greater,
                TokenKind::Symbol(Symbol::GreaterOrEqual) => BinaryOperator::GreaterOrEqual,
                TokenKind::Symbol(Symbol::Less) => BinaryOperator::Less,
                TokenKind::Symbol(Symbol::LessOrEqual) => BinaryOperator::LessOrEqual,
                TokenKind::Symbol(Symbol::Equal | Symbol::DoubleEqual) => BinaryOperator::Equal,
                TokenKind::Symbol(Symbol::NotEqual | Symbol::Unequal) => BinaryOperator::NotEqual,
                _ => {
                    self.expected.push("a comparison");
                    return Err(self.unexpected());
                }
            };
            self.bump();
        }
        Ok(Keep { operator, rows: self.whole_number()? })
    }

    fn session(&mut self) -> Parsed<RowWindows> {
        self.expect_symbol(Symbol::LeftParen)?;
        let gap = self.duration()?;
        self.expect_symbol(Symbol::RightParen)?;
        Ok(RowWindows::Session(gap))
    }

    fn count_windows(&mut self) -> Parsed<RowWindows> {
        self.expect_symbol(Symbol::LeftParen)?;
        let expression = Box::new(self.expression()?);
        self.expect_symbol(Symbol::Comma)?;
        let rows = self.whole_number()?;
        let mut ignore_null = true;
        if self.eat_symbol(Symbol::Comma) {
            match self.ignore_null()? {
                Some(ignore) => ignore_null = ignore,
                None => return Err(self.unexpected()),
            }
        }
        self.expect_symbol(Symbol::RightParen)?;
        Ok(RowWindows::Count { expression, rows, ignore_null })
    }

    /// `ignoreNull=false`
    fn ignore_null(&mut self) -> Parsed<Option<bool>> {
        if !self.eat("IGNORENULL") {
            return Ok(None);
        }
        self.equals()?;
        self.boolean().map(Some)
    }
}
