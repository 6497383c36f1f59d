//! A query as a structure: made by chance, written as SQL.

use std::ops::Range;

use super::{
    Chance,
    table::{DEVICES, END, MEASUREMENTS, OWN},
};

/// What is computed of the rows of a device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
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
pub(crate) enum Condition {
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
pub(crate) struct Windows {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) interval: i64,
    pub(crate) step: i64,
    pub(crate) left_closed: bool,
}

/// Windows that rows make: `group by variation(a, 1)` and its like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Segments {
    /// Of a measurement that stays within so much of the window's first value.
    Variation { of: usize, delta: i64, ignore_null: bool },
    /// Runs of rows in which a measurement is more than a number; those of so many rows at least.
    Condition { of: usize, more_than: i64, least: i64, ignore_null: bool },
    /// Without a wider gap between two times.
    Session(i64),
    /// So many rows.
    Count { of: usize, rows: i64, ignore_null: bool },
}

/// What rows are put together.
#[derive(Clone, Debug)]
pub(crate) enum Groups {
    All,
    Windows(Windows),
    Segments(Segments),
}

/// Which series the columns of a result are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Into {
    /// `root.out.::(::)`
    Copy,
    /// `root.out.d(n0, n1)`; of each device `root.out.${2}(n0, n1)`.
    Named,
    /// `root.out.d(n0), root.out.e(n1)`; an item for each device.
    Apart,
}

/// What a run of queries is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Rows,
    Groups,
    Views,
    Into,
}

#[derive(Clone, Debug)]
pub(crate) enum Fill {
    Previous(Option<i64>),
    Linear,
    Constant(i64),
}

/// How rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they come: by time, devices one after the other.
    None,
    Time {
        descending: bool,
    },
    /// By the first column, then by device and by time.
    First {
        descending: bool,
    },
    /// By device, then by time.
    Device {
        descending: bool,
    },
}

/// What rows are of.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Rows,
    Aggregates { groups: Groups, by_level: Option<usize>, having: Option<(usize, i64)> },
    Last,
}

