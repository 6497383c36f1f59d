//! The nodes that there are, for clients that ask: this server.

use std::{net::SocketAddr, sync::Arc};

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use futures::StreamExt;
use levada_model::{DataType, ResultColumn, Rows, SessionError, StatusCode};

/// The rows of `show datanodes`: this server, at the address by which its client has reached it.
///
/// # Errors
/// None that is known.
pub(crate) fn data_nodes(address: SocketAddr) -> Result<Rows, SessionError> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value.to_owned()])) };
    let number = |value: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![value])) };
    let cells = [
        ("NodeID", DataType::Int32, number(1)),
        ("Status", DataType::Text, text("Running")),
        ("RpcAddress", DataType::Text, text(&address.ip().to_canonical().to_string())),
        ("RpcPort", DataType::Int32, number(address.port().into())),
        ("DataRegionNum", DataType::Int32, number(1)),
        ("SchemaRegionNum", DataType::Int32, number(1)),
    ];
    let fields = cells.iter().map(|(name, data_type, _)| Field::new(*name, data_type.arrow(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = cells
        .iter()
        .map(|(name, data_type, _)| ResultColumn { name: (*name).to_owned(), data_type: *data_type });
    let columns = columns.collect();
    let arrays = cells.into_iter().map(|(_, _, array)| array).collect();
    let batch = RecordBatch::try_new(schema, arrays)
        .map_err(|error| SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Rows::new(false, columns, futures::stream::iter([Ok(batch)]).boxed()))
}
