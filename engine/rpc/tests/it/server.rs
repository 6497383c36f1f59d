//! A server in this process: it speaks the protocol, keeps rows in memory and fails as it is told to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, Int64Array, StringArray};
use levada_model::{DataType, Value};
use levada_rpc::{
    columns::{block, dataset, tablet},
    messages::*,
    thrift::{Exception, Frame, FrameReader, Head, Kind, Pairs, Protocol, message, open, reply, write_frame},
};
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How a server fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// It does not answer.
    Stalls,
    /// It hangs up when it is written to.
    HangsUp,
    /// It hangs up when it gets a row of a time.
    HangsUpAt(i64),
    /// It goes when it gets a row of a time.
    DiesAt(i64),
    /// It hangs up on every request.
    Gone,
    /// It rejects everything but a login with a code.
    Rejects(i32),
}

/// A row that arrived: device, time.
pub(crate) type Arrival = (String, i64);
/// A row of a result: time, values.
type Line = (i64, Vec<Option<Value>>);
/// A result: names, types, rows.
type Table = (Vec<String>, Vec<DataType>, Vec<Line>);
type Reject = dyn Fn(&str, &str, i64) -> Option<(i32, String)> + Send + Sync;

pub(crate) struct State {
    pub(crate) series: BTreeMap<(String, String), (DataType, BTreeMap<i64, Value>)>,
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) statements: Vec<String>,
    /// Every database that was to be created.
    pub(crate) databases: Vec<String>,
    /// The number of tablets in each request that wrote any.
    pub(crate) requests: Vec<usize>,
    /// How many write requests arrived, stored or not.
    pub(crate) attempts: usize,
    pub(crate) closed_queries: usize,
    pub(crate) redirect: HashMap<String, EndPoint>,
    pub(crate) reject: Option<Arc<Reject>>,
    pub(crate) version: String,
    pub(crate) precision: String,
    next: i64,
    queries: HashMap<i64, Vec<Line>>,
    query_types: HashMap<i64, Vec<DataType>>,
}

/// A server; it ends when it is dropped, as if it were killed.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) trouble: watch::Sender<Trouble>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::on("127.0.0.1:0").await
    }

    pub(crate) async fn of_version(version: &str) -> Self {
        let server = Self::start().await;
        server.state.lock().version = version.to_owned();
        server
    }

    pub(crate) async fn on(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let state = Arc::new(Mutex::new(State {
            series: BTreeMap::new(),
            arrivals: Vec::new(),
            statements: Vec::new(),
            databases: Vec::new(),
            requests: Vec::new(),
            attempts: 0,
            closed_queries: 0,
            redirect: HashMap::new(),
            reject: None,
            version: "2.0.1-beta".to_owned(),
            precision: "ms".to_owned(),
            next: 1,
            queries: HashMap::new(),
            query_types: HashMap::new(),
        }));
        let trouble = watch::Sender::new(Trouble::None);
        let (shared, troubles) = (Arc::clone(&state), trouble.clone());
        let task = tokio::spawn(async move {
            // Dropped with the task: connections end with their server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let trouble = troubles.subscribe();
                let session = Session { state: Arc::clone(&shared), trouble, troubles: troubles.clone() };
                connections.spawn(session.serve(stream));
            }
        });
        Self { address, state, trouble, task }
    }

    pub(crate) fn end_point(&self) -> EndPoint {
        let (ip, port) = self.address.split_once(':').expect("an address");
        EndPoint { ip: ip.to_owned(), port: port.parse().expect("a port") }
    }

    /// The times of a series with its values.
    pub(crate) fn values(&self, device: &str, measurement: &str) -> BTreeMap<i64, Value> {
        let key = (device.to_owned(), measurement.to_owned());
        self.state.lock().series.get(&key).map(|(_, values)| values.clone()).unwrap_or_default()
    }

    pub(crate) fn create(&self, device: &str, measurement: &str, data_type: DataType) {
        let key = (device.to_owned(), measurement.to_owned());
        self.state.lock().series.insert(key, (data_type, BTreeMap::new()));
    }
}

struct Session {
    state: Arc<Mutex<State>>,
    trouble: watch::Receiver<Trouble>,
    troubles: watch::Sender<Trouble>,
}

fn status(code: i32, message: &str) -> Status {
    Status { code, message: Some(message.to_owned()), ..Status::default() }
}

fn fine() -> Status {
    status(200, "")
}

