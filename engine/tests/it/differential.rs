//! Random queries of a real store, answered and written as the plainest evaluation has them: rows in memory and in files, of
//! devices aligned or not, written in any order and over one another. A failure prints the seed of its store: see
//! [`plain::stores`].

#[path = "../../query/tests/it/differential/plain.rs"]
pub(crate) mod plain;

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use levada_model::{Column, DataType, Path, Session, Tablet, Value, Write};

use self::plain::{
    About, Chance, EACH, Into, Points, Question, Table, Written, answer, plainly, same_points, same_rows,
    shown, stores,
};
use crate::store::{Store, ask, done};

/// A series and some of its points.
type Part = (Path, &'static str, DataType, Vec<(i64, Value)>);

/// A tablet of one column.
fn tablet((device, measurement, data_type, points): &Part, aligned: bool) -> Tablet {
    macro_rules! array {
        ($array:ty, $variant:ident) => {
            Arc::new(
                points
                    .iter()
                    .map(|(_, value)| match value {
                        Value::$variant(value) => Some(value.clone()),
                        other => unreachable!("{other:?} is a {data_type}"),
                    })
                    .collect::<$array>(),
            )
        };
    }
    let values: ArrayRef = match data_type {
        DataType::Int32 => array!(Int32Array, Int32),
        DataType::Int64 => array!(Int64Array, Int64),
        DataType::Double => array!(Float64Array, Double),
        DataType::Text => array!(StringArray, Text),
        DataType::Boolean => array!(BooleanArray, Boolean),
        other => unreachable!("no measurement is a {other}"),
    };
    let times = points.iter().map(|(time, _)| *time).collect::<Int64Array>();
    let column = Column { name: (*measurement).into(), data_type: *data_type, values };
    Tablet::try_new(device.clone(), aligned, times, vec![column]).expect("as many values as times")
}

/// Writes the rows of a table in two parts, the newer ones mostly first, and some of them twice, with a flush behind each part or not.
async fn fill(session: &dyn Session, table: &Table, chance: &mut Chance) {
    let series: Vec<Part> = table.series().collect();
    let mut devices: BTreeMap<&Path, Vec<&Part>> = BTreeMap::new();
    for part in &series {
        devices.entry(&part.0).or_default().push(part);
    }
    let mut aligned = BTreeMap::new();
    for (device, parts) in devices {
        let is_aligned = chance.once_in(2);
        aligned.insert(device.clone(), is_aligned);
        let names = parts.iter().map(|(_, name, data_type, _)| format!("{name} {data_type}"));
        if is_aligned {
            let names = names.collect::<Vec<_>>().join(", ");
            done(session, &format!("create aligned timeseries {device}({names})")).await;
        } else {
            for name in names {
                done(session, &format!("create timeseries {device}.{name}")).await;
            }
        }
    }
    let splits: Vec<usize> = series.iter().map(|part| part.3.len() / chance.one(&[1, 2, 4])).collect();
    for older in [false, true] {
        let mut tablets = Vec::new();
        for ((device, measurement, data_type, points), &split) in series.iter().zip(&splits) {
            let points = match older {
                true => points[..split].to_vec(),
                // Values that the older part stands over.
                false => points[split.saturating_sub(2)..].to_vec(),
            };
            let part = (device.clone(), *measurement, *data_type, points);
            tablets.push(tablet(&part, aligned[device]));
        }
        let report = session.insert_tablets(Write { tablets, ..Write::default() }).await.expect("a write");
        assert!(report.rejected.is_empty(), "{:?}", report.rejected);
        if chance.once_in(2) {
            done(session, "flush").await;
        }
    }
}

/// Asks all queries of a store; says which answer, or what that was written, is the first that is another one.
async fn ask_all(seed: u64, about: About) -> Option<String> {
    let mut chance = Chance::new(seed);
    let table = Table::random(&mut chance, about == About::Views);
    let store = Store::open();
    let session = store.session();
    fill(&session, &table, &mut chance).await;
    for view in table.views() {
        done(&session, &view).await;
    }
    for _ in 0..EACH {
        let question = Question::random(&mut chance, about);
        if question.wildcard.as_ref().is_some_and(|(pattern, _)| *pattern == "root.*.*") {
            // Its columns come as a real server has them, those of `root.v` first.
            continue;
        }
        let difference = match question.into {
            None => read(&session, &table, &question).await,
            Some(into) => write(&session, &table, &question, into, chance.once_in(3)).await,
        };
        if let Some(difference) = difference {
            return Some(format!("DIFFERENTIAL_SEED={seed}: {difference}\n{table}"));
        }
    }
    None
}

/// Where the answer to a query is another one than it should be: which it is.
async fn read(session: &dyn Session, table: &Table, question: &Question) -> Option<String> {
    let sql = question.sql("");
    let (columns, rows) = answer(table, question);
    match ask(session, &sql).await {
        Ok(ours) if ours.columns == columns && same_rows(&ours.rows, &rows) => None,
        Ok(ours) => Some(format!(
            "{sql}\nours: {:?}\n{}\nplainly: {columns:?}\n{}",
            ours.columns,
            shown(&ours.rows),
            shown(&rows)
        )),
        Err(error) => Some(format!("{sql}\n{error}")),
    }
}

/// As [`read`], of what a query writes: what its report says, and what is stored afterwards.
async fn write(
    session: &dyn Session,
    table: &Table,
    question: &Question,
    into: Into,
    flush: bool,
) -> Option<String> {
    let (clause, expected) = plainly(table, question, into);
    let sql = question.sql(&clause);
    let ours = match (ask(session, &sql).await, &expected) {
        (Ok(report), Some(expected)) => {
            if flush {
                done(session, "flush").await;
            }
            let told: Vec<String> = report.rows.iter().map(|row| cells(row)).collect();
            let counted = |(source, target, points): &(String, String, Points)| {
                format!("{source} {target} {}", points.len())
            };
            let stored = stored(session).await;
            let right = told == expected.iter().map(counted).collect::<Vec<_>>() && holds(&stored, expected);
            (!right).then(|| format!("told: {told:#?}\nstored: {stored:#?}"))
        }
        (Err(error), None) if error.code.0 == 701 => {
            let stored = stored(session).await;
            (!stored.is_empty()).then(|| format!("rejected, and stored: {stored:#?}"))
        }
        (answer, _) => Some(format!("{answer:?}")),
    };
    // The next one writes to series of its own.
    if !done(session, "show databases root.out").await.rows.is_empty() {
        done(session, "delete database root.out").await;
    }
    ours.map(|ours| format!("{sql}\n{ours}\nplainly: {expected:#?}"))
}

fn cells(row: &[Option<String>]) -> String {
    row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
}

/// What is stored below `root.out`: the points of each series that has some.
async fn stored(session: &dyn Session) -> BTreeMap<String, Points> {
    let answer = done(session, "select * from root.out.**").await;
    let mut stored: BTreeMap<String, Points> = BTreeMap::new();
    for row in &answer.rows {
        let time = row[0].as_ref().and_then(|time| time.parse().ok()).expect("a time");
        for (name, cell) in answer.columns.iter().zip(row).skip(1) {
            if let Some(cell) = cell {
                stored.entry(name.clone()).or_default().insert(time, cell.clone());
            }
        }
    }
    stored
}

fn holds(stored: &BTreeMap<String, Points>, expected: &Written) -> bool {
    let written: Vec<_> = expected.iter().filter(|(.., points)| !points.is_empty()).collect();
    let same = |(_, target, points): &&(String, String, Points)| {
        stored.get(target).is_some_and(|stored| same_points(stored, points))
    };
    stored.len() == written.len() && written.iter().all(same)
}

async fn ask_of_stores(about: About, queries: u64) {
    for seed in stores(queries) {
        let wrong = ask_all(seed, about).await;
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_store_what_is_plainly_evaluated() {
    ask_of_stores(About::Into, 2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_of_stored_rows_are_answered_as_plainly_evaluated() {
    ask_of_stores(About::Rows, 1_000).await;
    ask_of_stores(About::Groups, 1_000).await;
    ask_of_stores(About::Views, 1_000).await;
}
