//! `SELECT` and its clauses.

mod fill;
mod into;

use super::{Parsed, Parser};
use crate::{
    ast::{
        Alignment, ExpressionKind, FromPath, NullOrder, OrderKey, Projection, Select, SelectColumn,
        SelectInto, SortBy, WithoutNull,
    },
    lexer::{Symbol, TokenKind},
};

impl Parser<'_> {
    /// A query.
    pub(super) fn select(&mut self) -> Parsed<Select> {
        self.select_to(Self::select_into)
    }

    /// A query, of which something reads what stands behind `into`.
    pub(super) fn select_to(&mut self, into: impl FnOnce(&mut Self) -> Parsed<SelectInto>) -> Parsed<Select> {
        self.expect("SELECT")?;
        let last = self.at(&["last"]) && self.begins_column(1) && self.eat("LAST");
        let top = self.top()?;
        let columns = self.list(Self::select_column)?;
        let into = if self.eat("INTO") { Some(into(self)?) } else { None };
        self.expect("FROM")?;
        let from = self.list(|parser| {
            let start = parser.start();
            let pattern = parser.pattern()?;
            Ok(FromPath { pattern, span: parser.span_from(start) })
        })?;
        let mut select = Select {
            last,
            columns,
            into,
            from,
            condition: None,
            group_by: None,
            having: None,
            order_by: Vec::new(),
            fill: None,
            without_null: None,
            limit: None,
            offset: None,
            series_limit: None,
            series_offset: None,
            alignment: Alignment::Time,
        };
        self.select_clauses(&mut select)?;
        select.limit = select.limit.into_iter().chain(top).min();
        Ok(select)
    }

    /// `top 5`, as 0.12 and 0.13 have it; a series may have the name.
    fn top(&mut self) -> Parsed<Option<i64>> {
        if !(self.at(&["top"]) && self.ahead(1).kind == TokenKind::Integer) {
            return Ok(None);
        }
        self.bump();
        self.whole_number().map(Some)
    }

    /// A query of single rows.
    pub(super) fn projection(&mut self) -> Parsed<Projection> {
        if self.at(&["select"]) && self.begins_column(1) {
            self.bump();
        }
        let columns = self.list(Self::select_column)?;
        let condition = if self.eat("WHERE") { Some(self.expression()?) } else { None };
        let clauses =
            ["from", "into", "group", "having", "order", "fill", "limit", "offset", "slimit", "align"];
        let token = self.token();
        match clauses.into_iter().find(|clause| self.is_word(0, clause)) {
            Some(clause @ ("from" | "into")) => Err(self.error(
                token.span,
                format!("unexpected '{clause}': where rows come from and go to is not said here"),
            )),
            Some(clause) => Err(self.error(
                token.span,
                format!(
                    "unexpected '{clause}': each row is computed by itself, there are no other rows here"
                ),
            )),
            None => Ok(Projection { columns, condition }),
        }
    }

    /// Whether what stands so many tokens ahead begins a column rather than goes on behind a series named `last`.
    fn begins_column(&self, count: usize) -> bool {
        use crate::lexer::TokenKind;
        match self.ahead(count).kind {
            TokenKind::Word => {
                !self.is_word(count, "from") && !self.is_word(count, "as") && !self.is_word(count, "into")
            }
            TokenKind::Symbol(symbol) => {
                matches!(
                    symbol,
                    Symbol::Star | Symbol::DoubleStar | Symbol::LeftParen | Symbol::Minus | Symbol::Not
                )
            }
            TokenKind::End => false,
            _ => true,
        }
    }

    fn select_column(&mut self) -> Parsed<SelectColumn> {
        let expression = self.expression()?;
        let alias = if self.eat("AS") { Some(self.name_or_text()?) } else { None };
        Ok(SelectColumn { expression, alias })
    }

    /// The clauses behind `from`. Their order is that of the grammar; `order by` and `fill` may stand in either.
    fn select_clauses(&mut self, select: &mut Select) -> Parsed<()> {
        if self.eat("WHERE") {
            select.condition = Some(self.expression()?);
        }
        if self.eat_all(&["GROUP", "BY"]) {
            select.group_by = Some(self.group_by()?);
        }
        if self.eat("HAVING") {
            select.having = Some(self.expression()?);
        }
        for _ in 0..2 {
            if select.order_by.is_empty() && self.eat_all(&["ORDER", "BY"]) {
                select.order_by = self.list(Self::order_key)?;
            }
            if select.fill.is_none() && self.eat("FILL") {
                select.fill = Some(self.fill()?);
            }
        }
        if self.eat_all(&["WITHOUT", "NULL"]) {
            select.without_null = Some(self.without_null()?);
        }
        self.row_limits(&mut select.limit, &mut select.offset)?;
        if self.eat("SLIMIT") {
            select.series_limit = Some(self.whole_number()?);
        }
        if self.eat("SOFFSET") {
            select.series_offset = Some(self.whole_number()?);
        }
        if select.limit.is_none() {
            // Rows may also be limited behind columns.
            self.row_limits(&mut select.limit, &mut select.offset)?;
        }
        if self.eat("ALIGN") {
            self.expect("BY")?;
            select.alignment = match self.eat_any(&["TIME", "DEVICE"]) {
                Some(0) => Alignment::Time,
                Some(_) => Alignment::Device,
                None => return Err(self.unexpected()),
            };
        } else if self.eat_any(&["DISABLE", "NON"]).is_some() {
            self.expect("ALIGN")?;
            select.alignment = Alignment::None;
        }
        Ok(())
    }

    /// What stands behind `without null`.
    fn without_null(&mut self) -> Parsed<WithoutNull> {
        let all = match self.eat_any(&["ANY", "ALL"]) {
            Some(found) => found == 1,
            None => return Err(self.unexpected()),
        };
        let mut columns = Vec::new();
        if self.eat_symbol(Symbol::LeftParen) {
            columns = self.list(Self::expression)?;
            self.expect_symbol(Symbol::RightParen)?;
        }
        Ok(WithoutNull { all, columns })
    }

    /// `limit 10 offset 5`, in either order.
    pub(super) fn row_limits(&mut self, limit: &mut Option<i64>, offset: &mut Option<i64>) -> Parsed<()> {
        for _ in 0..2 {
            if limit.is_none() && self.eat("LIMIT") {
                *limit = Some(self.whole_number()?);
            }
            if offset.is_none() && self.eat("OFFSET") {
                *offset = Some(self.whole_number()?);
            }
        }
        Ok(())
    }

    fn order_key(&mut self) -> Parsed<OrderKey> {
        // Between backquotes a word is the name of a measurement.
        let is_quoted = self.token().kind == TokenKind::Quoted;
        let expression = self.expression()?;
        let name = match &expression.kind {
            ExpressionKind::Series(name) if !is_quoted => name.to_string().to_ascii_lowercase(),
            _ => String::new(),
        };
        let by = match (&expression.kind, name.as_str()) {
            (ExpressionKind::Time, _) => SortBy::Time,
            (_, "device") => SortBy::Device,
            (_, "timeseries") => SortBy::Timeseries,
            _ => SortBy::Expression(expression),
        };
        let descending = self.eat_any(&["ASC", "DESC"]) == Some(1);
        let mut nulls = None;
        if self.eat("NULLS") {
            nulls = match self.eat_any(&["FIRST", "LAST"]) {
                Some(0) => Some(NullOrder::First),
                Some(_) => Some(NullOrder::Last),
                None => return Err(self.unexpected()),
            };
        }
        Ok(OrderKey { by, descending, nulls })
    }
}
