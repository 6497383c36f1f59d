//! A schema registry in this process, as Confluent's answers over HTTP, and with answers that are told to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// A schema registry that forgets all when the process ends.
#[derive(Clone, Debug)]
pub struct SimulatedRegistry {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// All schemas: the id of each is its place, from 1 on.
    schemas: Vec<String>,
    /// The versions of each subject, by their ids.
    subjects: Vec<(String, Vec<usize>)>,
    /// What it answers to whatever it is asked.
    instead: Option<(u16, String)>,
    /// What it answers to new schemas.
    to_new: Option<(u16, String)>,
    requests: Vec<String>,
}

impl SimulatedRegistry {
    /// A registry that knows nothing yet.
    ///
    /// # Panics
    /// There is no address for it.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who hangs up early is not told.
                drop(answer(stream, &answering));
            }
        });
        Self { url, state }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers everything with this status and body, until it is told otherwise.
    pub fn answer_all(&self, instead: Option<(u16, &str)>) {
        self.state.lock().instead = instead.map(|(status, body)| (status, body.to_owned()));
    }

    /// Answers new schemas with this status and body, until it is told otherwise.
    pub fn answer_new(&self, instead: Option<(u16, &str)>) {
        self.state.lock().to_new = instead.map(|(status, body)| (status, body.to_owned()));
    }

    /// Registers a schema, as somebody else would.
    pub fn register(&self, subject: &str, schema: &str) -> usize {
        self.state.lock().register(subject, schema)
    }

    /// The schemas of a subject, version by version.
    #[must_use]
    pub fn schemas(&self, subject: &str) -> Vec<Value> {
        let state = self.state.lock();
        let ids = state.versions(subject).iter();
        ids.filter_map(|id| serde_json::from_str(state.schemas.get(id - 1)?).ok()).collect()
    }

    /// What it was asked since the last call, `GET /schemas/ids/1`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().requests)
    }
}

impl State {
    fn versions(&self, subject: &str) -> &[usize] {
        self.subjects.iter().find(|(name, _)| name == subject).map_or(&[], |(_, ids)| ids)
    }

    fn known(&self, subject: &str, schema: &str) -> Option<usize> {
        let has = |id: &&usize| self.schemas.get(**id - 1).is_some_and(|known| known == schema);
        self.versions(subject).iter().find(has).copied()
    }

    fn register(&mut self, subject: &str, schema: &str) -> usize {
        if let Some(id) = self.known(subject, schema) {
            return id;
        }
        let at = self.schemas.iter().position(|known| known == schema).unwrap_or_else(|| {
            self.schemas.push(schema.to_owned());
            self.schemas.len() - 1
        });
        match self.subjects.iter_mut().find(|(name, _)| name == subject) {
            Some((_, ids)) => ids.push(at + 1),
            None => self.subjects.push((subject.to_owned(), vec![at + 1])),
        }
        at + 1
    }

    /// The status and the body of an answer.
    fn answer(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.requests.push(format!("{method} {path}"));
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let sent: Value = serde_json::from_str(body).unwrap_or_default();
        let sent = sent["schema"].as_str().unwrap_or_default();
        let none = |code: u32, what: &str| (404, json!({"error_code": code, "message": what}).to_string());
        let parts: Vec<&str> = path.split('/').collect();
        match (method, &parts[..]) {
            ("GET", ["", "schemas", "ids", id]) => {
                let at = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
                match at.and_then(|at| self.schemas.get(at)) {
                    Some(schema) => (200, json!({"schema": schema}).to_string()),
                    None => none(40_403, "Schema not found"),
                }
            }
            ("GET", ["", "subjects", subject, "versions", "latest"]) => {
                match self.versions(&unescaped(subject)).last().copied() {
                    Some(id) => {
                        let schema = self.schemas.get(id - 1);
                        (
                            200,
                            json!({"subject": subject, "id": id, "version": id, "schema": schema})
                                .to_string(),
                        )
                    }
                    None => none(40_401, "Subject not found"),
                }
            }
            ("POST", ["", "subjects", subject, "versions"]) => {
                let subject = unescaped(subject);
                if self.known(&subject, sent).is_none()
                    && let Some(instead) = &self.to_new
                {
                    return instead.clone();
                }
                (200, json!({"id": self.register(&subject, sent)}).to_string())
            }
            ("POST", ["", "subjects", subject]) => match self.known(&unescaped(subject), sent) {
                Some(id) => (200, json!({"id": id, "schema": sent}).to_string()),
                None => none(40_403, "Schema not found"),
            },
            _ => none(404, "HTTP 404 Not Found"),
        }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, body) = state.lock().answer(method, path, &String::from_utf8_lossy(&body));
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} As Told\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// A name that stood in a path.
fn unescaped(part: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) if byte == b'%' => {
                bytes.push(escaped);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
