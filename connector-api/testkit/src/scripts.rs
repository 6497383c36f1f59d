//! Scripted sources and sinks by name, for pipelines that are written as text.

use std::{collections::HashMap, sync::LazyLock};

use levada_connector_api::{Error, Result};
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which script a scripted source or sink follows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedOptions {
    /// The name that the test gave it.
    pub script: String,
}

/// What tests have given a name to.
pub(crate) struct Scripts<T>(LazyLock<Mutex<HashMap<String, T>>>);

impl<T: Clone> Scripts<T> {
    pub(crate) const fn new() -> Self {
        Self(LazyLock::new(Mutex::default))
    }

    pub(crate) fn add(&self, name: impl Into<String>, script: &T) {
        self.0.lock().insert(name.into(), script.clone());
    }

    /// # Errors
    /// No test gave that name.
    pub(crate) fn get(&self, options: &ScriptedOptions) -> Result<T> {
        let script = self.0.lock().get(&options.script).cloned();
        script.ok_or_else(|| Error::config(format!("there is no script `{}`", options.script)))
    }
}
