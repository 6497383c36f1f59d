//! `create cq`, `drop cq`, `show cqs`, and the runs of continuous queries.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use futures::future::BoxFuture;
use levada_model::{DataType, Rows, SessionError, StatusCode};
use levada_sql::ast::{ChangeCq, CreateCq, Statement};
use tokio::task::spawn_blocking;

use super::{Request, blocking, into::write_into};
use crate::{
    continuous::{Run, Runner, Written},
    engine::Shared,
    error::panicked,
    rows::{column, ready},
};

/// Makes or drops one; returns when that is durable.
pub(super) async fn change(request: Request<'_>, change: ChangeCq) -> Result<String, SessionError> {
    let Request { shared, caller, sql, zone, .. } = request;
    shared.may_store()?;
    let continuous = Arc::clone(&shared.continuous);
    let done = match change {
        ChangeCq::Create(create) => {
            continuous.check_free(&create.name)?;
            try_out(&request, &create).await?;
            let (sql, caller, zone, now) = (sql.to_owned(), caller.clone(), zone.clone(), shared.now());
            spawn_blocking(move || continuous.create(&create, &sql, &caller, &zone, now))
        }
        ChangeCq::Drop { name } => spawn_blocking(move || continuous.remove(&name)),
    };
    done.await.map_err(panicked)??;
    Ok(String::new())
}

/// Binds the query to the names that there are now: what no run could do is rejected at once.
async fn try_out(request: &Request<'_>, create: &CreateCq) -> Result<(), SessionError> {
    let Request { shared, pass, zone, .. } = request;
    let context = shared.query_context(zone);
    let (start, end) = create.schedule.range(context.now);
    let (select, scope) = (create.between(start, end), pass.scope.clone());
    blocking(shared, move |storage| {
        levada_query::plan_into(
            &select,
            scope.of_view(levada_query::with_views(storage.view(), &context)),
            &context,
        )?;
        Ok(())
    })
    .await
    .map_err(|error| match error.code {
        // As the peer says it of a query that it analyses for later.
        StatusCode::SEMANTIC_ERROR => SessionError { code: StatusCode::INTERNAL_SERVER_ERROR, ..error },
        _ => error,
    })
}

impl Runner for Shared {
    fn now(&self) -> i64 {
        Self::now(self)
    }

    fn takes_writes(&self) -> bool {
        !self.gate.is_read_only() && self.may_store().is_ok()
    }

    fn sync(&self) -> Result<(), SessionError> {
        Ok(self.storage.sync()?)
    }

    fn run<'a>(&'a self, run: Run<'a>) -> BoxFuture<'a, Result<Written, SessionError>> {
        Box::pin(async move {
            let Run { select, caller, sql, zone } = run;
            let statement = Statement::Select(Box::new(select.clone()));
            let pass = self.gate.admit(&caller, &statement)?;
            let request = Request {
                shared: self,
                caller: &caller,
                pass,
                sql,
                zone,
                fetch_size: None,
                reached_at: None,
                time: None,
            };
            let written = write_into(request, select).await?;
            Ok(Written {
                values: written.values(),
                rejected: written.rejected(),
                reason: written.first_reason().map(str::to_owned),
            })
        })
    }
}

/// All there are.
pub(super) fn show(shared: &Shared) -> Result<Rows, SessionError> {
    let (names, statements): (Vec<_>, Vec<_>) = shared.continuous.statements().into_iter().unzip();
    let states = vec!["ACTIVE"; names.len()];
    let columns = ["CQId", "Query", "State"].map(|name| column(name, DataType::Text)).into();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(names)),
        Arc::new(StringArray::from(statements)),
        Arc::new(StringArray::from(states)),
    ];
    ready(false, columns, arrays)
}
