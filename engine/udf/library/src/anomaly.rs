//! Anomaly detection: values that stand out.

mod bounds;
mod density;
mod filter;
mod missing;
mod outlier;
mod sigma;

use crate::declaration::{Declaration, Group, Inputs, Parameter, Start, option, required};

const fn of(
    name: &'static str,
    class: &'static str,
    inputs: Inputs,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration { name, class, group: Group::Anomalies, inputs, parameters, result, start }
}

const ONE: Inputs = Inputs::Numbers(1);

/// The functions of this group.
pub(crate) const ALL: [Declaration; 7] = [
    of(
        "iqr",
        "org.apache.iotdb.library.anomaly.UDTFIQR",
        ONE,
        &[
            option(
                "method",
                "batch",
                "`batch` over all values, or `stream` with what is given; also called `compute`",
            ),
            option("q1", "of all values", "with `stream`: the lower quartile"),
            option("q3", "of all values", "with `stream`: the upper quartile"),
        ],
        "DOUBLE: values more than 1.5 times the distance of the quartiles outside of them",
        bounds::quartiles,
    ),
    of(
        "ksigma",
        "org.apache.iotdb.library.anomaly.UDTFKSigma",
        ONE,
        &[
            option("k", "3", "how many standard deviations"),
            option("window", "10000", "of how many values mean and deviation are"),
        ],
        "the input's type: values farther from the mean of the window that ends with them; in the first window, from its mean",
        sigma::sigma,
    ),
    of(
        "lof",
        "org.apache.iotdb.library.anomaly.UDTFLOF",
        Inputs::ManyNumbers,
        &[
            option(
                "method",
                "default",
                "`default`: each row is a point; `series`: some values that follow each other are",
            ),
            option("k", "3", "which neighbour's distance counts"),
            option("window", "10000", "how many rows are looked at together"),
            option("windowsize", "5", "with `series`: how many values make a point"),
        ],
        "DOUBLE: the local outlier factor of each row without missing values",
        density::density,
    ),
    of(
        "missdetect",
        "org.apache.iotdb.library.anomaly.UDTFMissDetect",
        ONE,
        &[option(
            "minlen",
            "10",
            "how many points a straight stretch has at least, from 10 on; also called `error`",
        )],
        "BOOLEAN: for each point whether it lies on a straight stretch, as values have that were filled in",
        missing::missing,
    ),
    of(
        "range",
        "org.apache.iotdb.library.anomaly.UDTFRange",
        ONE,
        &[
            required("lower_bound", "the least value that is none"),
            required("upper_bound", "the greatest value that is none"),
        ],
        "the input's type: values below the lower bound or above the upper; none where the upper is not above the lower",
        bounds::range,
    ),
    of(
        "twosidedfilter",
        "org.apache.iotdb.library.anomaly.UDTFTwoSidedFilter",
        ONE,
        &[
            option("len", "5", "how many points before and behind are looked at, within as many seconds"),
            option(
                "threshold",
                "0.3",
                "between 0 and 1: how far a value may be from both sides, relative to it",
            ),
        ],
        "the input's type: the series without values that are far from both sides; NaN is left out",
        filter::filter,
    ),
    of(
        "outlier",
        "org.apache.iotdb.library.anomaly.UDTFOutlier",
        ONE,
        &[
            option("r", "5", "up to which distance a value is a neighbour"),
            option("k", "3", "how many neighbours a value has at least that is none, with itself"),
            option("w", "1000", "how many points a window has"),
            option("s", "500", "how many points each window begins behind the one before"),
        ],
        "the input's type: values with fewer neighbours in one of the windows that are whole",
        outlier::outlier,
    ),
];
