//! Databases and series: made into statements, which are checked and carried out as any other.

use std::ops::ControlFlow::{Break, Continue};

use levada_model::{Compressor, DataType, Encoding, Session, SessionError, StatusCode};
use levada_rpc::{
    messages::{
        CreateAlignedTimeseries, CreateAlignedTimeseriesReq, CreateMultiTimeseries, CreateMultiTimeseriesReq,
        CreateTimeseries, CreateTimeseriesReq, DeleteData, DeleteDataReq, DeleteStorageGroups,
        DeleteTimeseries, Request, SetStorageGroup, Status,
    },
    thrift::Pairs,
};

use super::{Answered, Replies, each};
use crate::{
    conversation::Conversation,
    insert::measurement,
    sql::{path, pattern, patterns, quoted},
    status::{done, malformed, of_parts},
};

type Texts = Pairs<String, String>;

impl Conversation {
    pub(super) async fn schema_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::SetStorageGroup(SetStorageGroup { storage_group, .. }) => {
                replies.result(self.set_storage_group(&storage_group).await)
            }
            Request::DeleteStorageGroups(DeleteStorageGroups { storage_group, .. }) => {
                let sql = patterns(&storage_group).map(|paths| format!("delete database {paths}"));
                replies.result(self.statement(sql).await)
            }
            Request::CreateTimeseries(CreateTimeseries { req }) => {
                replies.result(self.statement(create(&req)).await)
            }
            Request::CreateMultiTimeseries(CreateMultiTimeseries { req }) => {
                replies.result(self.create_all(&req).await)
            }
            Request::CreateAlignedTimeseries(CreateAlignedTimeseries { req }) => {
                replies.result(self.statement(create_aligned(&req)).await)
            }
            Request::DeleteTimeseries(DeleteTimeseries { path, .. }) => {
                let sql = patterns(&path).map(|paths| format!("delete timeseries {paths}"));
                replies.result(self.statement(sql).await)
            }
            Request::DeleteData(DeleteData { req }) => replies.result(self.statement(delete(&req)).await),
            other => return Continue(other),
        })
    }

    /// Programs of before 1.0, such as the sink of IoTDB's connector for Flink in each of its tasks, make their database at every
    /// start and go on where they are told by the code of their time that it is there.
    async fn set_storage_group(&mut self, storage_group: &str) -> Result<Status, SessionError> {
        const PATH_ALREADY_EXIST_BEFORE_1_0: StatusCode = StatusCode(300);
        let sql = path(storage_group).map(|path| format!("create database {path}"));
        let old = self.known()?.client.is_old();
        self.statement(sql).await.map_err(|error| match error.code {
            StatusCode::DATABASE_ALREADY_EXISTS | StatusCode::DATABASE_CONFLICT if old => {
                SessionError { code: PATH_ALREADY_EXIST_BEFORE_1_0, ..error }
            }
            _ => error,
        })
    }

    pub(super) async fn statement(
        &mut self,
        sql: Result<String, SessionError>,
    ) -> Result<Status, SessionError> {
        self.known()?.session.execute(&sql?).await?;
        Ok(done())
    }

    async fn create_all(&mut self, req: &CreateMultiTimeseriesReq) -> Result<Status, SessionError> {
        let session = &self.known()?.session;
        let count = req.paths.len();
        let lists = [
            req.data_types.len(),
            req.encodings.len(),
            req.compressors.len(),
            req.props_list.as_ref().map_or(count, Vec::len),
            req.tags_list.as_ref().map_or(count, Vec::len),
            req.attributes_list.as_ref().map_or(count, Vec::len),
            req.measurement_alias_list.as_ref().map_or(count, Vec::len),
        ];
        if lists.iter().any(|length| *length != count) {
            return Err(malformed(format!("{count} series, and lists of other lengths: {lists:?}")));
        }
        let of = |list: &Option<Vec<Texts>>, at: usize| list.as_ref().map(|list| list[at].clone());
        let each_of = (0..count).map(|at| CreateTimeseriesReq {
            session_id: req.session_id,
            path: req.paths[at].clone(),
            data_type: req.data_types[at],
            encoding: req.encodings[at],
            compressor: req.compressors[at],
            props: of(&req.props_list, at),
            tags: of(&req.tags_list, at),
            attributes: of(&req.attributes_list, at),
            measurement_alias: req.measurement_alias_list.as_ref().map(|list| list[at].clone()),
        });
        let statements = each_of.map(|one| create(&one).map(Some)).collect();
        Ok(of_parts(each(session, statements).await))
    }
}

