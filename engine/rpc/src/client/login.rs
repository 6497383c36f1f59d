//! Logging in and out.

use levada_model::{SessionError, StatusCode};

use super::{ClientError, ClientOptions, codes::Generation, connection::Connection};
use crate::{
    messages::{
        CloseSession, CloseSessionReq, GetProperties, GetTimeZone, OpenSession, OpenSessionReq, PROTOCOL_V3,
        RequestStatementId,
    },
    thrift::Pairs,
};

/// What a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its version, such as `2.0.1-beta`.
    pub version: String,
    /// Which codes and methods it knows.
    pub generation: Generation,
    /// Whether it has the types TIMESTAMP, DATE, BLOB and STRING: from 1.3.3 on.
    pub new_types: bool,
    /// The longest request it reads, in bytes.
    pub frame_bytes: usize,
    /// What its engine is known by, where it is one of this program's and was told of a pipe.
    pub engine: Option<String>,
    /// Whether it takes files of chunks on the connections of a pipe.
    pub takes_chunks: bool,
}

/// A connection, logged in.
#[derive(Debug)]
pub struct Client {
    pub(super) connection: Connection,
    pub(super) session_id: i64,
    pub(super) statement_id: i64,
    pub(super) fetch_size: i32,
    pub(super) timeout_ms: i64,
    pub(super) server: Server,
}

/// The longest request of a server that states no limit, in bytes: the default of 0.12.
const DEFAULT_FRAME_BYTES: usize = 64 << 20;

impl Client {
    /// Connects with `node` (`host:port`) and logs in.
    ///
    /// # Errors
    /// The node does not answer in time or rejects the login, or its timestamps are not milliseconds.
    pub async fn open(node: &str, options: &ClientOptions) -> Result<Self, ClientError> {
        let limit = options.connect_timeout;
        tokio::time::timeout(limit, Self::log_in(node, options)).await.unwrap_or_else(|_| {
            Err(ClientError::Lost {
                node: node.to_owned(),
                reason: format!("no session within {limit:?}"),
                timed_out: true,
            })
        })
    }

    async fn log_in(node: &str, options: &ClientOptions) -> Result<Self, ClientError> {
        let mut connection = Connection::open(node, options).await?;
        let configuration = [("version", "V_1_0"), ("sql_dialect", "tree")];
        let configuration = configuration.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let request = OpenSessionReq {
            client_protocol: PROTOCOL_V3,
            zone_id: options.zone.clone(),
            username: Some(options.user.clone()),
            password: Some(options.password.clone()),
            configuration: Some(Pairs(configuration.to_vec())),
        };
        let opened = connection.call(&OpenSession { req: request }).await?;
        // The generation is not known yet: 600 is a wrong password before 1.0 and read-only afterwards, but no server reports
        // read-only at a login.
        if opened.status.code == 600 {
            Generation::V0_12.check(node, &opened.status)?;
        }
        Generation::V1.check(node, &opened.status)?;
        let session_id = opened.session_id.unwrap_or(-1);
        let statement_id = connection.call(&RequestStatementId { session_id }).await?;
        let properties = connection.call(&GetProperties {}).await?;
        if !matches!(properties.timestamp_precision.as_str(), "ms" | "") {
            let message = format!(
                "{node} keeps times in {}, and only servers that keep milliseconds are supported: set \
                 timestamp_precision=ms there",
                properties.timestamp_precision
            );
            return Err(SessionError::new(StatusCode::INCOMPATIBLE_VERSION, message).into());
        }
        let frame = properties.thrift_max_frame_size.and_then(|bytes| usize::try_from(bytes).ok());
        let server = Server {
            generation: Generation::of(&properties.version),
            new_types: has_new_types(&properties.version),
            frame_bytes: frame.filter(|bytes| *bytes > 0).unwrap_or(DEFAULT_FRAME_BYTES),
            version: properties.version,
            engine: None,
            takes_chunks: false,
        };
        let mut client = Self {
            connection,
            session_id,
            statement_id,
            fetch_size: options.fetch_size,
            timeout_ms: i64::try_from(options.call_timeout.as_millis()).unwrap_or(i64::MAX),
            server,
        };
        if let Some(pipe) = &options.pipe {
            client.introduce(pipe).await?;
        }
        Ok(client)
    }

    /// The node's address, as it was given.
    pub fn node(&self) -> &str {
        &self.connection.node
    }

    /// What the server said of itself.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Whether a call was left unfinished: this client is then unusable.
    pub fn is_broken(&self) -> bool {
        self.connection.broken
    }

    /// Checks that the other side is there.
    ///
    /// # Errors
    /// It is not there, or has forgotten this session.
    pub async fn ping(&mut self) -> Result<(), ClientError> {
        let zone = self.connection.call(&GetTimeZone { session_id: self.session_id }).await?;
        self.check(&zone.status)
    }

    /// Logs out.
    ///
    /// # Errors
    /// The other side did not receive the request. It ends the sessions of a closed connection anyway.
    pub async fn close(mut self) -> Result<(), ClientError> {
        let request = CloseSessionReq { session_id: self.session_id };
        self.connection.call(&CloseSession { req: request }).await?;
        Ok(())
    }

    pub(super) fn check(&self, status: &crate::messages::Status) -> Result<(), ClientError> {
        self.server.generation.check(&self.connection.node, status)
    }
}

fn has_new_types(version: &str) -> bool {
    let mut numbers =
        version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next()) >= (1, 3, 3)
}
