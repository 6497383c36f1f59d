//! A broker of MQTT within the test: one session, its messages kept until they are acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A connection, encrypted or not.
type Stream = Box<dyn Wire>;

/// What a broker is like, and what happened to it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Topic and payload.
    pub(crate) messages: Vec<(String, Vec<u8>)>,
    pub(crate) acknowledged: BTreeSet<usize>,
    sent: BTreeSet<usize>,
    /// The versions that it speaks.
    pub(crate) versions: Vec<u8>,
    /// What it answers to whoever connects.
    pub(crate) code: u8,
    /// What it answers to a subscription.
    pub(crate) granted: u8,
    /// The connection is cut after so many messages, once.
    pub(crate) cut_after: Option<usize>,
    pub(crate) connections: usize,
    pub(crate) filters: Vec<String>,
}

/// A running broker.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Broker {
    pub(crate) async fn start(messages: Vec<(String, Vec<u8>)>) -> Self {
        Self::with(messages, None).await
    }

    /// A broker whose connections are encrypted, where there is an acceptor.
    pub(crate) async fn with(messages: Vec<(String, Vec<u8>)>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let state = State { messages, versions: vec![4, 5], granted: 1, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut serving: Option<JoinHandle<()>> = None;
            while let Ok((stream, _)) = listener.accept().await {
                // A session has one connection.
                if let Some(before) = serving.take() {
                    before.abort();
                }
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                serving = Some(tokio::spawn(async move {
                    let stream: Stream = match tls {
                        None => Box::new(stream),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    serve(stream, &state).await;
                }));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.state.lock().acknowledged.len()
    }
}

fn text(bytes: &[u8], at: &mut usize) -> String {
    let length = usize::from(u16::from_be_bytes([bytes[*at], bytes[*at + 1]]));
    let text = String::from_utf8(bytes[*at + 2..*at + 2 + length].to_vec()).expect("UTF-8");
    *at += 2 + length;
    text
}

/// A packet's head and content.
async fn packet(stream: &mut Stream) -> Option<(u8, Vec<u8>)> {
    let head = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.ok()?;
    Some((head, content))
}

async fn write(stream: &mut Stream, head: u8, content: &[u8]) -> Option<()> {
    let mut out = vec![head];
    let mut length = content.len();
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        out.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(content);
    stream.write_all(&out).await.ok()?;
    stream.flush().await.ok()
}

async fn serve(mut stream: Stream, state: &Mutex<State>) -> Option<()> {
    let (_, hello) = packet(&mut stream).await?;
    let version = hello[6];
    let (code, resumed) = {
        let mut state = state.lock();
        state.connections += 1;
        let speaks = state.versions.contains(&version);
        (if speaks { state.code } else { 1 }, u8::from(state.connections > 1))
    };
    let welcome: &[u8] = if version == 5 { &[resumed, code, 0] } else { &[resumed, code] };
    write(&mut stream, 0x20, welcome).await?;
    if code != 0 {
        return None;
    }
    let most = if version == 5 { usize::from(u16::from_be_bytes([hello[17], hello[18]])) } else { 20 };
    let mut in_flight = BTreeMap::<u16, usize>::new();
    let mut subscribed = false;
    loop {
        if subscribed {
            send(&mut stream, state, version, most, &mut in_flight).await?;
        }
        let (head, content) = packet(&mut stream).await?;
        match head >> 4 {
            8 => {
                let mut at = if version == 5 { 3 } else { 2 };
                let mut answer = content[..2].to_vec();
                answer.extend((version == 5).then_some(0));
                {
                    let mut state = state.lock();
                    while at < content.len() {
                        let filter = text(&content, &mut at);
                        state.filters.push(filter);
                        answer.push(state.granted);
                        at += 1;
                    }
                }
                if resumed == 1 {
                    // What the session has comes at once, before it is answered.
                    send(&mut stream, state, version, most, &mut in_flight).await?;
                }
                write(&mut stream, 0x90, &answer).await?;
                subscribed = true;
            }
            4 => {
                let id = u16::from_be_bytes([content[0], content[1]]);
                let index = in_flight.remove(&id).expect("an id that is in flight");
                state.lock().acknowledged.insert(index);
            }
            12 => write(&mut stream, 0xd0, &[]).await?,
            _ => return None,
        }
    }
}

/// Sends what may be sent.
async fn send(
    stream: &mut Stream,
    state: &Mutex<State>,
    version: u8,
    most: usize,
    in_flight: &mut BTreeMap<u16, usize>,
) -> Option<()> {
    while in_flight.len() < most {
        let (index, again, topic, payload) = {
            let mut state = state.lock();
            let under_way: BTreeSet<usize> = in_flight.values().copied().collect();
            let open = |index: &usize| !state.acknowledged.contains(index) && !under_way.contains(index);
            let Some(index) = (0..state.messages.len()).find(open) else { return Some(()) };
            if state.cut_after.is_some_and(|after| index >= after) {
                state.cut_after = None;
                return None;
            }
            let (topic, payload) = state.messages[index].clone();
            let again = !state.sent.insert(index);
            (index, again, topic, payload)
        };
        let id = u16::try_from(index % 60_000 + 1).expect("small");
        in_flight.insert(id, index);
        let mut content = u16::try_from(topic.len()).expect("short").to_be_bytes().to_vec();
        content.extend_from_slice(topic.as_bytes());
        content.extend_from_slice(&id.to_be_bytes());
        content.extend((version == 5).then_some(0));
        content.extend_from_slice(&payload);
        write(stream, 0x32 | u8::from(again) << 3, &content).await?;
    }
    Some(())
}
