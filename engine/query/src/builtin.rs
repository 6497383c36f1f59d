//! The functions that are there from the beginning.

mod aggregates;

use std::sync::{Arc, LazyLock};

use crate::{
    functions,
    registry::{FunctionRegistry, Listing},
    series_functions,
};

static BUILTIN: LazyLock<Arc<FunctionRegistry>> = LazyLock::new(|| {
    let mut all: Vec<_> = functions::definitions()
        .chain(series_functions::definitions())
        .chain(aggregates::definitions())
        .collect();
    // As the peer lists them: generating functions, aggregates, the others.
    all.sort_by_key(|each| match each.listing() {
        Listing::BuiltInSeries(_) => 0,
        Listing::Native => 1,
        Listing::BuiltInScalar => 2,
        Listing::External(_) | Listing::Library(_) => 3,
    });
    let mut registry = FunctionRegistry::default();
    all.into_iter().for_each(|each| registry.put(each));
    Arc::new(registry)
});

impl FunctionRegistry {
    /// The functions that are there from the beginning.
    pub fn builtin() -> Arc<Self> {
        Arc::clone(&BUILTIN)
    }
}