impl Session {
    async fn serve(mut self, mut stream: TcpStream) {
        let mut reader = FrameReader::new(64 << 20);
        while let Ok(Some(frame)) = reader.next(&mut stream).await {
            let (head, mut from) = open(frame).expect("a message");
            let request = Request::read(&head.name, &mut from).expect("readable");
            let answer = match request {
                None => {
                    let exception = Exception {
                        message: Some(format!("Invalid method name: '{}'", head.name)),
                        kind: Some(Exception::UNKNOWN_METHOD),
                    };
                    let head = Head { kind: Kind::Exception, ..head };
                    Some(message(from.protocol(), &head, &exception))
                }
                Some(request) => self.answer(&head, from.protocol(), request).await,
            };
            let Some(answer) = answer else { return };
            if write_frame(&mut stream, answer).await.is_err() {
                return;
            }
        }
    }

    /// `None` where the connection is to end.
    async fn answer(&mut self, head: &Head, protocol: Protocol, request: Request) -> Option<Frame> {
        let passes = self.trouble.wait_for(|trouble| *trouble != Trouble::Stalls).await;
        let trouble = passes.map(|trouble| trouble.clone()).unwrap_or(Trouble::None);
        let write = |status| Some(reply(protocol, head, status));
        let writes = matches!(request, Request::InsertTablet(_) | Request::InsertTablets(_));
        self.state.lock().attempts += usize::from(writes);
        Some(match request {
            _ if trouble == Trouble::Gone => return None,
            Request::InsertTablet(InsertTablet { req }) => match trouble {
                Trouble::Rejects(code) => return write(status(code, "injected")),
                trouble if self.ends(&trouble, &[req.timestamps.as_ref()]) => return None,
                _ => return write(self.insert(vec![req])),
            },
            Request::InsertTablets(InsertTablets { req }) => match trouble {
                Trouble::Rejects(code) => return write(status(code, "injected")),
                trouble if self.ends(&trouble, &req.timestamps_list) => return None,
                _ => return write(self.insert(several(req))),
            },
            Request::OpenSession(OpenSession { req }) => {
                let right = req.password.as_deref() == Some("root");
                let old = self.state.lock().version.starts_with("0.");
                let (wrong, words) =
                    if old { (600, "Wrong login password") } else { (801, "Authentication failed.") };
                let status = if right { fine() } else { status(wrong, words) };
                let session_id = Some(if right { 1 } else { -1 });
                let opened =
                    OpenSessionResp { status, server_protocol_version: 2, session_id, configuration: None };
                reply(protocol, head, opened)
            }
            Request::RequestStatementId(_) => reply(protocol, head, 1i64),
            Request::GetProperties(_) => {
                let state = self.state.lock();
                let properties = ServerProperties {
                    version: state.version.clone(),
                    timestamp_precision: state.precision.clone(),
                    thrift_max_frame_size: Some(1 << 20),
                    ..ServerProperties::default()
                };
                reply(protocol, head, properties)
            }
            Request::GetTimeZone(_) => {
                reply(protocol, head, GetTimeZoneResp { status: fine(), time_zone: "UTC".to_owned() })
            }
            Request::CloseSession(_) => reply(protocol, head, fine()),
            Request::SetStorageGroup(_) if matches!(trouble, Trouble::Rejects(_)) => {
                let Trouble::Rejects(code) = trouble else { return None };
                reply(protocol, head, status(code, "injected"))
            }
            Request::SetStorageGroup(SetStorageGroup { storage_group, .. }) => {
                let mut state = self.state.lock();
                let (new, old) = (!state.databases.contains(&storage_group), state.version.starts_with("0."));
                let exists = if old { 300 } else { 501 };
                state.databases.push(storage_group);
                let words = "has already been set to storage group";
                reply(protocol, head, if new { fine() } else { status(exists, words) })
            }
            Request::CloseOperation(_) => {
                self.state.lock().closed_queries += 1;
                reply(protocol, head, fine())
            }
            Request::ExecuteStatementV2(_)
            | Request::ExecuteQueryStatementV2(_)
            | Request::ExecuteStatement(_)
            | Request::ExecuteQueryStatement(_)
                if matches!(trouble, Trouble::Rejects(_)) =>
            {
                let Trouble::Rejects(code) = trouble else { return None };
                self.state.lock().attempts += 1;
                let rejected =
                    ExecuteStatementResp { status: status(code, "injected"), ..Default::default() };
                reply(protocol, head, rejected)
            }
            Request::ExecuteStatementV2(ExecuteStatementV2 { req })
            | Request::ExecuteQueryStatementV2(ExecuteQueryStatementV2 { req }) => {
                reply(protocol, head, self.state.lock().execute(&req, false))
            }
            Request::ExecuteStatement(ExecuteStatement { req })
            | Request::ExecuteQueryStatement(ExecuteQueryStatement { req }) => {
                reply(protocol, head, self.state.lock().execute(&req, true))
            }
            Request::FetchResultsV2(FetchResultsV2 { req }) => {
                let (page, more) = self.state.lock().page(req.query_id, req.fetch_size);
                let has_result_set = !page.0.is_empty();
                let page = has_result_set.then(|| vec![block::encode(&page.0, &page.1)]);
                reply(
                    protocol,
                    head,
                    FetchResultsResp {
                        status: fine(),
                        has_result_set,
                        is_align: true,
                        query_result: page,
                        more_data: Some(more),
                        ..FetchResultsResp::default()
                    },
                )
            }
            Request::FetchResults(FetchResults { req }) => {
                let (page, _) = self.state.lock().page(req.query_id, req.fetch_size);
                reply(
                    protocol,
                    head,
                    FetchResultsResp {
                        status: fine(),
                        has_result_set: !page.0.is_empty(),
                        is_align: true,
                        query_data_set: Some(dataset::encode(&page.0, &page.1)),
                        ..FetchResultsResp::default()
                    },
                )
            }
            other => panic!("not expected: {other:?}"),
        })
    }

