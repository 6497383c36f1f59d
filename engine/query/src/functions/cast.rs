//! `cast(x, 'type'='T')`: another way to write `cast(x as T)`.

use levada_model::{DataType, UnknownName};

use super::{ANY, Call, FunctionDefinition};
use crate::{
    QueryError,
    expression::{Expr, Kind},
    registry::Listing,
};

pub(super) fn definition() -> FunctionDefinition {
    FunctionDefinition::expression(
        "cast",
        "(any, 'type'='DOUBLE'): type",
        "The value as one of another type, as `cast(x as DOUBLE)` is.",
        bind,
    )
    .listed(Listing::BuiltInScalar)
}

fn bind(call: &Call<'_>, mut arguments: Vec<Expr>) -> Result<Expr, QueryError> {
    call.expect(1, ANY)?;
    let data_type: DataType = call
        .required("type")?
        .parse()
        .map_err(|error: UnknownName| QueryError::semantic(error.to_string()))?;
    let operand = Box::new(arguments.swap_remove(0));
    Ok(Expr::new(Kind::Cast(operand), data_type))
}
