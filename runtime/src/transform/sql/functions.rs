//! Which functions a query may call, beside those that are built in.

use std::{path::Path, sync::Arc};

use levada_connector_api::{Error, Facilities, Result};
use levada_engine::{
    Engine,
    functions::{
        FunctionRegistry, functions_of,
        udf::{UdfLimits, UdfLoader},
    },
};

/// The word for the functions of the engine that serves the pipeline; a folder of this name is written `./engine`.
const OF_THE_ENGINE: &str = "engine";

/// The functions that an option names.
pub(super) fn of(named: Option<&str>, facilities: &Facilities) -> Result<Arc<FunctionRegistry>> {
    let wrong = |message: String| Error::config(message).with("option", "functions");
    match named {
        None => Ok(FunctionRegistry::builtin()),
        Some(OF_THE_ENGINE) => match facilities.get::<Engine>() {
            Some(engine) => Ok(engine.functions()),
            None => Err(wrong(
                "no engine serves this pipeline: name the folder of modules, or let `levada serve` run it"
                    .to_owned(),
            )),
        },
        Some(folder) => {
            let loader = facilities.get::<Arc<dyn UdfLoader>>();
            let loader = loader.ok_or_else(|| wrong("this program cannot run modules".to_owned()))?;
            functions_of(Path::new(folder), Arc::clone(loader), UdfLimits::default()).map_err(wrong)
        }
    }
}
