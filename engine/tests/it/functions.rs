//! Functions that are made of modules while the engine runs.
//!
//! A module here is a text: lines of an id and a factor. What it declares multiplies by the factor.

use std::{fs, path::Path, sync::Arc};

use arrow_array::{cast::AsArray, types::Float64Type};
use futures::StreamExt;
use levada_engine::{
    Access,
    functions::udf::{
        self, Configuration, DataType, Failure, Fault, FaultKind, Method, PointCollector, Row, UdfError,
        UdfFactory, UdfLoader, UdfParameters, Udtf, udtf,
    },
};
use levada_model::{Outcome, Session};

use super::store::{Store, done, rejection, rows};

/// Makes functions of texts.
#[derive(Debug)]
struct Texts;

impl UdfLoader for Texts {
    fn reads(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension == "txt")
    }

    fn load(&self, file: &Path) -> Result<Vec<Arc<dyn UdfFactory>>, UdfError> {
        let name = file.display().to_string();
        let failed = |kind, why: String| UdfError::new(name.clone(), Method::Load, Fault::new(kind, why));
        let text = fs::read_to_string(file).map_err(|error| failed(FaultKind::Io, error.to_string()))?;
        let line = |line: &str| {
            let (id, factor) = line.split_once(' ').ok_or("a line has no factor")?;
            let factor: f64 = factor.parse().map_err(|_| format!("`{factor}` is no factor"))?;
            Ok(udtf(id, move || Times(factor)))
        };
        text.lines().map(line).collect::<Result<_, String>>().map_err(|why| failed(FaultKind::Module, why))
    }
}

struct Times(f64);

impl Udtf for Times {
    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Failure> {
        Ok(Configuration::new(udf::Access::RowByRow, DataType::Double))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        row.get::<f64>(0)?.map_or(Ok(()), |value| points.put(row.time(), value * self.0))
    }
}

/// A store that can make functions of texts, with a series of two rows.
async fn store() -> Store {
    let mut store = Store::open();
    reopen(&mut store);
    let session = store.session();
    done(&session, "create timeseries root.f.d.s DOUBLE").await;
    done(&session, "insert into root.f.d(time, s) values (1, 1.5), (2, 4)").await;
    store
}

fn reopen(store: &mut Store) {
    store.reopen_with(|options| options.udf_loader = Some(Arc::new(Texts)));
}

