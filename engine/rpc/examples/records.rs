//! How many rows a second a server takes by calls of records, of which each client waits for one before it sends the next:
//!
//! ```sh
//! cargo run --release -p levada-rpc --example records -- NODE CLIENTS ROWS SECONDS [records|device|strings]
//! ```
//!
//! A call has `ROWS` rows of ten DOUBLE; one alone is `insertRecord`. Any server that speaks the protocol will do; rows go to
//! `root.records`.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use levada_model::Value;
use levada_rpc::{
    columns::record::encode,
    messages::{
        Call, InsertRecord, InsertRecordReq, InsertRecords, InsertRecordsOfOneDevice,
        InsertRecordsOfOneDeviceReq, InsertRecordsReq, InsertStringRecords, InsertStringRecordsReq,
        OpenSession, OpenSessionReq, PROTOCOL_V3, Status,
    },
    thrift::{FrameReader, Head, Kind, Pairs, Protocol, Reply, Wire, message, open, write_frame},
};
use tokio::{net::TcpStream, runtime};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MEASUREMENTS: usize = 10;
/// The devices of a client.
const DEVICES: i64 = 10;

fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let node = args.next().ok_or("which node?")?;
    let clients: i64 = args.next().map_or(Ok(1), |clients| clients.parse())?;
    let rows: i64 = args.next().map_or(Ok(1), |rows| rows.parse())?;
    let seconds = Duration::from_secs(args.next().map_or(Ok(5), |seconds| seconds.parse())?);
    let form = args.next().unwrap_or_else(|| "records".to_owned());
    let start = Instant::now();
    let mut took = thread::scope(|scope| -> Result<Vec<Duration>, Failure> {
        let (node, form) = (&node, &form);
        let running: Vec<_> = (0..clients)
            .map(|at| scope.spawn(move || client(node, at, rows, form, start + seconds)))
            .collect();
        let mut all = Vec::new();
        for client in running {
            all.append(&mut client.join().map_err(|_| "a client panicked")??);
        }
        Ok(all)
    })?;
    let elapsed = start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{clients} clients, {rows} rows a call ({form}): {:.0} rows/s; p50 {:?}, p99 {:?}",
        took.len() as f64 * rows as f64 / elapsed,
        at(50),
        at(99)
    );
    Ok(())
}

/// Calls until it is time; gives how long each took.
fn client(node: &str, at: i64, rows: i64, form: &str, until: Instant) -> Result<Vec<Duration>, Failure> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let stream = TcpStream::connect(node).await?;
        stream.set_nodelay(true)?;
        let mut peer = Peer { stream, reader: FrameReader::new(1 << 20), sequence: 0 };
        let opened = peer.call(&OpenSession { req: login() }).await?;
        let session = opened.session_id.ok_or("the login was rejected")?;
        let names: Vec<String> = (0..MEASUREMENTS).map(|at| format!("s{at}")).collect();
        let mut took = Vec::new();
        for call in 0.. {
            let request = Request { session, client: at, first: call * rows, rows, names: &names };
            let start = Instant::now();
            if start > until {
                break;
            }
            let status = request.send(&mut peer, form).await?;
            if status.code != 200 {
                return Err(format!("{status:?}").into());
            }
            took.push(start.elapsed());
        }
        Ok(took)
    })
}

fn login() -> OpenSessionReq {
    OpenSessionReq {
        client_protocol: PROTOCOL_V3,
        zone_id: "UTC".to_owned(),
        username: Some("root".to_owned()),
        password: Some("root".to_owned()),
        configuration: Some(Pairs(vec![("version".to_owned(), "V_1_0".to_owned())])),
    }
}

/// The rows of a call.
struct Request<'a> {
    session: i64,
    client: i64,
    /// The number of its first row.
    first: i64,
    rows: i64,
    names: &'a [String],
}

impl Request<'_> {
    async fn send(&self, peer: &mut Peer, form: &str) -> Result<Status, Failure> {
        let numbers = || self.first..self.first + self.rows;
        let device = |row: i64| format!("root.records.c{}.d{}", self.client, row % DEVICES);
        let time = |row: i64| 1_700_000_000_000 + row / DEVICES * 1_000;
        let values = |row: i64| (0..MEASUREMENTS).map(move |at| (row * 7 + at as i64) as f64 / 4.0);
        let record =
            |row: i64| encode(&values(row).map(|value| Some(Value::Double(value))).collect::<Vec<_>>());
        let measurements_list = || numbers().map(|_| self.names.to_vec()).collect();
        let session_id = self.session;
        if self.rows == 1 {
            let req = InsertRecordReq {
                session_id,
                prefix_path: device(self.first),
                measurements: self.names.to_vec(),
                values: record(self.first),
                timestamp: time(self.first),
                ..InsertRecordReq::default()
            };
            return peer.call(&InsertRecord { req }).await;
        }
        match form {
            "device" => {
                let req = InsertRecordsOfOneDeviceReq {
                    session_id,
                    prefix_path: device(0),
                    measurements_list: measurements_list(),
                    values_list: numbers().map(record).collect(),
                    timestamps: numbers().collect(),
                    is_aligned: None,
                };
                peer.call(&InsertRecordsOfOneDevice { req }).await
            }
            "strings" => {
                let texts = |row| values(row).map(|value| value.to_string()).collect();
                let req = InsertStringRecordsReq {
                    session_id,
                    prefix_paths: numbers().map(device).collect(),
                    measurements_list: measurements_list(),
                    values_list: numbers().map(texts).collect(),
                    timestamps: numbers().map(time).collect(),
                    is_aligned: None,
                };
                peer.call(&InsertStringRecords { req }).await
            }
            _ => {
                let req = InsertRecordsReq {
                    session_id,
                    prefix_paths: numbers().map(device).collect(),
                    measurements_list: measurements_list(),
                    values_list: numbers().map(record).collect(),
                    timestamps: numbers().map(time).collect(),
                    is_aligned: None,
                };
                peer.call(&InsertRecords { req }).await
            }
        }
    }
}

/// A connection.
struct Peer {
    stream: TcpStream,
    reader: FrameReader,
    sequence: i32,
}

impl Peer {
    async fn call<C: Call>(&mut self, call: &C) -> Result<C::Reply, Failure> {
        self.sequence += 1;
        let head = Head { name: C::METHOD.to_owned(), kind: Kind::Call, sequence: self.sequence };
        write_frame(&mut self.stream, message(Protocol::Binary, &head, call)).await?;
        let frame = self.reader.next(&mut self.stream).await?.ok_or("the server hung up")?;
        let (head, mut from) = open(frame)?;
        if head.kind == Kind::Exception {
            return Err(format!("{} failed in the server", C::METHOD).into());
        }
        Ok(Reply::<C::Reply>::read(&mut from)?.0)
    }
}
