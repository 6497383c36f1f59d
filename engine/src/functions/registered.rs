//! The functions that queries may call: those built in, those added by a program, those made by `create function`.
//!
//! ```text
//!   create function adder as 'org.example.Adder'
//!     ─► the id: offered by the program, or declared by a module of the folder
//!     ─► functions/functions.json   durable, before any query may call it
//!     ─► the registry               replaced as a whole: queries that run keep theirs
//! ```
//!
//! After a restart a function is loaded when it is first called. One that cannot be loaded then stays registered, and each
//! call says why; it is tried again with the next.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_model::{SessionError, StatusCode};
use levada_query::{FunctionDefinition, FunctionKind, FunctionRegistry, QueryError};
use levada_sql::ast::CreateFunction;
use levada_storage::StorageError;
use levada_udf::{Fault, UdfFactory, UdfKind, UdfLimits};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::folder::ModuleFolder;
use crate::document::DocumentFile;

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// The functions of an engine.
#[derive(Debug)]
pub(crate) struct Functions {
    /// Replaced as a whole, so that a query keeps the functions it was planned with.
    registry: RwLock<Arc<FunctionRegistry>>,
    file: DocumentFile,
    library: Arc<Library>,
    /// What is stored. Held while functions are made and dropped.
    stored: Mutex<BTreeMap<String, Entry>>,
}

/// Where functions come from.
#[derive(Debug)]
struct Library {
    folder: ModuleFolder,
    /// What the program offers, by id.
    offered: RwLock<HashMap<String, Arc<dyn UdfFactory>>>,
    /// What a call may use.
    limits: UdfLimits,
}

/// A function that `create function` made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    class: String,
    /// What it takes and gives: `row`, `series` or `aggregate`.
    kind: String,
    /// The file that was brought for it, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip)]
    temporary: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    functions: Vec<Entry>,
}

impl Functions {
    /// The functions of a data folder: those built in and those that are stored.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub(crate) fn open(
        file: DocumentFile,
        folder: ModuleFolder,
        limits: UdfLimits,
    ) -> Result<Self, StorageError> {
        let mut registry = Arc::new(super::library::registry(&limits));
        let library = Arc::new(Library { folder, offered: RwLock::default(), limits });
        let document =
            file.read::<Document>()?.unwrap_or(Document { version: VERSION, functions: Vec::new() });
        file.check_version(document.version, VERSION)?;
        let mut stored = BTreeMap::new();
        for entry in document.functions {
            let kind = kind_of(&entry.kind)
                .ok_or_else(|| file.damaged(0, format!("there is no kind of functions `{}`", entry.kind)))?;
            match registry.with(library.definition(&entry, kind, None)) {
                Ok(more) => registry = Arc::new(more),
                Err(QueryError::Rejected { code: StatusCode::CREATE_UDF_ERROR, .. }) => {
                    warn!(
                        function = entry.name,
                        "a function that was made has the name of one that is built in by now, which is called instead"
                    );
                }
                Err(_) => return Err(file.damaged(0, format!("there are two functions `{}`", entry.name))),
            }
            stored.insert(key(&entry.name), entry);
        }
        Ok(Self { registry: RwLock::new(registry), file, library, stored: Mutex::new(stored) })
    }

    /// Those that there are now.
    pub(crate) fn current(&self) -> Arc<FunctionRegistry> {
        Arc::clone(&self.registry.read())
    }

    /// Adds one until the engine is closed.
    ///
    /// # Errors
    /// Its name is taken.
    pub(crate) fn register(&self, definition: FunctionDefinition) -> Result<(), QueryError> {
        let _stored = self.stored.lock();
        let more = self.current().with(definition)?;
        self.replace(more);
        Ok(())
    }

    /// Lets `create function` make functions of an id, of code in this program.
    pub(crate) fn offer(&self, factory: Arc<dyn UdfFactory>) {
        let id = factory.id().to_owned();
        self.library.offered.write().insert(id, factory);
    }

    /// `create function`: returns when it is durable. Blocks.
    ///
    /// # Errors
    /// The name is taken, there is no such function or two, it cannot be run, or cannot be stored. Nothing has changed then.
    pub(crate) fn create(&self, create: CreateFunction) -> Result<(), SessionError> {
        let CreateFunction { name, class, uri, temporary } = create;
        let mut stored = self.stored.lock();
        let before = self.current();
        before.check_free(&name)?;
        let file = uri.map(|uri| self.bring(&uri, &name, &class)).transpose()?;
        let made = || -> Result<_, SessionError> {
            let loaded =
                self.library.load(&class, file.as_deref()).map_err(|why| not_loaded(&class, &why))?;
            try_out(&*loaded).map_err(|why| not_loaded(&class, &why.message))?;
            let kind = loaded.kind().into();
            let entry = Entry {
                name: name.clone(),
                class: class.clone(),
                kind: word(kind).into(),
                file: file.clone(),
                temporary,
            };
            let more = before.with(self.library.definition(&entry, kind, Some(loaded)))?;
            let mut all = stored.clone();
            all.insert(key(&name), entry);
            if !temporary {
                self.file.write(&document(&all))?;
            }
            Ok((more, all))
        };
        match made() {
            Ok((more, all)) => {
                *stored = all;
                self.replace(more);
                Ok(())
            }
            Err(error) => {
                if let Some(file) = file {
                    self.library.folder.remove_installed(&file);
                }
                Err(error)
            }
        }
    }

    /// `drop function`: returns when it is durable. Queries that run keep it. Blocks.
    ///
    /// # Errors
    /// There is no such function, it is built in, or this cannot be stored. Nothing has changed then.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SessionError> {
        let mut stored = self.stored.lock();
        let before = self.current();
        let upper = name.to_uppercase();
        if before.find(name).is_some_and(FunctionDefinition::is_builtin) && !stored.contains_key(&key(name)) {
            let message = format!("Built-in function {upper} can not be deregistered.");
            return Err(SessionError::new(StatusCode::DROP_UDF_ERROR, message));
        }
        let fewer = before.without(name);
        let mut rest = stored.clone();
        let gone = rest.remove(&key(name));
        if fewer.is_none() && gone.is_none() {
            let message = format!("Failed to drop UDF [{upper}], this UDF has not been created");
            return Err(SessionError::new(StatusCode::EXECUTE_STATEMENT_ERROR, message));
        }
        if gone.as_ref().is_some_and(|gone| !gone.temporary) {
            self.file.write(&document(&rest))?;
        }
        *stored = rest;
        if let Some(fewer) = fewer {
            self.replace(fewer);
        }
        if let Some(file) = gone.and_then(|gone| gone.file) {
            self.library.folder.remove_installed(&file);
        }
        Ok(())
    }

    fn replace(&self, registry: FunctionRegistry) {
        *self.registry.write() = Arc::new(registry);
    }

    /// Brings the file of a `using uri` into the folder.
    fn bring(&self, uri: &str, name: &str, class: &str) -> Result<String, SessionError> {
        let failed = |why: String| {
            let message =
                format!("Failed to get executable for UDF [{}] from '{uri}': {why}", name.to_uppercase());
            SessionError::new(StatusCode::UDF_DOWNLOAD_ERROR, message)
        };
        let from = file_of(uri).ok_or_else(|| {
            failed(
                "only files of this machine are read: give a URI like file:///path/to/module.wasm".to_owned(),
            )
        })?;
        self.library.folder.install(&from, name, class).map_err(failed)
    }
}

