//! The engine over HTTP: IoTDB's REST interface, versions 1 and 2, and what its plugin for Grafana calls.
//!
//! | path | body | answer |
//! | --- | --- | --- |
//! | `GET /ping` | | a status |
//! | `POST /rest/v1/query`, `/rest/v2/query` | `sql`; `rowLimit`, `row_limit` | names, times, a list of values for each column |
//! | `POST /rest/v1/nonQuery`, `/rest/v2/nonQuery` | `sql` | a status |
//! | `POST /rest/v1/insertTablet`, `/rest/v2/insertTablet` | a device's rows, column after column | a status |
//! | `POST /rest/v2/insertRecords` | rows of several devices | a status |
//! | `GET /grafana/v1/login`, `/grafana/v2/login` | | a status |
//! | `POST /grafana/v1/variable`, `/grafana/v2/variable` | `sql` | the first column's values |
//! | `POST /grafana/v1/query/expression`, … `v2` … | `expression`, `prefixPath`, `startTime`, `endTime`, `control` | as a query |
//!
//! Who asks says who they are by HTTP's basic authentication. A request that failed is answered with a status too: `code` is not 200
//! then, though that of HTTP is.

mod insert;
mod rows;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{StatusCode as HttpStatus, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use futures::StreamExt;
use levada_engine::EmbeddedSession;
use levada_model::{Session, SessionError, StatusCode};
use levada_net::http::{Client, under_way};
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use crate::{
    shared::Shared,
    status::{done, failure, malformed},
};

/// The session of who asks.
type Asker = Extension<Arc<EmbeddedSession>>;
type Answered = Result<Json, SessionError>;

/// The routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut routes = Router::new();
    for (version, newer) in [("v1", false), ("v2", true)] {
        let limit = if newer { "row_limit" } else { "rowLimit" };
        routes = routes
            .route(
                &format!("/rest/{version}/query"),
                post(move |Extension(session): Asker, body: Bytes| async move {
                    answer(query(&session, &body, limit, newer).await)
                }),
            )
            .route(
                &format!("/rest/{version}/nonQuery"),
                post(|Extension(session): Asker, body: Bytes| async move {
                    answer(non_query(&session, &body).await)
                }),
            )
            .route(
                &format!("/rest/{version}/insertTablet"),
                post(move |Extension(session): Asker, body: Bytes| async move {
                    answer(insert::tablet(&session, &body, newer).await)
                }),
            )
            .route(&format!("/grafana/{version}/login"), get(async || answer(Ok(fine()))))
            .route(
                &format!("/grafana/{version}/variable"),
                post(|Extension(session): Asker, body: Bytes| async move {
                    answer(variable(&session, &body).await)
                }),
            )
            .route(
                &format!("/grafana/{version}/query/expression"),
                post(move |Extension(session): Asker, body: Bytes| async move {
                    answer(expression(&session, &body, newer).await)
                }),
            );
    }
    routes
        .route(
            "/rest/v2/insertRecords",
            post(|Extension(session): Asker, body: Bytes| async move {
                answer(insert::records(&session, &body).await)
            }),
        )
        .route_layer(from_fn_with_state(Arc::clone(&shared), check))
        .route("/ping", get(async || answer(Ok(fine()))))
        .layer(DefaultBodyLimit::max(shared.options.frame_bytes))
        .layer(from_fn(under_way))
}

/// Lets those pass who say who they are.
async fn check(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(client): ConnectInfo<Client>,
    mut request: Request,
    next: Next,
) -> Response {
    const INIT_AUTH_ERROR: StatusCode = StatusCode(800);
    let rejected = |code: StatusCode, message: &str| rejected(HttpStatus::UNAUTHORIZED, code, message);
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(encoded) = header.and_then(|value| value.strip_prefix("Basic ")) else {
        return rejected(INIT_AUTH_ERROR, "INIT_AUTH_ERROR: send user and password by basic authentication");
    };
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return rejected(StatusCode::WRONG_LOGIN_PASSWORD, "WRONG_LOGIN_PASSWORD");
    };
    let time = shared.query_timeout();
    match shared.logins.open(&shared.engine, (user, password), client.address, time).await {
        Ok(session) => {
            request.extensions_mut().insert(Arc::new(session));
            carried_out(&shared, request, next).await
        }
        Err(error) if error.code == StatusCode::WRONG_LOGIN_PASSWORD => {
            rejected(error.code, "WRONG_LOGIN_PASSWORD")
        }
        Err(error) => rejected(error.code, &error.message),
    }
}

