//! Lengths of time.

/// A length of time: months, whose length depends on the calendar, and milliseconds.
///
/// `1y` is 12 months; `1w`, `1d` and smaller units are milliseconds. Where months must be a fixed length (`now() - 1mo`),
/// a month is 30 days and a year 365: [`Duration::fixed_millis`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Calendar months.
    pub months: i64,
    /// Milliseconds beside the months.
    pub millis: i64,
}

impl Duration {
    const DAY: i64 = 86_400_000;

    /// A length without months.
    pub const fn from_millis(millis: i64) -> Self {
        Self { months: 0, millis }
    }

    /// The length in milliseconds with 365 days a year and 30 days a month besides; saturating.
    pub const fn fixed_millis(self) -> i64 {
        let years = (self.months / 12).saturating_mul(365 * Self::DAY);
        let months = (self.months % 12).saturating_mul(30 * Self::DAY);
        years.saturating_add(months).saturating_add(self.millis)
    }

    /// Whether it has no length.
    pub const fn is_zero(self) -> bool {
        self.months == 0 && self.millis == 0
    }
}
