//! Statements about triggers.

use super::{Parsed, Parser};
use crate::ast::{ChangeTrigger, Statement};

impl Parser<'_> {
    /// `stateless trigger t before insert on root.a.** as 'org.example.Alert' …` behind `create`.
    pub(super) fn create_trigger(&mut self) -> Parsed<Option<Statement>> {
        let start = self.start();
        let typed = self.eat_all(&["STATELESS", "TRIGGER"]) || self.eat_all(&["STATEFUL", "TRIGGER"]);
        if !typed && !self.eat("TRIGGER") {
            return Ok(None);
        }
        let name = self.name()?;
        for words in [&["BEFORE", "AFTER"], &["INSERT", "DELETE"]] {
            if self.eat_any(words).is_none() {
                return Err(self.unexpected());
            }
        }
        self.expect("ON")?;
        self.pattern()?;
        self.expect("AS")?;
        self.text_literal()?;
        if self.eat_all(&["USING", "URI"]) {
            self.text_literal()?;
        }
        if self.eat("WITH") {
            self.pairs_in_parentheses()?;
        }
        if !typed {
            let message = "Please specify trigger type: STATELESS or STATEFUL.";
            return Err(self.semantic(self.span_from(start), message));
        }
        Ok(Some(Statement::ChangeTrigger(ChangeTrigger::Create { name })))
    }

    /// `t` behind `drop trigger`.
    pub(super) fn drop_trigger(&mut self) -> Parsed<Statement> {
        Ok(Statement::ChangeTrigger(ChangeTrigger::Drop { name: self.name()? }))
    }

    /// `t` behind `start trigger` or `stop trigger`.
    pub(super) fn switch_trigger(&mut self) -> Parsed<Statement> {
        Ok(Statement::ChangeTrigger(ChangeTrigger::Switch { name: self.name()? }))
    }
}
