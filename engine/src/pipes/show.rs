//! `show pipes`, `show pipesinks`, `show pipesinktype`.
//!
//! Pipes have two tables: that of V1.2, which has the receiver's side too, and that of 1.3 and 2.0, which their tools expect and which has what is sent
//! alone. A statement that only one of the grammars has gets its table. One that both have gets the later table where the pipe that is asked for, or
//! where that is not there, each that sends from here, was made in the later form.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use levada_sql::ast::{PipeGrammar, ShowPipes};

use super::{
    PipeMessage, PipeTarget, Pipes,
    book::{Book, Pairs, StoredBody, StoredPipe},
    definition::target,
    reader,
};

/// That a pipe sends trees of series, as it is said among the attributes of its source.
const DIALECT: (&str, &str) = ("__system.sql-dialect", "tree");

/// What is shown: headers, and texts below them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) headers: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

impl Pipes {
    /// What a statement asks for; times are those of a zone.
    pub(crate) fn show(&self, show: &ShowPipes, zone: &TimeZone) -> Table {
        let book = self.book();
        match show {
            ShowPipes::SinkTypes => Table { headers: &["type"], rows: vec![vec!["IoTDB".to_owned()]] },
            ShowPipes::Sinks { name } => {
                let asked = |each: &&String| name.as_ref().is_none_or(|name| name == *each);
                let sinks = book.sinks.iter().filter(|(each, _)| asked(each));
                let rows = sinks
                    .map(|(name, sink)| vec![name.clone(), "IoTDB".to_owned(), of_sink(&sink.attributes)]);
                Table { headers: &["name", "type", "attributes"], rows: rows.collect() }
            }
            ShowPipes::Pipes { name, with_sink_of, grammar }
                if is_later(&book, name.as_deref(), *grammar) =>
            {
                self.later(&book, (name.as_deref(), with_sink_of.as_deref()), zone)
            }
            ShowPipes::Pipes { name, .. } => {
                const HEADERS: [&str; 7] =
                    ["create time", "name", "role", "remote", "status", "attributes", "message"];
                let asked = |each: &str| name.as_ref().is_none_or(|name| name == each);
                let sent = book.pipes.iter().filter(|(name, _)| asked(name));
                let mut rows: Vec<_> = sent.map(|(name, pipe)| self.of_pipe(name, pipe, zone)).collect();
                rows.extend(self.received(zone, asked));
                Table { headers: &HEADERS, rows }
            }
        }
    }

    /// The table of 1.3 and 2.0: of one pipe, of those that send to where another does, or of all.
    fn later(
        &self,
        book: &Book,
        (name, with_sink_of): (Option<&str>, Option<&str>),
        zone: &TimeZone,
    ) -> Table {
        const HEADERS: [&str; 9] = [
            "ID",
            "CreationTime",
            "State",
            "PipeSource",
            "PipeProcessor",
            "PipeSink",
            "ExceptionMessage",
            "RemainingEventCount",
            "EstimatedRemainingSeconds",
        ];
        let sink_of = |pipe: &StoredPipe| {
            let [.., mut sink] = parts(book, pipe);
            sink.sort();
            sink
        };
        let sink = with_sink_of.map(|pipe| book.pipes.get(pipe).map(sink_of));
        let asked = |(each, pipe): &(&String, &StoredPipe)| {
            name.is_none_or(|name| name == each.as_str())
                && sink.as_ref().is_none_or(|sink| sink.as_ref() == Some(&sink_of(pipe)))
        };
        let infos = self.infos();
        let of = |(name, pipe): (&String, &StoredPipe)| {
            let waits = infos.iter().find(|info| info.name == *name).map_or(0, |info| info.lag_writes);
            let [mut source, processor, sink] = parts(book, pipe);
            // A server of 2.0 has pipes of tables as well, and says so of each.
            source.push((DIALECT.0.to_owned(), DIALECT.1.to_owned()));
            let [source, processor, sink] = [source, processor, sink].map(|part| braced(&part));
            let message = match self.message(pipe.id) {
                PipeMessage::Normal => String::new(),
                PipeMessage::Warn(why) | PipeMessage::Error(why) => why,
            };
            vec![
                name.clone(),
                moment(pipe.created, zone),
                if pipe.running { "RUNNING" } else { "STOPPED" }.to_owned(),
                source,
                processor,
                sink,
                message,
                waits.to_string(),
                // How long the rest takes depends on the receiver.
                if waits == 0 { "0.00" } else { "Unknown" }.to_owned(),
            ]
        };
        Table { headers: &HEADERS, rows: book.pipes.iter().filter(asked).map(of).collect() }
    }

    /// How a pipe is doing.
    fn message(&self, id: u64) -> PipeMessage {
        let mut message = PipeMessage::Normal;
        self.status(id, |status| message = status.message());
        self.retention(id).filter(|_| message == PipeMessage::Normal).unwrap_or(message)
    }

    fn of_pipe(&self, name: &str, pipe: &StoredPipe, zone: &TimeZone) -> Vec<String> {
        vec![
            moment(pipe.created, zone),
            name.to_owned(),
            "sender".to_owned(),
            remote(pipe),
            if pipe.running { "RUNNING" } else { "STOP" }.to_owned(),
            attributes(pipe),
            match self.message(pipe.id) {
                PipeMessage::Normal => "NORMAL".to_owned(),
                PipeMessage::Warn(why) => format!("WARN: {why}"),
                PipeMessage::Error(why) => format!("ERROR: {why}"),
            },
        ]
    }

