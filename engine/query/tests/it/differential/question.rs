//! A query as a structure: made by chance, written as SQL.

use super::{
    Chance,
    table::{DEVICES, END, MEASUREMENTS},
};

/// What is computed of the rows of a device.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A measurement.
    Series(usize),
    /// `a + 3`
    Plus(usize, i64),
    /// `a + b`
    Sum(usize, usize),
    /// `diff(a)`
    Diff(usize),
    /// `*`
    Star,
    /// `count(a)`
    Aggregate(&'static str, usize),
}

/// A condition on rows.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Times from one on, before the other.
    Time(i64, i64),
    /// `a > 3`
    Compare(usize, &'static str, i64),
    /// `a is null`
    IsNull(usize),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

/// `group by ([start, end), interval, step)`, or with the other brackets.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) interval: i64,
    pub(super) step: i64,
    pub(super) left_closed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Fill {
    Previous(Option<i64>),
    Linear,
    Constant(i64),
}

/// How rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they come: by time, devices one after the other.
    None,
    Time {
        descending: bool,
    },
    /// By the first column, then by time.
    First {
        descending: bool,
    },
}

/// What rows are of.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Rows,
    Aggregates { windows: Option<Windows>, by_level: bool, having: Option<(usize, i64)> },
    Last,
}

/// A query.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) form: Form,
    pub(super) items: Vec<Item>,
    /// Numbers of devices, in their order; all by a wildcard where empty.
    pub(super) from: Vec<usize>,
    pub(super) condition: Option<Condition>,
    pub(super) order: Order,
    pub(super) fill: Option<Fill>,
    /// `without null`, of all values rather than of any.
    pub(super) without_null: Option<bool>,
    pub(super) limit: Option<i64>,
    pub(super) offset: Option<i64>,
    pub(super) series_limit: Option<i64>,
    pub(super) series_offset: Option<i64>,
    pub(super) by_device: bool,
}

const OF_NUMBERS: [&str; 11] = [
    "count",
    "sum",
    "avg",
    "min_value",
    "max_value",
    "extreme",
    "first_value",
    "last_value",
    "min_time",
    "max_time",
    "mode",
];
const OF_ANY: [&str; 7] =
    ["count", "first_value", "last_value", "min_time", "max_time", "time_duration", "mode"];
/// Those that several series may make up together.
const OF_SEVERAL: [&str; 7] = ["count", "sum", "avg", "min_value", "max_value", "min_time", "max_time"];

impl Condition {
    fn random(chance: &mut Chance, only_time: bool, depth: usize) -> Self {
        let next = |chance: &mut Chance| Box::new(Self::random(chance, only_time, depth + 1));
        match chance.below(if depth < 2 { 8 } else { 4 }) {
            0 => {
                let start = chance.within(-2, END);
                Self::Time(start, start + chance.within(0, END))
            }
            1..4 if only_time => Self::Time(chance.within(0, END / 2), chance.within(END / 2, END + 2)),
            1 | 2 => {
                let operator = chance.one(&[">", ">=", "<", "<=", "=", "!="]);
                Self::Compare(chance.below(2), operator, chance.within(-3, 5))
            }
            3 => Self::IsNull(chance.below(2)),
            4 | 5 => Self::And(next(chance), next(chance)),
            6 => Self::Or(next(chance), next(chance)),
            _ if only_time => Self::Not(next(chance)),
            _ => Self::Or(next(chance), Box::new(Self::Compare(0, ">", chance.within(-3, 5)))),
        }
    }

    fn sql(&self) -> String {
        match self {
            Self::Time(start, end) => format!("(time >= {start} and time < {end})"),
            Self::Compare(measurement, operator, value) => {
                format!("{} {operator} {value}", MEASUREMENTS[*measurement].0)
            }
            Self::IsNull(measurement) => format!("{} is null", MEASUREMENTS[*measurement].0),
            Self::Not(condition) => format!("not ({})", condition.sql()),
            Self::And(left, right) => format!("({} and {})", left.sql(), right.sql()),
            Self::Or(left, right) => format!("({} or {})", left.sql(), right.sql()),
        }
    }
}

