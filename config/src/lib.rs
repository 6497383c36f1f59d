//! Pipeline documents: parsed with positions, interpolated, checked, explained.
