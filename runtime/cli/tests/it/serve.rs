//! `levada serve`: clients, pipelines and metrics in one process.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
};

use crate::command::{Finished, Workplace, eventually, free_address, get, interrupt};

const SENSORS: &str = "
name: sensors
sources:
  plant:
    sensor: {device: 'd{n}', devices: 2, rows: 100, start: 2026-05-01T00:00:00Z, seed: 7}
sinks:
  store:
    inputs: [plant]
    iotdb: {embedded: data, database: root.plant}
";

#[test]
fn clients_see_what_a_pipeline_of_the_same_process_stores() {
    let workplace = Workplace::new();
    workplace.write("pipelines/sensors.yaml", SENSORS);
    workplace.write("pipelines/notes.txt", "no pipeline");
    workplace.write("pipelines/._sensors.yaml", "what a file system left here");
    let (rpc, rest, http) = (free_address(), free_address(), free_address());
    let args = [
        "serve",
        "--data",
        "data",
        "--pipelines",
        "pipelines",
        "--rpc",
        &rpc,
        "--rest",
        &rest,
        "--http",
        &http,
    ];
    let child = workplace
        .levada(&args)
        .env("LEVADA_ROOT_PASSWORD", "secret")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("it listens", || get(&rest, "/ping").is_some());
    let ask = |password: &str| {
        let count = "select count(*) from root.plant.** align by device";
        workplace.run(&["sql", "--node", &rpc, "--password", password, "--format", "csv", "-e", count])
    };
    eventually("all rows are there", || {
        let counted = ask("secret").ok();
        counted.lines().filter(|line| line.contains(",50,50")).count() == 2
    });
    assert_ne!(ask("root").code, Some(0));
    let metrics = get(&http, "/metrics").expect("metrics");
    assert!(metrics.contains("levada_clients "), "{metrics}");
    assert!(metrics.contains("levada_output_sent_total{"), "{metrics}");
    let other = workplace.run(&["serve", "--data", "data", "--rpc", "127.0.0.1:0"]);
    assert!(other.code == Some(1) && other.stderr.contains("in use"), "{other:?}");
    // Who has the folder, and where to ask instead.
    let owner = format!("process {} on ", child.id());
    for told in [owner.as_str(), &format!("--node {rpc}")] {
        assert!(other.stderr.contains(told), "{told}: {}", other.stderr);
    }
    let stopped = interrupt(&args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    assert!(workplace.sql("data", "count devices root.plant.**").contains('2'));
}

#[test]
fn a_wrong_pipeline_at_the_start_keeps_no_client_and_no_other_pipeline_waiting() {
    let workplace = Workplace::new();
    workplace.write("pipelines/good.yaml", &endless("good", "root.good", "d"));
    workplace.write("pipelines/wrong.yaml", &SENSORS.replace("devices", "devises"));
    let output = |name: &str| {
        format!(
            "name: {name}\nsources: {{plant: {{sensor: {{device: d, rate: 1}}}}}}\nsinks: {{out: {{inputs: [plant], file: {{path: out.csv}}}}}}\n"
        )
    };
    workplace.write("pipelines/one.yaml", &output("one"));
    workplace.write("pipelines/two.yaml", &output("two"));
    let serving = Serving::start(&workplace, &[]);
    serving.grows("root.good.d.temperature");
    let streams = || get(&serving.http, "/streams").expect("it answers");
    let statuses: serde_json::Value = serde_json::from_str(&streams()).expect("JSON");
    let status = |id: &str| {
        let found = statuses.as_array().expect("a list").iter().find(|stream| stream["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not in {statuses}"))["status"].clone()
    };
    assert_eq!(status("good"), "running");
    assert_eq!(status("wrong"), "invalid");
    assert_eq!(status("one"), "running");
    assert_eq!(status("two"), "invalid");
    serving.says("devises", 1);
    serving.stop();
}

#[test]
fn a_folder_of_pipelines_that_is_missing_is_told_before_anything_is_served() {
    let workplace = Workplace::new();
    let missing =
        workplace.run(&["serve", "--data", "data", "--pipelines", "nowhere", "--rpc", "127.0.0.1:0"]);
    assert!(missing.code == Some(3) && missing.stderr.contains("make it"), "{missing:?}");
}

/// A server of the folder `data` with the pipelines of `pipelines`; its log is in `log`. Killed when it is dropped, if it was not
/// stopped.
struct Serving<'w> {
    workplace: &'w Workplace,
    rpc: String,
    http: String,
    child: Option<Child>,
}

