//! Every connector this binary knows.

use std::sync::Arc;

use levada_connector_api::Registry;
use levada_udf::UdfLoader;

use crate::functions;

/// The sources, decoders, transforms and sinks of this build.
pub(crate) fn all() -> Registry {
    let registry = Registry::new().lending::<Arc<dyn UdfLoader>>(functions::loader());
    levada_runtime::transform::register(levada_sink::register(levada_source::register(registry)))
}
