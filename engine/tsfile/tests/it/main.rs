//! Files written, read, cut and damaged.

mod columns;
mod damage;
mod flips;
mod others;
mod round_trip;
mod salvage;