impl<'w> Serving<'w> {
    fn start(workplace: &'w Workplace, more: &[&str]) -> Self {
        let (rpc, http) = (free_address(), free_address());
        let log = File::create(workplace.path("log")).expect("writable");
        let child = workplace
            .levada(&["serve", "--data", "data", "--pipelines", "pipelines", "--rpc", &rpc, "--http", &http])
            .args(more)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("levada starts");
        let serving = Self { workplace, rpc, http, child: Some(child) };
        eventually("it listens", || get(&serving.http, "/ping").is_some());
        serving
    }

    fn log(&self) -> String {
        fs::read_to_string(self.workplace.path("log")).expect("a log")
    }

    /// Waits until the log says something, for as many times.
    fn says(&self, words: &str, times: usize) {
        eventually(&format!("the log says `{words}`"), || self.log().matches(words).count() >= times);
    }

    /// How many values a series has.
    fn count(&self, series: &str) -> u64 {
        let (device, measurement) = series.rsplit_once('.').expect("a series");
        let query = format!("select count({measurement}) from {device}");
        let asked = self.workplace.run(&["sql", "--node", &self.rpc, "--format", "csv", "-e", &query]).ok();
        asked.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
    }

    fn grows(&self, series: &str) {
        let before = self.count(series);
        eventually(&format!("{series} gets more values"), || self.count(series) > before);
    }

    fn hang_up(&self) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("kill runs").success());
    }

    fn stop(mut self) {
        let stopped: Finished = interrupt(&["serve"], self.child.take().expect("it runs"));
        assert_eq!(stopped.code, Some(0), "{}", self.log());
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }
}

/// A pipeline without an end.
fn endless(name: &str, database: &str, device: &str) -> String {
    format!(
        "
name: {name}
sources:
  plant: {{sensor: {{device: {device}, rate: 50}}}}
sinks:
  store: {{inputs: [plant], iotdb: {{embedded: data, database: {database}}}}}
"
    )
}

#[test]
fn pipelines_follow_the_files_of_their_folder() {
    let workplace = Workplace::new();
    workplace.write("pipelines/notes.txt", "no pipeline");
    workplace.write("levada.yaml", "pipelines_interval: 50ms\n");
    let serving = Serving::start(&workplace, &["--config", "levada.yaml"]);
    workplace.write("pipelines/a.yaml", &endless("a", "root.a", "d1"));
    eventually("a new file runs", || serving.count("root.a.d1.temperature") > 0);
    workplace.write("pipelines/a.yaml", &endless("a", "root.a", "d2"));
    eventually("a changed file runs", || serving.count("root.a.d2.temperature") > 0);

    // What is wrong is reported as `lint` reports it, and what ran runs on.
    workplace.write("pipelines/a.yaml", &endless("a", "root.a", "d3").replace("rate", "rade"));
    serving.says("the file is rejected: the pipeline that runs goes on", 1);
    assert!(serving.log().contains("did you mean `rate`"), "{}", serving.log());
    serving.grows("root.a.d2.temperature");
    // So is what is wrong beside another.
    workplace.write("pipelines/b.yaml", &endless("a", "root.b", "d1"));
    serving.says("two pipelines are called `a`", 1);
    serving.says("the file is rejected: nothing of it runs", 1);
    workplace.write("pipelines/b.yaml", &endless("b", "root.b", "d1"));
    eventually("a mended file runs", || serving.count("root.b.d1.temperature") > 0);
    workplace.write("pipelines/a.yaml", &endless("a", "root.a", "d3"));
    eventually("a mended file runs", || serving.count("root.a.d3.temperature") > 0);

    fs::remove_file(workplace.path("pipelines/a.yaml")).expect("there");
    serving.says("its pipeline has ended", 1);
    let (ended, ready) = (serving.count("root.a.d3.temperature"), get(&serving.http, "/ready"));
    let ready = ready.expect("an answer");
    assert!(ready.contains("\"name\":\"b\"") && !ready.contains("\"name\":\"a\""), "{ready}");
    serving.grows("root.b.d1.temperature");
    assert_eq!(serving.count("root.a.d3.temperature"), ended);
    serving.stop();
}

