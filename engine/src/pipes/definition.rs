//! What a pipe's attributes mean.

use std::{fmt, path::PathBuf};

use levada_model::{SessionError, StatusCode};

use super::{
    Selection,
    attributes::{self, Reads, pipe_error},
    book::{Book, Pairs, StoredBody, StoredPipe},
};

/// How many bytes are sent together, where a pipe does not say.
const BATCH: usize = 4 << 20;
/// More would be held in memory at both ends.
const LARGEST_BATCH: usize = 64 << 20;

/// A pipe, as whoever runs it has to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct PipeDefinition {
    /// No two pipes of an engine have the same number, one after the other neither.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970 UTC.
    pub created: i64,
    /// Where rows go.
    pub target: PipeTarget,
    /// Which rows.
    pub selection: Selection,
    /// Whether what is stored when it begins is sent.
    pub history: bool,
    /// Whether that is sent also to an engine whose pipes have sent here: only where `history.enable` asks for it.
    pub history_back: bool,
    /// Whether what is written later is sent.
    pub realtime: bool,
    /// Whether deletions are sent.
    pub deletions: bool,
    /// Whether rows that came by a pipe themselves are sent; never to where they came from.
    pub forwards: bool,
    /// Bytes a second that are sent at most.
    pub rate: Option<u64>,
    /// Bytes of changes that are sent together, about.
    pub batch: usize,
    /// Whether what is stored when it begins is sent as chunks of files, to a receiver that takes them.
    pub chunks: bool,
}

/// Where a pipe sends to.
#[derive(Clone, PartialEq, Eq)]
pub enum PipeTarget {
    /// Nowhere: rows are read and forgotten.
    Nowhere,
    /// An IoTDB.
    Nodes {
        /// `host:port` of each node.
        nodes: Vec<String>,
        /// Who logs in there.
        user: String,
        /// The password. It is not printed.
        password: String,
        /// How the connections are encrypted; they are not where nothing is said.
        tls: Option<PipeTls>,
    },
}

/// How a pipe's connections are encrypted: what a sink of a pipeline has as `tls`. All files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeTls {
    /// The authorities that are trusted; those of the system where nothing is said.
    pub ca_file: Option<PathBuf>,
    /// The certificate that this side shows where the receiver asks for one.
    pub crt_file: Option<PathBuf>,
    /// Its private key, not encrypted.
    pub key_file: Option<PathBuf>,
    /// Whether the receiver's certificate has to be for the host of its address.
    pub verify_hostname: bool,
}

impl fmt::Debug for PipeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("Nowhere"),
            Self::Nodes { nodes, user, .. } => {
                f.debug_struct("Nodes").field("nodes", nodes).field("user", user).finish_non_exhaustive()
            }
        }
    }
}

/// The error of a sink.
pub(super) fn sink_error(message: impl Into<String>) -> SessionError {
    SessionError::new(StatusCode::CREATE_PIPE_SINK_ERROR, message)
}

/// What a stored pipe means.
///
/// # Errors
/// An attribute is unknown, or has a value that makes no sense.
pub(super) fn definition(book: &Book, name: &str, pipe: &StoredPipe) -> Result<PipeDefinition, SessionError> {
    let mut definition = PipeDefinition {
        id: pipe.id,
        name: name.to_owned(),
        created: pipe.created,
        target: PipeTarget::Nowhere,
        selection: Selection::default(),
        history: true,
        history_back: false,
        realtime: true,
        deletions: false,
        forwards: true,
        rate: None,
        batch: BATCH,
        chunks: true,
    };
    match &pipe.body {
        StoredBody::ToSink { sink, start, deletions } => {
            let known = book.sinks.get(sink);
            let known = known.ok_or_else(|| pipe_error(format!("PIPESINK [{sink}] does not exist.")))?;
            definition.target = target(&known.attributes)?;
            definition.selection.times.0 = start.unwrap_or(i64::MIN);
            definition.deletions = *deletions;
        }
        StoredBody::With { source, processor, sink } => {
            of_source(&mut definition, source)?;
            of_processor(processor)?;
            of_sink(&mut definition, sink)?;
        }
    }
    Ok(definition)
}

/// Where a sink's attributes lead.
///
/// # Errors
/// An attribute is unknown, or has a value that makes no sense.
pub(super) fn target(attributes: &Pairs) -> Result<PipeTarget, SessionError> {
    let mut reads = Reads::new(attributes, "the sink");
    let target = nodes(&mut reads)?;
    reads.end()?;
    Ok(target)
}

