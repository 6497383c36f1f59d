//! Writing and deleting rows. How values become bytes: [`columns`](crate::columns).

use bytes::Bytes;

use crate::thrift::structures;

structures! {
    /// One row.
    InsertRecordReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements: Vec<String>,
        4 required values: Bytes,
        5 required timestamp: i64,
        6 optional is_aligned: bool,
        7 optional is_write_to_table: bool,
        8 optional column_categories: Vec<i8>,
    }

    /// One row, its values as strings.
    InsertStringRecordReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements: Vec<String>,
        4 required values: Vec<String>,
        5 required timestamp: i64,
        6 optional is_aligned: bool,
        7 optional timeout: i64,
    }

    /// Rows of one device, column by column.
    InsertTabletReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements: Vec<String>,
        4 required values: Bytes,
        5 required timestamps: Bytes,
        /// Codes of [`DataType`](levada_model::DataType).
        6 required types: Vec<i32>,
        /// How many rows.
        7 required size: i32,
        8 optional is_aligned: bool,
        9 optional write_to_table: bool,
        10 optional column_categories: Vec<i8>,
        11 optional is_compressed: bool,
        12 optional encoding_types: Vec<i8>,
        13 optional compress_type: i8,
    }

    /// Tablets of several devices.
    InsertTabletsReq {
        1 required session_id: i64,
        2 required prefix_paths: Vec<String>,
        3 required measurements_list: Vec<Vec<String>>,
        4 required values_list: Vec<Bytes>,
        5 required timestamps_list: Vec<Bytes>,
        6 required types_list: Vec<Vec<i32>>,
        7 required size_list: Vec<i32>,
        8 optional is_aligned: bool,
    }

    /// Rows of several devices.
    InsertRecordsReq {
        1 required session_id: i64,
        2 required prefix_paths: Vec<String>,
        3 required measurements_list: Vec<Vec<String>>,
        4 required values_list: Vec<Bytes>,
        5 required timestamps: Vec<i64>,
        6 optional is_aligned: bool,
    }

    /// Rows of one device.
    InsertRecordsOfOneDeviceReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements_list: Vec<Vec<String>>,
        4 required values_list: Vec<Bytes>,
        5 required timestamps: Vec<i64>,
        6 optional is_aligned: bool,
    }

    /// Rows of several devices, their values as strings.
    InsertStringRecordsReq {
        1 required session_id: i64,
        2 required prefix_paths: Vec<String>,
        3 required measurements_list: Vec<Vec<String>>,
        4 required values_list: Vec<Vec<String>>,
        5 required timestamps: Vec<i64>,
        6 optional is_aligned: bool,
    }

    /// Rows of one device, their values as strings.
    InsertStringRecordsOfOneDeviceReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements_list: Vec<Vec<String>>,
        4 required values_list: Vec<Vec<String>>,
        5 required timestamps: Vec<i64>,
        6 optional is_aligned: bool,
    }

    /// Deletes what series hold from one time to another, both included.
    DeleteDataReq {
        1 required session_id: i64,
        2 required paths: Vec<String>,
        3 required start_time: i64,
        4 required end_time: i64,
    }
}
