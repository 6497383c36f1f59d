//! Statements, queries that are no statements, fetching, cancelling, closing.

use std::ops::ControlFlow::{Break, Continue};

use levada_model::{QueryId, Session, SessionError, StatusCode};
use levada_rpc::messages::{
    AggregationQueryReq, CancelOperation, CloseOperation, CloseOperationReq, ExecuteAggregationQuery,
    ExecuteAggregationQueryV2, ExecuteBatchStatement, ExecuteFastLastDataQueryForOneDeviceV2,
    ExecuteFastLastDataQueryForOnePrefixPath, ExecuteLastDataQuery, ExecuteLastDataQueryV2,
    ExecuteQueryStatement, ExecuteQueryStatementV2, ExecuteRawDataQuery, ExecuteRawDataQueryV2,
    ExecuteStatement, ExecuteStatementReq, ExecuteStatementResp, ExecuteStatementV2, ExecuteUpdateStatement,
    ExecuteUpdateStatementV2, FastLastDataQueryForOneDeviceReq, FetchResults, FetchResultsV2,
    LastDataQueryReq, RawDataQueryReq, Request, Status,
};

use super::{Answered, Replies};
use crate::{
    conversation::Conversation,
    results::{Form, Wanted},
    sql::pattern,
    status::{done, failure, malformed, of_parts},
};

type Executed = Result<ExecuteStatementResp, SessionError>;

impl Conversation {
    pub(super) async fn query_calls(&mut self, replies: Replies<'_>, request: Request) -> Answered {
        Break(match request {
            Request::ExecuteStatementV2(ExecuteStatementV2 { req })
            | Request::ExecuteQueryStatementV2(ExecuteQueryStatementV2 { req })
            | Request::ExecuteUpdateStatementV2(ExecuteUpdateStatementV2 { req }) => {
                replies.result(self.execute(&req, Form::Blocks).await)
            }
            Request::ExecuteStatement(ExecuteStatement { req })
            | Request::ExecuteQueryStatement(ExecuteQueryStatement { req })
            | Request::ExecuteUpdateStatement(ExecuteUpdateStatement { req }) => {
                replies.result(self.execute(&req, Form::Set).await)
            }
            Request::FetchResultsV2(FetchResultsV2 { req }) => {
                replies.result(self.fetch(&req, Form::Blocks).await)
            }
            Request::FetchResults(FetchResults { req }) => replies.result(self.fetch(&req, Form::Set).await),
            Request::CloseOperation(CloseOperation { req }) => replies.result(self.close(&req)),
            Request::CancelOperation(CancelOperation { req }) => {
                replies.result(self.cancel(req.query_id).await)
            }
            Request::ExecuteBatchStatement(ExecuteBatchStatement { req }) => {
                replies.result(self.execute_all(&req.statements).await)
            }
            Request::ExecuteRawDataQueryV2(ExecuteRawDataQueryV2 { req }) => {
                replies.result(self.raw(&req, Form::Blocks).await)
            }
            Request::ExecuteRawDataQuery(ExecuteRawDataQuery { req }) => {
                replies.result(self.raw(&req, Form::Set).await)
            }
            Request::ExecuteLastDataQueryV2(ExecuteLastDataQueryV2 { req }) => {
                replies.result(self.last(&req, Form::Blocks).await)
            }
            Request::ExecuteLastDataQuery(ExecuteLastDataQuery { req }) => {
                replies.result(self.last(&req, Form::Set).await)
            }
            Request::ExecuteFastLastDataQueryForOneDeviceV2(ExecuteFastLastDataQueryForOneDeviceV2 {
                req,
            }) => replies.result(self.last_of_device(&req).await),
            Request::ExecuteFastLastDataQueryForOnePrefixPath(ExecuteFastLastDataQueryForOnePrefixPath {
                req,
            }) => {
                let wanted = Wanted {
                    form: Form::Blocks,
                    fetch_size: req.fetch_size,
                    timeout: req.timeout,
                    statement_id: req.statement_id,
                };
                replies.result(self.last_below(&req.prefixes.join("."), wanted).await)
            }
            Request::ExecuteAggregationQueryV2(ExecuteAggregationQueryV2 { req }) => {
                replies.result(self.aggregate(&req, Form::Blocks).await)
            }
            Request::ExecuteAggregationQuery(ExecuteAggregationQuery { req }) => {
                replies.result(self.aggregate(&req, Form::Set).await)
            }
            other => return Continue(other),
        })
    }

