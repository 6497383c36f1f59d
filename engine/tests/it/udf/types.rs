//! What functions give: six types, any number of points.

use levada_engine::functions::udf::{
    Access, Configuration, DataType, Failure, PointCollector, Row, UdfParameters, Udtf,
};

use super::{make, stores};
use crate::store::{Store, done, rejection, rows};

/// For each row as many points as its value says, of the type that an attribute names.
#[derive(Debug, Default)]
struct Points;

impl Udtf for Points {
    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        let name = parameters.required("type")?;
        let data_type = DataType::ALL.into_iter().find(|each| each.name() == name);
        let data_type = data_type.ok_or_else(|| Failure::parameters(format!("there is no type {name}")))?;
        Ok(Configuration::new(Access::RowByRow, data_type))
    }

    fn row(&mut self, row: Row<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        for at in 0..row.get::<i64>(0)?.unwrap_or(0) {
            let time = row.time() * 100 + at;
            match points.data_type() {
                DataType::Boolean => points.put(time, at % 2 == 0)?,
                DataType::Int32 => points.put(time, 7_i32)?,
                DataType::Int64 => points.put(time, 8_i64)?,
                DataType::Float => points.put(time, 0.5_f32)?,
                DataType::Double => points.put(time, 0.25_f64)?,
                _ => points.put(time, "seven")?,
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_transform_gives_any_number_of_points_of_each_of_six_types() {
    let store = Store::open();
    make(&store, "points", Points::default).await;
    let session = store.session();
    done(&session, "create timeseries root.p.d.n INT64").await;
    done(&session, "insert into root.p.d(time, n) values (1, 2), (2, 0), (3, 1)").await;
    for (data_type, values) in [
        ("BOOLEAN", ["true", "false", "true"]),
        ("INT32", ["7", "7", "7"]),
        ("INT64", ["8", "8", "8"]),
        ("FLOAT", ["0.5", "0.5", "0.5"]),
        ("DOUBLE", ["0.25", "0.25", "0.25"]),
        ("TEXT", ["seven", "seven", "seven"]),
    ] {
        let sql = format!("select points(n, 'type'='{data_type}') from root.p.d");
        assert_eq!(done(&session, &sql).await.types[1], data_type);
        let expected: Vec<_> =
            ["100", "101", "300"].iter().zip(values).map(|(time, value)| format!("{time},{value}")).collect();
        assert_eq!(rows(&session, &sql).await, expected, "{data_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_type_is_decided_by_the_input_while_the_query_starts() {
    for store in stores().await {
        let session = store.session();
        for (series, data_type, value) in [
            ("b", "BOOLEAN", "true"),
            ("i", "INT32", "1"),
            ("l", "INT64", "2"),
            ("f", "FLOAT", "1.5"),
            ("d", "DOUBLE", "2.5"),
            ("t", "TEXT", "'x'"),
            ("s", "STRING", "'y'"),
            ("ts", "TIMESTAMP", "5"),
            ("da", "DATE", "'2024-01-02'"),
        ] {
            done(&session, &format!("create timeseries root.t.d.{series} {data_type}")).await;
            done(&session, &format!("insert into root.t.d(time, {series}) values (1, {value})")).await;
            let given = done(&session, &format!("select same({series}) from root.t.d")).await;
            let raw = done(&session, &format!("select {series} from root.t.d")).await;
            assert_eq!((&given.types, &given.rows), (&raw.types, &raw.rows), "{series}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_points_of_few_rows_come_in_pieces() {
    let store = Store::open();
    make(&store, "points", Points::default).await;
    let session = store.session();
    done(&session, "create timeseries root.p.d.n INT64").await;
    let values: Vec<_> = (0..20_000).map(|time| format!("({time}, 90)")).collect();
    for some in values.chunks(5_000) {
        done(&session, &format!("insert into root.p.d(time, n) values {}", some.join(","))).await;
    }
    assert_eq!(
        rows(&session, "select count(points(n, 'type'='INT64')), count(n) from root.p.d").await,
        ["1800000,20000"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_points_that_do_not_increase_end_the_query_with_function_and_time() {
    for store in stores().await {
        let session = store.session();
        let sql = "select wrong(s1, 'transform'='back') from root.sg.d1";
        let (code, message) = rejection(&session, sql).await;
        assert_eq!(
            (code, message.as_str()),
            (301, "function wrong: transform: the times of points must strictly increase: 1 came after 1")
        );
    }
}
