//! Functions of users, where queries and pipelines of this program call them.

use std::{path::Path, sync::Arc};

use levada_udf::{Fault, FaultKind, Method, UdfError, UdfFactory, UdfLoader};

use crate::modules;

/// What reads modules. Nothing is made for it before the first is read.
pub(crate) fn loader() -> Arc<dyn UdfLoader> {
    Arc::new(Modules)
}

#[derive(Debug)]
struct Modules;

impl UdfLoader for Modules {
    fn reads(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"))
    }

    fn load(&self, file: &Path) -> Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        let host = modules::host().map_err(|error| {
            let fault = Fault::new(FaultKind::Module, format!("{error:#}"));
            UdfError::new(file.display().to_string(), Method::Load, fault)
        })?;
        host.load(file)
    }
}