/// A query.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) form: Form,
    pub(crate) items: Vec<Item>,
    /// Numbers of devices, in their order, where there is no wildcard.
    pub(crate) from: Vec<usize>,
    /// A wildcard, and the devices it stands for.
    pub(crate) wildcard: Option<(&'static str, Range<usize>)>,
    pub(crate) condition: Option<Condition>,
    pub(crate) order: Order,
    pub(crate) fill: Option<Fill>,
    /// `without null`, of all values rather than of any.
    pub(crate) without_null: Option<bool>,
    pub(crate) limit: Option<i64>,
    pub(crate) offset: Option<i64>,
    pub(crate) series_limit: Option<i64>,
    pub(crate) series_offset: Option<i64>,
    pub(crate) by_device: bool,
    pub(crate) into: Option<Into>,
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

    /// The measurements it names, each as often as it does.
    pub(crate) fn names(&self) -> Vec<usize> {
        match self {
            Self::Time(..) => Vec::new(),
            Self::Compare(measurement, ..) | Self::IsNull(measurement) => vec![*measurement],
            Self::Not(condition) => condition.names(),
            Self::And(left, right) | Self::Or(left, right) => [left.names(), right.names()].concat(),
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
    pub(crate) fn sql(&self, prefix: &str) -> String {
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

impl Segments {
    fn random(chance: &mut Chance) -> Self {
        let (of, ignore_null) = (chance.below(2), chance.once_in(2));
        match chance.below(4) {
            0 => Self::Variation { of, delta: chance.within(0, 4), ignore_null },
            1 => Self::Condition {
                of,
                more_than: chance.within(-3, 4),
                least: chance.within(0, 4),
                ignore_null,
            },
            2 => Self::Session(chance.within(1, 6)),
            _ => Self::Count { of, rows: chance.within(1, 5), ignore_null },
        }
    }

    /// The measurement that tells them apart.
    pub(crate) const fn control(&self) -> Option<usize> {
        match self {
            Self::Variation { of, .. } | Self::Condition { of, .. } | Self::Count { of, .. } => Some(*of),
            Self::Session(_) => None,
        }
    }

    fn sql(&self) -> String {
        let name = |of: &usize| MEASUREMENTS[*of].0;
        match self {
            Self::Variation { of, delta, ignore_null } => {
                format!("variation({}, {delta}, ignoreNull={ignore_null})", name(of))
            }
            Self::Condition { of, more_than, least, ignore_null } => {
                format!("condition({} > {more_than}, keep >= {least}, ignoreNull={ignore_null})", name(of))
            }
            Self::Session(gap) => format!("session({gap}ms)"),
            Self::Count { of, rows, ignore_null } => {
                format!("count({}, {rows}, ignoreNull={ignore_null})", name(of))
            }
        }
    }
}

impl Question {
    pub(crate) fn random(chance: &mut Chance, about: About) -> Self {
        let grouped = match about {
            About::Rows => 0,
            About::Groups => 12,
            About::Views | About::Into => 6,
        };
        let form = match chance.below(12) {
            0 if !matches!(about, About::Groups | About::Into) => Form::Last,
            number if number >= grouped => Form::Rows,
            _ => Self::aggregates(chance),
        };
        let by_level = matches!(form, Form::Aggregates { by_level: Some(_), .. });
        let is_last = matches!(form, Form::Last);
        let count = chance.below(3) + 1;
        let items = (0..count)
            .map(|_| match form {
                Form::Rows => Item::of_rows(chance),
                Form::Last => Item::Series(chance.below(5)),
                Form::Aggregates { .. } => Item::of_groups(chance, by_level),
            })
            .collect();
        let by_device = !is_last && !by_level && chance.once_in(3);
        let some = |chance: &mut Chance, often: usize, least: i64, end: i64| {
            chance.once_in(often).then(|| chance.within(least, end))
        };
        let mut question = Self {
            form,
            items,
            from: Vec::new(),
            wildcard: None,
            condition: None,
            order: Order::None,
            fill: None,
            without_null: None,
            limit: some(chance, 3, 1, 9),
            offset: some(chance, 5, 0, 5),
            series_limit: None,
            series_offset: None,
            by_device,
            into: None,
        };
        question.ask_of(chance, about == About::Views);
        question.condition = question.condition(chance);
        if about == About::Into {
            question.into = Some(chance.one(&[Into::Copy, Into::Named, Into::Named, Into::Apart]));
        } else if !is_last {
            question.series_limit = some(chance, 6, 1, 4);
            question.series_offset = some(chance, 8, 0, 3);
        }
        if !is_last {
            question.order = Self::order(chance, &question);
            question.fill = Self::fill(chance);
            question.without_null = chance.once_in(8).then(|| chance.once_in(2));
        }
        question
    }

    /// Chooses the devices.
    fn ask_of(&mut self, chance: &mut Chance, with_views: bool) {
        let segments = matches!(self.form, Form::Aggregates { groups: Groups::Segments(_), .. });
        let devices = if with_views { DEVICES.len() } else { OWN };
        match chance.below(3) {
            // Rows make windows by one column.
            _ if segments && !self.by_device => self.from = vec![chance.below(devices)],
            0 => {
                let own = ("root.m.*", 0..OWN);
                let all = [("root.v.*", OWN..devices), ("root.*.*", 0..devices), own.clone()];
                self.wildcard = Some(if with_views { chance.one(&all) } else { own });
            }
            1 => self.from = vec![chance.below(devices)],
            _ => {
                let first = chance.below(devices);
                self.from = vec![first, (first + 1 + chance.below(devices - 1)) % devices];
            }
        }
    }

    /// A condition. Where a name stands for several series they are told apart in all ways there are: not too many.
    fn condition(&self, chance: &mut Chance) -> Option<Condition> {
        if chance.once_in(3) {
            return None;
        }
        let only_time = matches!(self.form, Form::Last) || chance.once_in(3);
        let condition = Condition::random(chance, only_time, 0);
        let names = u32::try_from(condition.names().len()).expect("few names");
        let ways = if self.by_device { 1 } else { self.devices().len().saturating_pow(names) };
        Some(if ways > 81 { Condition::random(chance, true, 0) } else { condition })
    }

    fn aggregates(chance: &mut Chance) -> Form {
        let groups = match chance.below(6) {
            0 | 1 => Groups::All,
            2 => Groups::Segments(Segments::random(chance)),
            _ => Groups::Windows(Windows::random(chance)),
        };
        let segments = matches!(groups, Groups::Segments(_));
        let by_level = (!segments && chance.once_in(5)).then(|| chance.below(3));
        let having =
            (by_level.is_none() && chance.once_in(5)).then(|| (chance.below(2), chance.within(0, 3)));
        Form::Aggregates { groups, by_level, having }
    }

    fn order(chance: &mut Chance, question: &Self) -> Order {
        let descending = chance.once_in(2);
        let (timed, first) = match (&question.form, &question.items[0]) {
            (Form::Rows, Item::Series(0 | 1)) => (true, true),
            (Form::Rows, _) => (true, false),
            (Form::Aggregates { groups, by_level, .. }, Item::Aggregate(_, measurement)) => {
                let timed = !matches!(groups, Groups::All);
                (timed, timed && by_level.is_none() && *measurement < 2)
            }
            _ => (false, false),
        };
        let one = question.by_device || question.from.len() == 1;
        match chance.below(4) {
            0 if first && one && question.series_offset.is_none() => Order::First { descending },
            1 if timed => Order::Time { descending },
            2 if question.by_device => Order::Device { descending },
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
    pub(crate) fn devices(&self) -> Vec<usize> {
        self.wildcard.as_ref().map_or_else(|| self.from.clone(), |(_, devices)| devices.clone().collect())
    }

    /// Whether rows have a time.
    pub(crate) const fn is_timed(&self) -> bool {
        !matches!(self.form, Form::Aggregates { groups: Groups::All, .. })
    }

    /// As SQL, where its rows are written by a clause.
    pub(crate) fn sql(&self, into: &str) -> String {
        let last = if matches!(self.form, Form::Last) { "last " } else { "" };
        let items: Vec<String> = self.items.iter().map(|item| item.sql("")).collect();
        let from = match self.wildcard {
            Some((pattern, _)) => pattern.to_owned(),
            None => self.from.iter().map(|&device| DEVICES[device]).collect::<Vec<_>>().join(", "),
        };
        let mut sql = format!("select {last}{}{into} from {from}", items.join(", "));
        if let Some(condition) = &self.condition {
            sql += &format!(" where {}", condition.sql());
        }
        if let Form::Aggregates { groups, by_level, having } = &self.form {
            let windows = match groups {
                Groups::All => None,
                Groups::Segments(segments) => Some(segments.sql()),
                Groups::Windows(Windows { start, end, interval, step, left_closed }) => {
                    let (open, close) = if *left_closed { ('[', ')') } else { ('(', ']') };
                    Some(format!("({open}{start},{end}{close},{interval}ms,{step}ms)"))
                }
            };
            let level = by_level.map(|level| format!("level={level}"));
            let groups: Vec<String> = windows.into_iter().chain(level).collect();
            if !groups.is_empty() {
                sql += &format!(" group by {}", groups.join(", "));
            }
            if let Some((measurement, least)) = having {
                sql += &format!(" having count({}) > {least}", MEASUREMENTS[*measurement].0);
            }
        }
        sql + &self.sql_of_order(&items[0]) + &self.sql_of_tail()
    }

    fn sql_of_order(&self, first: &str) -> String {
        let direction = |descending| if descending { "desc" } else { "asc" };
        let device = if self.by_device { "device, " } else { "" };
        match self.order {
            Order::None => String::new(),
            Order::Time { descending } => format!(" order by time {}", direction(descending)),
            Order::Device { descending } => format!(" order by device {}", direction(descending)),
            Order::First { descending } => {
                format!(" order by {first} {}, {device}time", direction(descending))
            }
        }
    }

    fn sql_of_tail(&self) -> String {
        let mut sql = match &self.fill {
            None => String::new(),
            Some(Fill::Previous(None)) => " fill(previous)".to_owned(),
            Some(Fill::Previous(Some(within))) => format!(" fill(previous, {within}ms)"),
            Some(Fill::Linear) => " fill(linear)".to_owned(),
            Some(Fill::Constant(number)) => format!(" fill({number})"),
        };
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
