//! Files written, read, cut and damaged.

mod columns;
mod damage;
mod round_trip;
mod salvage;
