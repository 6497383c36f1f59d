//! A statement: what it is, and how its rows come.

use jiff::tz::TimeZone;
use levada_connector_api::model::{Path, PathPattern, quote_node};
use levada_sql::{
    ParseContext,
    ast::{Alignment, Expression, ExpressionKind, Select, SelectColumn, SeriesName, SortBy, Statement},
};
use twox_hash::XxHash64;

/// A `select` that this source can read.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) select: Select,
}

/// How the rows of a statement come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// By time, in each part.
    Time,
    /// In any other order, or without a time.
    Other,
}

impl Query {
    /// Reads a statement; `now` is what `now()` means, in milliseconds.
    ///
    /// # Errors
    /// It is no statement that this source can read; says why.
    pub(super) fn parse(text: &str, now: i64) -> Result<Self, String> {
        let context = ParseContext { zone: TimeZone::UTC, now };
        // Spans are those of the text that is kept.
        let text = text.trim().trim_end_matches(';').trim_end();
        let statement = levada_sql::parse(text, &context).map_err(|error| match error.span.start {
            _ if error.message.is_empty() => error.to_string(),
            _ => format!("line {}, column {}: {}", error.line, error.column + 1, error.message),
        })?;
        let Statement::Select(select) = statement else {
            return Err("only `select` gives rows that have a time and a device".to_owned());
        };
        if select.into.is_some() {
            return Err("`into` writes: take it away, rows go to the sinks of the pipeline".to_owned());
        }
        if select.last {
            return Err("`select last` gives names and texts: write last_value(…) and max_time(…)".to_owned());
        }
        if select.alignment == Alignment::None {
            return Err("`disable align` gives each series its own times: take it away".to_owned());
        }
        Ok(Self { text: text.to_owned(), select: *select })
    }

    /// Whether each row says its device.
    pub(super) fn by_device(&self) -> bool {
        self.select.alignment == Alignment::Device
    }

    /// A number of its text and of its store, for the names of splits.
    pub(super) fn identity(&self, store: &str) -> u64 {
        XxHash64::oneshot(0, format!("{store}\0{}", self.text).as_bytes())
    }

    /// Whether it has columns and arithmetic on them only, all rows, by time: then a condition on the time leaves all other
    /// rows as they are.
    pub(super) fn is_plain(&self) -> bool {
        let Select { columns, condition, group_by, having, fill, limit, offset, .. } = &self.select;
        let mut computed = columns.iter().map(|column| &column.expression).chain(condition);
        computed.all(|each| !calls(each))
            && group_by.is_none()
            && having.is_none()
            && fill.is_none()
            && limit.is_none()
            && offset.is_none()
            && self.order() == Order::Time
    }

    /// How rows come.
    pub(super) fn order(&self) -> Order {
        let by_time = self.select.order_by.iter().all(|key| key.by == SortBy::Time && !key.descending);
        if by_time { Order::Time } else { Order::Other }
    }

    /// Whether each device's rows can be had by themselves, by its path in the place of `from`.
    pub(super) fn divides(&self) -> bool {
        let Select { columns, condition, limit, offset, series_limit, series_offset, order_by, .. } =
            &self.select;
        // Which rows are left out depends on the columns of all devices.
        if self.select.without_null.is_some() && !self.by_device() {
            return false;
        }
        let limited = [limit, offset, series_limit, series_offset].into_iter().any(Option::is_some);
        if limited || !order_by.is_empty() {
            return false;
        }
        if self.by_device() {
            return true;
        }
        // Without a device's column, what names several series is computed over all devices of `from`.
        self.is_plain()
            && columns.iter().all(is_measurement)
            && condition.iter().all(|condition| condition.series().is_empty())
    }

    /// The devices of `from`.
    pub(super) fn devices(&self) -> impl Iterator<Item = &PathPattern> {
        self.select.from.iter().map(|from| &from.pattern)
    }

    /// The measurements that it names, as patterns of one node.
    pub(super) fn measurements(&self) -> impl Iterator<Item = &PathPattern> {
        let series = self.select.columns.iter().flat_map(|column| column.expression.series());
        series.map(SeriesName::pattern)
    }

    /// Whether it only names measurements of the devices of `from`, without a condition.
    pub(super) fn is_choice(&self) -> bool {
        self.divides()
            && self.is_plain()
            && self.select.condition.is_none()
            && self.select.columns.iter().all(is_measurement)
    }

    /// The only device of `from`, where it names one.
    pub(super) fn only_device(&self) -> Option<Path> {
        match self.select.from.as_slice() {
            [one] => one.pattern.as_path(),
            _ => None,
        }
    }

    /// A column of which can be said beforehand that it is of no one device: its header, without a star.
    pub(super) fn homeless(&self) -> Option<String> {
        if self.by_device() || self.only_device().is_some() {
            return None;
        }
        let homeless = |column: &&SelectColumn| column.alias.is_some() || self.several(&column.expression);
        let column = self.select.columns.iter().find(homeless)?;
        Some(column.alias.clone().unwrap_or_else(|| column.expression.column_name()))
    }

    /// Whether whatever an expression's series are, they are of several devices.
    fn several(&self, expression: &Expression) -> bool {
        let levels = self.select.group_by.as_ref().is_some_and(|group| !group.levels.is_empty());
        let whole = expression.series().into_iter().filter(|name| name.is_whole());
        let mut devices = whole.filter_map(|name| name.pattern().split_last()).map(|(device, _)| device);
        let first = devices.next();
        levels && calls(expression) || devices.any(|device| Some(&device) != first.as_ref())
    }
}

