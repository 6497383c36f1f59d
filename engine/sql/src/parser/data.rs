//! Statements that change rows.

use levada_model::{Path, StatusCode};

use super::{Parsed, Parser, literal::bytes_of_literal};
use crate::{
    ParseError,
    ast::{
        BinaryOperator, Constant, Delete, Expression, ExpressionKind, Insert, InsertRow, InsertValue, Load,
        Statement,
    },
    lexer::{Symbol, TokenKind},
};

/// The greatest time that rows of statements have as a number: what has more digits is of another unit.
const LAST_TIME: i64 = 9_999_999_999_999;

const ONLY_TIME: &str = "For delete statement, where clause can only contain time expressions, value filter is not currently supported.";
const ONLY_ATOMS: &str = "For delete statement, where clause can only contain atomic expressions like : time > XXX, time <= XXX, or two atomic expressions connected by 'AND'";

impl Parser<'_> {
    /// `insert into root.d(time, a) aligned values (1, 2), (2, 3)`
    pub(super) fn insert(&mut self) -> Parsed<Insert> {
        self.expect("INSERT")?;
        self.expect("INTO")?;
        let device = self.insert_device()?;
        let columns_start = self.start();
        self.expect_symbol(Symbol::LeftParen)?;
        let mut time_at = None;
        let mut measurements: Vec<String> = Vec::new();
        loop {
            let span = self.token().span;
            if self.eat("TIMESTAMP") || self.eat("TIME") {
                if time_at.replace(measurements.len()).is_some() {
                    return Err(self.semantic(span, "One row should only have one time value"));
                }
            } else {
                let measurement = self.measurement()?;
                if measurements.contains(&measurement) {
                    let message = format!("Insertion contains duplicated measurement: {measurement}");
                    return Err(self.semantic(span, message));
                }
                measurements.push(measurement);
            }
            if !self.eat_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::RightParen)?;
        if measurements.is_empty() {
            return Err(self.semantic(self.span_from(columns_start), "the insertion names no measurement"));
        }
        let aligned = self.eat("ALIGNED");
        self.expect("VALUES")?;
        let rows = self.list(|parser| parser.insert_row(time_at, measurements.len()))?;
        if time_at.is_none() && rows.len() > 1 {
            return Err(self.semantic(rows[1].span, "need timestamps when insert multi rows"));
        }
        Ok(Insert { device, aligned, measurements, rows })
    }

    /// The device; wildcards are well formed and make no sense.
    fn insert_device(&mut self) -> Parsed<Path> {
        let start = self.start();
        let pattern = self.pattern()?;
        pattern.as_path().ok_or_else(|| ParseError {
            code: StatusCode::METADATA_ERROR,
            ..self.semantic(
                self.span_from(start),
                format!("{pattern} is not a legal path, because an insertion names one device"),
            )
        })
    }

    /// `(1, 2, 'x')`, the time at some place among the values.
    fn insert_row(&mut self, time_at: Option<usize>, width: usize) -> Parsed<InsertRow> {
        let start = self.start();
        self.expect_symbol(Symbol::LeftParen)?;
        let mut time = time_at.is_none().then_some(self.context.now);
        let mut values = Vec::with_capacity(width);
        loop {
            if time.is_none() && time_at == Some(values.len()) {
                time = Some(self.row_time()?);
            } else {
                values.push(self.insert_value()?);
            }
            if !self.eat_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::RightParen)?;
        let span = self.span_from(start);
        match time {
            Some(time) if values.len() == width => Ok(InsertRow { time, values, span }),
            _ => {
                let message = format!(
                    "the measurementList's size {width} is not consistent with the valueList's size {}",
                    values.len()
                );
                Err(self.semantic(span, message))
            }
        }
    }

    fn insert_value(&mut self) -> Parsed<InsertValue> {
        let first = self.token();
        if first.kind == TokenKind::Blob && bytes_of_literal(self.text_of(first)).is_none() {
            // A series of texts takes it as it is spelt; any other costs this value alone.
            self.bump();
            let spelling = self.text_of(first);
            let constant = Constant::Text(spelling.to_owned());
            return Ok(InsertValue { constant, spelling: Some(spelling.into()) });
        }
        let constant = self.constant()?;
        let spelling = match &constant {
            Constant::Boolean(_) | Constant::Blob(_) => Some(self.text_of(first).into()),
            Constant::Integer { text, .. } | Constant::Real { text, .. }
                if first.kind == TokenKind::Symbol(Symbol::Plus) =>
            {
                Some(format!("+{text}").into())
            }
            _ => None,
        };
        Ok(InsertValue { constant, spelling })
    }

    fn row_time(&mut self) -> Parsed<i64> {
        let token = self.token();
        let is_other = match token.kind {
            TokenKind::Text | TokenKind::Real | TokenKind::Blob => true,
            TokenKind::Word => ["null", "true", "false", "nan"].iter().any(|word| self.is_word(0, word)),
            _ => false,
        };
        if is_other {
            let message = format!("Can not parse {} to time", self.text_of(token));
            return Err(self.semantic(token.span, message));
        }
        let start = self.start();
        let time = self.time_value()?;
        // A date says itself what it is.
        if time > LAST_TIME && token.kind != TokenKind::DateTime {
            let message = format!(
                "Current system timestamp precision is ms, please check whether the timestamp {time} is correct: it is after the year 2286, as a number of microseconds or nanoseconds would be"
            );
            return Err(self.semantic(self.span_from(start), message));
        }
        Ok(time)
    }

    /// What stands behind `delete`.
    pub(super) fn delete(&mut self) -> Parsed<Statement> {
        if let Some(statement) = self.delete_from_catalog()? {
            return Ok(statement);
        }
        self.expect("FROM")?;
        let patterns = self.list(Self::pattern)?;
        let mut delete = Delete { patterns, start: i64::MIN, end: i64::MAX };
        if self.eat("WHERE") {
            let condition = self.expression()?;
            self.narrow(&mut delete, &condition)?;
        }
        Ok(Statement::Delete(delete))
    }

    /// Narrows the times of a deletion by a condition on the time.
    fn narrow(&self, delete: &mut Delete, condition: &Expression) -> Parsed<()> {
        let ExpressionKind::Binary { operator, left, right } = &condition.kind else {
            return Err(self.semantic(condition.span, ONLY_ATOMS));
        };
        if *operator == BinaryOperator::And {
            self.narrow(delete, left)?;
            return self.narrow(delete, right);
        }
        let (operator, value) = match (&left.kind, &right.kind) {
            (ExpressionKind::Time, ExpressionKind::Constant(value)) => (*operator, value),
            (ExpressionKind::Constant(value), ExpressionKind::Time) => (operator.mirrored(), value),
            _ if operator.is_comparison() => return Err(self.semantic(condition.span, ONLY_TIME)),
            _ => return Err(self.semantic(condition.span, ONLY_ATOMS)),
        };
        let (Constant::Integer { value: time, .. } | Constant::Time(time)) = *value else {
            return Err(self.semantic(condition.span, ONLY_TIME));
        };
        // A bound beyond the last time leaves nothing.
        let nothing = (i64::MAX, i64::MIN);
        let (start, end) = match operator {
            BinaryOperator::Greater => time.checked_add(1).map_or(nothing, |start| (start, i64::MAX)),
            BinaryOperator::GreaterOrEqual => (time, i64::MAX),
            BinaryOperator::Less => time.checked_sub(1).map_or(nothing, |end| (i64::MIN, end)),
            BinaryOperator::LessOrEqual => (i64::MIN, time),
            BinaryOperator::Equal => (time, time),
            _ => return Err(self.semantic(condition.span, ONLY_ATOMS)),
        };
        delete.start = delete.start.max(start);
        delete.end = delete.end.min(end);
        Ok(())
    }

    /// What stands behind `load`.
    pub(super) fn load(&mut self) -> Parsed<Load> {
        let path = self.text_literal()?;
        let mut options = Vec::new();
        if self.eat("WITH") {
            options = self.parenthesised(|parser| {
                let key = parser.text_literal()?.to_ascii_lowercase();
                parser.equals()?;
                Ok((key, parser.text_literal()?))
            })?;
            return Ok(Load { path, options });
        }
        const KEYS: [&str; 5] = ["SGLEVEL", "VERIFY", "ONSUCCESS", "AUTOREGISTER", "MODEL"];
        while let Some(index) = self.eat_any(&KEYS) {
            self.equals()?;
            options.push((KEYS[index].to_ascii_lowercase(), self.property_value()?));
            self.eat_symbol(Symbol::Comma);
        }
        Ok(Load { path, options })
    }
}
