//! Engines whose pipes have ever sent here, and into which databases: `pipes/writers.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use levada_model::{Path, StatusCode};
use levada_storage::StorageError;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::document::DocumentFile;

/// The version that is written, and the newest that is read.
const VERSION: u32 = 2;

/// The longest name of an engine, in bytes: none that is known has more than 36.
const LONGEST_NAME: usize = 256;
/// So many engines are known at most, and so many databases of each.
const MOST_ENGINES: usize = 1 << 16;
const MOST_DATABASES: usize = 1 << 12;

/// Where rows came to that an engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// Nobody knows: they may be anywhere.
    Anywhere,
    /// Into these databases.
    Databases(BTreeSet<String>),
}

type Known = BTreeMap<String, Reach>;

/// The engines whose pipes have ever sent here, here and on the disk. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    document: DocumentFile,
    known: RwLock<Arc<Known>>,
    /// Held while the document is replaced.
    storing: Mutex<()>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    /// Of these it is not known where they sent to: the only ones that version 1 has.
    engines: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    databases: BTreeMap<String, BTreeSet<String>>,
}

impl Writers {
    /// Reads which are known; none where nothing is stored.
    ///
    /// # Errors
    /// The document cannot be read, or is damaged.
    pub(super) fn open(document: DocumentFile) -> Result<Self, StorageError> {
        let mut known = Known::new();
        if let Some(stored) = document.read::<Stored>()? {
            document.check_version(stored.version, VERSION)?;
            known.extend(stored.databases.into_iter().map(|(engine, all)| (engine, Reach::Databases(all))));
            known.extend(stored.engines.into_iter().map(|engine| (engine, Reach::Anywhere)));
        }
        Ok(Self(Arc::new(Inner { document, known: RwLock::new(Arc::new(known)), storing: Mutex::new(()) })))
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.known.read())
    }

    /// Whether an engine's pipes have ever sent here.
    pub(super) fn has(&self, engine: &str) -> bool {
        self.known().contains_key(engine)
    }

    /// Whether they have, and may have sent into any database.
    pub(super) fn has_anywhere(&self, engine: &str) -> bool {
        self.known().get(engine) == Some(&Reach::Anywhere)
    }

    /// Who sent into which databases.
    pub(super) fn origins(&self) -> Origins {
        Origins(self.known())
    }

    /// That names of engines can be kept.
    ///
    /// # Errors
    /// One is too long.
    pub(super) fn check(engines: &[String]) -> Result<(), StorageError> {
        let long = engines.iter().map(String::len).find(|length| *length > LONGEST_NAME);
        let Some(long) = long else { return Ok(()) };
        let message =
            format!("the name of an engine that sends has {long} bytes, and may have {LONGEST_NAME}");
        Err(StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message))
    }

    /// Rows of databases are about to come that these engines have sent. Returns when it is durable. Blocks.
    ///
    /// # Errors
    /// It could not be stored, a name is too long, or there are too many: nothing may be taken from them.
    pub(super) fn remember(
        &self,
        engines: Vec<String>,
        databases: BTreeSet<String>,
    ) -> Result<(), StorageError> {
        Self::check(&engines)?;
        let _storing = self.0.storing.lock();
        let mut all = Known::clone(&self.known());
        for engine in engines {
            let into = all.entry(engine).or_insert_with(|| Reach::Databases(BTreeSet::new()));
            if let Reach::Databases(known) = into {
                known.extend(databases.iter().cloned());
                if known.len() > MOST_DATABASES {
                    *into = Reach::Anywhere;
                }
            }
        }
        if all.len() > MOST_ENGINES {
            let message = format!("{MOST_ENGINES} engines have sent here, and no more are taken");
            return Err(StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message));
        }
        self.0.document.write(&Stored::of(&all))?;
        *self.0.known.write() = Arc::new(all);
        Ok(())
    }
}

impl Stored {
    fn of(known: &Known) -> Self {
        let mut stored = Self { version: VERSION, engines: BTreeSet::new(), databases: BTreeMap::new() };
        for (engine, into) in known {
            match into {
                Reach::Anywhere => drop(stored.engines.insert(engine.clone())),
                Reach::Databases(all) => drop(stored.databases.insert(engine.clone(), all.clone())),
            }
        }
        stored
    }
}

/// Which engines have sent into which databases: so that what is stored goes to none of those.
#[derive(Clone, Debug, Default)]
pub struct Origins(Arc<Known>);

impl Origins {
    /// The engines that have sent into a database, or into one that a device is in.
    pub fn of<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a str> {
        let sent = |(engine, into): (&'a String, &'a Reach)| is_into(into, path).then_some(engine.as_str());
        self.0.iter().filter_map(sent)
    }

    /// Whether an engine has sent into a database, or into one that a device is in.
    pub fn has(&self, engine: &str, path: &Path) -> bool {
        self.0.get(engine).is_some_and(|into| is_into(into, path))
    }
}

/// Whether something may have come into a database, or that of a device.
fn is_into(into: &Reach, path: &Path) -> bool {
    let begins = |text: &str, with: &str| {
        text.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let path = path.as_str();
    let overlaps = |database: &String| begins(path, database) || begins(database, path);
    match into {
        Reach::Anywhere => true,
        Reach::Databases(all) => all.iter().any(overlaps),
    }
}
