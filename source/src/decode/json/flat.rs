//! Flat records like the one before.
//!
//! ```text
//!   {"device":"d1","time":1700000000000,"temperature":21.3}
//!   ╰────────╯    ╰──────╯             ╰─────────────╯    ╯
//!   {"device":"d2","time":1700000000007,"temperature":20.9}      only what is written between these is another
//! ```
//!
//! A program that sends records writes the same keys in the same order into each. What stands around the values of one record
//! is compared with the next; where it is the same, the keys have been looked at already: what is the device, what the time, what a
//! measurement. A record that differs, or has an escape in a text, is read in full.
//!
//! Invariant: a record makes the same row, or fails with the same words, whether it is read here or in full.

use std::borrow::Cow;

use levada_connector_api::{BatchBuilder, FieldValue};

use super::{
    leaf::untyped_text,
    options::{Plan, Role},
    row::moment,
    scan::Scanner,
    tape::Value,
};

/// Records unlike the pattern that pass until another is taken for it: at first, and at most where some were like it, or none.
const UNLIKE_BEFORE_GIVING_UP: u32 = 2;
const MOST_WITH_LIKE: u32 = 16;
const MOST_WITHOUT: u32 = 64;
/// Members of a record beyond which it is not taken for a pattern.
const MOST_MEMBERS: usize = 1_000;

/// What stands around the values of a flat record, and what each value is.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    members: Vec<Member>,
    /// What stands behind the last value.
    rest: Box<str>,
    /// Records unlike this one that pass until another is taken: one more for each that is like it, so that of several kinds that
    /// come in turn the most frequent stays.
    patience: u32,
    /// What it was when this pattern was taken.
    granted: u32,
    /// Whether a record was like this one.
    fitted: bool,
}

#[derive(Debug)]
struct Member {
    /// From the value before, or the beginning, to this value.
    before: Box<str>,
    key: Box<str>,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Device,
    Time,
    Field,
}

