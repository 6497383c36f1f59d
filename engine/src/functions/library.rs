//! The functions for data quality, which are there from the beginning.

use std::sync::{Arc, LazyLock};

use levada_query::{FunctionDefinition, FunctionRegistry};
use levada_udf::{UdfFactory, UdfLimits};

/// The functions that queries may call where none was added: those of the query layer, and the library's where no other has
/// the name. What a call may hold is bounded.
pub(super) fn registry(limits: &UdfLimits) -> FunctionRegistry {
    let library = levada_udf_library::all().into_iter().zip(&levada_udf_library::DECLARATIONS);
    FunctionRegistry::builtin().with_library(library.map(|((name, factory), declaration)| {
        FunctionDefinition::udf(name, factory, limits.clone())
            .of_library(declaration.signature(), declaration.summary())
    }))
}

/// The library's function of a class, for whoever makes it under a name of their own.
pub(super) fn of_class(class: &str) -> Option<Arc<dyn UdfFactory>> {
    levada_udf_library::all().into_iter().map(|(_, factory)| factory).find(|factory| factory.id() == class)
}

/// The functions that are there from the beginning, of any engine.
pub fn builtin() -> Arc<FunctionRegistry> {
    static BUILTIN: LazyLock<Arc<FunctionRegistry>> =
        LazyLock::new(|| Arc::new(registry(&UdfLimits::default())));
    Arc::clone(&BUILTIN)
}

/// A page in Markdown on all functions that are there from the beginning, and on the attributes of the library's.
pub fn reference() -> String {
    let library = levada_udf_library::reference().replace("\n## ", "\n### ");
    let library = library.strip_prefix("## ").map_or(library.clone(), |rest| format!("### {rest}"));
    format!(
        "{}\n## The library for data quality\n\nThe functions of Apache IoTDB's UDF library, without being made first. `mode` and \
         `stddev` are the aggregates of these names; `create function` makes the library's under others, by the classes that the \
         manual of IoTDB names. Durations and times are in milliseconds. \
         Most work row by row, and need no more memory for more rows; windows of `completeness`, `consistency` and `timeliness` that are larger \
         than memory are read from disk. Those whose result needs all values at once, as an exact median or a spectrum does, hold them, and end \
         with an error where they are more than `udf_memory_budget`: narrow the time then, or take a function's approximate or stream form, where \
         it has one (`median` and `mad` with `error`, `compute` `stream`).\n\n{library}",
        builtin().reference()
    )
}
