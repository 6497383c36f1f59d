//! A server over a new folder, and a client that calls as it is told.

use bytes::{BufMut, Bytes, BytesMut};
use levada_engine::{Engine, EngineOptions};
use levada_model::{DataType, Value};
use levada_rpc::{
    columns::{block, dataset},
    messages::*,
    thrift::{Exception, FrameReader, Head, Kind, Pairs, Protocol, Reply, Wire, message, open, write_frame},
};
use levada_server::{Server, ServerOptions};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A server, and its folder.
pub(crate) struct Served {
    pub(crate) address: String,
    pub(crate) stop: CancellationToken,
    pub(crate) server: Server,
    pub(crate) engine: Engine,
    pub(crate) serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

pub(crate) async fn serve() -> Served {
    serve_with(ServerOptions::default()).await
}

pub(crate) async fn serve_with(options: ServerOptions) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(EngineOptions::new(folder.path())).expect("a new folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (server, stop) = (Server::new(engine.clone(), options), CancellationToken::new());
    let (serves, until) = (server.clone(), stop.clone());
    let serving = tokio::spawn(async move { serves.serve(listener, until).await });
    Served { address, stop, server, engine, serving, _folder: folder }
}

/// A client.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    reader: FrameReader,
    protocol: Protocol,
    sequence: i32,
    /// The call whose answer comes next.
    awaited: i32,
}

impl Peer {
    pub(crate) async fn connect(address: &str, protocol: Protocol) -> Self {
        let stream = TcpStream::connect(address).await.expect("served");
        Self { stream, reader: FrameReader::new(64 << 20), protocol, sequence: 0, awaited: 0 }
    }

    /// Connects and logs in: `version` and `sql_dialect` as clients of different times send them.
    pub(crate) async fn log_in(address: &str, protocol: Protocol, configuration: &[(&str, &str)]) -> Self {
        let mut peer = Self::connect(address, protocol).await;
        let opened = peer.call(&OpenSession { req: login("root", configuration) }).await.expect("a reply");
        assert_eq!((opened.status.code, opened.server_protocol_version), (200, PROTOCOL_V3), "{opened:?}");
        peer
    }

    /// A client of 2.0.
    pub(crate) async fn new(served: &Served) -> Self {
        Self::log_in(&served.address, Protocol::Binary, &[("version", "V_1_0"), ("sql_dialect", "tree")])
            .await
    }

    pub(crate) async fn call<C: Call>(&mut self, call: &C) -> Result<C::Reply, Exception> {
        self.send(call).await;
        self.receive::<C>().await
    }

    pub(crate) async fn send<C: Call>(&mut self, call: &C) {
        self.sequence += 1;
        let head = Head { name: C::METHOD.to_owned(), kind: Kind::Call, sequence: self.sequence };
        write_frame(&mut self.stream, message(self.protocol, &head, call)).await.expect("sent");
    }

    /// The answer to the last call.
    pub(crate) async fn receive<C: Call>(&mut self) -> Result<C::Reply, Exception> {
        self.awaited = self.sequence;
        self.receive_awaited::<C>().await
    }

    /// The answer to the call after the one whose answer came last.
    pub(crate) async fn receive_next<C: Call>(&mut self) -> Result<C::Reply, Exception> {
        self.awaited += 1;
        self.receive_awaited::<C>().await
    }

    async fn receive_awaited<C: Call>(&mut self) -> Result<C::Reply, Exception> {
        let frame = self.reader.next(&mut self.stream).await.expect("a frame").expect("an answer");
        let (head, mut from) = open(frame).expect("a message");
        assert_eq!((head.name.as_str(), head.sequence), (C::METHOD, self.awaited));
        assert_eq!(from.protocol(), self.protocol);
        match head.kind {
            Kind::Exception => Err(Exception::read(&mut from).expect("an exception")),
            _ => Ok(Reply::<C::Reply>::read(&mut from).expect("a reply").0),
        }
    }

    /// Sends bytes as a frame.
    pub(crate) async fn send_raw(&mut self, payload: &[u8]) {
        let mut frame = BytesMut::with_capacity(payload.len() + 4);
        frame.put_u32(u32::try_from(payload.len()).expect("short"));
        frame.put_slice(payload);
        self.stream.write_all(&frame).await.expect("sent");
    }

