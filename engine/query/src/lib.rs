//! Queries: binding, planning, vectorised operators, functions.
