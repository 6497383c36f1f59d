//! Pipes between two `levada serve`, each in a process of its own.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
    time::{SystemTime, UNIX_EPOCH},
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

/// Chance from a seed (SplitMix64): `SEED` in the environment, or another each time.
struct Chance(u64);

impl Chance {
    /// The seed is printed, so that a failure can be repeated.
    fn seeded() -> Self {
        let given = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        let seed = given.unwrap_or(now);
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The bytes of all files below a folder; files may go meanwhile.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

/// Writes the rows of a round to the sender, by a process of its own.
fn writer(workplace: &Workplace, edge: &Server<'_>) -> Child {
    workplace
        .levada(&["import", "rows.jsonl", "--node", &edge.address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("levada starts")
}

/// Either end, or both, is killed at a random moment while rows are written: when some bytes of the round have come to its folder.
/// `FULL=1` does it 40 times, with 800,000 rows. `SEED=17` draws the same ends and moments again.
#[test]
fn killing_either_end_loses_nothing() {
    let full = std::env::var_os("FULL").is_some();
    let (rounds, rows) = if full { (40, 20_000) } else { (6, 500) };
    let mut chance = Chance::seeded();
    let workplace = Workplace::new();
    let (mut cloud, mut edge) = (Server::start(&workplace, "cloud"), Server::start(&workplace, "edge"));
    edge.sql(&format!(
        "create pipesink s as IoTDB (port={}); create pipe p to s; start pipe p",
        cloud.port()
    ))
    .ok();
    for round in 0..rounds {
        let lines: String = (0..rows)
            .map(|row| {
                let time = round * rows + row;
                format!("{{\"device\":\"root.a.d{}\",\"timestamp\":{time},\"n\":{time}.5}}\n", time % 7)
            })
            .collect();
        workplace.write("rows.jsonl", &lines);
        // A row takes some twenty bytes of the log.
        let (victim, after) = (chance.below(5), chance.below(rows as u64 * 20));
        let folder = workplace.path(if victim < 2 { "cloud" } else { "edge" });
        let before = bytes_below(&folder);
        let mut writing = writer(&workplace, &edge);
        while bytes_below(&folder) < before + after && writing.try_wait().expect("it is known").is_none() {
            std::thread::yield_now();
        }
        if victim != 2 && victim != 3 {
            cloud.kill();
        }
        if victim >= 2 {
            edge.kill();
        }
        // Who was not told that the rows are stored writes them again.
        if !writing.wait().expect("it ends").success() {
            let again = writer(&workplace, &edge).wait();
            assert!(again.expect("it ends").success(), "round {round} is not written");
        }
    }
    let counted = "select count(n) from root.a.** align by device";
    let all = "select n from root.a.** align by device";
    let sent = edge.sql(counted).ok();
    let total: i64 =
        sent.lines().skip(1).filter_map(|line| line.rsplit_once(',')?.1.parse::<i64>().ok()).sum();
    assert_eq!(total, rounds * rows);
    eventually("the cloud counts what the edge counts", || cloud.sql(counted).stdout == sent);
    assert!(cloud.sql(all).ok() == edge.sql(all).ok(), "the rows differ");
    assert_eq!(cloud.sql("show timeseries root.**").ok(), edge.sql("show timeseries root.**").ok());
}
