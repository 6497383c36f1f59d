//! Which types the columns of a file have: those of the Arrow schema that most writers put beside Parquet's own.

use std::{collections::HashSet, fs::File, sync::Arc};

use anyhow::bail;
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    basic::{ConvertedType, Type as PhysicalType},
    errors::ParquetError,
    file::metadata::ColumnChunkMetaData,
};

/// Reads what a file says of its columns. Where its Arrow schema has types that are not known here, Parquet's own count.
///
/// # Errors
/// The file is none of Parquet or damaged, or only the Arrow schema says what a column's bytes mean.
pub(super) fn load(file: &File) -> anyhow::Result<ArrowReaderMetadata> {
    let metadata = match ArrowReaderMetadata::load(file, ArrowReaderOptions::new()) {
        Ok(metadata) => metadata,
        Err(error) => own(file, error)?,
    };
    if let Some(broken) = misplaced(&metadata, file.metadata()?.len()) {
        bail!("the file is damaged: by what its end says, values of column `{broken}` lie outside of it");
    }
    Ok(match without_int96(&metadata) {
        Some(schema) => ArrowReaderMetadata::load(file, ArrowReaderOptions::new().with_schema(schema))?,
        None => metadata,
    })
}

/// Finds a column whose values, by the metadata, lie outside of the file. The reader of the crate panics on one.
fn misplaced(metadata: &ArrowReaderMetadata, length: u64) -> Option<String> {
    let mut chunks = metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
    let is_within = |chunk: &&ColumnChunkMetaData| {
        let first = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
        let range = u64::try_from(first).ok().zip(u64::try_from(chunk.compressed_size()).ok());
        range.and_then(|(first, bytes)| first.checked_add(bytes)).is_some_and(|end| end <= length)
    };
    chunks.find(|chunk| !is_within(chunk)).map(|chunk| chunk.column_path().string())
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

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    #[test]
    fn no_bit_that_has_changed_in_the_end_of_a_file_sends_its_reader_outside_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let columns: [(&str, ArrayRef); 2] = [
            ("Time", Arc::new(Int64Array::from(vec![1, 2]))),
            ("root.p.d.s", Arc::new(StringArray::from(vec!["a", "b"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        let whole = writer.into_inner().expect("written");
        let tail: [u8; 4] = whole[whole.len() - 8..whole.len() - 4].try_into().expect("four bytes");
        let end = whole.len() - 8 - u32::from_le_bytes(tail) as usize;
        let mut damaged = 0;
        for at in end..whole.len() - 8 {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                fs::write(&path, bytes).expect("written");
                let file = File::open(&path).expect("there");
                match load(&file) {
                    Ok(metadata) => {
                        for chunk in metadata.metadata().row_groups().iter().flat_map(|group| group.columns())
                        {
                            let (first, bytes) = chunk.byte_range();
                            assert!(first + bytes <= whole.len() as u64, "byte {at}, bit {bit}");
                        }
                    }
                    Err(error) => {
                        damaged += usize::from(error.to_string().starts_with("the file is damaged"))
                    }
                }
            }
        }
        assert!(damaged > 0, "some of them move what they say of values");
    }
}