    /// Whether the connection ends at rows of these times.
    fn ends<T: AsRef<[u8]>>(&self, trouble: &Trouble, times: &[T]) -> bool {
        let holds = |wanted: &i64| {
            let mut all = times.iter().flat_map(|times| times.as_ref().chunks_exact(8));
            all.any(|time| time == wanted.to_be_bytes())
        };
        match trouble {
            Trouble::HangsUp => true,
            Trouble::HangsUpAt(time) => holds(time),
            Trouble::DiesAt(time) if holds(time) => {
                self.troubles.send_replace(Trouble::Gone);
                true
            }
            _ => false,
        }
    }

    fn insert(&self, tablets: Vec<InsertTabletReq>) -> Status {
        let mut state = self.state.lock();
        state.requests.push(tablets.len());
        let mut parts: Vec<_> = tablets.iter().map(|each| state.tablet(each)).collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let failed = parts.iter().any(|part| !matches!(part.code, 200 | 400));
        let redirected = parts.iter().any(|part| part.code == 400);
        let code = if failed {
            302
        } else if redirected {
            400
        } else {
            200
        };
        Status { sub_status: Some(parts), ..status(code, "") }
    }
}

fn several(req: InsertTabletsReq) -> Vec<InsertTabletReq> {
    let count = req.prefix_paths.len();
    (0..count)
        .map(|at| InsertTabletReq {
            prefix_path: req.prefix_paths[at].clone(),
            measurements: req.measurements_list[at].clone(),
            values: req.values_list[at].clone(),
            timestamps: req.timestamps_list[at].clone(),
            types: req.types_list[at].clone(),
            size: req.size_list[at],
            is_aligned: req.is_aligned,
            ..InsertTabletReq::default()
        })
        .collect()
}

impl State {
    /// Stores what it can of a tablet, as servers do, and says what it cannot.
    fn tablet(&mut self, req: &InsertTabletReq) -> Status {
        let new_types = !self.version.starts_with("0.");
        let types = req.types.iter().map(|code| DataType::from_code(u8::try_from(*code).expect("a code")));
        let types: Vec<_> = types.map(|each| each.expect("a type")).collect();
        assert!(new_types || types.iter().all(|each| each.code() <= 5), "older servers have six types");
        let rows = usize::try_from(req.size).expect("rows");
        let (times, columns) =
            tablet::decode(rows, &types, req.timestamps.clone(), req.values.clone()).expect("a tablet");
        let nulls = columns.iter().any(|column| column.null_count() > 0);
        assert!(new_types || !nulls, "older servers store what stands in the place of a null");
        assert!(times.values().is_sorted_by(|a, b| a < b), "rows are sorted, each time once");
        let reject = self.reject.clone();
        let mut failure = None;
        for ((measurement, data_type), array) in req.measurements.iter().zip(&types).zip(&columns) {
            let key = (req.prefix_path.clone(), measurement.clone());
            let series = self.series.entry(key).or_insert_with(|| (*data_type, BTreeMap::new()));
            if series.0 != *data_type {
                let message = format!(
                    "Fail to insert measurements [{measurement}] caused by [data type of {}.{measurement} is not \
                     consistent, registered type {}, inserting type {data_type}]",
                    req.prefix_path, series.0
                );
                failure = Some(status(507, &message));
                continue;
            }
            for (row, time) in times.values().iter().enumerate() {
                let Some(value) = Value::at(array, *data_type, row) else { continue };
                match reject.as_ref().and_then(|reject| reject(&req.prefix_path, measurement, *time)) {
                    Some((code, message)) => failure = Some(status(code, &message)),
                    None => {
                        series.1.insert(*time, value);
                    }
                }
            }
        }
        self.arrivals.extend(times.values().iter().map(|time| (req.prefix_path.clone(), *time)));
        let node = self.redirect.get(&req.prefix_path).cloned();
        failure.unwrap_or_else(|| match node {
            Some(node) => Status { redirect_node: Some(node), ..status(400, "") },
            None => fine(),
        })
    }