    async fn execute(&mut self, req: &ExecuteStatementReq, form: Form) -> Executed {
        let wanted =
            Wanted { form, fetch_size: req.fetch_size, timeout: req.timeout, statement_id: req.statement_id };
        self.run(&req.statement, wanted).await
    }

    /// Statements one after the other; one that fails holds up no other. Those that give rows have no place here.
    async fn execute_all(&mut self, statements: &[String]) -> Result<Status, SessionError> {
        use levada_model::Outcome;
        let session = &self.known()?.session;
        let mut parts = Vec::with_capacity(statements.len());
        for sql in statements {
            parts.push(match session.execute(sql).await {
                Ok(Outcome::Done(_)) => done(),
                Ok(Outcome::Rows(_)) => failure(&SessionError::new(
                    StatusCode::QUERY_NOT_ALLOWED,
                    format!("`{sql}` is a query, and a batch is of statements without rows"),
                )),
                Err(error) => failure(&error),
            });
        }
        Ok(of_parts(parts))
    }

    fn close(&mut self, req: &CloseOperationReq) -> Result<Status, SessionError> {
        self.known()?;
        match (req.query_id, req.statement_id) {
            (Some(id), _) => {
                self.queries.remove(&id);
                self.apart.remove(&id);
            }
            (None, Some(statement)) => {
                self.queries.retain(|_, query| query.statement_id() != statement);
                self.apart.retain(|_, query| query.statement_id() != statement);
            }
            (None, None) => {}
        }
        Ok(done())
    }

    /// Ends a query, of whichever connection: drivers cancel from another one.
    async fn cancel(&mut self, query: i64) -> Result<Status, SessionError> {
        let session = &self.known()?.session;
        // One of this connection ends when it is dropped.
        if !self.queries.contains_key(&query) && !self.apart.contains_key(&query) {
            session.cancel(QueryId(query)).await?;
        }
        self.queries.remove(&query);
        self.apart.remove(&query);
        Ok(done())
    }

    async fn raw(&mut self, req: &RawDataQueryReq, form: Form) -> Executed {
        let condition = between(req.start_time, Some(req.end_time));
        let sql = format!("select {} from root{condition}", below_root(&req.paths)?.join(", "));
        let wanted =
            Wanted { form, fetch_size: req.fetch_size, timeout: req.timeout, statement_id: req.statement_id };
        self.run(&sql, wanted).await
    }

    async fn last(&mut self, req: &LastDataQueryReq, form: Form) -> Executed {
        let sql = format!(
            "select last {} from root{}",
            below_root(&req.paths)?.join(", "),
            between(req.time, None)
        );
        let wanted =
            Wanted { form, fetch_size: req.fetch_size, timeout: req.timeout, statement_id: req.statement_id };
        self.run(&sql, wanted).await
    }

    async fn last_of_device(&mut self, req: &FastLastDataQueryForOneDeviceReq) -> Executed {
        let sensors = req.sensors.iter().map(|name| pattern(name));
        let sensors = sensors.collect::<Result<Vec<_>, SessionError>>()?;
        if sensors.is_empty() {
            return Err(malformed("no measurement is asked for"));
        }
        let sql = format!("select last {} from {}", sensors.join(", "), pattern(&req.device_id)?);
        let wanted = Wanted {
            form: Form::Blocks,
            fetch_size: req.fetch_size,
            timeout: req.timeout,
            statement_id: req.statement_id,
        };
        self.run(&sql, wanted).await
    }

    async fn last_below(&mut self, prefix: &str, wanted: Wanted) -> Executed {
        let sql = format!("select last ** from {}", pattern(prefix)?);
        self.run(&sql, wanted).await
    }

    async fn aggregate(&mut self, req: &AggregationQueryReq, form: Form) -> Executed {
        let sql = aggregation(req)?;
        let wanted =
            Wanted { form, fetch_size: req.fetch_size, timeout: req.timeout, statement_id: req.statement_id };
        self.run(&sql, wanted).await
    }
}