impl Library {
    fn load(&self, class: &str, file: Option<&str>) -> Result<Arc<dyn UdfFactory>, String> {
        match file {
            Some(file) => self.folder.load_installed(file, class),
            None => {
                let offered = self.offered.read().get(class).cloned();
                offered
                    .map_or_else(|| self.folder.load(class), Ok)
                    .or_else(|why| super::library::of_class(class).ok_or(why))
            }
        }
    }

    /// What queries call. It is loaded, or is when it is called.
    fn definition(
        self: &Arc<Self>,
        entry: &Entry,
        kind: FunctionKind,
        loaded: Option<Arc<dyn UdfFactory>>,
    ) -> FunctionDefinition {
        let library = Arc::clone(self);
        let Entry { name, class, file, .. } = entry.clone();
        let kept = class.clone();
        let limits = self.limits.clone();
        let of = {
            let name = name.clone();
            move |factory| Arc::new(FunctionDefinition::udf(name.clone(), factory, limits.clone()))
        };
        let slot = Mutex::new(loaded.map(&of));
        let get = move || {
            let mut slot = slot.lock();
            if let Some(loaded) = &*slot {
                return Ok(Arc::clone(loaded));
            }
            let loaded = library.load(&class, file.as_deref()).map_err(|why| not_loaded(&class, &why))?;
            Ok(Arc::clone(slot.insert(of(loaded))))
        };
        FunctionDefinition::deferred(name, kind, get).of_class(kept)
    }
}

/// Makes an instance, which compiles what has to be, and is not started.
fn try_out(factory: &dyn UdfFactory) -> Result<(), Fault> {
    match factory.kind() {
        UdfKind::Udtf => factory.make_udtf().map(drop),
        UdfKind::Udaf => factory.make_udaf().map(drop),
    }
}

/// As names are compared.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn document(entries: &BTreeMap<String, Entry>) -> Document {
    let functions = entries.values().filter(|entry| !entry.temporary).cloned().collect();
    Document { version: VERSION, functions }
}

fn word(kind: FunctionKind) -> &'static str {
    match kind {
        FunctionKind::Row => "row",
        FunctionKind::Series => "series",
        FunctionKind::Aggregate => "aggregate",
    }
}

fn kind_of(text: &str) -> Option<FunctionKind> {
    FunctionKind::ALL.into_iter().find(|kind| word(*kind) == text)
}

fn not_loaded(class: &str, why: &str) -> QueryError {
    QueryError::Rejected {
        code: StatusCode::UDF_LOAD_CLASS_ERROR,
        message: format!("Failed to load class '{class}': {why}"),
    }
}

/// The file of this machine that a URI, or a path from the root, names.
fn file_of(uri: &str) -> Option<PathBuf> {
    let path = match uri.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            let rest = rest.strip_prefix("//localhost/").map_or(rest, |_| &rest["//localhost".len()..]);
            decoded(rest.strip_prefix("//").unwrap_or(rest))?
        }
        _ => uri.to_owned(),
    };
    let path = Path::new(&path);
    path.is_absolute().then(|| path.to_owned())
}

/// A part of a URI without its `%20`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|each| char::from(each).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_file_of_this_machine_or_nothing() {
        for (uri, file) in [
            ("file:///opt/a.wasm", Some("/opt/a.wasm")),
            ("file:/opt/a%20b.wasm", Some("/opt/a b.wasm")),
            ("FILE://localhost/opt/a.wasm", Some("/opt/a.wasm")),
            ("/opt/a.wasm", Some("/opt/a.wasm")),
            ("a.wasm", None),
            ("file://elsewhere/a.wasm", None),
            ("file:///a%2", None),
            ("https://example.org/a.wasm", None),
        ] {
            assert_eq!(file_of(uri), file.map(PathBuf::from), "{uri}");
        }
    }
}