#[test]
fn a_hangup_reads_pipelines_and_settings_at_once() {
    let workplace = Workplace::new();
    workplace.write("pipelines/a.yaml", &endless("a", "root.a", "d1"));
    workplace.write("levada.yaml", "pipelines_interval: 0s\n");
    let serving = Serving::start(&workplace, &["--config", "levada.yaml"]);
    workplace.write("pipelines/b.yaml", &endless("b", "root.b", "d1"));
    workplace
        .write("levada.yaml", "pipelines_interval: 0s\nenable_auto_create_schema: false\ndn_rpc_port: 7\n");
    serving.hang_up();
    serving.says("to count at the next start: dn_rpc_port", 1);
    assert!(serving.log().contains("changed: enable_auto_create_schema"), "{}", serving.log());
    // It runs, and may not make the series it needs.
    serving.says("started", 2);
    let insert = ["sql", "--node", &serving.rpc, "-e", "insert into root.c.d(time, s) values (1, 1)"];
    assert_ne!(workplace.run(&insert).code, Some(0));
    workplace.write("levada.yaml", "pipeline_interval: 0s\n");
    serving.hang_up();
    serving.says("the settings before count", 1);
    assert!(serving.log().contains("did you mean `pipelines_interval`"), "{}", serving.log());
    workplace.write("levada.yaml", "pipelines_interval: 0s\n");
    serving.hang_up();
    serving.says("the settings were read anew", 2);
    workplace.run(&insert).ok();
    serving.stop();
}

#[test]
fn a_statement_reads_the_settings_anew_and_others_show_them() {
    let workplace = Workplace::new();
    workplace.write("pipelines/notes.txt", "no pipeline");
    workplace.write("levada.yaml", "pipelines_interval: 0s\n");
    let serving = Serving::start(&workplace, &["--config", "levada.yaml"]);
    let sql = |sql: &str| workplace.run(&["sql", "--node", &serving.rpc, "--format", "csv", "-e", sql]);
    let shown = |name: &str, value: &str| {
        let variables = sql("show variables").ok();
        assert!(variables.contains(&format!("{name},{value}")), "{name}: {variables}");
    };
    shown("enable_auto_create_schema", "true");
    shown("ip_white_list", "127.0.0.1");
    let changed = "enable_auto_create_schema: false\nip_white_list: 10.0.0.0/8\nmax_number_of_sync_file_retry: 9\nquery_timeout_threshold: 7s\ngrace: 3s\n";
    workplace.write("levada.yaml", changed);
    sql("load configuration").ok();
    serving.says("to count at the next start: grace", 1);
    for (name, value) in [
        ("enable_auto_create_schema", "false"),
        ("ip_white_list", "10.0.0.0/8"),
        ("max_number_of_sync_file_retry", "9"),
        ("query_timeout_threshold", "7s"),
        ("grace", "10s"),
    ] {
        shown(name, value);
    }
    // Series are not made any more, and what is wrong changes nothing.
    let insert = "insert into root.c.d(time, s) values (1, 1)";
    assert_ne!(sql(insert).code, Some(0));
    workplace.write("levada.yaml", "enable_auto_create_schema: true\nip_white_list: nowhere\n");
    let wrong = sql("load configuration on local");
    assert!(wrong.code != Some(0) && wrong.stderr.contains("the settings before count"), "{wrong:?}");
    assert!(wrong.stderr.contains("ip_white_list"), "{wrong:?}");
    assert_ne!(sql(insert).code, Some(0));
    workplace.write("levada.yaml", "");
    sql("load configuration").ok();
    sql(insert).ok();
    let (ip, port) = serving.rpc.split_once(':').expect("an address");
    let nodes = sql("show datanodes").ok();
    assert!(nodes.contains(&format!("1,Running,{ip},{port},1,1")), "{nodes}");
    // Of a store that nobody serves there is nothing to be read anew.
    serving.stop();
    let alone = workplace.run(&["sql", "--data", "data", "-e", "load configuration"]);
    assert!(alone.code != Some(0) && alone.stderr.contains("levada serve"), "{alone:?}");
}

