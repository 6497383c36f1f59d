//! The embedded time-series engine: one facade over storage, SQL and queries.