fn nodes(reads: &mut Reads<'_>) -> Result<PipeTarget, SessionError> {
    let host = reads.take(&["ip", "host"]).unwrap_or("127.0.0.1");
    let port = reads.take(&["port"]).unwrap_or("6667");
    let urls = reads.take(&["node-urls"]);
    let user = reads.take(&["user", "username"]).unwrap_or("root").to_owned();
    let password = reads.take(&["password"]).unwrap_or("root").to_owned();
    let nodes = match urls {
        Some(urls) => {
            urls.split(',').map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()).collect()
        }
        None => vec![address(host, port)],
    };
    for node in &nodes {
        let port = node.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) {
            return Err(pipe_error(format!(
                "`{node}` is no address of a receiver: give host and port, as `127.0.0.1:6667`"
            )));
        }
    }
    if nodes.is_empty() {
        return Err(pipe_error("`node-urls` names no receiver: give host and port, as `127.0.0.1:6667`"));
    }
    Ok(PipeTarget::Nodes { nodes, user, password, tls: tls(reads)? })
}

/// Whether, and how, connections are encrypted: `tls`, or any of the others.
fn tls(reads: &mut Reads<'_>) -> Result<Option<PipeTls>, SessionError> {
    let wanted = reads.boolean(&["tls"])?;
    let mut file = |names: &[&str]| reads.take(names).map(PathBuf::from);
    let ca_file = file(&["tls.ca_file", "tls_ca_file"]);
    let crt_file = file(&["tls.crt_file", "tls_crt_file"]);
    let key_file = file(&["tls.key_file", "tls_key_file"]);
    let verify = reads.boolean(&["tls.verify_hostname", "tls_verify_hostname"])?;
    let any = ca_file.is_some() || crt_file.is_some() || key_file.is_some() || verify.is_some();
    if wanted == Some(false) && any {
        return Err(pipe_error(
            "`tls` of the sink is `false`, and other attributes say how to encrypt: leave one out",
        ));
    }
    let tls = PipeTls { ca_file, crt_file, key_file, verify_hostname: verify.unwrap_or(true) };
    Ok(wanted.unwrap_or(any).then_some(tls))
}

/// `host:port`; an address of IPv6 stands between brackets.
fn address(host: &str, port: &str) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// From when to when, where that is a time at all.
fn times(of: &str, start: Option<i64>, end: Option<i64>) -> Result<(i64, i64), SessionError> {
    let (from, to) = (start.unwrap_or(i64::MIN), end.unwrap_or(i64::MAX));
    if from > to {
        return Err(pipe_error(format!(
            "`{of}start-time` ({from}) should not be behind `{of}end-time` ({to})"
        )));
    }
    Ok((from, to))
}

fn of_source(definition: &mut PipeDefinition, attributes: &Pairs) -> Result<(), SessionError> {
    let mut reads = Reads::new(attributes, "the source");
    reads.plugin(&["source", "extractor"], &["iotdb-source", "iotdb-extractor"])?;
    let selection = &mut definition.selection;
    match reads.take(&["pattern.format"]).unwrap_or("prefix").to_ascii_lowercase().as_str() {
        "prefix" => {
            let prefix = reads.take(&["pattern"]);
            if let Some(text) = prefix.filter(|text| *text != "root" && !text.starts_with("root.")) {
                return Err(reads.wrong("pattern", text, "the beginning of paths, such as `root.a`"));
            }
            selection.prefix = prefix.filter(|text| *text != "root").map(str::to_owned);
        }
        "iotdb" => selection.patterns.extend(reads.patterns(&["pattern"])?),
        other => return Err(reads.wrong("pattern.format", other, "`prefix` or `iotdb`")),
    }
    selection.patterns.extend(reads.patterns(&["path"])?);
    let (start, end) = (reads.time(&["start-time"])?, reads.time(&["end-time"])?);
    selection.times = times("", start, end)?;
    let (start, end) = (reads.time(&["history.start-time"])?, reads.time(&["history.end-time"])?);
    selection.history = times("history.", start, end)?;
    let history = reads.boolean(&["history.enable"])?;
    definition.history = history.unwrap_or(true);
    definition.history_back = history.unwrap_or(false);
    definition.realtime = reads.boolean(&["realtime.enable"])?.unwrap_or(true);
    match reads.take(&["mode"]).unwrap_or("live").to_ascii_lowercase().as_str() {
        "live" | "subscribe" => {}
        "query" | "snapshot" => definition.realtime = false,
        other => return Err(reads.wrong("mode", other, "`live` or `snapshot`")),
    }
    if reads.boolean(&["mode.snapshot"])? == Some(true) {
        definition.realtime = false;
    }
    definition.deletions = attributes::deletions(&mut reads)?;
    definition.forwards = attributes::forwards(&mut reads)?;
    if !definition.history && !definition.realtime {
        return Err(pipe_error("Should not set both history.enable and realtime.enable to false."));
    }
    reads.end()
}