fn create(req: &CreateTimeseriesReq) -> Result<String, SessionError> {
    let definition = definition(req.data_type, req.encoding, req.compressor)?;
    let alias = alias(req.measurement_alias.as_deref());
    let properties = req.props.iter().flat_map(|pairs| &pairs.0);
    let properties: String =
        properties.map(|(key, value)| format!(", {}={}", quoted(key), quoted(value))).collect();
    let rest = labels(req.tags.as_ref(), req.attributes.as_ref());
    Ok(format!("create timeseries {}{alias} with {definition}{properties}{rest}", path(&req.path)?))
}

fn create_aligned(req: &CreateAlignedTimeseriesReq) -> Result<String, SessionError> {
    let count = req.measurements.len();
    let optional = |length: Option<usize>| length.unwrap_or(count);
    let lists = [
        req.data_types.len(),
        req.encodings.len(),
        req.compressors.len(),
        optional(req.measurement_alias.as_ref().map(Vec::len)),
        optional(req.tags_list.as_ref().map(Vec::len)),
        optional(req.attributes_list.as_ref().map(Vec::len)),
    ];
    if count == 0 || lists.iter().any(|length| *length != count) {
        return Err(malformed(format!("{count} series, and lists of other lengths: {lists:?}")));
    }
    let each = (0..count).map(|at| {
        let alias = alias(req.measurement_alias.as_ref().map(|list| list[at].as_str()));
        let definition = definition(req.data_types[at], req.encodings[at], req.compressors[at])?;
        let rest = labels(
            req.tags_list.as_ref().map(|list| &list[at]),
            req.attributes_list.as_ref().map(|list| &list[at]),
        );
        Ok(format!("{}{alias} with {definition}{rest}", pattern(&measurement(&req.measurements[at])?)?))
    });
    let each = each.collect::<Result<Vec<_>, SessionError>>()?.join(", ");
    Ok(format!("create aligned timeseries {}({each})", path(&req.prefix_path)?))
}

fn delete(req: &DeleteDataReq) -> Result<String, SessionError> {
    let start = (req.start_time > i64::MIN).then(|| format!("time >= {}", req.start_time));
    let end = (req.end_time < i64::MAX).then(|| format!("time <= {}", req.end_time));
    let bounds: Vec<_> = start.into_iter().chain(end).collect();
    let condition =
        if bounds.is_empty() { String::new() } else { format!(" where {}", bounds.join(" and ")) };
    Ok(format!("delete from {}{condition}", patterns(&req.paths)?))
}

/// Type, encoding and compression by their codes.
pub(super) fn definition(data_type: i32, encoding: i32, compressor: i32) -> Result<String, SessionError> {
    let known =
        |code: i32, what: &str| u8::try_from(code).map_err(|_| malformed(format!("{code} is no {what}")));
    let unknown = |code: i32, what: &str| malformed(format!("{code} is no {what}"));
    let data_type =
        DataType::from_code(known(data_type, "data type")?).ok_or_else(|| unknown(data_type, "data type"))?;
    let encoding =
        Encoding::from_code(known(encoding, "encoding")?).ok_or_else(|| unknown(encoding, "encoding"))?;
    let compressor = Compressor::from_code(known(compressor, "compressor")?)
        .ok_or_else(|| unknown(compressor, "compressor"))?;
    Ok(format!("datatype={data_type}, encoding={encoding}, compressor={compressor}"))
}

fn alias(alias: Option<&str>) -> String {
    match alias {
        Some(alias) if !alias.is_empty() => format!("({})", levada_model::quote_node(alias)),
        _ => String::new(),
    }
}

fn labels(tags: Option<&Texts>, attributes: Option<&Texts>) -> String {
    let mut text = String::new();
    for (word, pairs) in [("tags", tags), ("attributes", attributes)] {
        let pairs = pairs.iter().flat_map(|pairs| &pairs.0);
        let pairs: Vec<_> = pairs.map(|(key, value)| format!("{}={}", quoted(key), quoted(value))).collect();
        if !pairs.is_empty() {
            text.push_str(&format!(" {word}({})", pairs.join(", ")));
        }
    }
    text
}
