//! Rows as a Parquet file.
//!
//! Names of columns are unique, as most readers need it: of a measurement that has several types each has a column of its own,
//! `x(DOUBLE)` and `x(TEXT)`; a measurement whose name is that of the time or of the device stands between backquotes.

use std::{collections::HashSet, thread};

use anyhow::Context;
use arrow_array::RecordBatch;
use futures::TryStreamExt;
use levada_model::{DataType, Rows};
use levada_sink::table::{
    measurement_names,
    parquet::{GroupLimit, ParquetWriter, TableColumn},
};

use tokio::sync::{mpsc, oneshot};

use super::target::Output;
use crate::output::two_of;

/// Batches that wait to be encoded.
const QUEUED: usize = 2;

/// Writes all rows and syncs the file; how many there are.
/// `by_device` says that columns are measurements, behind one that names the device.
///
/// A row group takes seconds to encode, and a signal must not wait for it: that has a thread of its own, which writes what nobody
/// will see where this future is dropped.
pub(super) async fn write(mut rows: Rows, by_device: bool, file: Output) -> anyhow::Result<u64> {
    let columns = columns(&rows, by_device);
    let mut names = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(column.name.as_str())) {
        return Err(two_of(&twice.name));
    }
    let writer = ParquetWriter::new(file, columns, GroupLimit::default())?;
    let (batches, coming) = mpsc::channel(QUEUED);
    let (report, ended) = oneshot::channel();
    // Where nobody waits for it any more, nobody has to know.
    let encoding = move || drop(report.send(encode(writer, coming)));
    thread::Builder::new().name("parquet".to_owned()).spawn(encoding).context("no thread for the file")?;
    let mut count = 0;
    let mut fed = true;
    while let Some(batch) = if fed { rows.batches.try_next().await? } else { None } {
        count += batch.num_rows() as u64;
        // Where the file takes no more, its thread says why.
        fed = batches.send(Piece::Rows(batch)).await.is_ok();
    }
    drop(batches.send(Piece::End).await);
    ended.await.context("the file was not written to its end")??;
    Ok(count)
}

/// What a file is made of.
enum Piece {
    Rows(RecordBatch),
    /// There are no more rows. Without this the file is not ended.
    End,
}

/// Writes what comes, and syncs the file when all has come.
fn encode(mut writer: ParquetWriter<Output>, mut coming: mpsc::Receiver<Piece>) -> anyhow::Result<()> {
    loop {
        match coming.blocking_recv() {
            Some(Piece::Rows(batch)) => writer.write(batch.columns())?,
            Some(Piece::End) => return Ok(writer.finish()?.sync()?),
            None => return Ok(()),
        }
    }
}

/// The columns of the file: those of the result, the time first where it has one.
fn columns(rows: &Rows, by_device: bool) -> Vec<TableColumn> {
    let column = |name: String, data_type, nullable| TableColumn { name, data_type, nullable };
    let time = rows.has_time.then(|| column("Time".to_owned(), DataType::Timestamp, false));
    let known: Vec<_> = rows.columns.iter().map(|each| (each.name.as_str(), each.data_type)).collect();
    // The device comes first and is no measurement.
    let first = usize::from(by_device).min(known.len());
    let (device, measurements) = known.split_at(if by_device { first } else { known.len() });
    let mut columns: Vec<_> = time.into_iter().collect();
    columns.extend(device.iter().map(|&(name, data_type)| column(name.to_owned(), data_type, true)));
    let is_named = |at: Option<usize>, name: &str| {
        at.and_then(|at| measurements.get(at)).is_some_and(|(other, _)| *other == name)
    };
    for (at, shown) in measurement_names(measurements).into_iter().enumerate() {
        let (name, data_type) = measurements[at];
        if is_named(at.checked_sub(1), name) || is_named(Some(at + 1), name) {
            eprintln!("`{name}` has several types: the column `{shown}` has its values of {data_type}");
        }
        columns.push(column(shown.into_owned(), data_type, true));
    }
    columns
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        os::fd::OwnedFd,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };

    use arrow_array::{ArrayRef, Int64Array};
    use arrow_schema::{DataType as ArrowType, Field, Schema};
    use futures::{StreamExt, poll, stream};
    use levada_model::ResultColumn;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_a_file_is_not_held_up_while_it_is_encoded() -> anyhow::Result<()> {
        // Nobody reads what is written, so that the last row group is never done.
        let (unread, full) = std::io::pipe()?;
        let file = Output { file: File::from(OwnedFd::from(full)), path: "pipe".into() };
        let noise = (0..100_000i64).map(|at| at.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let noise: ArrayRef = Arc::new(Int64Array::from_iter_values(noise));
        let schema = Schema::new(vec![Field::new("n", ArrowType::Int64, true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![noise])?;
        let all_came = Arc::new(AtomicBool::new(false));
        let came = Arc::clone(&all_came);
        let end = stream::once(async move { came.store(true, Ordering::Relaxed) });
        let batches = stream::iter([Ok(batch)]).chain(end.filter_map(async |()| None)).boxed();
        let columns = vec![ResultColumn { name: "n".to_owned(), data_type: DataType::Int64 }];
        let rows = Rows { query: None, has_time: false, columns, batches };
        let mut writing = pin!(write(rows, false, file));
        while !all_came.load(Ordering::Relaxed) {
            assert!(poll!(&mut writing).is_pending());
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            assert!(poll!(&mut writing).is_pending());
            tokio::task::yield_now().await;
        }
        // Then the write fails, and says so.
        drop(unread);
        let error = writing.await.expect_err("nobody reads");
        assert!(error.to_string().contains("cannot write to pipe"), "{error}");
        Ok(())
    }
}
