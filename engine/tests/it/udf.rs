//! Functions of users: what the model's page says of them, sentence by sentence. Each test runs over every way to make a
//! function.
//!
//! ```text
//!   root.sg.d1    s1   s2   s3          root.sg.d2   s1   s2
//!     1           10         5            1         100   1
//!     2           20    2    9            2         200   2
//!     3                 3
//!     4           40    4    3
//!     5           50
//!     7           70    7    9
//! ```

mod aggregates;
mod failures;
#[path = "../../udf/tests/it/functions.rs"]
#[allow(dead_code, reason = "not each is used here")]
mod functions;
mod lifecycle;
mod queries;
mod registration;
mod types;
mod windows;

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use levada_engine::functions::udf::{Udtf, udaf, udtf};
use levada_udf_host::{HostOptions, UdfHost};

use self::functions::{Adder, Counter, Max, Mean, Same, Windows, Wrong};
use super::store::{Store, done};

/// Lets the program offer a function that makes a series, and makes it under a name.
pub(crate) async fn make<U: Udtf + Send + 'static>(
    store: &Store,
    name: &str,
    function: impl Fn() -> U + Send + Sync + 'static,
) {
    let id = format!("test.own.{name}");
    store.engine().offer_function(udtf(id.clone(), function));
    done(&store.session(), &format!("create function {name} as '{id}'")).await;
}

/// Runs modules; one for all tests, so that each is compiled once.
fn host() -> Arc<UdfHost> {
    static HOST: OnceLock<Arc<UdfHost>> = OnceLock::new();
    let host = || {
        let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules"));
        Arc::new(UdfHost::new(HostOptions { cache, ..HostOptions::default() }).expect("WASM runs here"))
    };
    Arc::clone(HOST.get_or_init(host))
}

/// A store whose functions come of a module in its folder.
fn of_modules() -> Store {
    let mut store = Store::open();
    let folder = store.data().join("ext/udf");
    fs::create_dir_all(&folder).expect("a folder");
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/udf/host/tests/modules/functions.wasm");
    fs::copy(module, folder.join("functions.wasm")).expect("the module is there");
    store.reopen_with(|options| options.udf_loader = Some(host()));
    store
}

/// Whether a store's functions come of a module.
pub(crate) fn has_module(store: &Store) -> bool {
    store.data().join("ext/udf/functions.wasm").is_file()
}

/// A store for every way to make a function, with the functions and the rows.
pub(crate) async fn stores() -> Vec<Store> {
    let stores = vec![of_program(), of_modules()];
    for store in &stores {
        fill(store).await;
    }
    stores
}

/// A store whose functions come of this program.
fn of_program() -> Store {
    let store = Store::open();
    let engine = store.engine();
    engine.offer_function(udtf("test.Adder", Adder::default));
    engine.offer_function(udtf("test.Counter", Counter::default));
    engine.offer_function(udtf("test.Max", Max::default));
    engine.offer_function(udtf("test.Same", Same::default));
    engine.offer_function(udtf("test.Windows", Windows::default));
    engine.offer_function(udtf("test.Wrong", Wrong::default));
    engine.offer_function(udaf("test.Mean", Mean::default));
    store
}

async fn fill(store: &Store) {
    let session = store.session();
    for name in ["Adder", "Counter", "Max", "Same", "Windows", "Wrong", "Mean"] {
        done(&session, &format!("create function {name} as 'test.{name}'")).await;
    }
    for sql in [
        "create timeseries root.sg.d1.s1 INT64",
        "create timeseries root.sg.d1.s2 INT64",
        "create timeseries root.sg.d1.s3 INT32",
        "create timeseries root.sg.d2.s1 INT64 tags(place=north)",
        "create timeseries root.sg.d2.s2 INT64 tags(place=south)",
        "insert into root.sg.d1(time, s1) values (1, 10), (2, 20), (4, 40), (5, 50), (7, 70)",
        "insert into root.sg.d1(time, s2) values (2, 2), (3, 3), (4, 4), (7, 7)",
        "insert into root.sg.d1(time, s3) values (1, 5), (2, 9), (4, 3), (7, 9)",
        "insert into root.sg.d2(time, s1, s2) values (1, 100, 1), (2, 200, 2)",
    ] {
        done(&session, sql).await;
    }
}
