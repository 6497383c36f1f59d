//! Files written, read, cut and damaged.

mod columns;
mod round_trip;
mod salvage;
