//! Which functions a query may call, beside those that are built in.

use std::{path::Path, sync::Arc};

use levada_connector_api::{Facilities, Problem};
use levada_engine::{
    Engine,
    expressions::RowQuery,
    functions::{
        FunctionRegistry, functions_of,
        udf::{UdfLimits, UdfLoader},
    },
};

use super::SqlOptions;

/// The word for the functions of the engine that serves the pipeline; a folder of this name is written `./engine`.
const OF_THE_ENGINE: &str = "engine";

/// What is wrong with options, as far as the folder of modules tells. The engine that will serve the pipeline is not opened: of
/// functions that it must have it is said that they were not looked for.
pub(super) fn look(options: &SqlOptions, facilities: &Facilities) -> Vec<Problem> {
    let Some(named) = options.functions() else { return Vec::new() };
    if named == OF_THE_ENGINE && facilities.get::<Engine>().is_none() {
        let of = |(path, text): (&str, String)| {
            let unknown =
                RowQuery::unknown_functions(&text, &FunctionRegistry::builtin()).unwrap_or_default();
            let told = |function: levada_engine::expressions::RowQueryError| {
                let message = format!(
                    "`{}` is not built in: the engine that serves the pipeline must have it (`create function`), which is not \
                     looked for here",
                    function.message
                );
                Problem::doubt(path, message)
            };
            unknown.into_iter().map(told).collect::<Vec<_>>()
        };
        return options.texts().into_iter().flat_map(of).collect();
    }
    match of(Some(named), facilities) {
        Ok(functions) => options.query_with(&functions).err().into_iter().collect(),
        Err(message) => vec![Problem::new("functions", message)],
    }
}

/// The functions that an option names; or why there are none, in words.
pub(super) fn of(named: Option<&str>, facilities: &Facilities) -> Result<Arc<FunctionRegistry>, String> {
    match named {
        None => Ok(FunctionRegistry::builtin()),
        Some(OF_THE_ENGINE) => match facilities.get::<Engine>() {
            Some(engine) => Ok(engine.functions()),
            None => Err(
                "no engine serves this pipeline: name the folder of modules, or let `levada serve` run it"
                    .to_owned(),
            ),
        },
        Some(folder) => {
            let loader = facilities.get::<Arc<dyn UdfLoader>>();
            let loader = loader.ok_or("this program cannot run modules")?;
            functions_of(Path::new(folder), Arc::clone(loader), UdfLimits::default())
        }
    }
}
