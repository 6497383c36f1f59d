//! `enrich` on the embedded engine.

use std::sync::Arc;

use levada_connector_api::{
    Batch, BuildContext, Emitter, EngineTuning, Options, Readings, StoreTarget, Stores, Transform,
    TransformType,
    model::{Column, DataType, Path, Session, Tablet, Value},
};
use levada_runtime::{EngineStores, transform::Enrich};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

struct Store {
    folder: TempDir,
    stores: Arc<EngineStores>,
    session: Arc<dyn Session>,
}

impl Store {
    async fn new(statements: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let stores = Arc::new(EngineStores::new());
        let target =
            StoreTarget::Embedded { folder: folder.path().to_owned(), tuning: EngineTuning::default() };
        let session = stores.open(&target).await.expect("opened");
        for statement in statements {
            session.execute(statement).await.expect(statement);
        }
        Self { folder, stores, session }
    }

    fn enrich(&self, mut options: Json) -> Box<dyn Transform> {
        options["embedded"] = json!(self.folder.path());
        let stores = Arc::clone(&self.stores) as Arc<dyn Stores>;
        let context = BuildContext { stores, ..BuildContext::new("p", "enrich") };
        let options = Options::read(options).expect("well formed");
        assert_eq!(Enrich::check(&options), []);
        Enrich::build(options, &context).expect("options that work")
    }
}

fn batch(device: &str, times: &[i64]) -> Batch {
    let values = arrow_array::Float64Array::from_iter_values(times.iter().map(|&time| time as f64));
    let column = Column { name: "s".into(), data_type: DataType::Double, values: Arc::new(values) };
    let device = Path::parse(device).expect("legal");
    let tablet = Tablet::try_new(device, false, times.to_vec().into(), vec![column]).expect("it fits");
    Batch { readings: vec![Readings::synthetic(tablet)], ..Batch::default() }
}

/// The values of a column behind the transform; `None` where there is no such column.
async fn column(transform: &mut Box<dyn Transform>, batch: Batch, name: &str) -> Option<Vec<Option<Value>>> {
    transform.prepare(&batch).await.expect("looked up");
    let mut out = Emitter::new(std::time::Instant::now());
    transform.apply(batch, &mut out).expect("applied");
    let tablet = out.take().batch.readings.remove(0).tablet;
    let found = tablet.columns().iter().find(|column| &*column.name == name)?;
    Some((0..tablet.rows()).map(|row| found.value(row)).collect())
}

#[tokio::test(start_paused = true)]
async fn the_last_values_are_added_and_remembered_for_a_while() {
    let store =
        Store::new(&["insert into root.limits.d1(time, max, unit) values (1, 70.5, null), (2, 80.5, 'C')"])
            .await;
    let options = json!({
        "device": "root.limits.{name}", "measurements": {"max": "limit", "unit": "unit", "s": "s"}, "remembers": "5s",
    });
    let mut enrich = store.enrich(options);
    let limit = |value| Some(vec![Some(Value::Double(value)); 2]);
    assert_eq!(column(&mut enrich, batch("plant.d1", &[5, 6]), "limit").await, limit(80.5));
    let unit = column(&mut enrich, batch("plant.d1", &[5]), "unit").await;
    assert_eq!(unit, Some(vec![Some(Value::Text("C".to_owned()))]));
    assert_eq!(column(&mut enrich, batch("plant.d2", &[5]), "limit").await, None, "there is none");
    let own = column(&mut enrich, batch("plant.d1", &[5]), "s").await;
    assert_eq!(own, Some(vec![Some(Value::Double(5.0))]), "what a reading says itself stays");
    store.session.execute("insert into root.limits.d1(time, max) values (3, 90.5)").await.expect("stored");
    assert_eq!(column(&mut enrich, batch("plant.d1", &[7, 8]), "limit").await, limit(80.5), "remembered");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(column(&mut enrich, batch("plant.d1", &[7, 8]), "limit").await, limit(90.5));
}

#[tokio::test]
async fn the_value_of_the_time_is_the_nearest_or_the_one_before() {
    let insert = "insert into root.weather(time, t) values (1000, 10), (2000, 20), (9000, 90)";
    let store = Store::new(&[insert]).await;
    let times = [400, 1_400, 1_600, 3_000, 9_500];
    for (value, expected) in [
        ("nearest", [Some(10.0), Some(10.0), Some(20.0), Some(20.0), Some(90.0)]),
        ("before", [None, Some(10.0), Some(10.0), Some(20.0), Some(90.0)]),
    ] {
        let options = json!({"device": "root.weather", "measurements": {"t": "outside"}, "value": value, "within": "1s"});
        let mut enrich = store.enrich(options);
        let found = column(&mut enrich, batch("root.plant.d1", &times), "outside").await;
        assert_eq!(found, Some(expected.map(|value| value.map(Value::Double)).to_vec()), "{value}");
        assert_eq!(column(&mut enrich, batch("root.plant.d1", &[5_000]), "outside").await, None, "{value}");
    }
}
