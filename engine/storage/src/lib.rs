//! Durable storage of time series.

mod error;
mod view;

pub use error::StorageError;
pub use view::{
    DatabaseInfo, DeviceInfo, Direction, Piece, PieceIterator, RowIterator, SeriesInfo, Summary, TimeRange, View,
    Windows,
};
