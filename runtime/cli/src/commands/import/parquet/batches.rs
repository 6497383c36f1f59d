//! The batches of a file, up to the first that cannot be read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::bail;
use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

/// Reads a file batch by batch.
pub(super) struct Batches(Option<ParquetRecordBatchReader>);

impl Batches {
    pub(super) fn new(reader: ParquetRecordBatchReader) -> Self {
        Self(Some(reader))
    }

    /// The next batch; `None` at the end, and behind an error.
    ///
    /// # Errors
    /// The file is damaged. Some damage makes its reader panic, as where a dictionary is gone that values refer to; that is an error as others.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<RecordBatch>> {
        // After an error the reader may give the same one for ever.
        let Some(mut reader) = self.0.take() else { return Ok(None) };
        // Nothing of the reader is used after a panic.
        match catch_unwind(AssertUnwindSafe(|| (reader.next(), reader))) {
            Ok((Some(batch), reader)) => {
                let batch = batch?;
                self.0 = Some(reader);
                Ok(Some(batch))
            }
            Ok((None, _)) => Ok(None),
            Err(_) => bail!("the file is damaged: its values are not as its end says"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

    use super::{super::schema, *};

    #[test]
    fn no_bit_that_has_changed_makes_the_import_panic() {
        let texts = (0..64).map(|row| Some(["on", "off", "idle"][row % 3])).collect::<StringArray>();
        let columns: [(&str, ArrayRef); 2] =
            [("Time", Arc::new(Int64Array::from_iter_values(0..64))), ("root.p.d.s", Arc::new(texts))];
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        let whole = writer.into_inner().expect("written");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let mut damaged = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).expect("written");
            let file = fs::File::open(&path).expect("there");
            let Ok(metadata) = schema::load(&file) else { continue };
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let Ok(reader) = builder.build() else { continue };
            let mut batches = Batches::new(reader);
            loop {
                match batches.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => damaged += 1,
                }
            }
        }
        assert!(damaged > 20, "{damaged}");
    }
}
