//! What older folders may hold.

use std::sync::Arc;

use arrow_array::Int64Array;
use levada_model::{Column, DataType, Encoding, Path, SeriesSchema, Tablet, Write};

use crate::{
    StorageOptions,
    catalog_op::{CatalogOp, SeriesDef},
    store::{By, open},
    wal::Wal,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn a_series_in_an_encoding_that_is_only_read_is_flushed_in_the_usual_one() -> Outcome {
    for aligned in [false, true] {
        let dir = tempfile::tempdir()?;
        let store = open(StorageOptions::new(dir.path()))?;
        let device = Path::parse("root.a.d")?;
        let schema =
            SeriesSchema { encoding: Encoding::Regular, ..SeriesSchema::default_for(DataType::Int64) };
        let mut core = store.core.lock();
        let (id, seq) = (core.catalog.next_id(), core.seq);
        core.execute(
            CatalogOp::CreateDatabase { id, path: Path::parse("root.a")?, ttl: None, partition: None },
            seq + 1,
        );
        let series = vec![SeriesDef::plain("s".into(), schema)];
        core.execute(CatalogOp::CreateSeries { device: device.clone(), aligned, series }, seq + 2);
        let values = Arc::new(Int64Array::from(vec![7, 9, 8]));
        let column = Column { name: "s".into(), data_type: DataType::Int64, values };
        let tablet = Tablet::try_new(device.clone(), aligned, Int64Array::from(vec![1, 2, 3]), vec![column])?;
        let inserted =
            store.insert(core, Write { tablets: vec![tablet], ..Write::default() }, By::ANYBODY)?;
        assert!(inserted.report.rejected.is_empty());
        let batch = {
            let mut core = store.core.lock();
            core.freeze(|_| true);
            core.next_to_flush()
        };
        assert_eq!(batch.len(), 1);
        let failed = store.flush_together(&batch);
        assert!(failed.is_empty(), "{failed:?}");
        let core = store.core.lock();
        let files: Vec<_> = core.files.values().flatten().collect();
        assert!(matches!(files[..], [file] if file.meta.points == 3), "{files:?}");
        drop(core);
        store.wal.as_ref().map_or(Ok(()), Wal::close)?;
    }
    Ok(())
}
