//! `nodes:` and `sql --node` against a server: `levada serve`, in a process of its own.

use std::{
    net::TcpStream,
    process::{Child, Stdio},
    thread,
};

use crate::command::{Finished, Workplace, eventually, free_address, interrupt};

/// A server of the folder `served`; killed when it is dropped, if it was not stopped.
struct Server {
    address: String,
    child: Option<Child>,
}

impl Server {
    fn start(workplace: &Workplace) -> Self {
        Self::at(workplace, free_address())
    }

    fn at(workplace: &Workplace, address: String) -> Self {
        Self::with(workplace, address, &[])
    }

    fn with(workplace: &Workplace, address: String, more: &[&str]) -> Self {
        let child = workplace
            .levada(&["serve", "--data", "served", "--rpc", &address])
            .args(more)
            .env("LEVADA_ROOT_PASSWORD", "secret")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("levada starts");
        let server = Self { address, child: Some(child) };
        eventually("the server listens", || TcpStream::connect(&server.address).is_ok());
        server
    }

    fn stop(mut self) {
        let stopped = interrupt(&["serve"], self.child.take().expect("it runs"));
        assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    }

    fn sql(&self, workplace: &Workplace, text: &str) -> Finished {
        let place = ["sql", "--node", &self.address, "--zone", "UTC", "--format", "csv", "-e", text];
        let mut command = workplace.levada(&place);
        Finished::new(&place, command.args(["--password", "secret"]).output().expect("levada starts"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }
}

/// A pipeline of the lines in `in.jsonl` into the nodes; the dead letters are in `dead.jsonl`.
fn pipeline(workplace: &Workplace, address: &str, password: &str) {
    workplace.write(
        "nodes.yaml",
        &format!(
            "
name: nodes
sources:
  in: {{file: {{paths: in.jsonl}}, decode: {{json: {{}}}}}}
sinks:
  store: {{inputs: [in], iotdb: {{nodes: ['{address}'], password: {password}, database: root.p}}}}
errors: {{dead_letter: {{file: dead.jsonl}}}}
"
        ),
    );
}

fn lines(rows: std::ops::Range<i64>) -> String {
    rows.map(|row| format!("{{\"device\":\"d{}\",\"timestamp\":{row},\"n\":{row}.5}}\n", row % 7)).collect()
}

#[test]
fn where_no_server_runs_it_is_said_what_to_do() {
    let workplace = Workplace::new();
    let address = free_address();
    for args in [&["sql", "-e", "show databases"][..], &["export", "--path", "root.**", "-o", "out.csv"]] {
        let ended = workplace.run(&[args, &["--node", &address]].concat());
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        for said in [
            format!("no node answers: {address}: cannot connect"),
            format!("`levada serve --data DIR --rpc {address}` starts one"),
        ] {
            assert!(ended.stderr.contains(&said), "{said}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_node_is_asked_like_a_folder() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    server
        .sql(&workplace, "insert into root.p.d1(time, n, t) values (1, 21.5, 'a,\"b'), (2, 22.25, null);")
        .ok();
    let query = "select n, t from root.p.d1; select count(n) from root.p.d1";
    let asked = server.sql(&workplace, query).ok();
    assert!(asked.starts_with("Time,root.p.d1.n,root.p.d1.t\n1,21.5,\"a,\"\"b\"\n2,22.25,\n"), "{asked}");
    let wrong = server.sql(&workplace, "select from");
    assert!(wrong.code != Some(0) && wrong.stderr.contains(&server.address), "{}", wrong.stderr);
    let stranger = workplace.run(&["sql", "--node", &server.address, "-e", "show databases"]);
    assert!(
        stranger.code != Some(0) && stranger.stderr.contains("WRONG_LOGIN_PASSWORD"),
        "{}",
        stranger.stderr
    );
    server.stop();
    assert_eq!(workplace.sql("served", query), asked);
}

#[test]
fn a_pipeline_with_nodes_stores_what_the_server_takes_and_keeps_the_rest_with_its_reason() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    server.sql(&workplace, "create timeseries root.p.d0.flag BOOLEAN").ok();
    let bad = "{\"device\":\"d0\",\"timestamp\":9000,\"flag\":12.5}\n";
    workplace.write("in.jsonl", &(lines(0..2_000) + bad + &lines(2_000..4_000)));
    pipeline(&workplace, &server.address, "secret");
    workplace.run(&["run", "nodes.yaml"]).ok();
    let counted = server.sql(&workplace, "select count(n) from root.p.** align by device").ok();
    let rows: u64 =
        counted.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.parse::<u64>().ok()).sum();
    assert_eq!(rows, 4_000, "{counted}");
    let dead = std::fs::read_to_string(workplace.path("dead.jsonl")).expect("dead letters");
    assert_eq!(dead.lines().count(), 1, "{dead}");
    assert!(dead.contains("BOOLEAN") && dead.contains("12.5"), "{dead}");
}

#[test]
fn a_pipeline_waits_for_a_node_that_is_down() {
    let workplace = Workplace::new();
    let address = free_address();
    workplace.write("in.jsonl", &lines(0..500));
    pipeline(&workplace, &address, "secret");
    let run = workplace.levada(&["run", "nodes.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let run = run.expect("levada starts");
    let waits = thread::spawn(move || run.wait_with_output().expect("it ends"));
    let server = Server::at(&workplace, address);
    Finished::new(&["run", "nodes.yaml"], waits.join().expect("no panic")).ok();
    let counted = server.sql(&workplace, "select count(n) from root.p.d3").ok();
    assert_eq!(counted, "count(root.p.d3.n)\n71\n");
}

#[test]
fn a_login_that_is_rejected_ends_the_pipeline_and_loses_nothing() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    workplace.write("in.jsonl", &lines(0..10));
    pipeline(&workplace, &server.address, "wrong");
    let ran = workplace.run(&["run", "nodes.yaml"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("WRONG_LOGIN_PASSWORD"), "{}", ran.stderr);
    pipeline(&workplace, &server.address, "secret");
    workplace.run(&["run", "nodes.yaml"]).ok();
    assert_eq!(server.sql(&workplace, "select count(n) from root.p.d3").ok(), "count(root.p.d3.n)\n1\n");
}

/// Files of an authority and of a certificate from it for this machine: `NAME.ca`, `NAME.pem`, `NAME.key`.
fn certify(workplace: &Workplace, name: &str) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    workplace.write(&format!("{name}.ca"), &params.self_signed(&key).expect("a certificate").pem());
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let key = rcgen::KeyPair::generate().expect("a key");
    workplace.write(&format!("{name}.pem"), &params.signed_by(&key, &issuer).expect("a certificate").pem());
    workplace.write(&format!("{name}.key"), &key.serialize_pem());
}

#[test]
fn an_encrypted_node_is_written_to_and_asked_and_one_that_nobody_vouches_for_is_not() {
    let workplace = Workplace::new();
    certify(&workplace, "mountain");
    certify(&workplace, "valley");
    let encrypted = ["--tls-cert", "mountain.pem", "--tls-key", "mountain.key"];
    let server = Server::with(&workplace, free_address(), &encrypted);
    workplace.write("in.jsonl", &lines(0..700));
    let with_tls = |authority: &str| {
        pipeline(&workplace, &server.address, "secret");
        let text = std::fs::read_to_string(workplace.path("nodes.yaml")).expect("written");
        let tls = format!("tls: {{ca_file: {authority}.ca}}, database");
        workplace.write("nodes.yaml", &text.replace("database", &tls));
        workplace.run(&["run", "nodes.yaml"])
    };
    let rejected = with_tls("valley");
    assert_eq!(rejected.code, Some(1), "{}", rejected.stderr);
    assert!(rejected.stderr.contains("no authority that is trusted here"), "{}", rejected.stderr);
    with_tls("mountain").ok();
    let count = |more: &[&str]| {
        let place = ["sql", "--node", &server.address, "--format", "csv", "--password", "secret"];
        let mut command = workplace.levada(&place);
        let asked = command.args(["-e", "select count(n) from root.p.d3"]).args(more).output();
        Finished::new(&place, asked.expect("levada starts"))
    };
    assert_eq!(count(&["--tls-ca", "mountain.ca"]).ok(), "count(root.p.d3.n)\n100\n");
    for (more, code, reason) in [
        (&[][..], 1, "it wants TLS"),
        (&["--tls-ca", "valley.ca", "--tls-any-host"], 1, "no authority that is trusted here"),
        (&["--tls-ca", "nowhere.ca"], 3, "nowhere.ca"),
    ] {
        let rejected = count(more);
        assert!(rejected.code == Some(code) && rejected.stderr.contains(reason), "{}", rejected.stderr);
    }
    server.stop();
    let missing = workplace.run(&[
        "serve",
        "--data",
        "served",
        "--rpc",
        "127.0.0.1:0",
        "--tls-cert",
        "mountain.pem",
        "--tls-key",
        "valley.key",
    ]);
    assert!(missing.code == Some(3) && missing.stderr.contains("valley.key"), "{}", missing.stderr);
}

#[test]
fn a_node_is_exported_like_a_folder() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    let rows = "
        create aligned timeseries root.p.a(n INT32 encoding=RLE, t TEXT);
        insert into root.p.a(time, n, t) values (1, 1, 'a,\"b'), (2, null, 'c');
        insert into root.p.b(time, `time`, `a.b`) values (1, 1.5, true), (3, 2.5, null);
    ";
    server.sql(&workplace, rows).ok();
    let formats = ["csv", "jsonl", "tsfile", "parquet"];
    let export = |place: &[&str], name: &str, format: &str| {
        let file = format!("{name}.{format}");
        let args = ["export", "--path", "root.p.**", "--format", format, "-o", &file];
        let exported = workplace.levada(&args).args(place).output().expect("levada starts");
        assert!(Finished::new(&args, exported).ok().contains("exported 4 rows"), "{format}");
        file
    };
    let node = ["--node", &server.address, "--user", "root", "--password", "secret"];
    let of_node = formats.map(|format| export(&node, "node", format));
    let none = workplace.run(&[
        "export",
        "--node",
        &server.address,
        "--password",
        "secret",
        "--path",
        "root.q.**",
        "-o",
        "q.csv",
    ]);
    assert!(none.code == Some(3) && none.stderr.contains("no series matches"), "{}", none.stderr);
    let stranger = workplace.run(&[
        "export",
        "--node",
        &server.address,
        "--user",
        "me",
        "--path",
        "root.**",
        "-o",
        "q.csv",
    ]);
    assert!(stranger.code == Some(3) && stranger.stderr.contains("LEVADA_PASSWORD"), "{}", stranger.stderr);
    server.stop();
    for (format, of_node) in formats.into_iter().zip(of_node) {
        let of_folder = export(&["--data", "served"], "folder", format);
        let read = |file: &str| std::fs::read(workplace.path(file)).expect("exported");
        assert!(read(&of_node) == read(&of_folder), "{format}");
    }
}

#[test]
fn a_node_is_imported_into_like_a_folder() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    workplace.write("a.csv", "Time,root.p.a.n(INT32),root.p.a.t\n1,1,x\n2,,y\n3,what,z\n");
    workplace.write("b.jsonl", &lines(0..1_400).replace("\":\"d", "\":\"root.p.d"));
    let rows = "
        create aligned timeseries root.p.e(n INT32 encoding=RLE compressor=ZSTD, t TEXT);
        insert into root.p.e(time, n, t) values (1, 1, 'a'), (2, null, 'c');
        insert into root.p.f(time, `time`, `a.b`) values (1, 1.5, true), (3, 2.5, null);
    ";
    workplace.run(&["sql", "--data", "source", "-e", rows]).ok();
    workplace
        .run(&["export", "--data", "source", "--path", "root.**", "--format", "tsfile", "-o", "c.tsfile"])
        .ok();
    let node = ["--node", server.address.as_str(), "--password", "secret"];
    for place in [&node[..], &["--data", "folder"]] {
        for (file, code, told) in
            [("a.csv", 1, "1 row was rejected"), ("b.jsonl", 0, "1400 rows"), ("c.tsfile", 0, "4 rows")]
        {
            let args = ["import", "--quiet", file];
            let output = workplace.levada(&args).args(place).output().expect("levada starts");
            let imported = Finished::new(&args, output);
            assert_eq!(imported.code, Some(code), "{file}: {} {}", imported.stdout, imported.stderr);
            assert!(imported.stdout.contains(told), "{file}: {}", imported.stdout);
        }
    }
    let everything = "show timeseries root.**; select n, t from root.p.a; select count(*) from root.p.** align by device; \
                      select `time`, `a.b` from root.p.f; select n, t from root.p.e";
    let at_node = server.sql(&workplace, everything).ok();
    server.stop();
    assert!(at_node.contains("root.p.e.n") && at_node.contains("RLE"), "{at_node}");
    assert_eq!(at_node, workplace.sql("folder", everything));
}

#[test]
fn a_node_that_cannot_be_asked_is_told_before_anybody_is() {
    let workplace = Workplace::new();
    workplace.write("no.pem", "no certificate");
    let node = free_address();
    let ask = |more: &[&str]| workplace.run(&[&["sql", "-e", "show databases"], more].concat());
    for (more, told) in [
        (&["--node", "127.0.0.1"][..], "write host:port"),
        (&["--node", &node, "--tls-ca", "nofile.pem"], "nofile.pem"),
        (&["--node", &node, "--tls-ca", "no.pem"], "no.pem"),
    ] {
        let told_of = ask(more);
        assert!(told_of.code == Some(3) && told_of.stderr.contains(told), "{told_of:?}");
    }
    assert_eq!(ask(&["--node", &node]).code, Some(1), "nobody is there, which may heal");
}
