//! Statements about pipes, which send what is stored to another server as it is written.
//!
//! Two generations are read: `create pipe p to sink` with sinks of their own, and `create pipe p with source (…) sink (…)`.

use std::fmt;

/// Changes pipes, or what they send to.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangePipe {
    /// `create pipesink s as IoTDB (ip='127.0.0.1', port=6667)`
    CreateSink {
        /// Its name.
        name: String,
        /// What kind of receiver it is.
        kind: String,
        /// Where it is, and how it is reached.
        attributes: Attributes,
    },
    /// `drop pipesink s`
    DropSink {
        /// Which.
        name: String,
    },
    /// `create pipe`
    Create(CreatePipe),
    /// `alter pipe p modify sink ('node-urls'='…')`
    Alter {
        /// Which.
        name: String,
        /// What changes of where rows come from.
        source: Option<AlterAttributes>,
        /// What changes of what is done to them.
        processor: Option<AlterAttributes>,
        /// What changes of where they go.
        sink: Option<AlterAttributes>,
    },
    /// `start pipe p`
    Start {
        /// Which.
        name: String,
        /// Whether one that does not exist is no error.
        if_exists: bool,
    },
    /// `stop pipe p`
    Stop {
        /// Which.
        name: String,
        /// Whether one that does not exist is no error.
        if_exists: bool,
    },
    /// `drop pipe p`
    Drop {
        /// Which.
        name: String,
        /// Whether one that does not exist is no error.
        if_exists: bool,
    },
}

/// `create pipe p …`
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePipe {
    /// Its name.
    pub name: String,
    /// Whether one that exists is no error.
    pub if_not_exists: bool,
    /// What it sends, and where to.
    pub body: PipeBody,
}

/// What a pipe sends, and where to.
#[derive(Clone, Debug, PartialEq)]
pub enum PipeBody {
    /// `to s from (select ** from root where time >= 0) with SyncDelOp=true`
    ToSink {
        /// The name of the sink.
        sink: String,
        /// Rows before this time are not sent, in milliseconds since 1970 UTC.
        start: Option<i64>,
        /// What stands behind `with`.
        attributes: Attributes,
    },
    /// `with source (…) with processor (…) with sink (…)`
    With {
        /// Where rows come from.
        source: Attributes,
        /// What is done to them.
        processor: Attributes,
        /// Where they go.
        sink: Attributes,
    },
}

/// New attributes of a part of a pipe.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterAttributes {
    /// Those that are not named go, rather than stay.
    pub replace: bool,
    /// The new ones.
    pub attributes: Attributes,
}

/// Keys and values, in the order in which they were written. Passwords among them are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Attributes(pub Vec<(String, String)>);

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_secret = |key: &str| key.to_ascii_lowercase().contains("password");
        let shown = self.0.iter().map(|(key, value)| (key, if is_secret(key) { "***" } else { value }));
        f.debug_map().entries(shown).finish()
    }
}

/// `show pipes` and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShowPipes {
    /// `show pipesinktype`
    SinkTypes,
    /// `show pipesinks`, `show pipesink s`
    Sinks {
        /// Which; all where `None`.
        name: Option<String>,
    },
    /// `show pipes`, `show pipe p`
    Pipes {
        /// Which; all where `None`.
        name: Option<String>,
        /// Those that send to where this pipe does.
        with_sink_of: Option<String>,
        /// Whose statement it is.
        grammar: PipeGrammar,
    },
}

/// Which grammar has a form of `show pipes`: each has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeGrammar {
    /// That of V1.2 alone, `show pipe`, `show pipes p`.
    Sync,
    /// That of 1.3 and 2.0 alone, `show pipes where sink used by p`.
    Later,
    /// Both, `show pipes`, `show pipe p`.
    Both,
}
