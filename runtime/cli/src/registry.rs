//! Every connector this binary knows.

use levada_connector_api::Registry;

/// The sources, decoders, transforms and sinks of this build.
pub(crate) fn all() -> Registry {
    levada_runtime::transform::register(levada_sink::register(levada_source::register(Registry::new())))
}
