//! The options of the decoder, and what they come to.

use std::{collections::BTreeMap, sync::Arc};

use levada_connector_api::{BatchBuilder, Meta, Problem, model::DataType};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    device::{Template, is_template},
    path::{JsonPath, Step},
    place::Place,
};
use crate::decode::{
    account::Account,
    time::{MissingTime, TimeReader, TimeUnit, zone_problem},
    typed::Integers,
};

/// How JSON records are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonOptions {
    /// Where the device's name stands, `$.device` unless given. Of several fields, it is a name with their places between braces,
    /// `root.{$.site}.{$.line}`: each is one node, in backquotes where it needs them. A text with neither is itself the name of
    /// every record's device; one of a single node, between backquotes. `@key`, `@topic` and `@headers.NAME` of a Kafka message may
    /// stand alone or between braces, too.
    #[schemars(example = &"$.device")]
    pub device: Option<String>,
    /// Where the time stands; unless given, `$.time`, and where a record has none `$.timestamp`. `@timestamp` is the time of a Kafka
    /// message.
    #[schemars(example = &"$.time")]
    pub time: Option<Place>,
    /// What a time that is a number counts.
    pub time_unit: TimeUnit,
    /// The zone of times that do not say theirs, by its name or offset; UTC unless given.
    #[schemars(example = "Europe/Paris")]
    pub zone: Option<String>,
    /// What becomes of a record without a time.
    pub missing_time: MissingTime,
    /// Where an event map's names of measurements stand, `$.measurements` unless given: a list, or a text.
    #[schemars(example = &"$.measurements")]
    pub measurements: Option<JsonPath>,
    /// Where an event map's types stand, `$.types` unless given; where the record has none, JSON's own types count.
    #[schemars(example = &"$.types")]
    pub types: Option<JsonPath>,
    /// Where an event map's values stand, `$.values` unless given.
    #[schemars(example = &"$.values")]
    pub values: Option<JsonPath>,
    /// A record is several JSON values, one in a line, as where a producer puts JSON lines into one Kafka message. Those that are
    /// not well formed are rejected, the others are taken.
    pub lines: bool,
    /// What separates names, types and values of an event map that are texts; a comma unless given.
    #[schemars(example = ';')]
    pub separator: Option<char>,
    /// Takes these fields and no others: measurement → where its value stands, be it what comes with the record (`@partition`).
    #[schemars(example = serde_json::json!({"speed": "$.motor.speed"}))]
    pub fields: Option<BTreeMap<String, FieldChoice>>,
    /// Types of measurements by name, where JSON's own would not do.
    #[schemars(with = "BTreeMap<String, String>", example = serde_json::json!({"count": "INT64"}))]
    pub cast: BTreeMap<String, DataType>,
    /// The type of a new series of whole numbers: `double`, or `int64`.
    pub integers: Integers,
}

/// Where a measurement's value stands, and of which type it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldChoice {
    /// Where it stands: `$.reading.t`.
    Path(JsonPath),
    /// It comes with the record: `@partition`.
    Meta(Meta),
    /// Where it stands, and its type.
    Typed {
        /// Where it stands.
        path: JsonPath,
        /// Its type.
        #[serde(rename = "type")]
        #[schemars(with = "String")]
        data_type: DataType,
    },
}

impl FieldChoice {
    fn path(&self) -> Option<&JsonPath> {
        match self {
            Self::Path(path) | Self::Typed { path, .. } => Some(path),
            Self::Meta(_) => None,
        }
    }
}

impl JsonOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match self.device.as_deref() {
            Some("") => problems.push(Problem::new("device", "the name is empty")),
            Some(text) if text.starts_with('$') => {
                problems.extend(text.parse::<JsonPath>().err().map(|error| Problem::new("device", error)));
            }
            Some(text) if text.starts_with('@') => {
                problems.extend(text.parse::<Meta>().err().map(|error| Problem::new("device", error)));
            }
            Some(text) if is_template(text) => {
                problems.extend(Template::parse(text).err().map(|error| Problem::new("device", error)));
            }
            Some(text) if is_like_a_key(text) => {
                let message = format!(
                    "the device of every record is `{text}` here: if the field of that name is meant, write `$.{text}`; if not, \
                     put it between backquotes"
                );
                problems.push(Problem::doubt("device", message));
            }
            _ => {}
        }
        problems.extend(zone_problem(self.zone.as_deref()));
        if self.fields.as_ref().is_some_and(BTreeMap::is_empty) {
            problems.push(Problem::new("fields", "no field is named: no record would have a row"));
        }
        problems
    }
}

/// Whether a name may be meant as a key of the record: one word.
fn is_like_a_key(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// What a part of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Device,
    Time,
    /// The time, where there is none in its first place.
    OtherTime,
    Measurements,
    Types,
    Values,
    /// A part of the device's name.
    Part,
}

impl Role {
    /// How many there are of which a record has one each.
    pub(super) const COUNT: usize = 6;
}