    /// `show timeseries DEVICE…`, `select MEASUREMENT from DEVICE`; all else is done at once.
    fn execute(&mut self, req: &ExecuteStatementReq, old: bool) -> ExecuteStatementResp {
        self.statements.push(req.statement.clone());
        let words: Vec<_> = req.statement.split_whitespace().collect();
        let (names, types, rows) = match words.as_slice() {
            ["show", "timeseries", path] => self.show(path),
            ["select", measurement, "from", device] => self.select(device, measurement),
            _ => return ExecuteStatementResp { status: fine(), ..ExecuteStatementResp::default() },
        };
        let query_id = self.next;
        self.next += 1;
        let ignore_time = words[0] == "show";
        self.queries.insert(query_id, rows);
        self.query_types.insert(query_id, types.clone());
        let (page, more) = self.page(query_id, req.fetch_size.unwrap_or(5_000));
        let index = names.iter().cloned().zip(0..).collect();
        ExecuteStatementResp {
            status: fine(),
            query_id: Some(query_id),
            columns: Some(names),
            ignore_time_stamp: Some(ignore_time),
            data_type_list: Some(types.iter().map(ToString::to_string).collect()),
            column_name_index_map: Some(Pairs(index)),
            query_data_set: old.then(|| dataset::encode(&page.0, &page.1)),
            query_result: (!old)
                .then(|| if page.0.is_empty() { Vec::new() } else { vec![block::encode(&page.0, &page.1)] }),
            more_data: (!old).then_some(more),
            ..ExecuteStatementResp::default()
        }
    }

    fn show(&self, path: &str) -> Table {
        let device = path.trim_end_matches(".*");
        let rows = self.series.iter().filter(|((each, _), _)| each == device);
        let rows = rows.map(|((device, measurement), (data_type, _))| {
            let text = |text: String| Some(Value::Text(text));
            (0, vec![text(format!("{device}.{measurement}")), text(data_type.to_string())])
        });
        (vec!["Timeseries".to_owned(), "DataType".to_owned()], vec![DataType::Text; 2], rows.collect())
    }

    fn select(&self, device: &str, measurement: &str) -> Table {
        let series = self.series.get(&(device.to_owned(), measurement.to_owned()));
        let Some((data_type, values)) = series else { return Default::default() };
        let rows = values.iter().map(|(time, value)| (*time, vec![Some(value.clone())])).collect();
        (vec![format!("{device}.{measurement}")], vec![*data_type], rows)
    }

    fn page(&mut self, query_id: i64, rows: i32) -> ((Int64Array, Vec<(DataType, ArrayRef)>), bool) {
        let types = self.query_types.get(&query_id).cloned().unwrap_or_default();
        let left = self.queries.entry(query_id).or_default();
        let rows = left.len().min(usize::try_from(rows).expect("a size"));
        let page: Vec<_> = left.drain(..rows).collect();
        let more = !left.is_empty();
        let times = page.iter().map(|(time, _)| *time).collect();
        let columns = types.iter().enumerate().map(|(at, data_type)| {
            (*data_type, array(*data_type, page.iter().map(|(_, row)| row[at].clone()).collect()))
        });
        ((times, columns.collect()), more)
    }
}

fn array(data_type: DataType, values: Vec<Option<Value>>) -> ArrayRef {
    use arrow_array::{BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array};
    macro_rules! of {
        ($array:ty, $($variant:ident)|+) => {
            Arc::new(values.into_iter().map(|value| match value {
                $(Some(Value::$variant(value)) => Some(value),)+
                _ => None,
            }).collect::<$array>())
        };
    }
    match data_type {
        DataType::Boolean => of!(BooleanArray, Boolean),
        DataType::Int32 | DataType::Date => of!(Int32Array, Int32 | Date),
        DataType::Int64 | DataType::Timestamp => of!(Int64Array, Int64 | Timestamp),
        DataType::Float => of!(Float32Array, Float),
        DataType::Double => of!(Float64Array, Double),
        DataType::Text | DataType::String => of!(StringArray, Text | String),
        DataType::Blob => of!(BinaryArray, Blob),
    }
}
