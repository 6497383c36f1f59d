//! What a registry said of ids: it is kept, as an id stands for one schema for ever.
//!
//! Only a registry's word that it has no schema of an id rejects records, and it is asked again after a while. Whatever else it
//! answers, or who else, says nothing of the record: it waits.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::{DecodeError, Result};
use levada_schema_registry::{Client, Fault, Found, Schema, SchemaRegistry};
use parking_lot::Mutex;

/// An id that is not known is asked for again so often.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What is known of a registry's ids. It is asked by one decoder at a time, which blocks meanwhile.
#[derive(Debug)]
pub(super) struct Known {
    registry: Client,
    ids: Mutex<HashMap<u32, Id>>,
}

/// What is known of an id.
#[derive(Clone, Debug)]
enum Id {
    Schema(Arc<Schema>),
    /// What the registry has cannot be read.
    Unfit(String),
    /// The registry has none, or none of what it refers to, when it was asked.
    Missing(Option<String>, Instant),
}

impl Known {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// A file of its encryption cannot be used.
    pub(super) fn new(options: &SchemaRegistry) -> Result<Self> {
        Ok(Self { registry: Client::new(options)?, ids: Mutex::default() })
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// The registry has none, or one that cannot be read; or not now, as the registry is away.
    pub(super) fn schema(&self, id: u32) -> Result<Arc<Schema>, DecodeError> {
        let mut ids = self.ids.lock();
        let asks = match ids.get(&id) {
            None => true,
            Some(Id::Missing(_, asked)) => asked.elapsed() >= ASK_AGAIN,
            Some(_) => false,
        };
        if asks {
            let asked = self.registry.schema(id).and_then(|Found { schema, references, .. }| {
                Schema::parse(&schema, &references).map_err(Fault::Unfit)
            });
            let found = match asked {
                Ok(schema) => Id::Schema(Arc::new(schema)),
                Err(Fault::Unfit(why)) => Id::Unfit(why),
                Err(Fault::Missing(reference)) => Id::Missing(reference, Instant::now()),
                Err(Fault::Away(why) | Fault::Denied(why) | Fault::Refused(why)) => {
                    return Err(DecodeError::not_now(format!("the schema {id} cannot be had: {why}")));
                }
            };
            ids.insert(id, found);
        }
        match ids.get(&id) {
            Some(Id::Schema(schema)) => Ok(Arc::clone(schema)),
            Some(Id::Unfit(why) | Id::Missing(Some(why), _)) => {
                Err(DecodeError::new(format!("the schema {id}: {why}")))
            }
            _ => Err(DecodeError::new(format!(
                "the schema registry at {} has no schema {id}",
                self.registry.url()
            ))),
        }
    }
}
