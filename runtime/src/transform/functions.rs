//! Which functions of users an option names, beside those that are built in.

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

/// The word for the functions of the engine that serves the pipeline; a folder of this name is written `./engine`.
const OF_THE_ENGINE: &str = "engine";

/// What is wrong with options that name functions, as far as the folder of modules tells: `check` is given those there are. The engine
/// that will serve the pipeline is not opened: of functions that it must have it is said that they were not looked for. `texts` are
/// what calls functions, with the options that they are.
pub(super) fn look(
    named: &str,
    texts: impl IntoIterator<Item = (String, String)>,
    facilities: &Facilities,
    check: impl FnOnce(&Arc<FunctionRegistry>) -> Vec<Problem>,
) -> Vec<Problem> {
    if named == OF_THE_ENGINE && facilities.get::<Engine>().is_none() {
        let of = |(path, text): (String, String)| {
            let unknown =
                RowQuery::unknown_functions(&text, &FunctionRegistry::builtin()).unwrap_or_default();
            let told = move |function: levada_engine::expressions::RowQueryError| {
                let message = format!(
                    "`{}` is not built in: the engine that serves the pipeline must have it (`create function`), which is not \
                     looked for here",
                    function.message
                );
                Problem::doubt(&*path, message)
            };
            unknown.into_iter().map(told).collect::<Vec<_>>()
        };
        return texts.into_iter().flat_map(of).collect();
    }
    match of(Some(named), facilities) {
        Ok(functions) => check(&functions),
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
            functions_of(Path::new(folder), Arc::clone(loader), &UdfLimits::default())
        }
    }
}

/// The command that gives up what a node remembers.
pub(super) fn giving_up(node: &str) -> String {
    format!("`levada offsets FILE --reset {node}/state=0`")
}