/// Aggregations by their numbers, as the headers of their results have them.
const AGGREGATIONS: [&str; 29] = [
    "COUNT",
    "AVG",
    "SUM",
    "FIRST_VALUE",
    "LAST_VALUE",
    "MAX_TIME",
    "MIN_TIME",
    "MAX_VALUE",
    "MIN_VALUE",
    "EXTREME",
    "COUNT_IF",
    "TIME_DURATION",
    "MODE",
    "COUNT_TIME",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
    "MAX_BY",
    "MIN_BY",
    "UDAF",
    "FIRST",
    "LAST",
    "FIRST_BY",
    "LAST_BY",
    "MIN",
    "MAX",
];

fn aggregation(req: &AggregationQueryReq) -> Result<String, SessionError> {
    if req.paths.len() != req.aggregations.len() {
        let message = format!("{} paths and {} aggregations", req.paths.len(), req.aggregations.len());
        return Err(malformed(message));
    }
    let columns = below_root(&req.paths)?.into_iter().zip(&req.aggregations).map(|(path, number)| {
        let name = usize::try_from(*number).ok().and_then(|number| AGGREGATIONS.get(number));
        let name = name.ok_or_else(|| malformed(format!("{number} is no aggregation")))?;
        Ok(format!("{name}({path})"))
    });
    let columns = columns.collect::<Result<Vec<_>, SessionError>>()?.join(", ");
    let (start, end) = (req.start_time.unwrap_or(i64::MIN), req.end_time);
    let Some(interval) = req.interval else {
        return Ok(format!("select {columns} from root{}", between(start, end)));
    };
    let (Some(start), Some(end)) = (req.start_time, end) else {
        return Err(malformed("an interval needs a start and an end"));
    };
    let step = req.sliding_step.unwrap_or(interval);
    Ok(format!("select {columns} from root group by ([{start}, {end}), {interval}ms, {step}ms)"))
}

/// The condition on the time: from a start on, up to an end without it.
fn between(start: i64, end: Option<i64>) -> String {
    let start = (start > i64::MIN).then(|| format!("time >= {start}"));
    let end = end.filter(|end| *end < i64::MAX).map(|end| format!("time < {end}"));
    let both: Vec<_> = start.into_iter().chain(end).collect();
    if both.is_empty() { String::new() } else { format!(" where {}", both.join(" and ")) }
}

/// Series as they are named in a statement whose rows come from `root`.
fn below_root(paths: &[String]) -> Result<Vec<String>, SessionError> {
    if paths.is_empty() {
        return Err(malformed("no series is asked for"));
    }
    let below = paths.iter().map(|path| {
        let path = pattern(path)?;
        let below = path.strip_prefix("root.").map(str::to_owned);
        below.ok_or_else(|| {
            SessionError::new(
                StatusCode::ILLEGAL_PATH,
                format!("{path} is not a legal path: it does not begin with root"),
            )
        })
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_without_a_statement_become_one() {
        let req = AggregationQueryReq {
            paths: vec!["root.a.s".to_owned(), "root.a.`x y`".to_owned()],
            aggregations: vec![0, 7],
            start_time: Some(0),
            end_time: Some(10),
            ..AggregationQueryReq::default()
        };
        let sql = aggregation(&req).expect("legal");
        assert_eq!(sql, "select COUNT(a.s), MAX_VALUE(a.`x y`) from root where time >= 0 and time < 10");
        let windows = AggregationQueryReq { interval: Some(5), ..req.clone() };
        let sql = aggregation(&windows).expect("legal");
        assert_eq!(sql, "select COUNT(a.s), MAX_VALUE(a.`x y`) from root group by ([0, 10), 5ms, 5ms)");
        for (paths, aggregations) in
            [(vec!["root.a.s"], vec![99]), (vec!["a.s"], vec![0]), (vec!["root.a.s, b"], vec![0])]
        {
            let paths = paths.into_iter().map(str::to_owned).collect();
            let wrong = AggregationQueryReq { paths, aggregations, ..req.clone() };
            assert!(aggregation(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(between(i64::MIN, Some(i64::MAX)), "");
    }
}
