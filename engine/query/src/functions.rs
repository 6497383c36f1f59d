//! The built-in functions that give one value for each row.

mod cast;
mod constant;
mod jexl;
mod math;
mod text;

use levada_model::DataType;

use crate::{
    expression::RowFunction,
    registry::{ANY, Call, FunctionDefinition, NUMERIC, TEXT},
};

/// A function that was found, and the type of its values.
type Bound = (std::sync::Arc<dyn RowFunction>, DataType);

/// All of them.
pub(crate) fn definitions() -> impl Iterator<Item = FunctionDefinition> {
    constant::definitions()
        .into_iter()
        .chain(math::definitions())
        .chain(text::definitions())
        .chain([jexl::definition(), cast::definition()])
}
