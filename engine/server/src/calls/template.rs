//! Templates: calls made into statements, which are checked and carried out as any other.

use std::ops::ControlFlow::{Break, Continue};

use arrow_array::cast::AsArray;
use futures::TryStreamExt;
use levada_engine::node_sql;
use levada_model::{Session, SessionError, StatusCode};
use levada_rpc::messages::{
    AppendSchemaTemplate, AppendSchemaTemplateReq, CreateSchemaTemplate, CreateSchemaTemplateReq,
    CreateTimeseriesUsingSchemaTemplate, DropSchemaTemplate, PruneSchemaTemplate, QuerySchemaTemplate,
    QueryTemplateReq, QueryTemplateResp, Request, SetSchemaTemplate, SetUsingTemplate, Status,
    UnsetSchemaTemplate, UnsetUsingTemplate,
};

use super::{Answered, Replies, each, schema::definition};
use crate::{
    conversation::Conversation,
    sql::pattern,
    status::{done, malformed, of_parts},
};

impl Conversation {
    pub(super) async fn template_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::CreateSchemaTemplate(CreateSchemaTemplate { req }) => {
                replies.result(self.statement(create(&req)).await)
            }
            Request::AppendSchemaTemplate(AppendSchemaTemplate { req }) => {
                replies.result(self.statement(append(&req)).await)
            }
            Request::PruneSchemaTemplate(PruneSchemaTemplate { .. }) => {
                let message =
                    "a measurement cannot be taken out of a template: drop the template and create another";
                let error = SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message);
                replies.result(self.statement(Err(error)).await)
            }
            Request::SetSchemaTemplate(SetSchemaTemplate { req }) => {
                let sql = pattern(&req.prefix_path)
                    .map(|path| format!("set device template {} to {path}", name(&req.template_name)));
                replies.result(self.statement(sql).await)
            }
            Request::UnsetSchemaTemplate(UnsetSchemaTemplate { req }) => {
                let sql = pattern(&req.prefix_path)
                    .map(|path| format!("unset device template {} from {path}", name(&req.template_name)));
                replies.result(self.statement(sql).await)
            }
            Request::DropSchemaTemplate(DropSchemaTemplate { req }) => {
                let sql = format!("drop device template {}", name(&req.template_name));
                replies.result(self.statement(Ok(sql)).await)
            }
            Request::SetUsingTemplate(SetUsingTemplate { req }) => {
                replies.result(self.statement(activate(&req.dst_path)).await)
            }
            Request::UnsetUsingTemplate(UnsetUsingTemplate { template_name, prefix_path, .. }) => {
                let sql = pattern(&prefix_path)
                    .map(|path| format!("deactivate device template {} from {path}", name(&template_name)));
                replies.result(self.statement(sql).await)
            }
            Request::CreateTimeseriesUsingSchemaTemplate(CreateTimeseriesUsingSchemaTemplate { req }) => {
                replies.result(self.activate_all(&req.device_path_list).await)
            }
            Request::QuerySchemaTemplate(QuerySchemaTemplate { req }) => {
                replies.result(self.ask_template(&req).await)
            }
            other => return Continue(other),
        })
    }

    async fn activate_all(&mut self, devices: &[String]) -> Result<Status, SessionError> {
        let statements = devices.iter().map(|device| activate(device).map(Some)).collect();
        Ok(of_parts(each(&self.known()?.session, statements).await))
    }

    async fn ask_template(&mut self, req: &QueryTemplateReq) -> Result<QueryTemplateResp, SessionError> {
        let template = name(&req.name);
        let nodes = format!("show nodes in device template {template}");
        let sql = match req.query_type {
            COUNT | IS_MEASUREMENT | PATH_EXISTS | MEASUREMENTS => nodes,
            TEMPLATES => "show device templates".to_owned(),
            SET => format!("show paths set device template {template}"),
            USING => format!("show paths using device template {template}"),
            other => return Err(malformed(format!("{other} is no question about templates"))),
        };
        let mut found = self.first_texts(&sql).await?;
        let asked = req.measurement.as_deref().unwrap_or_default();
        let mut answer =
            QueryTemplateResp { status: done(), query_type: req.query_type, ..QueryTemplateResp::default() };
        match req.query_type {
            COUNT => answer.count = Some(i32::try_from(found.len()).unwrap_or(i32::MAX)),
            // There are no paths of several nodes in a template.
            IS_MEASUREMENT | PATH_EXISTS => answer.result = Some(found.iter().any(|each| each == asked)),
            MEASUREMENTS => {
                found.retain(|each| asked.is_empty() || each == asked);
                answer.measurements = Some(found);
            }
            _ => answer.measurements = Some(found),
        }
        Ok(answer)
    }

    /// The texts of the first column of a query.
    async fn first_texts(&mut self, sql: &str) -> Result<Vec<String>, SessionError> {
        let rows = self.known()?.session.query(sql).await?;
        let mut texts = Vec::new();
        let mut batches = rows.batches;
        while let Some(batch) = batches.try_next().await? {
            let column = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
            texts.extend(column.into_iter().flatten().flatten().map(str::to_owned));
        }
        Ok(texts)
    }
}