#[test]
fn settings_come_from_files_of_both_kinds_and_options_come_first() {
    let workplace = Workplace::new();
    let (rpc, other) = (free_address(), free_address());
    let port = |address: &str| address.rsplit_once(':').expect("a port").1.to_owned();
    let properties = format!(
        "dn_rpc_port={}\nschema_replication_factor=1\nquery_timeout_threshold=5000\ndn_metric_level=IMPORTANT\n",
        port(&other)
    );
    workplace.write("iotdb-system.properties", &properties);
    workplace.write("levada.yaml", &format!("data_dir: ${{FOLDER}}\ndn_rpc_port: {}\n", port(&rpc)));
    let args =
        ["serve", "--config", "iotdb-system.properties", "--config", "levada.yaml", "--log-format", "json"];
    let child = workplace
        .levada(&args)
        .env("FOLDER", "served")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("it listens", || std::net::TcpStream::connect(&rpc).is_ok());
    workplace.run(&["sql", "--node", &rpc, "-e", "show databases"]).ok();
    let stopped = interrupt(&args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    let left_out: Vec<&str> = stopped.stderr.lines().filter(|line| line.contains("left out")).collect();
    assert!(
        matches!(left_out.as_slice(), [one] if one.contains("\"dn_metric_level, schema_replication_factor\"")),
        "{}",
        stopped.stderr
    );
    assert!(workplace.path("served/lock").exists());
    workplace.write("levada.yaml", "data_dir: served\nsync: allways\n");
    let wrong = workplace.run(&["serve", "--config", "levada.yaml"]);
    assert!(wrong.code == Some(3) && wrong.stderr.contains("levada.yaml:2:7"), "{}", wrong.stderr);
    let nowhere = workplace.run(&["serve", "--config", "iotdb-system.properties"]);
    assert!(nowhere.code == Some(3) && nowhere.stderr.contains("--data DIR"), "{}", nowhere.stderr);
}

#[test]
fn a_password_that_cannot_be_is_told_before_a_folder_is_made() {
    let workplace = Workplace::new();
    let args = ["serve", "--data", "data", "--rpc", "127.0.0.1:0", "--root-password", "abc"];
    let rejected = workplace.run(&args);
    assert!(rejected.code == Some(3) && rejected.stderr.contains("equal to 4"), "{rejected:?}");
    assert!(!workplace.path("data").exists());
}

#[test]
fn who_serves_at_all_addresses_is_reached_at_the_own_one_of_the_machine() {
    let workplace = Workplace::new();
    let port = free_address().rsplit_once(':').expect("a port").1.to_owned();
    let (rpc, all) = (format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"));
    let args = ["serve", "--data", "data", "--rpc", &all];
    // A variable that is set to nothing sets no password.
    let child = workplace
        .levada(&args)
        .env("LEVADA_ROOT_PASSWORD", "")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("it listens", || std::net::TcpStream::connect(&rpc).is_ok());
    let other = workplace.run(&["serve", "--data", "data", "--rpc", "127.0.0.1:0"]);
    let told = format!("it is served at {rpc}, ask there (--node {rpc})");
    let asked = workplace.run(&["sql", "--node", &rpc, "-e", "show databases"]);
    let stopped = interrupt(&args, child);
    assert!(other.code == Some(1) && other.stderr.contains(&told), "{other:?}");
    assert_eq!((asked.code, stopped.code), (Some(0), Some(0)), "{asked:?}\n{stopped:?}");
    assert!(stopped.stderr.contains("the password of `root` is `root`"), "{}", stopped.stderr);
}