/// The options, ready for use on every record.
#[derive(Debug)]
pub(super) struct Plan {
    /// The name of all rows' device, where it does not stand in the record.
    pub(super) device: Option<String>,
    /// How the device's name is made of several fields.
    pub(super) template: Option<Template>,
    /// Roles that a key at the top has.
    pub(super) keys: Vec<(String, Role)>,
    /// Roles that stand deeper.
    pub(super) deep: Vec<(Vec<Step>, Role)>,
    pub(super) fields: Vec<(String, Vec<Step>, Option<DataType>)>,
    /// What is needed of what comes with a record.
    pub(super) metas: Vec<Meta>,
    /// Where among them the name of the device is, where it does not stand in the record.
    pub(super) device_beside: Option<usize>,
    /// And the time.
    pub(super) time_beside: Option<usize>,
    /// And measurements.
    fields_beside: Vec<(String, usize)>,
    pub(super) picks: bool,
    pub(super) cast: Vec<(String, DataType)>,
    pub(super) integers: Integers,
    pub(super) separator: char,
    pub(super) lines: bool,
    pub(super) time: TimeReader,
    pub(super) account: Arc<Account>,
}

impl Plan {
    pub(super) fn new(options: JsonOptions, node: &str) -> Self {
        let fields = options.fields.iter().flatten();
        let places = fields.filter_map(|(name, choice)| Some((name.clone(), choice.path()?.to_string())));
        let account = Account::new(places).casting(options.cast.keys());
        let mut plan = Self {
            device: None,
            template: None,
            keys: Vec::new(),
            deep: Vec::new(),
            picks: options.fields.is_some(),
            fields: Vec::new(),
            metas: Vec::new(),
            device_beside: None,
            time_beside: None,
            fields_beside: Vec::new(),
            cast: options.cast.into_iter().collect(),
            integers: options.integers,
            lines: options.lines,
            separator: options.separator.unwrap_or(','),
            time: TimeReader::new(options.time_unit, options.missing_time, options.zone.as_deref(), node),
            account: Arc::new(account),
        };
        match options.device {
            None => plan.give(JsonPath::key("device"), Role::Device),
            Some(text) if text.starts_with('@') => {
                plan.device_beside = text.parse().ok().map(|meta| plan.want(meta));
            }
            Some(text) => match (text.parse(), is_template(&text).then(|| Template::parse(&text))) {
                (Ok(path), _) => plan.give(path, Role::Device),
                (_, Some(Ok(template))) => {
                    template.fields().for_each(|path| plan.give(path.clone(), Role::Part));
                    for meta in template.metas() {
                        plan.want(meta.clone());
                    }
                    plan.template = Some(template);
                }
                // A template that cannot work was found by the check of the options.
                _ => plan.device = Some(text),
            },
        }
        match options.time {
            Some(Place::Path(path)) => plan.give(path, Role::Time),
            Some(Place::Meta(meta)) => plan.time_beside = Some(plan.want(meta)),
            None => {
                plan.give(JsonPath::key("time"), Role::Time);
                plan.give(JsonPath::key("timestamp"), Role::OtherTime);
            }
        }
        for (given, key, role) in [
            (options.measurements, "measurements", Role::Measurements),
            (options.types, "types", Role::Types),
            (options.values, "values", Role::Values),
        ] {
            plan.give(given.unwrap_or_else(|| JsonPath::key(key)), role);
        }
        for (name, choice) in options.fields.into_iter().flatten() {
            let (path, data_type) = match choice {
                FieldChoice::Path(path) => (path, None),
                FieldChoice::Meta(meta) => {
                    let nth = plan.want(meta);
                    plan.fields_beside.push((name, nth));
                    continue;
                }
                FieldChoice::Typed { path, data_type } => (path, Some(data_type)),
            };
            plan.fields.push((name, path.steps, data_type));
        }
        plan
    }

    /// Where among what comes with a record this is.
    fn want(&mut self, meta: Meta) -> usize {
        let known = self.metas.iter().position(|each| *each == meta);
        known.unwrap_or_else(|| {
            self.metas.push(meta);
            self.metas.len() - 1
        })
    }

    /// Puts what comes with a record beside its rows.
    ///
    /// # Errors
    /// It is no text.
    pub(super) fn beside(&self, rows: &mut BatchBuilder) -> Result<(), String> {
        for (name, nth) in &self.fields_beside {
            rows.beside_known(name, *nth).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn give(&mut self, path: JsonPath, role: Role) {
        match path.as_key() {
            Some(key) => self.keys.push((key.to_owned(), role)),
            None => self.deep.push((path.steps, role)),
        }
    }

    /// The role of a key at the top.
    #[inline]
    pub(super) fn role(&self, key: &str) -> Option<Role> {
        self.keys.iter().find(|(each, _)| each == key).map(|&(_, role)| role)
    }

    /// Whether there is anything to look for in records by its name.
    pub(super) fn looks(&self) -> bool {
        self.picks || !self.cast.is_empty()
    }

    /// The type that a measurement of a record was given by the options.
    #[inline]
    pub(super) fn cast(&self, name: &str) -> Option<DataType> {
        let at = self.cast.iter().position(|(each, _)| each == name)?;
        self.account.found(self.fields.len() + at);
        self.cast.get(at).map(|&(_, data_type)| data_type)
    }
}