fn put(store: &Store, file: &str, text: &str) {
    let path = store.data().join("ext/udf").join(file);
    fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

const ASKED: &str = "select Twice(s) from root.f.d";

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_put_into_the_folder_is_used_without_a_restart() {
    let store = store().await;
    let session = store.session();
    let (code, message) = rejection(&session, "create function twice as 'ex.Twice'").await;
    assert_eq!(code, 1200);
    assert!(message.starts_with("Failed to load class 'ex.Twice': no module below "), "{message}");
    assert!(message.ends_with("ext/udf declares it (0 files were looked at)"), "{message}");
    put(&store, "a/b/more.txt", "ex.Once 1\nex.Twice 2");
    put(&store, "readme.md", "not a module");
    done(&session, "create function twice as \"ex.Twice\"").await;
    assert_eq!(rows(&session, ASKED).await, ["1,3.0", "2,8.0"]);
    assert_eq!(done(&session, ASKED).await.columns, ["Time", "Twice(root.f.d.s)"]);
    let listed = rows(&session, "show functions").await;
    assert!(listed.contains(&"TWICE,external UDTF,ex.Twice,AVAILABLE".to_owned()), "{listed:?}");
    assert!(listed[0].starts_with("CONST,built-in UDTF,"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_there_after_a_restart_and_after_a_crash() {
    let mut store = store().await;
    put(&store, "m.txt", "ex.Twice 2\nex.Half 0.5");
    done(&store.session(), "create function twice as 'ex.Twice'").await;
    done(&store.session(), "create temporary function once as 'ex.Twice'").await;
    store.engine().close().await.expect("closed");
    reopen(&mut store);
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"]);
    assert_eq!(rejection(&store.session(), "select once(s) from root.f.d").await.0, 701);
    // Not closed: what was acknowledged is on the disk.
    done(&store.session(), "create function half as 'ex.Half'").await;
    done(&store.session(), "drop function TWICE").await;
    reopen(&mut store);
    assert_eq!(rows(&store.session(), "select half(s) from root.f.d").await, ["1,0.75", "2,2.0"]);
    assert_eq!(rejection(&store.session(), ASKED).await.0, 701);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_after_a_restart_says_why_and_works_when_it_is_back() {
    let mut store = store().await;
    put(&store, "m.txt", "ex.Twice 2");
    done(&store.session(), "create function twice as 'ex.Twice'").await;
    fs::remove_file(store.data().join("ext/udf/m.txt")).expect("removed");
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"], "it is loaded");
    reopen(&mut store);
    let (code, message) = rejection(&store.session(), ASKED).await;
    assert_eq!(code, 1200, "{message}");
    assert!(message.contains("no module below"), "{message}");
    store.reopen();
    let (_, message) = rejection(&store.session(), ASKED).await;
    assert!(message.contains("this program cannot run modules"), "{message}");
    reopen(&mut store);
    put(&store, "m.txt", "ex.Twice 2");
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_known_in_any_case_and_those_that_are_taken_are_rejected() {
    let store = store().await;
    let session = store.session();
    put(&store, "m.txt", "ex.Twice 2");
    done(&session, "create function twice as 'ex.Twice'").await;
    assert_eq!(
        rejection(&session, "create function TWICE as 'ex.Twice'").await,
        (301, "Failed to create UDF [TWICE], the same name UDF has been created".to_owned())
    );
    assert_eq!(
        rejection(&session, "create function Sin as 'ex.Twice'").await,
        (
            1204,
            "Failed to create UDF [SIN], the given function name conflicts with the built-in function name."
                .to_owned()
        )
    );
    assert_eq!(rejection(&session, "create function count as 'ex.Twice'").await.0, 1204);
    assert_eq!(
        rejection(&session, "drop function sin").await,
        (1205, "Built-in function SIN can not be deregistered.".to_owned())
    );
    done(&session, "drop function tWiCe").await;
    assert_eq!(
        rejection(&session, "drop function twice").await,
        (301, "Failed to drop UDF [TWICE], this UDF has not been created".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_counts_after_drop_and_create_and_queries_that_run_end_with_the_old() {
    let store = store().await;
    let session = store.session();
    let values: Vec<_> = (3..200_000).map(|time| format!("({time}, 1)")).collect();
    for some in values.chunks(10_000) {
        done(&session, &format!("insert into root.f.d(time, s) values {}", some.join(","))).await;
    }
    put(&store, "m.txt", "ex.Twice 2");
    done(&session, "create function twice as 'ex.Twice'").await;
    let Outcome::Rows(running) = session.execute(ASKED).await.expect("it runs") else { panic!("rows") };
    done(&session, "drop function twice").await;
    put(&store, "m.txt", "ex.Twice 3");
    done(&session, "create function twice as 'ex.Twice'").await;
    let mut sum = 0.0;
    let mut batches = running.batches;
    while let Some(batch) = batches.next().await {
        let batch = batch.expect("rows");
        sum += batch.column(1).as_primitive::<Float64Type>().values().iter().sum::<f64>();
    }
    assert_eq!(sum, 2.0 * (1.5 + 4.0 + 199_997.0));
    assert_eq!(rows(&session, "select twice(s) from root.f.d limit 2").await, ["1,4.5", "2,12.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_modules_with_one_id_are_an_error_that_names_both() {
    let store = store().await;
    put(&store, "one.txt", "ex.Twice 2");
    put(&store, "sub/two.txt", "ex.Twice 3");
    let (code, message) = rejection(&store.session(), "create function twice as 'ex.Twice'").await;
    assert_eq!(code, 1200);
    assert!(message.contains("ext/udf/one.txt and by "), "{message}");
    assert!(message.contains("ext/udf/sub/two.txt: leave one of them there"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_module_does_not_hide_the_others() {
    let store = store().await;
    put(&store, "bad.txt", "nonsense");
    let (_, message) = rejection(&store.session(), "create function twice as 'ex.Twice'").await;
    assert!(message.contains("bad.txt: a line has no factor"), "{message}");
    put(&store, "good.txt", "ex.Twice 2");
    done(&store.session(), "create function twice as 'ex.Twice'").await;
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_is_brought_from_a_uri_and_goes_with_its_function() {
    let mut store = store().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("a module.txt");
    fs::write(&file, "ex.Twice 2").expect("written");
    let uri = format!("file://{}", file.display()).replace(' ', "%20");
    let create = format!("create function twice as 'ex.Twice' using uri '{uri}'");
    let session = store.session();
    let (code, message) =
        rejection(&session, &format!("create function twice as 'ex.Other' using uri '{uri}'")).await;
    assert_eq!(code, 1201);
    assert!(message.contains("a module.txt declares ex.Twice"), "{message}");
    for wrong in ["https://example.org/x.txt", "file:///nowhere/x.txt", "x.txt"] {
        let sql = format!("create function twice as 'ex.Twice' using uri '{wrong}'");
        assert_eq!(rejection(&session, &sql).await.0, 1201, "{wrong}");
    }
    done(&session, &create).await;
    fs::write(&file, "ex.Twice 3").expect("written");
    drop(session);
    reopen(&mut store);
    let session = store.session();
    assert_eq!(rows(&session, ASKED).await, ["1,3.0", "2,8.0"], "the copy is used");
    assert_eq!(
        rejection(&session, "create function other as 'ex.Twice'").await.0,
        1200,
        "by its function alone"
    );
    done(&session, "drop function twice").await;
    done(&session, &create).await;
    assert_eq!(rows(&session, ASKED).await, ["1,4.5", "2,12.0"]);
    done(&session, "drop function twice").await;
    let left = fs::read_dir(store.data().join("ext/udf/.installed")).expect("a folder").count();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_functions_is_named_and_nothing_is_opened() {
    let mut store = store().await;
    put(&store, "m.txt", "ex.Twice 2");
    done(&store.session(), "create function twice as 'ex.Twice'").await;
    let file = store.data().join("functions/functions.json");
    let good = fs::read_to_string(&file).expect("there");
    store.engine().close().await.expect("closed");
    for bad in [
        &good[..good.len() / 2],
        "",
        &good.replace("series", "serious"),
        &good.replace("\"version\": 1", "\"version\": 9"),
    ] {
        fs::write(&file, bad).expect("written");
        let error = store.try_open(|_| {}).expect_err("damaged").to_string();
        assert!(error.contains("functions.json"), "{error}");
    }
    fs::write(&file, &good).expect("written");
    reopen(&mut store);
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_read_alone_has_its_functions_and_takes_no_more() {
    let mut store = store().await;
    put(&store, "m.txt", "ex.Twice 2");
    done(&store.session(), "create function twice as 'ex.Twice'").await;
    store.engine().close().await.expect("closed");
    store.reopen_with(|options| {
        options.udf_loader = Some(Arc::new(Texts));
        options.storage.access = Access::Read;
    });
    assert_eq!(rows(&store.session(), ASKED).await, ["1,3.0", "2,8.0"]);
    for sql in ["create function other as 'ex.Twice'", "drop function twice"] {
        assert_eq!(rejection(&store.session(), sql).await.0, 600, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_the_program_are_made_by_their_id_and_another_folder_may_hold_modules() {
    let mut store = store().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::write(elsewhere.path().join("m.txt"), "ex.Half 0.5").expect("written");
    let open = |store: &mut Store| {
        store.reopen_with(|options| {
            options.udf_loader = Some(Arc::new(Texts));
            options.udf_root_dir = Some(elsewhere.path().to_owned());
        });
        store.engine().offer_function(udtf("program.Thrice", || Times(3.0)));
    };
    open(&mut store);
    done(&store.session(), "create function thrice as 'program.Thrice'").await;
    done(&store.session(), "create function half as 'ex.Half'").await;
    open(&mut store);
    let asked = "select thrice(s), HALF(s), half(thrice(s)) + s from root.f.d";
    assert_eq!(rows(&store.session(), asked).await, ["1,4.5,0.75,3.75", "2,12.0,2.0,10.0"]);
}