impl Pattern {
    /// Hands over the row of a record that is like the pattern; `false`, and nothing is done, where it is not.
    ///
    /// # Errors
    /// The record is like the pattern, and its time is none or its row cannot be held.
    pub(super) fn decode<'t>(
        &'t self,
        plan: &'t Plan,
        text: &'t str,
        fields: &mut Vec<(&'t str, FieldValue<'t>)>,
        rows: &mut BatchBuilder,
    ) -> Result<bool, String> {
        let Some((device, time)) = self.read(plan, text, fields) else { return Ok(false) };
        let Some(device) = plan.device.as_deref().or(device) else { return Ok(false) };
        let time = moment(plan, device, Some(&time))?;
        plan.account.row(rows, device, time, fields)?;
        Ok(true)
    }

    /// The device, where it stands in the record, and the time; all else are fields.
    #[inline]
    fn read<'t>(
        &'t self,
        plan: &Plan,
        text: &'t str,
        fields: &mut Vec<(&'t str, FieldValue<'t>)>,
    ) -> Option<(Option<&'t str>, Value<'t>)> {
        let mut scan = Scanner::new(text);
        let (mut device, mut time) = (None, None);
        for member in &self.members {
            if !scan.passes(member.before.as_bytes()) {
                return None;
            }
            match member.part {
                Part::Field => {
                    let value = match first(&mut scan)? {
                        b'-' | b'0'..=b'9' => plan.integers.number(scan.number().ok()?),
                        b'"' => untyped_text(plain_text(&mut scan)?, plan.integers),
                        b't' => scan.word("true").ok().map(|()| FieldValue::Boolean(true))?,
                        b'f' => scan.word("false").ok().map(|()| FieldValue::Boolean(false))?,
                        b'n' => scan.word("null").ok().map(|()| FieldValue::Null)?,
                        _ => return None,
                    };
                    fields.push((&member.key, value));
                }
                Part::Device if first(&mut scan)? == b'"' => device = Some(plain_text(&mut scan)?),
                Part::Device => return None,
                Part::Time => {
                    time = Some(match first(&mut scan)? {
                        b'-' | b'0'..=b'9' => Value::Number(scan.number().ok()?),
                        b'"' => Value::Text(Cow::Borrowed(plain_text(&mut scan)?)),
                        _ => return None,
                    });
                }
            }
        }
        let is_through = text.as_bytes().get(scan.at..)? == self.rest.as_bytes();
        time.filter(|_| is_through).map(|time| (device, time))
    }

    /// A record was like the pattern.
    #[inline]
    pub(super) fn fits(&mut self) {
        self.fitted = true;
        self.patience = (self.patience + 1).min(MOST_WITH_LIKE.max(self.granted));
    }

    /// A record was not like the pattern, was read in full and made a row: sooner or later one is taken for the pattern.
    pub(super) fn take(&mut self, plan: &Plan, text: &str) {
        self.patience = self.patience.saturating_sub(1);
        if self.patience > 0 {
            return;
        }
        let fitted = std::mem::take(&mut self.fitted);
        self.granted = if fitted {
            UNLIKE_BEFORE_GIVING_UP
        } else {
            (2 * self.granted).clamp(UNLIKE_BEFORE_GIVING_UP, MOST_WITHOUT)
        };
        self.patience = self.granted;
        // What is named, cast or composed by the options, or comes with the record, is left to reading in full.
        let is_within = plan.device_beside.is_none() && plan.time_beside.is_none();
        if plan.deep.is_empty() && plan.template.is_none() && is_within && !plan.looks() {
            self.try_take(plan, text).unwrap_or_default();
        }
    }

    fn try_take(&mut self, plan: &Plan, text: &str) -> Option<()> {
        let mut scan = Scanner::new(text);
        let mut members = Vec::with_capacity(self.members.len());
        let mut from = 0;
        let mut byte = scan.next_byte().ok().filter(|byte| *byte == b'{')?;
        while byte != b'}' {
            let Cow::Borrowed(key) = scan.key().ok()? else { return None };
            scan.space();
            let before = text.get(from..scan.at)?.into();
            match first(&mut scan)? {
                b'"' => drop(scan.string().ok()?),
                b't' => scan.word("true").ok()?,
                b'f' => scan.word("false").ok()?,
                b'n' => scan.word("null").ok()?,
                b'-' | b'0'..=b'9' => drop(scan.number().ok()?),
                _ => return None,
            }
            from = scan.at;
            members.push(Member { before, key: key.into(), part: Part::of(plan.role(key))? });
            byte = scan.next_byte().ok()?;
        }
        let has = |part| members.iter().filter(|member| member.part == part).count();
        let is_plain = has(Part::Time) == 1
            && has(Part::Field) > 0
            && has(Part::Device) == usize::from(plan.device.is_none());
        if is_plain && members.len() <= MOST_MEMBERS {
            self.rest = text.get(from..)?.into();
            self.members = members;
        }
        Some(())
    }
}

impl Part {
    /// What a member of a role is; `None` where more than its value decides.
    fn of(role: Option<Role>) -> Option<Self> {
        match role {
            None => Some(Self::Field),
            Some(Role::Device) => Some(Self::Device),
            Some(Role::Time | Role::OtherTime) => Some(Self::Time),
            Some(Role::Measurements | Role::Types | Role::Values | Role::Part) => None,
        }
    }
}

/// The first byte of a value.
#[inline]
fn first(scan: &mut Scanner<'_>) -> Option<u8> {
    let byte = *scan.text.as_bytes().get(scan.at)?;
    scan.at += 1;
    Some(byte)
}

/// A text without escapes, whose first quote has been read.
#[inline]
fn plain_text<'a>(scan: &mut Scanner<'a>) -> Option<&'a str> {
    match scan.string() {
        Ok(Cow::Borrowed(text)) => Some(text),
        _ => None,
    }
}