/// Whether a function is called in it.
fn calls(expression: &Expression) -> bool {
    matches!(expression.kind, ExpressionKind::Function(_)) || expression.children().into_iter().any(calls)
}

/// Whether it is a measurement of the devices of `from`, under its own name.
fn is_measurement(column: &SelectColumn) -> bool {
    let plain = matches!(&column.expression.kind, ExpressionKind::Series(name) if is_below(name));
    plain && column.alias.is_none()
}

/// One level below the devices of `from`.
fn is_below(name: &SeriesName) -> bool {
    !name.is_whole() && name.pattern().len() == 1 && name.pattern().nodes().all(|node| node != "**")
}

/// The name of a measurement, in canonical form, of a header that is one or an expression.
pub(super) fn measurement(header: &str) -> String {
    match Path::parse(header) {
        Ok(path) if path.nodes().count() == 1 => path.as_str().to_owned(),
        _ => quote_node(header).into_owned(),
    }
}

/// The device and the measurement that a header without a device's column names; `None` where it names none, or several.
pub(super) fn device_of(header: &str) -> Option<(Path, String)> {
    if let Ok(path) = Path::parse(header) {
        let (device, measurement) = path.split_last()?;
        let whole = path.nodes().next() == Some("root") && path.nodes().count() > 2;
        return whole.then(|| (device, measurement.to_owned()));
    }
    let context = ParseContext { zone: TimeZone::UTC, now: 0 };
    let mut expression = levada_sql::parse_expression(header, &context).ok()?;
    let mut device = None;
    if !leave_out_device(&mut expression, &mut device) {
        return None;
    }
    Some((device?, quote_node(&expression.column_name()).into_owned()))
}

/// Shortens all series to their measurements; `false` where they are of several devices.
fn leave_out_device(expression: &mut Expression, device: &mut Option<Path>) -> bool {
    if let ExpressionKind::Series(name) = &expression.kind {
        let Some((of, measurement)) = name.pattern().split_last() else { return false };
        let Some(of) = of.as_path().filter(|_| name.is_whole() && !measurement.has_wildcard()) else {
            return false;
        };
        if device.get_or_insert_with(|| of.clone()) != &of {
            return false;
        }
        expression.kind = ExpressionKind::Series(SeriesName::suffix(measurement));
        return true;
    }
    expression.children_mut().into_iter().all(|child| leave_out_device(child, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text, 0).expect(text)
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_reason() {
        for (text, reason) in [
            ("selec s from root.d", "line 1, column 1"),
            ("show databases", "only `select`"),
            ("delete from root.d.s", "only `select`"),
            ("select s into root.e(s) from root.d", "`into`"),
            ("select last s from root.d", "last_value"),
            ("select s from root.d disable align", "`disable align`"),
        ] {
            let error = Query::parse(text, 0).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_statement_is_divided_where_its_rows_stay_the_same() {
        let divided = |text| query(text).divides();
        assert!(divided("select s1, s2 from root.a.** where time > 5"));
        assert!(divided("select s1 + s2 from root.a.** where s1 > 5 align by device"));
        assert!(divided("select count(s1) from root.a.** group by ([0, 10), 5ms) align by device"));
        for whole in [
            "select s1 from root.a.** where s1 > 5",
            "select s1 + s2 from root.a.**",
            "select ** from root.a",
            "select root.a.d1.s1 from root.a.d2",
            "select s1 from root.a.** limit 5",
            "select s1 from root.a.** limit 5 align by device",
            "select s1 from root.a.** order by s1 align by device",
            "select count(s1) from root.a.**",
        ] {
            assert!(!divided(whole), "{whole}");
        }
    }

    #[test]
    fn only_columns_and_arithmetic_are_plain() {
        assert!(query("select s1, s2 * 2 from root.d where s1 > 5 order by time").is_plain());
        for other in [
            "select avg(s1) from root.d",
            "select s1 from root.d where sin(s1) > 0",
            "select s1 from root.d fill(previous)",
            "select s1 from root.d limit 5",
            "select s1 from root.d order by time desc",
        ] {
            assert!(!query(other).is_plain(), "{other}");
        }
    }

    #[test]
    fn headers_say_device_and_measurement() {
        let of = |header| device_of(header).map(|(device, name)| (device.as_str().to_owned(), name));
        let some = |device: &str, name: &str| Some((device.to_owned(), name.to_owned()));
        assert_eq!(of("root.a.d1.s1"), some("root.a.d1", "s1"));
        assert_eq!(of("root.a.`d.1`.`s 1`"), some("root.a.`d.1`", "`s 1`"));
        assert_eq!(of("avg(root.a.d1.s1)"), some("root.a.d1", "`avg(s1)`"));
        assert_eq!(of("root.a.d1.s1 + root.a.d1.s2"), some("root.a.d1", "`s1 + s2`"));
        assert_eq!(of("root.a.d1.s1 + root.a.d2.s2"), None);
        assert_eq!(of("count(root.a.*.s1)"), None);
        assert_eq!(of("total"), None);
        assert_eq!((measurement("s1"), measurement("avg(s1)")), ("s1".to_owned(), "`avg(s1)`".to_owned()));
    }
}
