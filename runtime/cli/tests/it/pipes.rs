//! Pipes between two `levada serve`, each in a process of its own.

use std::{
    net::TcpStream,
    process::{Child, Stdio},
};

use crate::command::{Finished, Workplace, eventually, free_address};

/// A server of a folder; killed when it is dropped.
struct Server<'a> {
    workplace: &'a Workplace,
    data: &'static str,
    address: String,
    child: Child,
}

impl<'a> Server<'a> {
    fn start(workplace: &'a Workplace, data: &'static str) -> Self {
        let address = free_address();
        let child = begin(workplace, data, &address);
        Self { workplace, data, address, child }
    }

    /// Kills it as nothing can be caught, and begins it anew at the same address.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.child = begin(self.workplace, self.data, &self.address);
    }

    fn sql(&self, text: &str) -> Finished {
        let place = ["sql", "--node", &self.address, "--zone", "UTC", "--format", "csv", "-e", text];
        Finished::new(&place, self.workplace.levada(&place).output().expect("levada starts"))
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').expect("a port").1
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

fn begin(workplace: &Workplace, data: &str, address: &str) -> Child {
    let child = workplace
        .levada(&["serve", "--data", data, "--rpc", address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("levada starts");
    eventually("the server listens", || TcpStream::connect(address).is_ok());
    child
}

#[test]
fn the_models_walkthrough_works_on_two_processes() {
    let workplace = Workplace::new();
    let (cloud, edge) = (Server::start(&workplace, "cloud"), Server::start(&workplace, "edge"));
    let port = cloud.port();
    edge.sql(&format!("CREATE PIPESINK my_iotdb AS IoTDB (IP='127.0.0.1',PORT='{port}')")).ok();
    assert_eq!(edge.sql("SHOW PIPESINKTYPE").ok(), "type\nIoTDB\n");
    assert_eq!(
        edge.sql("SHOW PIPESINKS").ok(),
        format!("name,type,attributes\nmy_iotdb,IoTDB,\"ip='127.0.0.1',port={port}\"\n")
    );
    edge.sql("CREATE PIPE p TO my_iotdb FROM (select ** from root where time>='2022-03-30 00:00:00')").ok();
    let shown = |server: &Server<'_>| server.sql("SHOW PIPES").ok();
    let head = "create time,name,role,remote,status,attributes,message\n";
    let line = shown(&edge).strip_prefix(head).expect("a head").to_owned();
    let (created, rest) = line.split_once(',').expect("columns");
    assert_eq!(rest, "p,sender,my_iotdb,STOP,\"SyncDelOp=false,DataStartTimestamp=1648598400000\",NORMAL\n");
    edge.sql(
        "START PIPE p; CREATE DATABASE root.vehicle; \
         CREATE TIMESERIES root.vehicle.d0.s0 WITH DATATYPE=INT32, ENCODING=RLE; \
         CREATE TIMESERIES root.vehicle.d0.s1 WITH DATATYPE=TEXT, ENCODING=PLAIN; \
         CREATE TIMESERIES root.vehicle.d1.s2 WITH DATATYPE=FLOAT, ENCODING=RLE; \
         CREATE TIMESERIES root.vehicle.d1.s3 WITH DATATYPE=BOOLEAN, ENCODING=PLAIN; \
         insert into root.vehicle.d0(timestamp,s0) values(now(),10); \
         insert into root.vehicle.d0(timestamp,s0,s1) values(now(),12,'12'); \
         insert into root.vehicle.d0(timestamp,s1) values(now(),'14'); \
         insert into root.vehicle.d1(timestamp,s2) values(now(),16.0); \
         insert into root.vehicle.d1(timestamp,s2,s3) values(now(),18.0,true); \
         insert into root.vehicle.d1(timestamp,s3) values(now(),false); flush",
    )
    .ok();
    let query = "select ** from root.vehicle; show timeseries root.**";
    let sent = edge.sql(query).ok();
    eventually("the cloud has what the edge has", || cloud.sql(query).stdout == sent);
    assert_eq!(
        shown(&cloud),
        format!("{head}{created},p,receiver,127.0.0.1,RUNNING,Database='root.vehicle',NORMAL\n")
    );
    assert!(shown(&edge).contains(",RUNNING,"));
    let again = edge.sql("CREATE PIPE p TO my_iotdb");
    assert!(again.stderr.contains("PIPE [p] is RUNNING, please retry after drop it."), "{}", again.stderr);
    edge.sql("STOP PIPE p; DROP PIPE p; DROP PIPESINK my_iotdb").ok();
    assert_eq!(shown(&edge), head);
}

/// Both ends are killed in turn while rows are written: `FULL=1` does it 40 times, and compares millions of rows.
#[test]
fn killing_either_end_loses_nothing() {
    let full = std::env::var_os("FULL").is_some();
    let (rounds, rows) = if full { (40, 20_000) } else { (4, 500) };
    let workplace = Workplace::new();
    let (mut cloud, mut edge) = (Server::start(&workplace, "cloud"), Server::start(&workplace, "edge"));
    edge.sql(&format!(
        "create pipesink s as IoTDB (port={}); create pipe p to s; start pipe p",
        cloud.port()
    ))
    .ok();
    let mut acknowledged = 0;
    for round in 0..rounds {
        let lines: String = (0..rows)
            .map(|row| {
                let time = round * rows + row;
                format!("{{\"device\":\"root.a.d{}\",\"timestamp\":{time},\"n\":{time}.5}}\n", time % 7)
            })
            .collect();
        workplace.write("rows.jsonl", &lines);
        let writer = workplace
            .levada(&["import", "rows.jsonl", "--node", &edge.address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut writer = writer.expect("levada starts");
        // The receiver goes while rows are under way, the sender as soon as they are acknowledged.
        if round % 2 == 0 {
            cloud.kill();
        }
        let written = writer.wait().expect("it ends");
        assert!(written.success());
        acknowledged += rows;
        if round % 2 == 1 {
            edge.kill();
        }
    }
    let counted = "select count(n) from root.a.** align by device";
    let all = "select n from root.a.** align by device";
    let sent = edge.sql(counted).ok();
    let total: i64 =
        sent.lines().skip(1).filter_map(|line| line.rsplit_once(',')?.1.parse::<i64>().ok()).sum();
    assert_eq!(total, acknowledged);
    eventually("the cloud counts what the edge counts", || cloud.sql(counted).stdout == sent);
    assert!(cloud.sql(all).ok() == edge.sql(all).ok(), "the rows differ");
    assert_eq!(cloud.sql("show timeseries root.**").ok(), edge.sql("show timeseries root.**").ok());
}
