//! What is held while a series is summed up.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array};
use levada_model::{Column, DataType, Path, Tablet, Write};

use crate::{Piece, Storage, StorageOptions, TimeRange, Windows};

#[test]
fn a_chunk_across_windows_is_read_page_by_page() {
    const ROWS: i64 = 200_000;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let storage = Storage::open(StorageOptions::new(folder.path())).expect("opens");
    let device = Path::parse("root.a.d").expect("legal");
    let times = Int64Array::from_iter_values(0..ROWS);
    let values = Float64Array::from_iter_values((0..ROWS).map(|row| (row % 100) as f64));
    let column = Column { name: "s".into(), data_type: DataType::Double, values: Arc::new(values) };
    let tablet = Tablet::try_new(device.clone(), false, times, vec![column]).expect("columns fit");
    storage.insert(Write { tablets: vec![tablet], ..Write::default() }).expect("taken");
    storage.flush(&[]).expect("flushed");
    let windows = Some(Windows { origin: 0, width: 7 });
    let mut pieces = storage.view().pieces(&device, &"s".into(), TimeRange::ALL, windows).expect("read");
    let (mut rows, mut most) = (0, 0);
    while let Some(piece) = pieces.next() {
        rows += match piece.expect("read") {
            Piece::Rows(batch) => batch.num_rows() as u64,
            Piece::Summary(summary) => summary.count,
        };
        most = most.max(pieces.held_bytes());
    }
    assert_eq!(rows, ROWS as u64);
    // All of them decoded are 16 bytes a row.
    assert!(most > 0 && most < 16 * ROWS as usize / 4, "{most} bytes are held");
    storage.close().expect("closed");
}
