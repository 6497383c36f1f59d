//! Which schema rows of a subject are written by, and who is asked for it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::{
    Domain, Error, ErrorKind, Result, Retry,
    model::{Column, DataType, Tablet, unquote_node},
};
use levada_schema_registry::{Client, Fault, Found, head};
use serde_json::Value;

use super::{
    AvroOptions, derive,
    plan::{Leaf, Names, Plan, base},
    plan_of, read,
    rows::{Prepared, has_values},
};

/// A schema that others make is asked for again so often, where rows have what it has no field for.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Where schemas come from. Clones share the connection with the registry.
#[derive(Clone, Debug)]
pub(super) struct Schemas {
    registry: Option<Arc<Client>>,
    register: bool,
    /// The text of the schema in a file, and how rows are written by it.
    file: Option<(Arc<str>, Arc<Plan>)>,
    names: Names,
    record: String,
}

/// What is known of subjects.
#[derive(Debug)]
pub(super) struct Subjects {
    schemas: Schemas,
    known: HashMap<String, Subject>,
}

/// The schema that rows of a subject are written by.
#[derive(Debug)]
struct Subject {
    id: Option<u32>,
    plan: Arc<Plan>,
    asked: Instant,
}

impl Schemas {
    /// Reads files; asks nobody yet.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(super) fn of(options: &AvroOptions) -> Result<Self> {
        let file = match &options.schema_file {
            Some(file) => {
                let text = read(file)?;
                let plan = plan_of(&text, options)?;
                Some((text.into(), Arc::new(plan)))
            }
            None => None,
        };
        Ok(Self {
            registry: options.registry.as_ref().map(Client::new).transpose()?.map(Arc::new),
            register: options.register,
            file,
            names: options.names(),
            record: options.record.clone(),
        })
    }

    /// The schema that is the same for all rows, with its id in the registry.
    fn given(&self, subject: &str, text: &str, plan: &Arc<Plan>) -> Result<Subject> {
        let id = match &self.registry {
            None => None,
            Some(registry) if self.register => {
                let id = registry.register(subject, text);
                Some(id.map_err(|fault| error(fault, subject, "name another `subject`, or set its compatibility in the registry"))?)
            }
            Some(registry) => Some(registry.look_up(subject, text).map_err(|fault| match fault {
                Fault::Missing(_) => nothing(format!(
                    "the subject `{subject}` does not have the schema in `schema_file`: register it, or leave out `register: false`"
                )),
                fault => error(fault, subject, "leave out `register: false`"),
            })?),
        };
        Ok(Subject { id, plan: Arc::clone(plan), asked: Instant::now() })
    }

    /// The last schema of a subject, as it is.
    fn latest(&self, registry: &Client, subject: &str) -> Result<Subject> {
        let found = latest(registry, subject)?.ok_or_else(|| {
            nothing(format!(
                "the subject `{subject}` has no schema: register one, leave out `register: false`, or name a `schema_file`"
            ))
        })?;
        self.subject(subject, found.id, &found.schema, &found.references)
    }

    /// The last schema of a subject, with what columns need beyond it.
    fn grown(&self, registry: &Client, subject: &str, columns: &[Column]) -> Result<Subject> {
        let found = latest(registry, subject)?;
        let (mut schema, before) = match &found {
            None => (derive::first(&self.record, &self.names), None),
            Some(found) => {
                let before = self.subject(subject, found.id, &found.schema, &found.references)?;
                let schema: Value = serde_json::from_str(&found.schema).unwrap_or_default();
                (schema, Some(before))
            }
        };
        let wanted = match &before {
            Some(before) => self.wanted(&before.plan, columns),
            None => self.all_types(columns),
        };
        if let (Some(before), true) = (before, wanted.is_empty()) {
            return Ok(before);
        }
        if found.is_some_and(|found| !found.references.is_empty()) {
            return Err(unfit(subject, "it refers to other schemas, and cannot be extended"));
        }
        derive::extend(&mut schema, &self.names, &wanted).map_err(|why| unfit(subject, why))?;
        let text = schema.to_string();
        let help = "the measurements of its rows are not all in the schema before, or have other types: set the compatibility of the \
                    subject to BACKWARD or NONE in the registry, name another `subject`, cast the measurements at their source, or write \
                    by a schema of your own (`schema_file`)";
        let id = registry.register(subject, &text).map_err(|fault| error(fault, subject, help))?;
        let grown = self.subject(subject, id, &text, &[])?;
        match self.wanted(&grown.plan, columns).first() {
            Some((name, _)) => {
                Err(unfit(subject, &format!("the type of its field `{name}` cannot be extended")))
            }
            None => Ok(grown),
        }
    }

    fn subject(&self, subject: &str, id: u32, text: &str, references: &[String]) -> Result<Subject> {
        let plan = Plan::parse(text, references, &self.names).map_err(|why| unfit(subject, &why))?;
        Ok(Subject { id: Some(id), plan: Arc::new(plan), asked: Instant::now() })
    }

    /// The types of columns that a plan has no branch for, but could have.
    fn wanted(&self, plan: &Plan, columns: &[Column]) -> Vec<(String, DataType)> {
        let mut wanted: Vec<(String, DataType)> = Vec::new();
        for column in columns.iter().filter(|column| has_values(column)) {
            let name = unquote_node(&column.name);
            let leaf = plan.place(&name).and_then(|at| plan.leaves.get(at));
            let types = match leaf {
                None if !derive::is_legal(&name) => continue,
                None => types_of(column),
                Some(leaf) if is_taken_as_it_is(leaf, column) => continue,
                Some(leaf) => {
                    let mut types = types_of(column);
                    types.retain(|each| leaf.exact(*each).is_none() && leaf.has_room(*each));
                    types
                }
            };
            add(&mut wanted, &name, &types);
        }
        wanted
    }

    /// The types of columns that a schema could have.
    fn all_types(&self, columns: &[Column]) -> Vec<(String, DataType)> {
        let mut wanted = Vec::new();
        for column in columns.iter().filter(|column| has_values(column)) {
            let name = unquote_node(&column.name);
            if derive::is_legal(&name) {
                add(&mut wanted, &name, &types_of(column));
            }
        }
        wanted
    }
}