impl Item {
    fn of_rows(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0 => Self::Star,
            1 => Self::Plus(chance.below(3), chance.within(-3, 4)),
            2 => Self::Sum(chance.below(3), chance.below(3)),
            3 => Self::Diff(chance.below(3)),
            _ => Self::Series(chance.below(5)),
        }
    }

    fn of_groups(chance: &mut Chance, by_level: bool) -> Self {
        let measurement = chance.below(if by_level { 3 } else { 5 });
        let function = match measurement {
            _ if by_level => chance.one(&OF_SEVERAL),
            0..3 => chance.one(&OF_NUMBERS),
            _ => chance.one(&OF_ANY),
        };
        Self::Aggregate(function, measurement)
    }

    /// As it is written of measurements; `prefix` stands before each.
    pub(super) fn sql(&self, prefix: &str) -> String {
        let name = |measurement: &usize| format!("{prefix}{}", MEASUREMENTS[*measurement].0);
        match self {
            Self::Series(measurement) => name(measurement),
            Self::Plus(measurement, number) => format!("{} + {number}", name(measurement)),
            Self::Sum(left, right) => format!("{} + {}", name(left), name(right)),
            Self::Diff(measurement) => format!("diff({})", name(measurement)),
            Self::Star => format!("{prefix}*"),
            Self::Aggregate(function, measurement) => format!("{function}({})", name(measurement)),
        }
    }
}

impl Windows {
    fn random(chance: &mut Chance) -> Self {
        let start = chance.within(-3, 20);
        let interval = chance.within(1, 12);
        let step = if chance.once_in(2) { interval } else { chance.within(1, 12) };
        let left_closed = chance.once_in(2);
        // Of windows that end together the rows have one time, and come in no order.
        let step = if left_closed { step } else { step.max(interval) };
        Self { start, end: start + chance.within(1, END), interval, step, left_closed }
    }
}

impl Question {
    pub(super) fn random(chance: &mut Chance) -> Self {
        let form = match chance.below(12) {
            0 => Form::Last,
            1..6 => Form::Rows,
            _ => Self::aggregates(chance),
        };
        let by_level = matches!(form, Form::Aggregates { by_level: true, .. });
        let is_last = matches!(form, Form::Last);
        let count = chance.below(3) + 1;
        let items = (0..count)
            .map(|_| match form {
                Form::Rows => Item::of_rows(chance),
                Form::Last => Item::Series(chance.below(5)),
                Form::Aggregates { .. } => Item::of_groups(chance, by_level),
            })
            .collect();
        let from = match chance.below(3) {
            0 => Vec::new(),
            1 => vec![chance.below(DEVICES.len())],
            _ => {
                let first = chance.below(DEVICES.len());
                vec![first, (first + 1 + chance.below(DEVICES.len() - 1)) % DEVICES.len()]
            }
        };
        let condition = (!chance.once_in(3)).then(|| {
            let only_time = is_last || chance.once_in(3);
            Condition::random(chance, only_time, 0)
        });
        let by_device = !is_last && !by_level && chance.once_in(3);
        let some = |chance: &mut Chance, often: usize, least: i64, end: i64| {
            chance.once_in(often).then(|| chance.within(least, end))
        };
        let mut question = Self {
            form,
            items,
            from,
            condition,
            order: Order::None,
            fill: None,
            without_null: None,
            limit: some(chance, 3, 1, 9),
            offset: some(chance, 5, 0, 5),
            series_limit: None,
            series_offset: None,
            by_device,
        };
        if !is_last {
            question.series_limit = some(chance, 6, 1, 4);
            question.series_offset = some(chance, 8, 0, 3);
            question.order = Self::order(chance, &question);
            question.fill = Self::fill(chance);
            question.without_null = chance.once_in(8).then(|| chance.once_in(2));
        }
        question
    }

