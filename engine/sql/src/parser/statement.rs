//! Which statement it is.

use super::{Parsed, Parser, authority::Gives};
use crate::{
    ast::{Statement, SystemStatus},
    lexer::{Symbol, TokenKind},
};

/// What statements begin with.
const FIRST: [&str; 25] = [
    "SELECT",
    "INSERT",
    "CREATE",
    "DELETE",
    "DROP",
    "ALTER",
    "SET",
    "UNSET",
    "SHOW",
    "COUNT",
    "FLUSH",
    "EXPLAIN",
    "LOAD",
    "MERGE",
    "FULL",
    "SETTLE",
    "CLEAR",
    "GRANT",
    "REVOKE",
    "LIST",
    "KILL",
    "START",
    "STOP",
    "DEACTIVATE",
    "RENAME",
];

impl Parser<'_> {
    /// One statement.
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        if self.at(&["select"]) {
            return self.select().map(|select| Statement::Select(Box::new(select)));
        }
        if self.at(&["insert"]) {
            return self.insert().map(Statement::Insert);
        }
        if let Some(what) = self.unsupported() {
            return Ok(Statement::Unsupported { what });
        }
        match self.eat_any(&FIRST).map(|index| FIRST[index]) {
            Some("CREATE") => self.create(),
            Some("DELETE") => self.delete(),
            Some("DROP") => self.drop_statement(),
            Some("ALTER") => self.alter(),
            Some("SET") => self.set(),
            Some("UNSET") => self.unset(),
            Some("SHOW") => self.show_statement(),
            Some("COUNT") => self.count().map(Statement::Count),
            Some("FLUSH") => self.flush(),
            Some("EXPLAIN") => self.explain(),
            Some("LOAD") if self.eat("CONFIGURATION") => {
                self.everywhere().map(|()| Statement::LoadConfiguration)
            }
            Some("LOAD") => self.load().map(Statement::Load),
            Some("MERGE") => Ok(Statement::Merge),
            Some("FULL") => self.expect("MERGE").map(|()| Statement::Merge),
            Some("SETTLE") => self.pattern().map(|_| Statement::Merge),
            Some("CLEAR") => {
                self.eat_any(&["SCHEMA", "QUERY", "ALL"]);
                self.expect("CACHE")?;
                self.everywhere().map(|()| Statement::ClearCache)
            }
            Some("GRANT") => self.grant(Gives::Grant),
            Some("REVOKE") => self.grant(Gives::Revoke),
            Some("LIST") => self.list_authority(),
            Some("KILL") => self.kill(),
            Some("START") => self.start_or_stop(true),
            Some("STOP") => self.start_or_stop(false),
            Some("DEACTIVATE") => self.deactivate(),
            Some("RENAME") => self.rename_view(),
            _ => Err(self.unexpected()),
        }
    }

    fn set(&mut self) -> Parsed<Statement> {
        if self.eat_all(&["STORAGE", "GROUP"]) {
            self.expect("TO")?;
            return self.database_definition();
        }
        if self.eat("TTL") {
            self.expect("TO")?;
            let pattern = self.pattern()?;
            let ttl = if self.eat("INF") { None } else { Some(self.whole_number()?) };
            return Ok(Statement::SetTtl { pattern, ttl });
        }
        if self.eat("SYSTEM") {
            self.expect("TO")?;
            let status = match self.eat_any(&["READONLY", "RUNNING", "WRITABLE"]) {
                Some(0) => SystemStatus::ReadOnly,
                Some(_) => SystemStatus::Running,
                None => return Err(self.unexpected()),
            };
            return self.everywhere().map(|()| Statement::SetSystem(status));
        }
        if self.eat_template() {
            return self.set_template();
        }
        if self.eat("CONFIGURATION") {
            let mut properties = Vec::new();
            while self.token().kind == TokenKind::Text || properties.is_empty() {
                let key = self.text_literal()?;
                self.equals()?;
                properties.push((key, self.text_literal()?));
                self.eat_symbol(Symbol::Comma);
            }
            return Ok(Statement::SetConfiguration(properties));
        }
        Err(self.unexpected())
    }

    fn unset(&mut self) -> Parsed<Statement> {
        if self.eat_template() {
            return self.unset_template();
        }
        self.expect("TTL")?;
        if self.eat_any(&["FROM", "TO"]).is_none() {
            return Err(self.unexpected());
        }
        Ok(Statement::UnsetTtl { pattern: self.pattern()? })
    }

    fn flush(&mut self) -> Parsed<Statement> {
        let databases = if self.at(&["root"]) { self.list(Self::full_path)? } else { Vec::new() };
        let sequence = if self.at(&["true"]) || self.at(&["false"]) { Some(self.boolean()?) } else { None };
        self.everywhere()?;
        Ok(Statement::Flush { databases, sequence })
    }

    /// `on local`, `on cluster`, which of one node say the same.
    fn everywhere(&mut self) -> Parsed<()> {
        if self.eat("ON") && self.eat_any(&["LOCAL", "CLUSTER"]).is_none() {
            return Err(self.unexpected());
        }
        Ok(())
    }

    /// What stands behind `start` or `stop`.
    fn start_or_stop(&mut self, start: bool) -> Parsed<Statement> {
        if self.eat_all(&["REPAIR", "DATA"]) {
            return self.everywhere().map(|()| Statement::Repair { start });
        }
        if self.eat("TRIGGER") {
            return self.switch_trigger();
        }
        self.start_or_stop_pipe(start)
    }

    fn explain(&mut self) -> Parsed<Statement> {
        let analyze = self.eat("ANALYZE");
        let verbose = analyze && self.eat("VERBOSE");
        Ok(Statement::Explain { select: Box::new(self.select()?), analyze, verbose })
    }

    /// `=` or `==`
    pub(super) fn equals(&mut self) -> Parsed<()> {
        if self.eat_symbol(Symbol::Equal) || self.eat_symbol(Symbol::DoubleEqual) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }
}
