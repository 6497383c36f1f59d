//! Data profiling: what values there are, and how they are distributed.

mod area;
mod correlation;
mod counting;
mod moments;
mod order;
mod period;
mod resample;
mod sample;
mod scale;
mod segment;
mod sketch;
mod spline;

use crate::declaration::{Declaration, Group, Inputs, Parameter, Start, option, required};

pub(crate) use correlation::xcorr;

const fn of(
    name: &'static str,
    class: &'static str,
    inputs: Inputs,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration { name, class, group: Group::Profiling, inputs, parameters, result, start }
}

const ONE: Inputs = Inputs::Numbers(1);
const COMPUTE: Parameter =
    option("compute", "batch", "`batch` over all values, or `stream` with what is given");
const ERROR: Parameter =
    option("error", "0", "how far the rank may be off, from 0 up to but not including 1; 0 is exact");

/// The functions of this group.
pub(crate) const ALL: [Declaration; 22] = [
    of(
        "acf",
        "org.apache.iotdb.library.dprofile.UDTFACF",
        ONE,
        &[],
        "DOUBLE: 2N − 1 autocorrelations at 0, 1, …; missing values and NaN count as 0",
        correlation::acf,
    ),
    of(
        "distinct",
        "org.apache.iotdb.library.dprofile.UDTFDistinct",
        Inputs::Any,
        &[],
        "the input's type: each value once, at 1, 2, … in the order of their first points; NaN is a value",
        counting::distinct,
    ),
    of(
        "histogram",
        "org.apache.iotdb.library.dprofile.UDTFHistogram",
        ONE,
        &[
            option(
                "min",
                "-1.7976931348623157E308",
                "the lower end of the first bucket, which takes lower values, too",
            ),
            option(
                "max",
                "1.7976931348623157E308",
                "the upper end of the last bucket, which takes higher values, too",
            ),
            option("count", "1", "how many buckets, up to 1,000,000"),
        ],
        "INT32: how many values each bucket has, at 0, 1, …; NaN is left out",
        counting::histogram,
    ),
    of(
        "integral",
        "org.apache.iotdb.library.dprofile.UDAFIntegral",
        ONE,
        &[option("unit", "1s", "the time that counts as 1: `1S` (a millisecond), `1s`, `1m`, `1H` or `1d`")],
        "DOUBLE: the area below the line through the points, at 0; NaN is left out",
        area::integral,
    ),
    of(
        "integralavg",
        "org.apache.iotdb.library.dprofile.UDAFIntegralAvg",
        ONE,
        &[],
        "DOUBLE: the integral divided by the time between the first point and the last, at 0; 0 of no points",
        area::average,
    ),
    of(
        "mad",
        "org.apache.iotdb.library.dprofile.UDAFMad",
        ONE,
        &[option(
            "error",
            "0",
            "how far the result may be off relative to it, from 0 up to but not including 1; 0 is exact",
        )],
        "DOUBLE: the median distance from the median, at 0; NaN is left out",
        order::mad,
    ),
    of(
        "median",
        "org.apache.iotdb.library.dprofile.UDAFMedian",
        ONE,
        &[ERROR],
        "DOUBLE: the median, at 0; NaN is left out",
        order::median,
    ),
    of(
        "minmax",
        "org.apache.iotdb.library.dprofile.UDTFMinMax",
        ONE,
        &[
            COMPUTE,
            option("min", "the least value", "with `stream`: the value that becomes 0"),
            option("max", "the greatest value", "with `stream`: the value that becomes 1"),
        ],
        "DOUBLE: each value scaled so that the least is 0 and the greatest 1; NaN is left out",
        scale::minmax,
    ),
    of(
        "mode",
        "org.apache.iotdb.library.dprofile.UDAFMode",
        Inputs::Any,
        &[],
        "the input's type: the most frequent value, of several the earliest, at the time of its first point",
        counting::mode,
    ),
    of(
        "mvavg",
        "org.apache.iotdb.library.dprofile.UDTFMvAvg",
        ONE,
        &[option("window", "10", "of how many values")],
        "DOUBLE: the mean of each value and those before it, from the first full window on; NaN is left out",
        scale::mvavg,
    ),
    of(
        "pacf",
        "org.apache.iotdb.library.dprofile.UDTFPACF",
        ONE,
        &[option("lag", "min(10 log10 n, n − 1)", "the largest lag, below the number of points")],
        "DOUBLE: partial autocorrelations at the first points' times; missing values and NaN count as 0",
        correlation::pacf,
    ),
    of(
        "percentile",
        "org.apache.iotdb.library.dprofile.UDAFPercentile",
        ONE,
        &[option("rank", "0.5", "above 0, up to 1"), ERROR],
        "the input's type: the value of the rank, at its time where exact and at 0 otherwise; NaN is left out",
        order::percentile,
    ),
    of(
        "period",
        "org.apache.iotdb.library.dprofile.UDAFPeriod",
        ONE,
        &[],
        "INT32: after how many points the series repeats, at 0; 0 where it does not",
        period::period,
    ),
    of(
        "qlb",
        "org.apache.iotdb.library.dprofile.UDTFQLB",
        ONE,
        &[option("lag", "n − 2", "the largest lag, below the number of points n")],
        "DOUBLE: the p-value of the Ljung-Box statistic at each lag, and the autocorrelation at n + lag",
        correlation::qlb,
    ),
    of(
        "resample",
        "org.apache.iotdb.library.dprofile.UDTFResample",
        ONE,
        &[
            required("every", "the time between two points of the result, with its unit"),
            option(
                "interp",
                "NaN",
                "what points have for which there is no value: `NaN`, `FFill`, `BFill` or `Linear`",
            ),
            option(
                "aggr",
                "Mean",
                "what becomes of several values: `Max`, `Min`, `First`, `Last`, `Mean` or `Median`",
            ),
            option("start", "the first point", "from when on, `yyyy-MM-dd HH:mm:ss`"),
            option("end", "the last point", "until when, `yyyy-MM-dd HH:mm:ss`, not included"),
        ],
        "DOUBLE: points at equal distances; NaN is left out",
        resample::resample,
    ),
    of(
        "sample",
        "org.apache.iotdb.library.dprofile.UDTFSample",
        Inputs::Any,
        &[
            option(
                "method",
                "reservoir",
                "`reservoir` (by chance), `isometric` (at equal distances) or `triangle` (what shows most)",
            ),
            option("k", "1", "how many points"),
        ],
        "the input's type: `k` of the points, or all where there are fewer",
        sample::sample,
    ),
    of(
        "segment",
        "org.apache.iotdb.library.dprofile.UDTFSegment",
        ONE,
        &[
            option("output", "first", "`first` point of each segment, or `all`"),
            option("error", "0.1", "the mean absolute error that a segment may have"),
        ],
        "DOUBLE: the series as straight segments; NaN is left out",
        segment::segment,
    ),
    of(
        "skew",
        "org.apache.iotdb.library.dprofile.UDAFSkew",
        ONE,
        &[],
        "DOUBLE: the population's skewness, at 0; NaN is left out",
        moments::skew,
    ),
    of(
        "spline",
        "org.apache.iotdb.library.dprofile.UDTFSpline",
        ONE,
        &[required("points", "how many points, at least 2")],
        "DOUBLE: points at equal distances on an Akima spline; none of fewer than 4 values",
        spline::spline,
    ),
    of(
        "spread",
        "org.apache.iotdb.library.dprofile.UDAFSpread",
        ONE,
        &[],
        "the input's type: the greatest value minus the least, at 0; NaN is left out",
        moments::spread,
    ),
    of(
        "stddev",
        "org.apache.iotdb.library.dprofile.UDAFStddev",
        ONE,
        &[],
        "DOUBLE: the population's standard deviation, at 0; NaN is left out",
        moments::stddev,
    ),
    of(
        "zscore",
        "org.apache.iotdb.library.dprofile.UDTFZScore",
        ONE,
        &[
            COMPUTE,
            option("avg", "the mean", "with `stream`: the value that becomes 0"),
            option("sd", "the standard deviation", "with `stream`: the distance that becomes 1"),
        ],
        "DOUBLE: each value's distance from the mean in standard deviations; NaN is left out",
        scale::zscore,
    ),
];
