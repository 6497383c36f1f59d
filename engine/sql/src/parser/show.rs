//! Statements that ask for the catalog.

use super::{Parsed, Parser};
use crate::{
    ast::{Absent, Count, Regions, SchemaFilter, Show, ShowDevices, ShowTimeseries, Statement},
    lexer::{Symbol, TokenKind},
};

const EVERYTHING: &str = "root.**";

impl Parser<'_> {
    /// What stands behind `show`.
    pub(super) fn show_statement(&mut self) -> Parsed<Statement> {
        if self.eat("QUERIES") || self.eat_all(&["QUERY", "PROCESSLIST"]) {
            return Ok(Statement::ShowQueries);
        }
        if self.show_cqs() {
            return Ok(Statement::ShowCqs);
        }
        if let Some(statement) = self.show_pipes()? {
            return Ok(statement);
        }
        if let Some(statement) = self.show_templates()? {
            return Ok(statement);
        }
        self.show().map(Statement::Show)
    }

    fn show(&mut self) -> Parsed<Show> {
        if self.eat("DATABASES") || self.eat_all(&["STORAGE", "GROUP"]) {
            let details = self.eat("DETAILS");
            return Ok(Show::Databases { pattern: self.pattern_or(EVERYTHING)?, details });
        }
        if self.eat("DEVICES") {
            return self.show_devices().map(Show::Devices);
        }
        if self.eat_all(&["LATEST", "TIMESERIES"]) {
            return self.show_timeseries(true).map(Show::Timeseries);
        }
        if self.eat("TIMESERIES") {
            return self.show_timeseries(false).map(Show::Timeseries);
        }
        if self.eat("VIEW") {
            return self.show_view();
        }
        if self.eat("CHILD") {
            return match self.eat_any(&["PATHS", "NODES"]) {
                Some(0) => Ok(Show::ChildPaths { pattern: self.pattern_or(EVERYTHING)? }),
                Some(_) => Ok(Show::ChildNodes { pattern: self.pattern_or(EVERYTHING)? }),
                None => Err(self.unexpected()),
            };
        }
        self.show_server()
    }

    /// What is not of the catalog.
    fn show_server(&mut self) -> Parsed<Show> {
        if self.eat("TTL") {
            self.expect("ON")?;
            return Ok(Show::Ttl { patterns: self.list(Self::pattern)? });
        }
        if self.eat_all(&["ALL", "TTL"]) {
            let everything = self.pattern_or(EVERYTHING)?;
            return Ok(Show::Ttl { patterns: vec![everything] });
        }
        if self.eat_all(&["TEMPORARY", "FUNCTIONS"]) {
            return Ok(Show::Functions);
        }
        if self.eat_all(&["DATA", "REGIONS"]) {
            return self.regions(false, true);
        }
        if self.eat_all(&["SCHEMA", "REGIONS"]) {
            return self.regions(true, false);
        }
        if let Some(show) = self.absent()? {
            return Ok(show);
        }
        const WORDS: [&str; 11] = [
            "VERSION",
            "FUNCTIONS",
            "VARIABLES",
            "CLUSTER",
            "CLUSTERID",
            "DATANODES",
            "CONFIGNODES",
            "REGIONS",
            "TRIGGERS",
            "PIPEPLUGINS",
            "CURRENT_TIMESTAMP",
        ];
        Ok(match self.eat_any(&WORDS).map(|index| WORDS[index]) {
            Some("VERSION") => Show::Version,
            Some("FUNCTIONS") => Show::Functions,
            Some("VARIABLES") => Show::Variables,
            Some("CLUSTER") => Show::Cluster { details: self.eat("DETAILS") },
            Some("CLUSTERID") => Show::ClusterId,
            Some("DATANODES") => Show::DataNodes,
            Some("CONFIGNODES") => Show::ConfigNodes,
            Some("REGIONS") => return self.regions(true, true),
            Some("TRIGGERS") => Show::Triggers,
            Some("PIPEPLUGINS") => Show::PipePlugins,
            Some(_) => Show::CurrentTimestamp,
            None => return Err(self.unexpected()),
        })
    }

    /// What there is none of here: topics, one of a name too, subscriptions, also of one topic, models, nodes for these, quotas.
    fn absent(&mut self) -> Parsed<Option<Show>> {
        let start = self.start();
        if self.eat_all(&["SPACE", "QUOTA"]) || self.eat_all(&["THROTTLE", "QUOTA"]) {
            let message =
                "Limit configuration is not enabled, please enable it first: there are no quotas here.";
            return Err(self.semantic(self.span_from(start), message));
        }
        let what = match self.eat_any(&["TOPICS", "TOPIC", "SUBSCRIPTIONS", "MODELS", "AINODES"]) {
            Some(0) => Absent::Topics,
            Some(1) => {
                self.name()?;
                Absent::Topics
            }
            Some(2) => {
                if self.eat("ON") {
                    self.name()?;
                }
                Absent::Subscriptions
            }
            Some(3) => Absent::Models,
            Some(_) => Absent::AiNodes,
            None => return Ok(None),
        };
        Ok(Some(Show::Absent(what)))
    }

    /// `of database root.a, root.b` behind `regions`.
    fn regions(&mut self, schema: bool, data: bool) -> Parsed<Show> {
        let mut databases = Vec::new();
        if self.eat("OF") || self.at(&["database"]) || self.at(&["storage", "group"]) {
            if !self.eat("DATABASE") && !self.eat_all(&["STORAGE", "GROUP"]) {
                return Err(self.unexpected());
            }
            databases = self.list(Self::pattern)?;
        }
        Ok(Show::Regions(Regions { schema, data, databases }))
    }

    fn show_devices(&mut self) -> Parsed<ShowDevices> {
        let pattern = self.pattern_or(EVERYTHING)?;
        let mut with_database = false;
        if self.eat("WITH") {
            if !self.eat("DATABASE") && !self.eat_all(&["STORAGE", "GROUP"]) {
                return Err(self.unexpected());
            }
            with_database = true;
        }
        let filter = self.schema_filter()?;
        let mut show = ShowDevices { pattern, with_database, filter, limit: None, offset: None };
        self.some_rows(&mut show.limit, &mut show.offset)?;
        Ok(show)
    }

    pub(super) fn show_timeseries(&mut self, latest: bool) -> Parsed<ShowTimeseries> {
        let pattern = self.pattern_or(EVERYTHING)?;
        let filter = self.schema_filter()?;
        let mut show = ShowTimeseries { latest, pattern, filter, limit: None, offset: None };
        self.some_rows(&mut show.limit, &mut show.offset)?;
        Ok(show)
    }

    /// `limit 10 offset 5` of the catalog's rows.
    fn some_rows(&mut self, limit: &mut Option<i64>, offset: &mut Option<i64>) -> Parsed<()> {
        let start = self.start();
        self.row_limits(limit, offset)?;
        if limit.is_some_and(|limit| limit < 1) {
            return Err(self.semantic(self.span_from(start), "LIMIT <N>: N should be greater than 0."));
        }
        Ok(())
    }

    /// What stands behind `count`.
    pub(super) fn count(&mut self) -> Parsed<Count> {
        if self.eat("DATABASES") || self.eat_all(&["STORAGE", "GROUP"]) {
            return Ok(Count::Databases { pattern: self.pattern_or(EVERYTHING)? });
        }
        match self.eat_any(&["DEVICES", "TIMESERIES", "NODES"]) {
            Some(0) => {
                Ok(Count::Devices { pattern: self.pattern_or(EVERYTHING)?, filter: self.schema_filter()? })
            }
            Some(1) => {
                let pattern = self.pattern_or(EVERYTHING)?;
                let filter = self.schema_filter()?;
                let level = if self.eat_all(&["GROUP", "BY"]) { Some(self.level_clause()?) } else { None };
                Ok(Count::Timeseries { pattern, filter, level })
            }
            Some(_) => {
                Ok(Count::Nodes { pattern: self.pattern_or(EVERYTHING)?, level: self.level_clause()? })
            }
            None => Err(self.unexpected()),
        }
    }

    /// `level = 2`
    fn level_clause(&mut self) -> Parsed<u32> {
        self.expect("LEVEL")?;
        self.equals()?;
        self.level()
    }

    /// `where …` of the catalog's statements.
    fn schema_filter(&mut self) -> Parsed<Option<SchemaFilter>> {
        if !self.eat("WHERE") {
            return Ok(None);
        }
        let behind = self.ahead(1).kind;
        let is_contains = self.is_word(1, "contains");
        if is_contains && (self.eat("TIMESERIES") || self.eat("DEVICE")) {
            self.bump();
            return Ok(Some(SchemaFilter::PathContains(self.text_literal()?)));
        }
        if behind == TokenKind::Symbol(Symbol::LeftParen) && self.eat("TAGS") {
            return self.tag_filter().map(Some);
        }
        if self.eat("DATATYPE") {
            self.equals()?;
            if self.token().kind != TokenKind::Text {
                return Ok(Some(SchemaFilter::DataType(self.data_type()?)));
            }
            let (span, name) = (self.token().span, self.text_literal()?);
            let unknown = |_| self.semantic(span, format!("Unsupported datatype: {}", name.to_uppercase()));
            return name.parse().map(|known| Some(SchemaFilter::DataType(known))).map_err(unknown);
        }
        if self.eat("TEMPLATE") {
            return self.template_filter().map(Some);
        }
        if self.at(&["time"]) || self.at(&["timestamp"]) || !self.is_name(0) {
            return self.expression().map(|condition| Some(SchemaFilter::Time(condition)));
        }
        self.bare_tag_filter().map(Some)
    }

    fn tag_filter(&mut self) -> Parsed<SchemaFilter> {
        self.expect_symbol(Symbol::LeftParen)?;
        let key = self.name_or_text()?;
        self.expect_symbol(Symbol::RightParen)?;
        if self.eat("CONTAINS") {
            return Ok(SchemaFilter::TagContains { key, value: self.text_literal()? });
        }
        self.equals()?;
        Ok(SchemaFilter::TagEquals { key, value: self.property_value()? })
    }

    /// `key = value`, as 0.12 has it. Later releases reject it, and say so for a value in quotes.
    fn bare_tag_filter(&mut self) -> Parsed<SchemaFilter> {
        let start = self.start();
        let key = self.name_or_text()?;
        if self.eat("CONTAINS") {
            return Ok(SchemaFilter::TagContains { key, value: self.name_or_text()? });
        }
        self.equals()?;
        let is_text = self.token().kind == TokenKind::Text;
        let value = self.property_value()?;
        if is_text {
            let message = format!("unexpected filter key '{key}': write tags({key}) = '{value}'");
            return Err(self.semantic(self.span_from(start), message));
        }
        Ok(SchemaFilter::TagEquals { key, value })
    }

    fn template_filter(&mut self) -> Parsed<SchemaFilter> {
        if self.eat("IS") {
            let negated = self.eat("NOT");
            self.expect("NULL")?;
            return Ok(SchemaFilter::Template { name: None, negated });
        }
        let negated = self.eat_symbol(Symbol::NotEqual) || self.eat_symbol(Symbol::Unequal);
        if !negated {
            self.equals()?;
        }
        Ok(SchemaFilter::Template { name: Some(self.name_or_text()?), negated })
    }
}
