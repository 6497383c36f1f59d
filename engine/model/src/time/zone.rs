//! Time zones by name.

use jiff::tz::{Offset, TimeZone};

use super::TimeError;

/// A zone by its name (`Europe/Paris`) or its offset: `Z`, `+8`, `+08:00`, `-0330`, `GMT+8`, `UTC+08:00`.
///
/// # Errors
/// There is no such zone.
pub fn parse_zone(name: &str) -> Result<TimeZone, TimeError> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    let bare = name.strip_prefix("GMT").or_else(|| name.strip_prefix("UTC")).unwrap_or(name);
    if let Some(offset) = offset_of(bare) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).map_err(|_| {
        TimeError(format!(
            "there is no time zone `{name}`: write a name as in Europe/Paris, or an offset as in +08:00"
        ))
    })
}

fn offset_of(text: &str) -> Option<Offset> {
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_once(':').unwrap_or(match digits.len() {
        4 if digits.is_ascii() => digits.split_at(2),
        _ => (digits, "0"),
    });
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=23).contains(&hours) || !(0..=59).contains(&minutes) {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    Offset::from_seconds(if text.starts_with('-') { -seconds } else { seconds }).ok()
}
