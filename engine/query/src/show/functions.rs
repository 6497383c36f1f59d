//! `show functions`.

use super::text_columns;
use crate::{FunctionDefinition, FunctionRegistry, chunk::texts, plan::Bound};

/// The functions of a registry, in its order and the peer's words.
pub(super) fn plan(functions: &FunctionRegistry) -> Bound {
    let all: Vec<&FunctionDefinition> = functions.definitions().collect();
    let names: Vec<String> = all.iter().map(|each| each.name().to_uppercase()).collect();
    let classes: Vec<_> = all.iter().map(|each| each.class()).collect();
    let values = vec![
        texts(names.iter().map(|name| Some(name.as_str()))),
        texts(all.iter().map(|each| Some(each.type_word()))),
        texts(classes.iter().map(|class| Some(&**class))),
        texts(all.iter().map(|_| Some("AVAILABLE"))),
    ];
    Bound::ready(text_columns(&["FunctionName", "FunctionType", "ClassName(UDF)", "State"]), values)
}