    fn aggregates(chance: &mut Chance) -> Form {
        let windows = (!chance.once_in(3)).then(|| Windows::random(chance));
        let by_level = chance.once_in(5);
        let having = (!by_level && chance.once_in(5)).then(|| (chance.below(2), chance.within(0, 3)));
        Form::Aggregates { windows, by_level, having }
    }

    fn order(chance: &mut Chance, question: &Self) -> Order {
        let descending = chance.once_in(2);
        let may_sort = matches!(question.form, Form::Rows)
            && !question.by_device
            && question.from.len() == 1
            && question.series_offset.is_none()
            && matches!(question.items[0], Item::Series(0 | 1));
        match chance.below(3) {
            0 if may_sort => Order::First { descending },
            1 if !matches!(question.form, Form::Aggregates { windows: None, .. }) => {
                Order::Time { descending }
            }
            _ => Order::None,
        }
    }

    fn fill(chance: &mut Chance) -> Option<Fill> {
        match chance.below(12) {
            0 => Some(Fill::Previous(chance.once_in(2).then(|| chance.within(1, 9)))),
            1 => Some(Fill::Linear),
            2 => Some(Fill::Constant(chance.within(-9, 10))),
            _ => None,
        }
    }

    /// The numbers of the devices, in the order of `from`.
    pub(super) fn devices(&self) -> Vec<usize> {
        if self.from.is_empty() { (0..DEVICES.len()).collect() } else { self.from.clone() }
    }

    pub(super) fn sql(&self) -> String {
        let last = if matches!(self.form, Form::Last) { "last " } else { "" };
        let items: Vec<String> = self.items.iter().map(|item| item.sql("")).collect();
        let from = match self.from.as_slice() {
            [] => "root.m.*".to_owned(),
            some => some.iter().map(|&device| DEVICES[device]).collect::<Vec<_>>().join(", "),
        };
        let mut sql = format!("select {last}{} from {from}", items.join(", "));
        if let Some(condition) = &self.condition {
            sql += &format!(" where {}", condition.sql());
        }
        if let Form::Aggregates { windows, by_level, having } = &self.form {
            let windows = windows.as_ref().map(|windows| {
                let Windows { start, end, interval, step, left_closed } = windows;
                let (open, close) = if *left_closed { ('[', ')') } else { ('(', ']') };
                format!("({open}{start},{end}{close},{interval}ms,{step}ms)")
            });
            let groups: Vec<String> =
                windows.into_iter().chain(by_level.then(|| "level=1".to_owned())).collect();
            if !groups.is_empty() {
                sql += &format!(" group by {}", groups.join(", "));
            }
            if let Some((measurement, least)) = having {
                sql += &format!(" having count({}) > {least}", MEASUREMENTS[*measurement].0);
            }
        }
        let direction = |descending| if descending { "desc" } else { "asc" };
        match self.order {
            Order::None => {}
            Order::Time { descending } => sql += &format!(" order by time {}", direction(descending)),
            Order::First { descending } => {
                sql += &format!(" order by {} {}, time", items[0], direction(descending));
            }
        }
        match &self.fill {
            None => {}
            Some(Fill::Previous(None)) => sql += " fill(previous)",
            Some(Fill::Previous(Some(within))) => sql += &format!(" fill(previous, {within}ms)"),
            Some(Fill::Linear) => sql += " fill(linear)",
            Some(Fill::Constant(number)) => sql += &format!(" fill({number})"),
        }
        if let Some(all) = self.without_null {
            sql += if all { " without null all" } else { " without null any" };
        }
        let numbers = [
            ("limit", self.limit),
            ("offset", self.offset),
            ("slimit", self.series_limit),
            ("soffset", self.series_offset),
        ];
        for (word, number) in numbers {
            if let Some(number) = number {
                sql += &format!(" {word} {number}");
            }
        }
        sql + if self.by_device { " align by device" } else { "" }
    }
}