    /// What is to be told of what is kept for a pipe.
    fn retention(&self, id: u64) -> Option<PipeMessage> {
        let name = reader(id);
        let hold = self.storage.readers().into_iter().find(|hold| hold.name.as_deref() == Some(&name))?;
        let (kept, most) = (hold.log_bytes + hold.file_bytes, hold.bound);
        let why = if hold.lost {
            "it has stood still for longer than the log is kept (pipe_log_retention): what is stored is sent anew when it \
             is started"
                .to_owned()
        } else if kept > most / 5 * 4 {
            format!(
                "{kept} of {most} bytes that are kept for it (pipe_log_retention) are used: beyond that, what is stored is \
                 sent anew; start it, see to its receiver, or have more kept"
            )
        } else {
            return None;
        };
        Some(PipeMessage::Warn(why))
    }

    fn received<'a>(
        &'a self,
        zone: &'a TimeZone,
        asked: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Vec<String>> + 'a {
        let all = self.receivers.all().into_iter().filter(move |(sender, _)| asked(&sender.pipe));
        all.map(|(sender, database)| {
            vec![
                moment(sender.created.unwrap_or_default(), zone),
                sender.pipe,
                "receiver".to_owned(),
                sender.address.to_string(),
                "RUNNING".to_owned(),
                format!("Database='{database}'"),
                "NORMAL".to_owned(),
            ]
        })
    }
}

/// Whether a statement gets the table of 1.3 and 2.0.
fn is_later(book: &Book, name: Option<&str>, grammar: PipeGrammar) -> bool {
    let is_later = |pipe: &StoredPipe| matches!(pipe.body, StoredBody::With { .. });
    match (grammar, name) {
        (PipeGrammar::Sync, _) => false,
        (PipeGrammar::Later, _) => true,
        (PipeGrammar::Both, name) => match name.and_then(|name| book.pipes.get(name)) {
            Some(asked) => is_later(asked),
            None => !book.pipes.is_empty() && book.pipes.values().all(is_later),
        },
    }
}

/// The attributes of a pipe's source, processor and sink.
fn parts(book: &Book, pipe: &StoredPipe) -> [Pairs; 3] {
    match &pipe.body {
        StoredBody::With { source, processor, sink } => [source.clone(), processor.clone(), sink.clone()],
        StoredBody::ToSink { sink, start, deletions } => {
            let pair = |key: &str, value: String| (key.to_owned(), value);
            let start = start.map(|start| pair("start-time", start.to_string()));
            let deletions = deletions.then(|| pair("inclusion", "data".to_owned()));
            let known = book.sinks.get(sink).map(|sink| sink.attributes.clone());
            [start.into_iter().chain(deletions).collect(), Pairs::new(), known.unwrap_or_default()]
        }
    }
}

/// `{ip=127.0.0.1, port=6667}`, without secrets.
fn braced(pairs: &Pairs) -> String {
    let shown: BTreeMap<&str, &str> = pairs
        .iter()
        .map(|(key, value)| (key.as_str(), if is_secret(key) { "******" } else { value.as_str() }))
        .collect();
    let shown: Vec<_> = shown.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", shown.join(", "))
}

fn is_secret(key: &str) -> bool {
    key.contains("password") || key.contains("pwd")
}

/// `2022-03-30T20:58:30.689`
fn moment(milliseconds: i64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(milliseconds).map_or_else(
        |_| milliseconds.to_string(),
        |time| time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
    )
}

/// `ip='127.0.0.1',port=6667`; no password.
fn of_sink(attributes: &Pairs) -> String {
    let value = |names: &[&str]| {
        attributes.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value.as_str())
    };
    if let Some(nodes) = value(&["node-urls"]) {
        return format!("node-urls='{nodes}'");
    }
    let ip = value(&["ip", "host"]).unwrap_or("127.0.0.1");
    let port = value(&["port"]).unwrap_or("6667");
    let user = value(&["user", "username"]).map(|user| format!(",user='{user}'")).unwrap_or_default();
    format!("ip='{ip}',port={port}{user}")
}

/// The name of the sink, or where it is.
fn remote(pipe: &StoredPipe) -> String {
    match &pipe.body {
        StoredBody::ToSink { sink, .. } => sink.clone(),
        StoredBody::With { sink, .. } => {
            let known = |pairs: &Pairs| {
                let rest = pairs.iter().filter(|(key, _)| {
                    ["ip", "host", "port", "node-urls", "user", "username", "password"]
                        .contains(&key.as_str())
                });
                target(&rest.cloned().collect()).ok()
            };
            match known(sink) {
                Some(PipeTarget::Nodes { nodes, .. }) => nodes.join(","),
                _ => String::new(),
            }
        }
    }
}

fn attributes(pipe: &StoredPipe) -> String {
    match &pipe.body {
        StoredBody::ToSink { start, deletions, .. } => {
            format!("SyncDelOp={deletions},DataStartTimestamp={}", start.unwrap_or_default())
        }
        StoredBody::With { source, .. } => {
            let pairs = source.iter().map(|(key, value)| format!("{key}='{value}'"));
            pairs.collect::<Vec<_>>().join(",")
        }
    }
}
