//! Statements about continuous queries.

mod older;

use levada_model::StatusCode;

use super::{Parsed, Parser};
use crate::{
    ParseError,
    ast::{
        ChangeCq, CqPolicy, CqSchedule, CreateCq, Expression, ExpressionKind, Select, Statement, TimeWindows,
    },
};

/// What `resample` says; what it leaves open comes from the query.
#[derive(Default)]
struct Resample {
    every: Option<i64>,
    boundary: i64,
    from: Option<i64>,
    to: i64,
}

impl Parser<'_> {
    fn eat_cq(&mut self) -> bool {
        self.eat("CQ") || self.eat_all(&["CONTINUOUS", "QUERY"])
    }

    /// `cq mean resample … begin select … end` behind `create`.
    pub(super) fn create_cq(&mut self) -> Parsed<Option<Statement>> {
        let start = self.start();
        if !self.eat_cq() {
            return Ok(None);
        }
        let name = self.name()?;
        let resample = if self.eat("RESAMPLE") { self.resample()? } else { Resample::default() };
        let mut policy = CqPolicy::default();
        if self.eat_all(&["TIMEOUT", "POLICY"]) {
            policy = match self.eat_any(&["BLOCKED", "DISCARD"]) {
                Some(0) => CqPolicy::Blocked,
                Some(_) => CqPolicy::Discard,
                None => return Err(self.unexpected()),
            };
        }
        self.expect("BEGIN")?;
        let mut older = None;
        let mut select = self.select_to(|parser| parser.cq_into(&mut older))?;
        self.expect("END")?;
        let whole = self.span_from(start);
        if let Some(nodes) = older {
            older::modernise(&mut select, nodes)
                .map_err(|message| self.semantic(whole, format!("CQ: {message}")))?;
        }
        let schedule =
            schedule(&resample, policy, &select).map_err(|message| self.semantic(whole, message))?;
        // What is found only when the query is analysed has another code at the peer than what its text says.
        check(&schedule, &select).map_err(|message| ParseError {
            code: StatusCode::INTERNAL_SERVER_ERROR,
            ..self.semantic(whole, message)
        })?;
        Ok(Some(Statement::ChangeCq(ChangeCq::Create(Box::new(CreateCq { name, schedule, select })))))
    }

    /// `every 1h boundary 0 range 2h, 1h`, each of which may be absent; `every 1h for 2h boundary 0` as of 0.13.
    fn resample(&mut self) -> Parsed<Resample> {
        let mut resample = Resample::default();
        if self.eat("EVERY") {
            resample.every = Some(self.duration()?.fixed_millis());
        }
        if self.eat("FOR") {
            resample.from = Some(self.duration()?.fixed_millis());
        }
        if self.eat("BOUNDARY") {
            resample.boundary = self.time_value()?;
        }
        if resample.from.is_none() && self.eat("RANGE") {
            resample.from = Some(self.duration()?.fixed_millis());
            if self.eat_symbol(crate::lexer::Symbol::Comma) {
                resample.to = self.duration()?.fixed_millis();
            }
        }
        Ok(resample)
    }

    /// `mean` behind `drop cq`.
    pub(super) fn drop_cq(&mut self) -> Parsed<Option<Statement>> {
        if !self.eat_cq() {
            return Ok(None);
        }
        Ok(Some(Statement::ChangeCq(ChangeCq::Drop { name: self.name()? })))
    }

    /// `cqs` behind `show`.
    pub(super) fn show_cqs(&mut self) -> bool {
        self.eat("CQS") || self.eat_all(&["CONTINUOUS", "QUERIES"])
    }
}

/// What runs when: what is not said is the interval of the query's windows.
fn schedule(resample: &Resample, policy: CqPolicy, select: &Select) -> Result<CqSchedule, String> {
    let interval = windows(select).map(|windows| windows.interval.fixed_millis());
    let Some(every) = resample.every.or(interval) else {
        let message = "CQ: At least one of the parameters `every_interval` and `group_by_interval` needs to be specified.";
        return Err(message.to_owned());
    };
    let Resample { boundary, from, to, .. } = *resample;
    Ok(CqSchedule { every, boundary, from: from.unwrap_or(every), to, policy })
}

fn check(schedule: &CqSchedule, select: &Select) -> Result<(), String> {
    let least = CqSchedule::LEAST_EVERY;
    if schedule.every < least {
        let every = schedule.every;
        return Err(format!(
            "CQ: Every interval [{every}] should not be lower than the `continuous_query_minimum_every_interval` [{least}] configured."
        ));
    }
    let rejected = [
        (schedule.from <= 0, "The start time offset should be greater than 0."),
        (schedule.from <= schedule.to, "The start time offset should be greater than end time offset."),
        (
            schedule.from < schedule.every,
            "The start time offset should be greater than or equal to every interval.",
        ),
        (select.into.is_none(), "The query body misses an INTO clause."),
        (
            windows(select).is_some_and(|windows| windows.bounds.is_some()),
            "Specifying time range in GROUP BY TIME clause is prohibited.",
        ),
        (
            select.condition.as_ref().is_some_and(names_time),
            "Specifying time filters in the query body is prohibited.",
        ),
    ];
    match rejected.into_iter().find(|(is_so, _)| *is_so) {
        Some((_, message)) => Err(format!("CQ: {message}")),
        None => Ok(()),
    }
}

fn windows(select: &Select) -> Option<&TimeWindows> {
    select.group_by.as_ref()?.time.as_ref()
}

/// Whether the time of rows is part of an expression.
fn names_time(expression: &Expression) -> bool {
    matches!(expression.kind, ExpressionKind::Time) || expression.children().into_iter().any(names_time)
}