/// Adds the types of a measurement, of each kind that a union has room for one.
fn add(wanted: &mut Vec<(String, DataType)>, name: &str, types: &[DataType]) {
    let first = wanted.len();
    for data_type in types {
        let kind = base(*data_type);
        let of_this = wanted.get(first..).unwrap_or_default();
        if !of_this.iter().any(|(_, known)| base(*known) == kind) {
            wanted.push((name.to_owned(), *data_type));
        }
    }
}

/// Whether a field has the type of a column's values; values without a type yet are taken where all can be converted to the only one.
fn is_taken_as_it_is(leaf: &Leaf, column: &Column) -> bool {
    match &leaf.branches[..] {
        _ if !column.is_written() => leaf.exact(column.data_type).is_some(),
        [only] => column.to(only.kind.data_type()).rejected.is_empty(),
        _ => false,
    }
}

fn types_of(column: &Column) -> Vec<DataType> {
    match column.is_written() {
        true => column.apart().into_iter().map(|part| part.data_type).collect(),
        false => vec![column.data_type],
    }
}

impl Subjects {
    pub(super) fn new(schemas: Schemas) -> Self {
        Self { schemas, known: HashMap::new() }
    }

    /// Sees to it that rows with these columns can be written, as far as a schema can do something about it.
    ///
    /// # Errors
    /// The registry is away; or it does not take the schema that is needed, or has none.
    pub(super) fn meet(&mut self, subject: &str, columns: &[Column]) -> Result<()> {
        let schemas = &self.schemas;
        let found = match (&schemas.file, &schemas.registry, self.known.get(subject)) {
            (Some(_), _, Some(_)) | (None, None, _) => return Ok(()),
            (Some((text, plan)), _, None) => schemas.given(subject, text, plan)?,
            (None, Some(registry), Some(known)) => {
                let waits = !schemas.register && known.asked.elapsed() < ASK_AGAIN;
                if waits || schemas.wanted(&known.plan, columns).is_empty() {
                    return Ok(());
                }
                match schemas.register {
                    true => schemas.grown(registry, subject, columns)?,
                    false => schemas.latest(registry, subject)?,
                }
            }
            (None, Some(registry), None) if schemas.register => schemas.grown(registry, subject, columns)?,
            (None, Some(registry), None) => schemas.latest(registry, subject)?,
        };
        self.known.insert(subject.to_owned(), found);
        Ok(())
    }

    /// A tablet, ready to be written by the schema of a subject.
    ///
    /// # Errors
    /// The subject was not met.
    pub(super) fn prepare<'a>(&'a self, subject: &str, tablet: &'a Tablet) -> Result<Prepared<'a>, String> {
        let known = self.known.get(subject).ok_or("the schema of its rows was not asked for")?;
        let derives = self.schemas.file.is_none() && self.schemas.register;
        let missing = |name: &str| match derives {
            true => format!(
                "Avro has no name like `{name}`, only letters and digits of ASCII and `_`, no digit first: change it with the \
                 transform `rename`"
            ),
            false => format!(
                "the schema has no field `{name}`: add one, or leave the measurement out with the transform `drop`"
            ),
        };
        Ok(Prepared::new(&known.plan, known.id.map(head), tablet, missing))
    }
}

/// The last schema of a subject, if it has one.
fn latest(registry: &Client, subject: &str) -> Result<Option<Found>> {
    registry.latest(subject).map_err(|fault| error(fault, subject, "name another `subject`"))
}

/// What a registry's fault means for the rows; `help` is what to do where it does not take a schema.
fn error(fault: Fault, subject: &str, help: &str) -> Error {
    let rejected = |message| Error::new(ErrorKind::Rejected, Domain::External, Retry::Never, message);
    match fault {
        Fault::Away(why) => Error::connection(format!("the schema of `{subject}` cannot be had: {why}")),
        Fault::Denied(why) => {
            let message = format!("the schema of `{subject}` cannot be had: {why}");
            Error::new(ErrorKind::Auth, Domain::User, Retry::Never, message)
        }
        Fault::Refused(why) => rejected(format!(
            "the schema registry does not take the schema for the subject `{subject}`: {why}; {help}"
        )),
        Fault::Unfit(why) => unfit(subject, &why),
        Fault::Missing(which) => {
            let which = which.unwrap_or_else(|| "the registry does not have it".to_owned());
            nothing(format!("the schema of `{subject}`: {which}"))
        }
    }
}

/// The last schema of a subject is not one that rows can be written by.
fn unfit(subject: &str, why: &str) -> Error {
    let message = format!(
        "rows cannot be written by the last schema of the subject `{subject}`: {why}; name another `subject`, or a `schema_file`"
    );
    Error::new(ErrorKind::Rejected, Domain::User, Retry::Never, message)
}

fn nothing(message: String) -> Error {
    Error::new(ErrorKind::NotFound, Domain::User, Retry::Never, message)
}
