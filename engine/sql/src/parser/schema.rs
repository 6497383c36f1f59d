//! Statements that change the catalog.

use std::collections::HashSet;

use levada_model::{Compressor, DataType, Encoding, Path, StatusCode};

use super::{Parsed, Parser};
use crate::{
    ParseError, Span,
    ast::{
        AlterStored, AlterTimeseries, Alteration, ChangeAuthority, CreateAlignedTimeseries, CreateDatabase,
        CreateTimeseries, DatabaseProperties, SeriesDefinition, Statement,
    },
    lexer::{Symbol, TokenKind},
};

type Pairs = Vec<(String, String)>;

/// How many characters the path of a new database may have.
const LONGEST_DATABASE: usize = 64;

impl Parser<'_> {
    /// What stands behind `create`.
    pub(super) fn create(&mut self) -> Parsed<Statement> {
        if self.eat("DATABASE") || self.eat_all(&["STORAGE", "GROUP"]) {
            return self.database_definition();
        }
        if self.eat("TIMESERIES") {
            return self.create_timeseries();
        }
        if self.eat_all(&["ALIGNED", "TIMESERIES"]) {
            return self.create_aligned_timeseries();
        }
        if self.eat("USER") {
            return self.create_user();
        }
        if self.eat("ROLE") {
            let role = self.name()?;
            return Ok(Statement::ChangeAuthority(ChangeAuthority::CreateRole { role }));
        }
        let temporary = self.eat_all(&["TEMPORARY", "FUNCTION"]);
        if temporary || self.eat("FUNCTION") {
            return self.create_function(temporary);
        }
        if self.eat_template() {
            return self.create_template();
        }
        if self.eat("VIEW") {
            return self.create_view();
        }
        if let Some(statement) = self.create_cq()? {
            return Ok(statement);
        }
        if let Some(statement) = self.create_trigger()? {
            return Ok(statement);
        }
        if let Some(statement) = self.create_pipe()? {
            return Ok(statement);
        }
        Err(self.unexpected())
    }

    /// `root.a with ttl=1`
    pub(super) fn database_definition(&mut self) -> Parsed<Statement> {
        let path = self.database_name()?;
        let properties =
            if self.eat("WITH") { self.database_properties()? } else { DatabaseProperties::default() };
        Ok(Statement::CreateDatabase(CreateDatabase { path, properties }))
    }

    /// The path of a new database.
    fn database_name(&mut self) -> Parsed<Path> {
        let start = self.start();
        let pattern = self.pattern()?;
        let illegal = match pattern.as_path() {
            None => {
                "The database name can only contain english or chinese characters, numbers, backticks and underscores."
            }
            Some(path) if path.as_str().chars().count() > LONGEST_DATABASE => {
                "the length of database name shall not exceed 64"
            }
            Some(path) => return Ok(path),
        };
        let message = format!("{pattern} is not a legal path, because: {illegal}");
        Err(ParseError { code: StatusCode::ILLEGAL_PATH, ..self.semantic(self.span_from(start), message) })
    }

    fn database_properties(&mut self) -> Parsed<DatabaseProperties> {
        const KEYS: [&str; 6] = [
            "TTL",
            "TIME_PARTITION_INTERVAL",
            "SCHEMA_REPLICATION_FACTOR",
            "DATA_REPLICATION_FACTOR",
            "SCHEMA_REGION_GROUP_NUM",
            "DATA_REGION_GROUP_NUM",
        ];
        let mut properties = DatabaseProperties::default();
        loop {
            let Some(key) = self.eat_any(&KEYS) else { return Err(self.unexpected()) };
            self.equals()?;
            let value = if key == 0 && self.eat("INF") { i64::MAX } else { self.whole_number()? };
            let property = match key {
                0 => &mut properties.ttl,
                1 => &mut properties.time_partition_interval,
                2 => &mut properties.schema_replication_factor,
                3 => &mut properties.data_replication_factor,
                4 => &mut properties.schema_region_group_num,
                _ => &mut properties.data_region_group_num,
            };
            *property = Some(value);
            if !self.eat_symbol(Symbol::Comma) && self.token().kind != TokenKind::Word {
                return Ok(properties);
            }
        }
    }

    fn create_timeseries(&mut self) -> Parsed<Statement> {
        if let Some(statement) = self.activate()? {
            return Ok(statement);
        }
        let path = self.full_path()?;
        let definition = self.series_definition()?;
        Ok(Statement::CreateTimeseries(CreateTimeseries { path, definition }))
    }

    fn create_aligned_timeseries(&mut self) -> Parsed<Statement> {
        let start = self.start();
        let device = self.full_path()?;
        let series = self.parenthesised(|parser| {
            let measurement = parser.measurement()?;
            Ok((measurement, parser.series_definition()?))
        })?;
        let each_once = {
            let mut names = HashSet::new();
            series.iter().all(|(measurement, _)| names.insert(measurement))
        };
        if !each_once {
            let message =
                "Measurement under an aligned device is not allowed to have the same measurement name";
            return Err(self.semantic(self.span_from(start), message));
        }
        Ok(Statement::CreateAlignedTimeseries(CreateAlignedTimeseries { device, series }))
    }

    /// `(alias) with datatype=INT32, encoding=RLE tags(…) attributes(…)`, `INT32 encoding=RLE …`
    pub(super) fn series_definition(&mut self) -> Parsed<SeriesDefinition> {
        let start = self.start();
        let alias = if self.eat_symbol(Symbol::LeftParen) {
            let alias = self.name_or_text()?;
            self.expect_symbol(Symbol::RightParen)?;
            Some(alias)
        } else {
            None
        };
        let mut data_type = None;
        let with = self.eat("WITH");
        if !with && self.token().kind == TokenKind::Word && !self.is_key_and_value() {
            data_type = Some(self.data_type()?);
        }
        let mut definition = SeriesDefinition {
            data_type: DataType::Int32,
            encoding: None,
            compressor: None,
            alias,
            properties: Vec::new(),
            tags: Vec::new(),
            attributes: Vec::new(),
        };
        loop {
            if self.at_symbol(Symbol::Comma) && !self.key_and_value_at(1) {
                break;
            }
            if !self.eat_symbol(Symbol::Comma) && !self.is_key_and_value() {
                break;
            }
            self.property(&mut data_type, &mut definition)?;
        }
        (definition.tags, definition.attributes) = self.labels()?;
        match data_type {
            Some(data_type) => Ok(SeriesDefinition { data_type, ..definition }),
            None if self.previous_end() > start => {
                Err(self.semantic(self.span_from(start), "datatype must be declared"))
            }
            None => {
                self.expected.push("a data type");
                Err(self.unexpected())
            }
        }
    }

    fn is_key_and_value(&self) -> bool {
        self.key_and_value_at(0)
    }

    fn key_and_value_at(&self, count: usize) -> bool {
        matches!(self.ahead(count).kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Text)
            && matches!(self.ahead(count + 1).kind, TokenKind::Symbol(Symbol::Equal | Symbol::DoubleEqual))
    }

    /// `encoding=RLE`
    fn property(&mut self, data_type: &mut Option<DataType>, into: &mut SeriesDefinition) -> Parsed<()> {
        if !self.is_key_and_value() {
            self.expected.extend(["DATATYPE", "ENCODING", "COMPRESSOR"]);
            return Err(self.unexpected());
        }
        let start = self.start();
        let key = self.name_or_text()?.to_ascii_uppercase();
        let is_twice = match key.as_str() {
            "DATATYPE" => data_type.is_some(),
            "ENCODING" => into.encoding.is_some(),
            "COMPRESSOR" | "COMPRESSION" => into.compressor.is_some(),
            _ => false,
        };
        if is_twice {
            let message = format!("the property {} is there twice", key.to_ascii_lowercase());
            return Err(self.semantic(self.span_from(start), message));
        }
        self.equals()?;
        match key.as_str() {
            "DATATYPE" => *data_type = Some(self.data_type()?),
            "ENCODING" => {
                let (name, span) = self.type_name()?;
                let encoding: Encoding = name.parse().map_err(|_| {
                    self.semantic(span, format!("Unsupported encoding: {}", name.to_uppercase()))
                })?;
                into.encoding = Some(encoding);
            }
            "COMPRESSOR" | "COMPRESSION" => {
                let (name, span) = self.type_name()?;
                let compressor: Compressor = name.parse().map_err(|_| {
                    self.semantic(span, format!("Unsupported compression: {}", name.to_uppercase()))
                })?;
                into.compressor = Some(compressor);
            }
            _ => {
                let value = self.property_value()?;
                into.properties.push((key, value));
            }
        }
        Ok(())
    }

    /// A value of a property, tag or attribute: a name, a text or a constant.
    pub(super) fn property_value(&mut self) -> Parsed<String> {
        let token = self.token();
        match token.kind {
            TokenKind::Integer | TokenKind::Real | TokenKind::DateTime => {
                self.bump();
                Ok(self.text_of(token).to_owned())
            }
            TokenKind::Symbol(Symbol::Minus) if self.is_adjacent(1) => {
                self.bump();
                Ok(format!("-{}", self.property_value()?))
            }
            _ => self.name_or_text(),
        }
    }

    fn pair(&mut self) -> Parsed<(String, String)> {
        let key = self.name_or_text()?;
        self.equals()?;
        Ok((key, self.property_value()?))
    }

    /// Pairs of which no two have one key.
    pub(super) fn pairs_in_parentheses(&mut self) -> Parsed<Pairs> {
        let mut keys = HashSet::new();
        self.parenthesised(|parser| {
            let start = parser.start();
            let (key, value) = parser.pair()?;
            if !keys.insert(key.clone()) {
                let message = format!("the key {key} is there twice");
                return Err(parser.semantic(parser.span_from(start), message));
            }
            Ok((key, value))
        })
    }

    /// `tags(a=b) attributes(c=d)`, either of which may be missing.
    fn labels(&mut self) -> Parsed<(Pairs, Pairs)> {
        let start = self.start();
        let tags = if self.eat("TAGS") { self.labels_in_parentheses()? } else { Vec::new() };
        let attributes = if self.eat("ATTRIBUTES") { self.labels_in_parentheses()? } else { Vec::new() };
        let both = tags.iter().find(|(tag, _)| attributes.iter().any(|(key, _)| key == tag));
        match both {
            None => Ok((tags, attributes)),
            Some((key, _)) => {
                let message = format!("Tag and attribute shouldn't have the same property key [{key}]");
                Err(self.semantic(self.span_from(start), message))
            }
        }
    }

    fn labels_in_parentheses(&mut self) -> Parsed<Pairs> {
        let start = self.start();
        let pairs = self.pairs_in_parentheses()?;
        self.each_once(pairs, self.span_from(start))
    }

    /// Labels, none of which may be there twice.
    fn each_once(&self, pairs: Pairs, span: Span) -> Parsed<Pairs> {
        let twice = {
            let mut keys = HashSet::new();
            pairs.iter().find(|(key, _)| !keys.insert(key.as_str())).map(|(key, _)| key.clone())
        };
        match twice {
            None => Ok(pairs),
            Some(key) => {
                let message = format!("There's duplicate [{key}] in tag or attribute clause.");
                Err(self.semantic(span, message))
            }
        }
    }

    fn label_list(&mut self) -> Parsed<Pairs> {
        let start = self.start();
        let pairs = self.list(Self::pair)?;
        self.each_once(pairs, self.span_from(start))
    }

    /// What stands behind `alter`.
    pub(super) fn alter(&mut self) -> Parsed<Statement> {
        if self.eat("USER") {
            return self.set_password();
        }
        if self.eat("PIPE") {
            return self.alter_pipe();
        }
        if self.eat_template() {
            return self.alter_template();
        }
        if self.eat("VIEW") {
            return self.alter_view();
        }
        self.expect("TIMESERIES")?;
        if let Some(statement) = self.alter_stored()? {
            return Ok(statement);
        }
        let path = self.full_path()?;
        let change = self.alteration()?;
        Ok(Statement::AlterTimeseries(AlterTimeseries { path, change }))
    }

    /// `if exists root.a.** set storage_properties encoding=PLAIN`, behind `alter timeseries`.
    fn alter_stored(&mut self) -> Parsed<Option<Statement>> {
        let begin = self.position;
        let if_exists = self.eat_all(&["IF", "EXISTS"]);
        let if_permitted = self.eat_all(&["IF", "PERMITTED"]);
        let start = self.start();
        let is_marked = if_exists || if_permitted;
        if !is_marked && !self.is_word(0, "root") {
            return Ok(None);
        }
        let patterns = self.list(Self::pattern)?;
        let span = self.span_from(start);
        if !is_marked && patterns.len() == 1 && !self.at(&["set", "storage_properties"]) {
            self.position = begin;
            return Ok(None);
        }
        self.expect("SET")?;
        self.expect("STORAGE_PROPERTIES")?;
        if patterns.iter().any(|pattern| pattern.len() < 2) {
            return Err(self.semantic(span, "The timeSeries shall not be root."));
        }
        let mut alter = AlterStored { patterns, if_exists, if_permitted, encoding: None, compressor: None };
        loop {
            self.storage_property(&mut alter)?;
            if !self.eat_symbol(Symbol::Comma) {
                return Ok(Some(Statement::AlterStored(alter)));
            }
        }
    }

    /// `encoding=RLE`, of series that are there.
    fn storage_property(&mut self, into: &mut AlterStored) -> Parsed<()> {
        let start = self.start();
        let key = self.name_or_text()?.to_ascii_lowercase();
        let span = self.span_from(start);
        self.equals()?;
        let (name, value) = self.type_name()?;
        let unsupported = |parser: &Self, what: &str| {
            parser.semantic(value, format!("Unsupported {what}: {}", name.to_uppercase()))
        };
        match key.as_str() {
            "encoding" => into.encoding = Some(name.parse().map_err(|_| unsupported(self, "encoding"))?),
            "compressor" | "compression" => {
                into.compressor = Some(name.parse().map_err(|_| unsupported(self, "compressor"))?);
            }
            _ => return Err(self.semantic(span, format!("property {key} is unsupported yet."))),
        }
        Ok(())
    }

    /// What changes of a series or a view.
    pub(super) fn alteration(&mut self) -> Parsed<Alteration> {
        let change = match self.eat_any(&["RENAME", "SET", "DROP", "ADD", "UPSERT"]) {
            Some(0) => {
                let from = self.name_or_text()?;
                self.expect("TO")?;
                Alteration::Rename { from, to: self.name_or_text()? }
            }
            Some(1) => Alteration::Set(self.label_list()?),
            Some(2) => Alteration::Drop(self.list(Self::name_or_text)?),
            Some(3) => match self.eat_any(&["TAGS", "ATTRIBUTES"]) {
                Some(0) => Alteration::AddTags(self.label_list()?),
                Some(_) => Alteration::AddAttributes(self.label_list()?),
                None => return Err(self.unexpected()),
            },
            Some(_) => self.upsert()?,
            None => return Err(self.unexpected()),
        };
        Ok(change)
    }

    fn upsert(&mut self) -> Parsed<Alteration> {
        let mut alias = None;
        if self.eat("ALIAS") {
            self.equals()?;
            alias = Some(self.name_or_text()?);
        }
        let (tags, attributes) = self.labels()?;
        Ok(Alteration::Upsert { alias, tags, attributes })
    }

    /// What stands behind `drop`.
    pub(super) fn drop_statement(&mut self) -> Parsed<Statement> {
        if self.eat("USER") {
            let user = self.name()?;
            return Ok(Statement::ChangeAuthority(ChangeAuthority::DropUser { user }));
        }
        if self.eat("ROLE") {
            let role = self.name()?;
            return Ok(Statement::ChangeAuthority(ChangeAuthority::DropRole { role }));
        }
        if self.eat("FUNCTION") {
            return Ok(Statement::DropFunction { name: self.name()? });
        }
        if self.eat_template() {
            return self.drop_template();
        }
        if self.eat("TRIGGER") {
            return self.drop_trigger();
        }
        if let Some(statement) = self.drop_cq()? {
            return Ok(statement);
        }
        if let Some(statement) = self.drop_pipe()? {
            return Ok(statement);
        }
        match self.delete_from_catalog()? {
            Some(statement) => Ok(statement),
            None => Err(self.unexpected()),
        }
    }

    /// `database …`, `storage group …`, `timeseries …` behind `delete` or `drop`.
    pub(super) fn delete_from_catalog(&mut self) -> Parsed<Option<Statement>> {
        if self.eat("DATABASE") || self.eat_all(&["STORAGE", "GROUP"]) {
            return Ok(Some(Statement::DeleteDatabases { patterns: self.list(Self::pattern)? }));
        }
        if self.eat("VIEW") {
            return self.drop_view().map(Some);
        }
        if self.eat("TIMESERIES") {
            if let Some(statement) = self.delete_of_template()? {
                return Ok(Some(statement));
            }
            return Ok(Some(Statement::DeleteTimeseries { patterns: self.list(Self::pattern)? }));
        }
        Ok(None)
    }
}
