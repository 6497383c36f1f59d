//! Files written, read, cut and damaged.

mod columns;
mod damage;
mod flips;
mod round_trip;
mod salvage;
