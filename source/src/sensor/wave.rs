//! Waves and noise, as functions of the tick.

use std::{f64::consts::TAU, ops::Range, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
use levada_connector_api::model::DataType;

use super::options::{MeasurementOptions, WaveForm};

/// A measurement's values by tick.
#[derive(Clone, Debug)]
pub(super) struct Wave {
    form: WaveForm,
    min: f64,
    span: f64,
    period: f64,
    noise: f64,
    /// Ten to the power of the digits behind the point.
    scale: Option<f64>,
    data_type: DataType,
}

/// A number that stands for a measurement of a device.
pub(super) fn key(seed: u64, device: usize, measurement: usize) -> u64 {
    mix(mix(seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_add(device as u64)).wrapping_add(measurement as u64)
}

impl Wave {
    pub(super) fn new(options: &MeasurementOptions) -> Self {
        Self {
            form: options.wave,
            min: options.min,
            span: options.max - options.min,
            period: f64::from(options.period.get()),
            noise: options.noise,
            scale: options.decimals.map(|digits| 10f64.powi(i32::from(digits.min(9)))),
            data_type: options.data_type,
        }
    }

    pub(super) fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The values of a range of ticks.
    pub(super) fn values(&self, key: u64, ticks: Range<u64>) -> ArrayRef {
        // Devices do not all crest at once.
        let phase = unit(mix(key));
        let values = ticks.map(|tick| self.at(key, phase, tick));
        match self.data_type {
            DataType::Boolean => {
                let middle = self.min + self.span / 2.0;
                Arc::new(BooleanArray::from(values.map(|value| value > middle).collect::<Vec<_>>()))
            }
            DataType::Int32 => {
                Arc::new(Int32Array::from_iter_values(values.map(|value| value.round() as i32)))
            }
            DataType::Int64 => {
                Arc::new(Int64Array::from_iter_values(values.map(|value| value.round() as i64)))
            }
            DataType::Float => Arc::new(Float32Array::from_iter_values(values.map(|value| value as f32))),
            DataType::Text => Arc::new(StringArray::from_iter_values(values.map(|value| value.to_string()))),
            // No other type passes the check of the options.
            _ => Arc::new(Float64Array::from_iter_values(values)),
        }
    }

    #[inline]
    fn at(&self, key: u64, phase: f64, tick: u64) -> f64 {
        let turn = || (tick as f64 / self.period + phase).fract();
        let height = match self.form {
            WaveForm::Sine => 0.5 + 0.5 * (TAU * turn()).sin(),
            WaveForm::Square => f64::from(turn() < 0.5),
            WaveForm::Sawtooth => turn(),
            WaveForm::RandomWalk => wander(key, tick as f64 / self.period),
            WaveForm::Constant => 0.5,
        };
        let mut value = self.min + self.span * height;
        if self.noise > 0.0 {
            value += self.noise * (2.0 * unit(mix(key ^ mix(tick))) - 1.0);
        }
        match self.scale {
            Some(scale) => (value * scale).round() / scale,
            None => value,
        }
    }
}

/// A way between 0 and 1 without steps: noise of several scales on each other, each half as high and twice as quick as
/// the one before. It looks like a walk, and any point of it is had without walking there.
fn wander(key: u64, at: f64) -> f64 {
    let (mut sum, mut height, mut at) = (0.0, 0.5, at);
    for octave in 0..6 {
        let cell = at.floor();
        let corner = |cell: f64| unit(mix(key ^ mix(cell as u64).wrapping_add(octave)));
        let (left, right) = (corner(cell), corner(cell + 1.0));
        let between = at - cell;
        let smooth = between * between * (3.0 - 2.0 * between);
        sum += height * (left + (right - left) * smooth);
        height /= 2.0;
        at *= 2.0;
    }
    sum
}

/// Spreads a number over all 64 bits (the finalizer of splitmix64).
#[inline]
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A number as one from 0 up to 1.
#[inline]
fn unit(value: u64) -> f64 {
    (value >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use arrow_array::{cast::AsArray, types::Float64Type};

    use super::*;

    #[test]
    fn waves_stay_between_their_bounds_and_cover_them() {
        for form in
            [WaveForm::Sine, WaveForm::Square, WaveForm::Sawtooth, WaveForm::RandomWalk, WaveForm::Constant]
        {
            let options =
                MeasurementOptions { wave: form, min: -5.0, max: 5.0, ..MeasurementOptions::default() };
            let values = Wave::new(&options).values(key(1, 2, 3), 0..100_000);
            let values = values.as_primitive::<Float64Type>().values();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(least >= -5.0 && most <= 5.0, "{form:?}: {least} to {most}");
            assert!(form == WaveForm::Constant || most - least > 5.0, "{form:?}: {least} to {most}");
        }
    }
}