/// Carries out a request within the limits that those over RPC have, too: its length, how long it takes to arrive, and the memory of
/// all.
async fn carried_out(shared: &Shared, request: Request, next: Next) -> Response {
    let most = shared.options.frame_bytes;
    let said = request.body().size_hint().upper();
    // A body whose length is not said may be as long as any.
    let length = said.map_or(most, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if length > most {
        return too_long(most);
    }
    let permit = shared.admit(length).await;
    let (parts, body) = request.into_parts();
    let body = match timeout(shared.options.stall, collected(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(response)) => return response,
        Err(_) => {
            return rejected(
                HttpStatus::REQUEST_TIMEOUT,
                StatusCode::ILLEGAL_PARAMETER,
                "the body took too long to arrive",
            );
        }
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    drop(permit);
    response
}

/// A body of so many bytes at most.
async fn collected(body: Body, most: usize) -> Result<Bytes, Response> {
    let mut pieces = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            rejected(HttpStatus::BAD_REQUEST, StatusCode::ILLEGAL_PARAMETER, &error.to_string())
        })?;
        if piece.len() > most - whole.len() {
            return Err(too_long(most));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn too_long(most: usize) -> Response {
    rejected(
        HttpStatus::PAYLOAD_TOO_LARGE,
        StatusCode::ILLEGAL_PARAMETER,
        &format!("a body may have {most} bytes at most"),
    )
}

fn rejected(status: HttpStatus, code: StatusCode, message: &str) -> Response {
    let body = json!({"code": code.0, "message": message}).to_string();
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

const JSON: &str = "application/json";

fn answer(answered: Answered) -> Response {
    let body = answered.unwrap_or_else(|error| json!({"code": error.code.0, "message": error.message}));
    ([(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

fn fine() -> Json {
    json!({"code": done().code, "message": "SUCCESS_STATUS"})
}

/// A status as an answer.
fn told(status: levada_rpc::messages::Status) -> Answered {
    if status.code == done().code {
        return Ok(fine());
    }
    let parts = status.sub_status.into_iter().flatten();
    let messages: Vec<_> = parts.filter(|part| part.code != 200).filter_map(|part| part.message).collect();
    let message = status.message.filter(|message| !message.is_empty()).unwrap_or_else(|| messages.join("; "));
    Ok(json!({"code": status.code, "message": message}))
}

fn read(body: &Bytes) -> Result<Json, SessionError> {
    serde_json::from_slice(body).map_err(|error| malformed(format!("the body is no JSON: {error}")))
}

/// A member that has to be there.
fn member<'a>(body: &'a Json, name: &str) -> Result<&'a Json, SessionError> {
    body.get(name)
        .filter(|value| !value.is_null())
        .ok_or_else(|| malformed(format!("`{name}` should not be null")))
}

fn text<'a>(body: &'a Json, name: &str) -> Result<&'a str, SessionError> {
    member(body, name)?.as_str().ok_or_else(|| malformed(format!("`{name}` is no text")))
}

/// Runs a query, and gives what it gives as JSON.
async fn rows_of(session: &EmbeddedSession, sql: &str, limit: usize, newer: bool) -> Answered {
    let rows = session.query(sql).await?;
    rows::json(rows, sql, limit, newer).await
}

/// Rows of an answer where who asks does not say.
const ROWS: usize = 10_000;

async fn query(session: &EmbeddedSession, body: &Bytes, limit: &str, newer: bool) -> Answered {
    let body = read(body)?;
    let rows = body.get(limit).and_then(Json::as_u64).and_then(|rows| usize::try_from(rows).ok());
    rows_of(session, text(&body, "sql")?, rows.filter(|rows| *rows > 0).unwrap_or(ROWS), newer).await
}

async fn non_query(session: &EmbeddedSession, body: &Bytes) -> Answered {
    let body = read(body)?;
    match session.execute(text(&body, "sql")?).await {
        Ok(_) => Ok(fine()),
        Err(error) => told(failure(&error)),
    }
}

async fn variable(session: &EmbeddedSession, body: &Bytes) -> Answered {
    let body = read(body)?;
    let found = rows_of(session, text(&body, "sql")?, ROWS, true).await?;
    Ok(found.get("values").and_then(|columns| columns.get(0)).cloned().unwrap_or_else(|| json!([])))
}

async fn expression(session: &EmbeddedSession, body: &Bytes, newer: bool) -> Answered {
    let body = read(body)?;
    let (prefix, start, end) = if newer {
        ("prefix_path", "start_time", "end_time")
    } else {
        ("prefixPath", "startTime", "endTime")
    };
    let list = |name: &str| -> Result<String, SessionError> {
        let values =
            member(&body, name)?.as_array().ok_or_else(|| malformed(format!("`{name}` is no list")))?;
        let texts: Option<Vec<_>> = values.iter().map(Json::as_str).collect();
        Ok(texts.ok_or_else(|| malformed(format!("`{name}` holds something else than texts")))?.join(", "))
    };
    let time =
        |name: &str| member(&body, name)?.as_i64().ok_or_else(|| malformed(format!("`{name}` is no time")));
    let control = body.get("control").and_then(Json::as_str).unwrap_or_default();
    let sql = format!(
        "select {} from {} where time >= {} and time <= {} {control}",
        list("expression")?,
        list(prefix)?,
        time(start)?,
        time(end)?
    );
    rows_of(session, sql.trim_end(), ROWS, newer).await
}