fn of_processor(attributes: &Pairs) -> Result<(), SessionError> {
    let mut reads = Reads::new(attributes, "the processor");
    reads.plugin(&["processor"], &["do-nothing-processor"])?;
    reads.end()
}

fn of_sink(definition: &mut PipeDefinition, attributes: &Pairs) -> Result<(), SessionError> {
    const SINKS: [&str; 8] = [
        "iotdb-thrift-sink",
        "iotdb-thrift-connector",
        "iotdb-thrift-sync-sink",
        "iotdb-thrift-sync-connector",
        "iotdb-thrift-async-sink",
        "iotdb-thrift-async-connector",
        "do-nothing-sink",
        "do-nothing-connector",
    ];
    let mut reads = Reads::new(attributes, "the sink");
    let plugin = reads.plugin(&["sink", "connector"], &SINKS)?;
    definition.target = nodes(&mut reads)?;
    if plugin.is_some_and(|plugin| plugin.starts_with("do-nothing")) {
        definition.target = PipeTarget::Nowhere;
    }
    if let Some(rate) = reads.take(&["rate-limit-bytes-per-second"]) {
        let number = rate.parse::<f64>().ok().filter(|rate| rate.is_finite());
        let number =
            number.ok_or_else(|| reads.wrong("rate-limit-bytes-per-second", rate, "bytes a second"))?;
        definition.rate = (number > 0.0).then_some(number as u64);
    }
    definition.batch = batch(&mut reads)?;
    definition.chunks = of_sending(&mut reads)?;
    attributes::of_sink(&mut reads)?;
    reads.end()
}

/// How many bytes are sent together.
fn batch(reads: &mut Reads<'_>) -> Result<usize, SessionError> {
    let together = reads.boolean(&["batch.enable"])?.unwrap_or(true);
    for key in ["batch.max-delay-seconds", "batch.max-delay-ms"] {
        // What is there is sent at once: no delay is too short.
        let Some(value) = reads.take(&[key]) else { continue };
        if value.parse::<f64>().ok().is_none_or(|delay| delay.is_nan() || delay < 0.0) {
            return Err(reads.wrong(key, value, "a time"));
        }
    }
    let size = match reads.take(&["batch.size-bytes"]) {
        None => BATCH,
        Some(value) => {
            let size = value.parse::<usize>().ok().filter(|size| (1..=LARGEST_BATCH).contains(size));
            size.ok_or_else(|| {
                reads.wrong("batch.size-bytes", value, &format!("bytes, {LARGEST_BATCH} at most"))
            })?
        }
    };
    // One change alone has more bytes than one.
    Ok(if together { size } else { 1 })
}

/// How rows are sent, and whether chunks of files are: what is not done here is rejected rather than passed over.
fn of_sending(reads: &mut Reads<'_>) -> Result<bool, SessionError> {
    let chunks = match reads.take(&["format"]) {
        None => true,
        Some(format) => match format.to_ascii_lowercase().as_str() {
            "hybrid" => true,
            "tablet" => false,
            _ => {
                return Err(reads.wrong(
                    "format",
                    format,
                    "`tablet` or `hybrid`, as what is written while the pipe runs is sent in tablets, not in files",
                ));
            }
        },
    };
    for key in ["compressor", "compressor.zstd.level"] {
        if let Some(value) = reads.take(&[key]).filter(|value| !value.is_empty()) {
            return Err(reads.wrong(key, value, "left out, as rows are sent as they are"));
        }
    }
    if reads.boolean(&["mark-as-pipe-request"])? == Some(false) {
        return Err(reads.wrong(
            "mark-as-pipe-request",
            "false",
            "`true`: what comes by a pipe is known to, so that it is not sent back",
        ));
    }
    Ok(chunks)
}
