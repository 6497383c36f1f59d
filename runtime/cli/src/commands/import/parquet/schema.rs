//! Which types the columns of a file have: those of the Arrow schema that most writers put beside Parquet's own.

use std::{collections::HashSet, fs::File, sync::Arc};

use anyhow::bail;
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    basic::{ConvertedType, Type as PhysicalType},
    errors::ParquetError,
};

/// Reads what a file says of its columns. Where its Arrow schema has types that are not known here, Parquet's own count.
///
/// # Errors
/// The file is none of Parquet, or only the Arrow schema says what a column's bytes mean.
pub(super) fn load(file: &File) -> anyhow::Result<ArrowReaderMetadata> {
    let metadata = match ArrowReaderMetadata::load(file, ArrowReaderOptions::new()) {
        Ok(metadata) => metadata,
        Err(error) => own(file, error)?,
    };
    Ok(match without_int96(&metadata) {
        Some(schema) => ArrowReaderMetadata::load(file, ArrowReaderOptions::new().with_schema(schema))?,
        None => metadata,
    })
}

/// The columns by Parquet's own types.
fn own(file: &File, error: ParquetError) -> anyhow::Result<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let Ok(metadata) = ArrowReaderMetadata::load(file, options) else { return Err(error.into()) };
    let unknown = metadata.parquet_schema().columns().iter().find(|column| {
        column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY
            && column.converted_type() == ConvertedType::NONE
            && column.logical_type_ref().is_none()
    });
    if let Some(column) = unknown {
        let (name, bytes) = (column.path().string(), column.type_length());
        bail!(
            "column `{name}`: its values are of {bytes} bytes, and what they mean is not known here ({error}): leave the column \
             out, or turn it into a decimal or text before (in Polars, `cast(pl.Decimal(38, 0))`)"
        );
    }
    Ok(metadata)
}

/// The schema with times in milliseconds where the file has them as INT96, which as nanoseconds would end in the year 2262.
fn without_int96(metadata: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let columns = metadata.parquet_schema().columns().iter();
    let int96: HashSet<String> = columns
        .filter(|column| column.physical_type() == PhysicalType::INT96)
        .map(|column| column.path().string())
        .collect();
    let schema = metadata.schema();
    if !schema.fields().iter().any(|field| int96.contains(field.name())) {
        return None;
    }
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        ArrowType::Timestamp(_, zone) if int96.contains(field.name()) => {
            let millis = ArrowType::Timestamp(TimeUnit::Millisecond, zone.clone());
            Arc::new(Field::clone(field).with_data_type(millis))
        }
        _ => Arc::clone(field),
    });
    Some(Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())))
}
