//! The frequency domain: transforms, filters, and products of series.

mod pass;
mod polynomial;
mod transform;
mod wavelet;

use crate::declaration::{Declaration, Group, Inputs, Parameter, Start, option, required};

const fn of(
    name: &'static str,
    class: &'static str,
    inputs: usize,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration {
        name,
        class,
        group: Group::Frequency,
        inputs: Inputs::Numbers(inputs),
        parameters,
        result,
        start,
    }
}

const WPASS: Parameter =
    required("wpass", "the cutoff frequency between 0 and 1, where 1 is half of the sampling rate");
const WAVELET: [Parameter; 3] = [
    option("method", "none", "the wavelet: `Haar`, `DB4`, `DB6` or `DB8`"),
    option("coef", "none", "its coefficients instead, with commas between them"),
    option("layer", "1", "how many times it is transformed"),
];

/// The functions of this group.
pub(crate) const ALL: [Declaration; 8] = [
    of(
        "conv",
        "org.apache.iotdb.library.frequency.UDTFConv",
        2,
        &[],
        "DOUBLE: the convolution of two series, at 0, 1, …; NaN is left out",
        polynomial::convolution,
    ),
    of(
        "deconv",
        "org.apache.iotdb.library.frequency.UDTFDeconv",
        2,
        &[option("result", "quotient", "`quotient` or `remainder`")],
        "DOUBLE: the first series divided by the second as polynomials, at 0, 1, …; NaN is left out",
        polynomial::deconvolution,
    ),
    of(
        "dwt",
        "org.apache.iotdb.library.frequency.UDTFDWT",
        1,
        &WAVELET,
        "DOUBLE: the wavelet transform of a series whose length is a power of 2: averages, then details; NaN is left out",
        wavelet::forward,
    ),
    of(
        "fft",
        "org.apache.iotdb.library.frequency.UDTFFFT",
        1,
        &[
            option("method", "uniform", "`uniform`: points count as equally far apart; also called `type`"),
            option("result", "abs", "`real`, `imag`, `abs` or `angle`"),
            option("compress", "1", "the part of the energy that is kept, above 0 and up to 1"),
        ],
        "DOUBLE: the Fourier transform, at 0, 1, …; NaN is left out",
        transform::forward,
    ),
    of(
        "highpass",
        "org.apache.iotdb.library.frequency.UDTFHighPass",
        1,
        &[WPASS],
        "DOUBLE: what lies above a frequency; NaN is left out",
        pass::high,
    ),
    of(
        "idwt",
        "org.apache.iotdb.library.frequency.UDTFIDWT",
        1,
        &WAVELET,
        "DOUBLE: the series of a wavelet transform with the same attributes",
        wavelet::backward,
    ),
    of(
        "ifft",
        "org.apache.iotdb.library.frequency.UDTFIFFT",
        2,
        &[
            option("start", "1970-01-01 00:00:00 UTC", "the first time, `yyyy-MM-dd HH:mm:ss`"),
            option("interval", "1s", "the time between two points, with its unit"),
        ],
        "DOUBLE: the series of a Fourier transform, given as real and imaginary parts, also where it is compressed",
        transform::backward,
    ),
    of(
        "lowpass",
        "org.apache.iotdb.library.frequency.UDTFLowPass",
        1,
        &[WPASS],
        "DOUBLE: what lies up to a frequency; NaN is left out",
        pass::low,
    ),
];
