//! From bytes to code.

use levada_udf::{Fault, FaultKind};
use wasmtime::component::Component;

use crate::{
    cache::{self, Key},
    child,
    options::Compiler,
    shared::Shared,
};

/// A module's code: from the cache, or compiled and kept there.
pub(crate) fn component(shared: &Shared, bytes: &[u8], key: &Key) -> Result<Component, Fault> {
    let folder = shared.options.cache.as_deref().map(cache::Folder::open).transpose()?;
    if let Some(code) = folder.as_ref().and_then(|folder| folder.get(key))
        // SAFETY: `get` gives what `put` has put, unchanged, in a folder that nobody else writes; the key is of this engine.
        && let Ok(component) = unsafe { Component::deserialize(&shared.engine, &code) }
    {
        return Ok(component);
    }
    let code = match &shared.options.compiler {
        Compiler::InProcess => shared
            .engine
            .precompile_component(bytes)
            .map_err(|error| Fault::new(FaultKind::Module, format!("it cannot be compiled: {error:#}")))?,
        Compiler::Child { program, arguments } => child::compile(program, arguments, &shared.options, bytes)?,
    };
    if let Some(folder) = &folder {
        // A cache that cannot be written costs time and nothing else.
        folder.put(key, &code);
    }
    // SAFETY: it comes from this engine's compiler, in this process or in a child that is the same program.
    unsafe { Component::deserialize(&shared.engine, &code) }
        .map_err(|error| Fault::new(FaultKind::Module, format!("its code cannot be used: {error:#}")))
}