// What is asked about a template: `TemplateQueryType` of the protocol.
const COUNT: i32 = 0;
const IS_MEASUREMENT: i32 = 1;
const PATH_EXISTS: i32 = 2;
const MEASUREMENTS: i32 = 3;
const TEMPLATES: i32 = 4;
const SET: i32 = 5;
const USING: i32 = 6;

/// The name of a template as statements have it.
fn name(name: &str) -> String {
    node_sql(&levada_model::quote_node(name)).into_owned()
}

fn activate(device: &str) -> Result<String, SessionError> {
    Ok(format!("create timeseries using device template on {}", pattern(device)?))
}

fn append(req: &AppendSchemaTemplateReq) -> Result<String, SessionError> {
    let lists = [req.data_types.len(), req.encodings.len(), req.compressors.len()];
    if req.measurements.is_empty() || lists.iter().any(|length| *length != req.measurements.len()) {
        return Err(malformed(format!("{} measurements, and lists of {lists:?}", req.measurements.len())));
    }
    let columns = req.data_types.iter().zip(&req.encodings).zip(&req.compressors);
    let series = req.measurements.iter().zip(columns);
    let series = series.map(|(name, ((data_type, encoding), compressor))| {
        series_sql(name, *data_type, *encoding, *compressor)
    });
    let series = series.collect::<Result<Vec<_>, SessionError>>()?.join(", ");
    Ok(format!("alter device template {} add ({series})", name(&req.name)))
}

fn series_sql(
    measurement: &str,
    data_type: i32,
    encoding: i32,
    compressor: i32,
) -> Result<String, SessionError> {
    Ok(format!("{} with {}", pattern(measurement)?, definition(data_type, encoding, compressor)?))
}

fn create(req: &CreateSchemaTemplateReq) -> Result<String, SessionError> {
    let (aligned, series) = match &req.serialized_template {
        Some(bytes) => {
            let Serialized { aligned, series } = Serialized::read(bytes)
                .ok_or_else(|| malformed("the template cannot be read".to_owned()))??;
            (aligned, series)
        }
        None => (false, structured(req)?),
    };
    let aligned = if aligned { " aligned" } else { "" };
    Ok(format!("create device template {}{aligned} ({})", name(&req.name), series.join(", ")))
}

/// The measurements of a template as clients of 0.12 send them: one of each name, or several in a group, which are aligned.
fn structured(req: &CreateSchemaTemplateReq) -> Result<Vec<String>, SessionError> {
    let lists = |missing: &str| malformed(format!("the template has no {missing}"));
    let measurements = req.measurements.as_ref().ok_or_else(|| lists("measurements"))?;
    let types = req.data_types.as_ref().ok_or_else(|| lists("types"))?;
    let encodings = req.encodings.as_ref().ok_or_else(|| lists("encodings"))?;
    let compressors = req.compressors.as_ref().ok_or_else(|| lists("compressors"))?;
    let mut series = Vec::new();
    for (at, names) in measurements.iter().enumerate() {
        let of = |list: &[Vec<i32>]| list.get(at).filter(|each| each.len() == names.len()).cloned();
        let (Some(types), Some(encodings), Some(compressor)) =
            (of(types), of(encodings), compressors.get(at))
        else {
            return Err(malformed(format!("{names:?} and lists of other lengths")));
        };
        if names.len() > 1 {
            return Err(SessionError::unsupported("a template of series in groups"));
        }
        for (name, (data_type, encoding)) in names.iter().zip(types.into_iter().zip(encodings)) {
            series.push(series_sql(name, data_type, encoding, *compressor)?);
        }
    }
    Ok(series)
}

/// A template as clients send it since 0.13.
struct Serialized {
    aligned: bool,
    /// As SQL.
    series: Vec<String>,
}

impl Serialized {
    /// Reads its name, whether it is aligned, and each measurement: the path above it, whether that is aligned, name and codes. `None`
    /// where bytes are missing.
    fn read(bytes: &[u8]) -> Option<Result<Self, SessionError>> {
        let mut rest = bytes;
        text(&mut rest)?;
        let aligned = byte(&mut rest)? != 0;
        let mut series = Vec::new();
        while !rest.is_empty() {
            let above = text(&mut rest)?;
            byte(&mut rest)?;
            let measurement = text(&mut rest)?;
            let codes = [byte(&mut rest)?, byte(&mut rest)?, byte(&mut rest)?].map(i32::from);
            if !above.is_empty() {
                let what = format!("a template with the path {above} above a measurement");
                return Some(Err(SessionError::unsupported(what)));
            }
            match series_sql(measurement, codes[0], codes[1], codes[2]) {
                Ok(sql) => series.push(sql),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(Self { aligned, series }))
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

/// A text behind its length.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, behind) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    let (text, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}
