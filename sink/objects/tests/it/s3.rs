//! As much of S3 as the sink asks for, in the process: objects with conditions, uploads in parts, and troubles.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
};

/// What the server does instead of answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// It answers so, and does nothing.
    Says(u16, &'static str),
    /// It does what it is asked, and answers with an error.
    LosesAnswers,
    /// It answers when it is healed.
    Stalls,
}

/// So many requests are done; the one after them is never answered, nor are those that follow. It is done all the same, or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) after: usize,
    pub(crate) done: bool,
}

#[derive(Debug, Default)]
struct Shelf {
    objects: BTreeMap<String, (Bytes, u64)>,
    uploads: HashMap<String, BTreeMap<u32, Bytes>>,
    writes: u64,
    stop: Option<Stop>,
    asked: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    shelf: Mutex<Shelf>,
    trouble: watch::Sender<Trouble>,
    stopped: Notify,
}

/// A server with the bucket `plant`.
#[derive(Debug)]
pub(crate) struct S3 {
    shared: Arc<Shared>,
    pub(crate) endpoint: String,
    server: JoinHandle<()>,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            shelf: Mutex::default(),
            trouble: watch::channel(Trouble::None).0,
            stopped: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let router =
            Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { shared, endpoint, server }
    }

    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.shared.trouble.send_replace(trouble);
    }

    pub(crate) fn stop(&self, stop: Option<Stop>) {
        self.shared.shelf.lock().stop = stop;
    }

    /// Waits until a request is not answered.
    pub(crate) async fn stopped(&self) {
        self.shared.stopped.notified().await;
    }

    /// All objects by name.
    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        let shelf = self.shared.shelf.lock();
        shelf.objects.iter().map(|(name, (bytes, _))| (name.clone(), bytes.clone())).collect()
    }

    /// Puts an object as somebody else does.
    pub(crate) fn place(&self, name: &str, bytes: &'static [u8]) {
        let mut shelf = self.shared.shelf.lock();
        shelf.writes += 1;
        let number = shelf.writes;
        shelf.objects.insert(name.to_owned(), (Bytes::from_static(bytes), number));
    }

    /// Uploads in parts that were begun, and neither completed nor aborted.
    pub(crate) fn unfinished(&self) -> usize {
        self.shared.shelf.lock().uploads.len()
    }

    /// All requests: method, name, and what the upload in parts is about.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.shelf.lock().asked.clone()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok());
    let signed = signed.is_some_and(|value| {
        value.starts_with("AWS4-HMAC-SHA256 Credential=key/") && value.contains("Signature=")
    });
    if !signed || !headers.contains_key("x-amz-content-sha256") {
        return said(StatusCode::FORBIDDEN, "AccessDenied");
    }
    let mut trouble = shared.trouble.subscribe();
    trouble.wait_for(|now| *now != Trouble::Stalls).await.expect("the server lives");
    let now = *trouble.borrow();
    let stopped = {
        let mut shelf = shared.shelf.lock();
        let query = uri.query().unwrap_or_default().split('=').next().unwrap_or_default();
        shelf.asked.push(format!("{method} {} {query}", uri.path()));
        match &mut shelf.stop {
            Some(stop) if stop.after == 0 => Some(std::mem::replace(&mut stop.done, false)),
            Some(stop) => {
                stop.after -= 1;
                None
            }
            None => None,
        }
    };
    if let Some(done) = stopped {
        if done {
            act(&shared, &method, &uri, &headers, body);
        }
        shared.stopped.notify_one();
        return std::future::pending().await;
    }
    match now {
        Trouble::Says(status, code) => said(StatusCode::from_u16(status).expect("a status"), code),
        Trouble::LosesAnswers => {
            act(&shared, &method, &uri, &headers, body);
            said(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
        }
        _ => act(&shared, &method, &uri, &headers, body),
    }
}

fn said(status: StatusCode, code: &str) -> Response {
    (status, format!("<Error><Code>{code}</Code></Error>")).into_response()
}

fn act(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
    let Some(name) = uri.path().strip_prefix("/plant/") else {
        return said(StatusCode::NOT_FOUND, "NoSuchBucket");
    };
    let name = decoded(name);
    let query: HashMap<&str, &str> = uri.query().unwrap_or_default().split('&').map(pair).collect();
    let mut shelf = shared.shelf.lock();
    let upload = query.get("uploadId").map(|id| (*id).to_owned());
    match (method, upload) {
        (&Method::PUT, Some(id)) => {
            let number: u32 = query["partNumber"].parse().expect("a number");
            let Some(parts) = shelf.uploads.get_mut(&id) else {
                return said(StatusCode::NOT_FOUND, "NoSuchUpload");
            };
            parts.insert(number, body);
            (StatusCode::OK, [("etag", format!("\"part-{number}\""))]).into_response()
        }
        (&Method::PUT, None) => {
            let state = shelf.objects.get(&name).map(|(_, number)| format!("\"{number}\""));
            let wants =
                |header: &str| headers.get(header).map(|value| value.to_str().expect("text").to_owned());
            let other = wants("if-match").is_some_and(|wanted| Some(wanted) != state);
            if other || (wants("if-none-match").is_some() && state.is_some()) {
                return said(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
            }
            put(&mut shelf, name, body)
        }
        (&Method::POST, None) if query.contains_key("uploads") => {
            let id = format!("upload-{}", shelf.asked.len());
            shelf.uploads.insert(id.clone(), BTreeMap::new());
            let text = format!(
                "<InitiateMultipartUploadResult><Bucket>plant</Bucket><Key>{name}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            );
            (StatusCode::OK, text).into_response()
        }
        (&Method::POST, Some(id)) => {
            let Some(parts) = shelf.uploads.remove(&id) else {
                return said(StatusCode::NOT_FOUND, "NoSuchUpload");
            };
            let whole: Vec<u8> = parts.into_values().flatten().collect();
            put(&mut shelf, name, whole.into());
            let text =
                "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>";
            (StatusCode::OK, text).into_response()
        }
        (&Method::DELETE, Some(id)) => {
            shelf.uploads.remove(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::DELETE, None) => {
            shelf.objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::GET, None) => match shelf.objects.get(&name) {
            Some((bytes, number)) => {
                let headers = [
                    ("etag", format!("\"{number}\"")),
                    ("last-modified", "Wed, 01 May 2024 08:00:00 GMT".to_owned()),
                ];
                (StatusCode::OK, headers, bytes.clone()).into_response()
            }
            None => said(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => said(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
    }
}

fn put(shelf: &mut Shelf, name: String, body: Bytes) -> Response {
    shelf.writes += 1;
    let number = shelf.writes;
    shelf.objects.insert(name, (body, number));
    (StatusCode::OK, [("etag", format!("\"{number}\""))]).into_response()
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn decoded(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: Option<u8>| char::from(digit.expect("a digit")).to_digit(16).expect("hexadecimal");
        match byte {
            b'%' => bytes.push((hex(rest.next()) * 16 + hex(rest.next())) as u8),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
