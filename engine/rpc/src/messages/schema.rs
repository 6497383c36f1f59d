//! Series and templates.

use bytes::Bytes;

use super::Status;
use crate::thrift::{Pairs, structures};

structures! {
    /// Creates a series.
    CreateTimeseriesReq {
        1 required session_id: i64,
        2 required path: String,
        3 required data_type: i32,
        4 required encoding: i32,
        5 required compressor: i32,
        6 optional props: Pairs<String, String>,
        7 optional tags: Pairs<String, String>,
        8 optional attributes: Pairs<String, String>,
        9 optional measurement_alias: String,
    }

    /// Creates series.
    CreateMultiTimeseriesReq {
        1 required session_id: i64,
        2 required paths: Vec<String>,
        3 required data_types: Vec<i32>,
        4 required encodings: Vec<i32>,
        5 required compressors: Vec<i32>,
        6 optional props_list: Vec<Pairs<String, String>>,
        7 optional tags_list: Vec<Pairs<String, String>>,
        8 optional attributes_list: Vec<Pairs<String, String>>,
        9 optional measurement_alias_list: Vec<String>,
    }

    /// Creates the series of an aligned device.
    CreateAlignedTimeseriesReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required measurements: Vec<String>,
        4 required data_types: Vec<i32>,
        5 required encodings: Vec<i32>,
        6 required compressors: Vec<i32>,
        7 optional measurement_alias: Vec<String>,
        8 optional tags_list: Vec<Pairs<String, String>>,
        9 optional attributes_list: Vec<Pairs<String, String>>,
    }

    /// Creates a template: until 0.12 by structured fields, since 0.13 by serialised ones.
    CreateSchemaTemplateReq {
        1 required session_id: i64,
        2 required name: String,
        3 optional serialized_template: Bytes,
        3 optional schema_names: Vec<String>,
        4 optional measurements: Vec<Vec<String>>,
        5 optional data_types: Vec<Vec<i32>>,
        6 optional encodings: Vec<Vec<i32>>,
        7 optional compressors: Vec<i32>,
    }

    /// Sets a template to a path.
    SetSchemaTemplateReq {
        1 required session_id: i64,
        2 required template_name: String,
        3 required prefix_path: String,
    }

    /// Adds measurements to a template.
    AppendSchemaTemplateReq {
        1 required session_id: i64,
        2 required name: String,
        3 required is_aligned: bool,
        4 required measurements: Vec<String>,
        5 required data_types: Vec<i32>,
        6 required encodings: Vec<i32>,
        7 required compressors: Vec<i32>,
    }

    /// Takes a measurement, or a branch, out of a template.
    PruneSchemaTemplateReq {
        1 required session_id: i64,
        2 required name: String,
        3 required path: String,
    }

    /// Asks about a template.
    QueryTemplateReq {
        1 required session_id: i64,
        2 required name: String,
        /// 0 how many measurements, 1 is it a measurement, 2 is there such a path, 3 measurements, 4 templates, 5 paths it is set
        /// to, 6 paths that use it.
        3 required query_type: i32,
        4 optional measurement: String,
    }

    /// What there is to know about a template.
    QueryTemplateResp {
        1 required status: Status,
        2 required query_type: i32,
        3 optional result: bool,
        4 optional count: i32,
        5 optional measurements: Vec<String>,
    }

    /// Takes a template away from a path.
    UnsetSchemaTemplateReq {
        1 required session_id: i64,
        2 required prefix_path: String,
        3 required template_name: String,
    }

    /// Makes a path use its template.
    SetUsingTemplateReq {
        1 required session_id: i64,
        2 required dst_path: String,
    }

    /// Drops a template.
    DropSchemaTemplateReq {
        1 required session_id: i64,
        2 required template_name: String,
    }

    /// Makes devices use their template.
    CreateTimeseriesUsingSchemaTemplateReq {
        1 required session_id: i64,
        2 required device_path_list: Vec<String>,
    }
}
