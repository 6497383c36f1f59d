//! `highpass` and `lowpass`: the frequencies above a bound, or up to it.

use levada_udf::{DataType, Failure, UdfParameters};
use rustfft::num_complex::Complex;

use crate::{
    fourier::{complex, transform},
    gather::{Keep, Whole},
    work::Work,
};

pub(super) fn high(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    pass(parameters, false)
}

pub(super) fn low(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    pass(parameters, true)
}

fn pass(parameters: &UdfParameters, low: bool) -> Result<Box<dyn Work>, Failure> {
    let bound = parameters.required_double("wpass")?;
    if !(bound > 0.0 && bound < 1.0) {
        return Err(Failure::parameters(format!(
            "parameter \"wpass\" should be between 0 and 1: {bound} is not"
        )));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, move |series, points| {
        let passed = passed(series.values(), bound, low);
        series.times.iter().zip(passed).try_for_each(|(&time, value)| points.put(time, value))
    }))
}

pub(crate) fn passed(values: &[f64], bound: f64, low: bool) -> Vec<f64> {
    let count = values.len();
    let mut spectrum = complex(values);
    transform(&mut spectrum, false);
    let last = (bound * count as f64 / 2.0).floor() as usize;
    for (at, value) in spectrum.iter_mut().enumerate() {
        // Frequencies stand at both ends: those of the second half are negative.
        if (at <= last || at >= count - last) != low {
            *value = Complex::default();
        }
    }
    transform(&mut spectrum, true);
    spectrum.iter().map(|value| value.re / count as f64).collect()
}
