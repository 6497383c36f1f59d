//! What reads modules.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
    sync::{Arc, Weak},
};

use levada_udf::{Fault, FaultKind, Method, UdfError, UdfFactory, UdfLoader};
use parking_lot::Mutex;

use crate::{
    cache::Key,
    declared::declared,
    module::{Function, Module},
    options::HostOptions,
    shared::Shared,
};

/// Reads functions from WASM components (`*.wasm`) and runs them. One for a process: modules that it has read and that are in use are
/// compiled once, by their content.
#[derive(Debug)]
pub struct UdfHost {
    shared: Arc<Shared>,
    modules: Mutex<HashMap<Key, Weak<Module>>>,
}

impl UdfHost {
    /// With limits and a way to compile.
    ///
    /// # Errors
    /// The machine cannot run WASM modules.
    pub fn new(options: HostOptions) -> Result<Self, Fault> {
        Ok(Self { shared: Arc::new(Shared::new(options)?), modules: Mutex::default() })
    }

    /// The functions of a module that is in memory; `name` is what errors and listings call it.
    ///
    /// # Errors
    /// It is no module of functions.
    pub fn read(&self, name: &str, bytes: Vec<u8>) -> Result<Vec<Arc<dyn UdfFactory>>, Fault> {
        let functions = declared(&bytes)?;
        let module = self.module(name, bytes);
        let factory = |function: crate::declared::Declared| -> Arc<dyn UdfFactory> {
            Arc::new(Function {
                id: function.id,
                kind: function.kind,
                module: Arc::clone(&module),
                file: name.to_owned(),
            })
        };
        Ok(functions.into_iter().map(factory).collect())
    }

    fn module(&self, name: &str, bytes: Vec<u8>) -> Arc<Module> {
        let key = Key::new(&self.shared.engine, &bytes);
        let mut modules = self.modules.lock();
        if let Some(known) = modules.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        modules.retain(|_, module| module.strong_count() > 0);
        let module = Arc::new(Module::new(name, bytes, key.clone(), Arc::clone(&self.shared)));
        modules.insert(key, Arc::downgrade(&module));
        module
    }
}

impl UdfLoader for UdfHost {
    fn reads(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"))
    }

    fn load(&self, file: &Path) -> Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        let name = file.display().to_string();
        let failed = |fault: Fault| UdfError::new(&name, Method::Load, fault);
        let bytes = whole(file)
            .map_err(|error| failed(Fault::new(FaultKind::Io, format!("it cannot be read: {error}"))))?;
        self.read(&name, bytes).map_err(failed)
    }
}

/// A file as it was at one time.
fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A file that is copied over another changes while it is read.
    let after = fs::metadata(path)?;
    if before.modified()? != after.modified()? || after.len() != bytes.len() as u64 {
        return Err(io::Error::other("it changed while it was read: try again when it is complete"));
    }
    Ok(bytes)
}
