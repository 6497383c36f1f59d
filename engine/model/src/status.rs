//! Status codes as clients of Apache IoTDB 1.x and 2.x know them.

use std::fmt;

/// A status code of the protocol. Codes from 200 to 299 and 400 are success.
///
/// Source: `TSStatusCode` of Apache IoTDB 1.3 and 2.0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode(pub i32);

macro_rules! codes {
    ($($name:ident = $code:literal, $doc:literal;)*) => {
        impl StatusCode {
            $(#[doc = $doc] pub const $name: Self = Self($code);)*

            /// The name of a known code.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    SUCCESS = 200, "Done.";
    INCOMPATIBLE_VERSION = 201, "The client speaks another version of the protocol.";
    UNSUPPORTED_OPERATION = 300, "This operation is not supported.";
    EXECUTE_STATEMENT_ERROR = 301, "The statement failed, for no more specific reason.";
    MULTIPLE_ERROR = 302, "Parts of a batch failed; each has its own status.";
    ILLEGAL_PARAMETER = 303, "A parameter has a value that is not allowed.";
    OVERLAP_WITH_EXISTING_TASK = 304, "Such a task is under way.";
    INTERNAL_SERVER_ERROR = 305, "A fault of the server's own.";
    DISPATCH_ERROR = 306, "The part of the server that has to do it cannot be reached.";
    REDIRECTION_RECOMMEND = 400, "Done; next time another node is closer.";
    DATABASE_NOT_EXIST = 500, "There is no such database.";
    DATABASE_ALREADY_EXISTS = 501, "The database exists.";
    TIMESERIES_ALREADY_EXIST = 503, "The series exists.";
    ALIAS_ALREADY_EXIST = 505, "The alias is in use.";
    PATH_ALREADY_EXIST = 506, "The path exists.";
    METADATA_ERROR = 507, "The catalog rejects it, for example for a type that does not fit.";
    PATH_NOT_EXIST = 508, "There is no such path.";
    ILLEGAL_PATH = 509, "The path is not well formed.";
    CREATE_TEMPLATE_ERROR = 510, "A template cannot be made.";
    TEMPLATE_NOT_SET = 513, "The template is not set there.";
    TEMPLATE_IS_IN_USE = 515, "Devices have the template's series.";
    TEMPLATE_INCOMPATIBLE = 516, "A template is set there, and series that are not its own cannot be beside it.";
    TEMPLATE_NOT_ACTIVATED = 524, "No device there has the template's series.";
    DATABASE_CONFIG_ERROR = 525, "A database cannot have such properties.";
    SCHEMA_QUOTA_EXCEEDED = 526, "No more series may be made.";
    MEASUREMENT_ALREADY_EXISTS_IN_TEMPLATE = 527, "The template has such a measurement.";
    DATABASE_CONFLICT = 529, "The database would lie above or below another.";
    SYSTEM_READ_ONLY = 600, "The store takes no writes.";
    STORAGE_ENGINE_ERROR = 601, "Storing failed.";
    NOT_READY = 602, "The server is starting.";
    DATAREGION_PROCESS_ERROR = 603, "A region failed.";
    TSFILE_PROCESSOR_ERROR = 604, "A file of the store failed.";
    WRITE_PROCESS_ERROR = 605, "Writing failed.";
    WRITE_PROCESS_REJECT = 606, "The write was rejected for now: too much is under way.";
    OUT_OF_TTL = 607, "The rows are older than their time to live.";
    ALIGNED_TIMESERIES_ERROR = 609, "An aligned write to a plain device, or the reverse.";
    WAL_ERROR = 610, "The log cannot be written.";
    DISK_SPACE_INSUFFICIENT = 611, "The disk is full.";
    DATA_TYPE_MISMATCH = 614, "A value's type is not its series' type.";
    WAL_ENTRY_TOO_LARGE = 620, "The log has no room for so large a write.";
    SQL_PARSE_ERROR = 700, "The statement is not well formed.";
    SEMANTIC_ERROR = 701, "The statement is well formed but makes no sense.";
    QUERY_NOT_ALLOWED = 704, "A query where another statement is expected, or the reverse.";
    QUERY_PROCESS_ERROR = 708, "The query failed while running.";
    QUERY_MEMORY_NOT_ENOUGH = 709, "The query needs more memory than it may have.";
    INTERNAL_REQUEST_RETRY_ERROR = 713, "A part of the server asks for another attempt.";
    NO_SUCH_QUERY = 714, "No query of that name or number runs.";
    QUERY_WAS_KILLED = 715, "The query was cancelled.";
    QUERY_TIMEOUT = 720, "The query took too long.";
    PLAN_FAILED_NETWORK_PARTITION = 721, "Parts of the server do not reach each other.";
    WRONG_LOGIN_PASSWORD = 801, "User or password is wrong.";
    NOT_LOGIN = 802, "There is no session.";
    NO_PERMISSION = 803, "The user may not do this.";
    USER_NOT_EXIST = 804, "There is no such user.";
    USER_ALREADY_EXIST = 805, "The user exists.";
    USER_ALREADY_HAS_ROLE = 806, "The user has the role.";
    USER_NOT_HAS_ROLE = 807, "The user does not have the role.";
    ROLE_NOT_EXIST = 808, "There is no such role.";
    ROLE_ALREADY_EXIST = 809, "The role exists.";
    NOT_HAS_PRIVILEGE = 811, "The user or role does not have the privilege.";
    NOT_HAS_PRIVILEGE_GRANT_OPTION = 817, "The user may not give the privilege to others.";
    CREATE_REGION_ERROR = 901, "A region cannot be made now.";
    PARTITION_CACHE_UPDATE_ERROR = 903, "The server does not know where its regions are.";
    CONSENSUS_NOT_INITIALIZED = 904, "The replicas of a region have not begun.";
    REGION_LEADER_CHANGE_ERROR = 905, "A region has no leader now.";
    NO_AVAILABLE_REGION_GROUP = 906, "The server waits for its regions, as it does at its start.";
    LACK_PARTITION_ALLOCATION = 907, "There is no region for it yet.";
    NO_ENOUGH_DATANODE = 1003, "Too few nodes are up.";
    CAN_NOT_CONNECT_DATANODE = 1007, "A node cannot be reached.";
    CAN_NOT_CONNECT_CONFIGNODE = 1010, "The node that knows the others cannot be reached.";
    NO_AVAILABLE_REPLICA = 1012, "No replica is up.";
    CONFIG_NODE_LEADER_WARMING_UP = 1014, "The node that knows the others is starting.";
    LOAD_FILE_ERROR = 1100, "Loading a file failed.";
    CREATE_PIPE_SINK_ERROR = 1106, "Where a pipe is to send is not right.";
    PIPE_ERROR = 1107, "A pipe is not right.";
    PIPESERVER_ERROR = 1108, "A pipe is not taken by its receiver.";
    UDF_LOAD_CLASS_ERROR = 1200, "What a function of the user's is to be made of is not there, or is no such thing.";
    UDF_DOWNLOAD_ERROR = 1201, "The file of a function of the user's cannot be fetched.";
    CREATE_UDF_ERROR = 1204, "A function of the user's cannot be made: its name is taken.";
    DROP_UDF_ERROR = 1205, "A function that is built in cannot be taken away.";
    CREATE_TRIGGER_ERROR = 1300, "A trigger cannot be made.";
    DROP_TRIGGER_ERROR = 1301, "A trigger cannot be removed.";
    NO_SUCH_CQ = 1400, "There is no such continuous query.";
    CQ_ALREADY_EXIST = 1402, "The continuous query exists.";
    SPACE_QUOTA_EXCEEDED = 1700, "No more may be stored.";
    NUM_REQUESTS_EXCEEDED = 1701, "There were too many requests, for now.";
    NUM_READ_REQUESTS_EXCEEDED = 1703, "There were too many requests to read, for now.";
    NUM_WRITE_REQUESTS_EXCEEDED = 1704, "There were too many requests to write, for now.";
    WRITE_SIZE_EXCEEDED = 1705, "Too much was written, for now.";
    READ_SIZE_EXCEEDED = 1706, "Too much was read, for now.";
    PIPE_NOT_EXIST_ERROR = 1806, "There is no such pipe.";
    CONSENSUS_GROUP_NOT_EXIST = 2206, "The region has not begun.";
}

impl StatusCode {
    /// Whether the code means success.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299 | 400)
    }

    /// Whether the same request may succeed later, unchanged.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::INTERNAL_SERVER_ERROR
                | Self::SYSTEM_READ_ONLY
                | Self::STORAGE_ENGINE_ERROR
                | Self::NOT_READY
                | Self::WRITE_PROCESS_ERROR
                | Self::WRITE_PROCESS_REJECT
                | Self::DISK_SPACE_INSUFFICIENT
                | Self::QUERY_TIMEOUT
                | Self::NUM_REQUESTS_EXCEEDED
                | Self::NUM_READ_REQUESTS_EXCEEDED
                | Self::NUM_WRITE_REQUESTS_EXCEEDED
                | Self::WRITE_SIZE_EXCEEDED
                | Self::READ_SIZE_EXCEEDED
        ) || self.is_of_cluster()
    }

    /// Whether the code says that a part of the server is away or has not begun, which says nothing of the request.
    pub const fn is_of_cluster(self) -> bool {
        matches!(
            self,
            Self::DISPATCH_ERROR
                | Self::WAL_ERROR
                | Self::INTERNAL_REQUEST_RETRY_ERROR
                | Self::PLAN_FAILED_NETWORK_PARTITION
                | Self::CREATE_REGION_ERROR
                | Self::PARTITION_CACHE_UPDATE_ERROR
                | Self::CONSENSUS_NOT_INITIALIZED
                | Self::REGION_LEADER_CHANGE_ERROR
                | Self::NO_AVAILABLE_REGION_GROUP
                | Self::LACK_PARTITION_ALLOCATION
                | Self::NO_ENOUGH_DATANODE
                | Self::CAN_NOT_CONNECT_DATANODE
                | Self::CAN_NOT_CONNECT_CONFIGNODE
                | Self::NO_AVAILABLE_REPLICA
                | Self::CONFIG_NODE_LEADER_WARMING_UP
                | Self::CONSENSUS_GROUP_NOT_EXIST
        )
    }

    /// Whether the code leaves open if the request or the server is the cause, as one that is not known here does: only time tells.
    pub const fn is_vague(self) -> bool {
        matches!(
            self,
            Self::EXECUTE_STATEMENT_ERROR
                | Self::INTERNAL_SERVER_ERROR
                | Self::STORAGE_ENGINE_ERROR
                | Self::DATAREGION_PROCESS_ERROR
                | Self::TSFILE_PROCESSOR_ERROR
                | Self::WRITE_PROCESS_ERROR
                | Self::MULTIPLE_ERROR
        ) || !self.is_success() && self.name().is_none()
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `701 SEMANTIC_ERROR`, or only the number if the code has no name here.
impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
