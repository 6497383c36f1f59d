//! Data repair: values and times made right.

mod fill;
mod master;
mod neighbours;
mod seasonal;
mod timestamps;
mod values;

use levada_udf::{DataType, Failure, PointCollector};

pub(crate) use timestamps::most_frequent;

use crate::declaration::{Declaration, Group, Inputs, Parameter, Start, option, required};

const fn of(
    name: &'static str,
    class: &'static str,
    inputs: Inputs,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration { name, class, group: Group::Repair, inputs, parameters, result, start }
}

const ONE: Inputs = Inputs::Numbers(1);
const MASTER: [Parameter; 4] = [
    option("omega", "10 usual distances", "how far before a row its window begins, in milliseconds"),
    option(
        "eta",
        "of all distances the 99.73 % quantile",
        "how far rows of a window may be apart, in standard deviations",
    ),
    option("k", "2 to 5, by the distances", "how many neighbours among the master rows are looked at"),
    option("output_column", "1", "which column is given"),
];
const MASTERED: &str =
    "DOUBLE: a column of the first half of the inputs, repaired by rows of the second half, the master data";
const MASTER_CLASS: &str = "org.apache.iotdb.library.drepair.UDTFMasterRepair";

/// The functions of this group.
pub(crate) const ALL: [Declaration; 6] = [
    of(
        "timestamprepair",
        "org.apache.iotdb.library.drepair.UDTFTimestampRepair",
        ONE,
        &[
            option(
                "interval",
                "by the method",
                "the time between two points, in milliseconds or with its unit",
            ),
            option("method", "median", "how it is estimated: `median`, `mode` or `cluster`"),
        ],
        "the input's type: points at equal distances; NaN where one was missing, whole numbers are left out there",
        timestamps::repair,
    ),
    of(
        "valuefill",
        "org.apache.iotdb.library.drepair.UDTFValueFill",
        ONE,
        &[option("method", "linear", "`linear`, `mean`, `previous`, `likelihood`, `AR`, `MA` or `SCREEN`")],
        "the input's type: the series with values where it has none or NaN; whole numbers are rounded",
        fill::fill,
    ),
    of(
        "valuerepair",
        "org.apache.iotdb.library.drepair.UDTFValueRepair",
        ONE,
        &[
            option(
                "method",
                "Screen",
                "`Screen` (speeds within bounds) or `LsGreedy` (likely changes of speed)",
            ),
            option(
                "minSpeed",
                "median − 3 deviations",
                "with `Screen`: the least speed, for each millisecond",
            ),
            option(
                "maxSpeed",
                "median + 3 deviations",
                "with `Screen`: the greatest speed, for each millisecond",
            ),
            option("center", "0", "with `LsGreedy`: the usual change of speed"),
            option("sigma", "the deviation", "with `LsGreedy`: the standard deviation of changes of speed"),
        ],
        "the input's type: the series repaired; NaN becomes what lies on the line; whole numbers are rounded",
        values::repair,
    ),
    of("masterrepair", MASTER_CLASS, Inputs::NumberPairs, &MASTER, MASTERED, master::repair),
    of("master_repair", MASTER_CLASS, Inputs::NumberPairs, &MASTER, MASTERED, master::repair),
    of(
        "seasonalrepair",
        "org.apache.iotdb.library.drepair.UDTFSeasonalRepair",
        ONE,
        &[
            required("period", "after how many points the series repeats"),
            option("method", "Classical", "`Classical` (by means) or `Improved` (by medians)"),
            option("k", "9", "how many deviations a residual may be off"),
            option("max_iter", "10", "how often the series is decomposed again"),
        ],
        "the input's type: the series repaired; NaN becomes what lies on the line; whole numbers are rounded",
        seasonal::repair,
    ),
];

/// Gives numbers as values of a type: whole numbers are rounded, and left out where they are NaN.
fn put_as(
    data_type: DataType,
    times: &[i64],
    values: &[f64],
    points: &mut PointCollector,
) -> Result<(), Failure> {
    let whole = matches!(data_type, DataType::Int32 | DataType::Int64);
    for (&time, &value) in times.iter().zip(values) {
        match whole {
            true if value.is_nan() => {}
            true => points.put_number(time, value.round())?,
            false => points.put_number(time, value)?,
        }
    }
    Ok(())
}
