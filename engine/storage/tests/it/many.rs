//! A catalog of many series: a million of them must fit into 500 MiB.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use levada_model::{DataType, SeriesSchema};
use levada_storage::{NewSeries, Storage, StorageOptions};

use crate::rows::{options, path, pattern};

/// Counts what is allocated.
struct Counting;

pub(crate) static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn series_take_less_than_500_bytes_each() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = StorageOptions { wal: false, ..options(dir.path()) };
    let storage = Storage::open(options.clone()).expect("opens");
    let new = |device: &str, measurement: Arc<str>| NewSeries {
        device: path(device),
        measurement,
        schema: SeriesSchema::default_for(DataType::Double),
        aligned: false,
        alias: None,
        tags: Default::default(),
        attributes: Default::default(),
        deadband: None,
    };
    // Half of them on wide devices, half on devices of their own.
    let wide = (0..100).flat_map(|device| {
        (0..1000).map(move |series| {
            new(&format!("root.w.plant{}.device{device}", device % 10), format!("measurement{series}").into())
        })
    });
    let narrow = (0..100_000)
        .map(|device| new(&format!("root.n.plant{}.device{device}", device % 100), "value".into()));
    storage.create_series(wide.chain(narrow).collect()).expect("made");
    storage.close().expect("closes");
    drop(storage);
    let (before, start) = (ALLOCATED.load(Ordering::Relaxed), Instant::now());
    let storage = Storage::open(options).expect("opens");
    let took = start.elapsed();
    let bytes = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    println!("{} bytes a series, opened in {took:?}", bytes / 200_000);
    assert!(bytes < 500 * 200_000, "{bytes} bytes");
    assert_eq!(storage.stats().series, 200_000);
    assert_eq!(storage.view().series(&pattern("root.w.*.device77.measurement99")).len(), 1);
    assert_eq!(storage.view().devices(&pattern("root.n.plant7.*")).len(), 1000);
}
