//! Running the binary in a folder of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use levada_kafka::mock::MockBroker;
use rdkafka::producer::{BaseRecord, Producer};
use tempfile::TempDir;

pub(crate) use levada_testkit::free_address;

/// A folder in which commands are run.
pub(crate) struct Workplace {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().expect("a temporary folder"), env: Vec::new() }
    }

    /// With an environment variable for every command.
    pub(crate) fn env(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.push((name, value.into()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, text).expect("writable");
    }

    /// `levada` with arguments.
    pub(crate) fn levada(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_levada"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command
    }

    /// Runs `levada` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished::new(args, self.levada(args).output().expect("levada starts"))
    }

    /// What a query of a data folder answers, as CSV.
    pub(crate) fn sql(&self, data: &str, query: &str) -> String {
        self.run(&["sql", "--data", data, "--zone", "UTC", "--format", "csv", "-e", query]).ok()
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    args: Vec<String>,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn new(args: &[&str], output: Output) -> Self {
        Self {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The standard output of a command that exited 0.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "levada {}\n{}\n{}", self.args.join(" "), self.stdout, self.stderr);
        self.stdout
    }
}

/// A topic on librdkafka's mock cluster, within this process.
pub(crate) struct MockKafka(MockBroker);

impl MockKafka {
    pub(crate) fn with_topic(topic: &str) -> Self {
        let broker = MockBroker::start(&[]).expect("a mock broker");
        broker.cluster().create_topic(topic, 2, 1).expect("a topic");
        Self(broker)
    }

    pub(crate) fn brokers(&self) -> String {
        self.0.address()
    }

    pub(crate) fn send<'a>(&self, topic: &str, messages: impl IntoIterator<Item = &'a str>) {
        for message in messages {
            self.0.producer().send(BaseRecord::<(), str>::to(topic).payload(message)).expect("queued");
            self.0.producer().poll(Duration::ZERO);
        }
        self.0.producer().flush(Duration::from_secs(60)).expect("acknowledged");
    }

    pub(crate) fn send_bytes(&self, topic: &str, message: &[u8]) {
        self.0.producer().send(BaseRecord::<(), [u8]>::to(topic).payload(message)).expect("queued");
        self.0.producer().flush(Duration::from_secs(60)).expect("acknowledged");
    }
}

/// Waits until something holds, looking ten times a second.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "a minute has passed and still not: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The body of an HTTP answer; `None` while nobody answers.
pub(crate) fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// The status and the body of an HTTP answer, to who logs in with a password as `root`, or does not log in.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    password: Option<&str>,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let encoded = |password| BASE64_STANDARD.encode(format!("root:{password}"));
    let login = password
        .map(|password| format!("Authorization: Basic {}\r\n", encoded(password)))
        .unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{login}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// Asks a command to stop, as Ctrl-C does, and waits for its end.
pub(crate) fn interrupt(args: &[&str], child: Child) -> Finished {
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    Finished::new(args, child.wait_with_output().expect("it ends"))
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
