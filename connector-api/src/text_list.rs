//! An option that is one text or a list of them.

use schemars::JsonSchema;
use serde::Deserialize;

/// One text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextList {
    /// One.
    One(String),
    /// Any number.
    Many(Vec<String>),
}

impl TextList {
    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}