    /// Whether the server has hung up.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.reader.next(&mut self.stream).await, Ok(None) | Err(_))
    }

    pub(crate) async fn execute(&mut self, sql: &str) -> ExecuteStatementResp {
        self.call(&ExecuteStatementV2 { req: statement(sql) }).await.expect("a reply")
    }

    /// The code that a statement is answered with.
    pub(crate) async fn code(&mut self, sql: &str) -> i32 {
        self.execute(sql).await.status.code
    }

    /// All rows of a query in the form of 1.0 and later, each as a line: the time, then the values.
    pub(crate) async fn rows(&mut self, sql: &str) -> Vec<String> {
        let first = self.call(&ExecuteQueryStatementV2 { req: statement(sql) }).await.expect("a reply");
        self.rest(sql, first).await
    }

    /// The rows of an answer, and those that are still to be fetched.
    pub(crate) async fn rest(&mut self, sql: &str, first: ExecuteStatementResp) -> Vec<String> {
        assert_eq!(first.status.code, 200, "{sql}: {:?}", first.status);
        let (types, query) = (types(&first), first.query_id.expect("a query"));
        let mut lines = lines_of_blocks(first.query_result.expect("blocks"), &types);
        let mut more = first.more_data.expect("said");
        while more {
            let req = fetch(sql, query);
            let page = self.call(&FetchResultsV2 { req }).await.expect("a reply");
            assert!(page.status.code == 200 && page.has_result_set, "{page:?}");
            lines.extend(lines_of_blocks(page.query_result.expect("blocks"), &types));
            more = page.more_data.expect("said");
        }
        lines
    }

    /// All rows of a query as clients before 1.0 read them.
    pub(crate) async fn rows_as_before(&mut self, sql: &str) -> Vec<String> {
        let first = self.call(&ExecuteQueryStatement { req: statement(sql) }).await.expect("a reply");
        assert_eq!(first.status.code, 200, "{sql}: {:?}", first.status);
        let names = first.column_name_index_map.clone().expect("places");
        let (types, query) = (types(&first), first.query_id.expect("a query"));
        let mut sent = vec![DataType::Text; names.0.len()];
        for (name, data_type) in first.columns.clone().expect("columns").iter().zip(&types) {
            sent[*names.get(name.as_str()).expect("a place") as usize] = *data_type;
        }
        let mut lines = lines_of_set(first.query_data_set.expect("a set"), &sent);
        loop {
            let page = self.call(&FetchResults { req: fetch(sql, query) }).await.expect("a reply");
            assert_eq!(page.status.code, 200);
            if !page.has_result_set {
                return lines;
            }
            lines.extend(lines_of_set(page.query_data_set.expect("a set"), &sent));
        }
    }
}

pub(crate) fn login(password: &str, configuration: &[(&str, &str)]) -> OpenSessionReq {
    let pairs = configuration.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    OpenSessionReq {
        client_protocol: PROTOCOL_V3,
        zone_id: "UTC".to_owned(),
        username: Some("root".to_owned()),
        password: Some(password.to_owned()),
        configuration: Some(Pairs(pairs.collect())),
    }
}

pub(crate) fn statement(sql: &str) -> ExecuteStatementReq {
    ExecuteStatementReq { statement: sql.to_owned(), fetch_size: Some(2), ..ExecuteStatementReq::default() }
}

pub(crate) fn fetch(sql: &str, query_id: i64) -> FetchResultsReq {
    FetchResultsReq { statement: sql.to_owned(), fetch_size: 2, query_id, ..FetchResultsReq::default() }
}

fn types(answer: &ExecuteStatementResp) -> Vec<DataType> {
    let names = answer.data_type_list.as_deref().expect("types");
    names.iter().map(|name| name.parse().expect("a type")).collect()
}

fn lines_of_blocks(blocks: Vec<Bytes>, types: &[DataType]) -> Vec<String> {
    let known: Vec<_> = types.iter().copied().map(Some).collect();
    let lines = blocks.into_iter().flat_map(|bytes| {
        let (times, columns) = block::decode(bytes, &known).expect("a block");
        lines(times.values(), &columns)
    });
    lines.collect()
}

fn lines_of_set(set: QueryDataSet, types: &[DataType]) -> Vec<String> {
    let (times, columns) = dataset::decode(set, types).expect("a set");
    let columns: Vec<_> = types.iter().copied().zip(columns).collect();
    lines(times.values(), &columns)
}

fn lines(times: &[i64], columns: &[(DataType, arrow_array::ArrayRef)]) -> Vec<String> {
    let line = |(row, time): (usize, &i64)| {
        let values = columns.iter().map(|(data_type, array)| {
            Value::at(array, *data_type, row).map_or_else(|| "null".to_owned(), |value| value.to_string())
        });
        std::iter::once(time.to_string()).chain(values).collect::<Vec<_>>().join(" ")
    };
    times.iter().enumerate().map(line).collect()
}
