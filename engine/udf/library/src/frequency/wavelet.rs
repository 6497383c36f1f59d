//! `dwt` and `idwt`: the discrete wavelet transform of a series that repeats, there and back.

use levada_udf::{DataType, Failure, UdfParameters};

use crate::{
    gather::{Keep, Whole},
    read::at_least,
    work::Work,
};

const HAAR: [f64; 2] = [std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::FRAC_1_SQRT_2];
// Daubechies' filters of 4, 6 and 8 coefficients.
const DB4: [f64; 4] =
    [0.482_962_913_144_534_1, 0.836_516_303_737_807_7, 0.224_143_868_042_013_4, -0.129_409_522_551_260_3];
const DB6: [f64; 6] = [
    0.332_670_552_950_082_5,
    0.806_891_509_311_092_4,
    0.459_877_502_118_491_4,
    -0.135_011_020_010_254_6,
    -0.085_441_273_882_026_7,
    0.035_226_291_885_709_5,
];
const DB8: [f64; 8] = [
    0.230_377_813_308_896_4,
    0.714_846_570_552_915_4,
    0.630_880_767_939_858_7,
    -0.027_983_769_416_859_9,
    -0.187_034_811_719_093_1,
    0.030_841_381_835_560_7,
    0.032_883_011_666_885_2,
    -0.010_597_401_785_069,
];

/// A filter and how often it is used.
pub(crate) struct Wavelet {
    average: Vec<f64>,
    detail: Vec<f64>,
    layers: usize,
}

impl Wavelet {
    pub(crate) fn new(average: &[f64], layers: usize) -> Self {
        // The details' filter is the averages' turned round, with every second sign changed.
        let detail =
            average.iter().rev().enumerate().map(|(at, each)| if at % 2 == 0 { *each } else { -each });
        Self { average: average.to_vec(), detail: detail.collect(), layers }
    }

    fn read(parameters: &UdfParameters) -> Result<Self, Failure> {
        let layers = at_least(parameters, "layer", 1, 1)?;
        let method = parameters.string_or("method", "").trim().to_ascii_lowercase();
        let given: Vec<f64>;
        let average: &[f64] = match method.as_str() {
            "haar" | "db2" => &HAAR,
            "db4" => &DB4,
            "db6" => &DB6,
            "db8" => &DB8,
            "" => {
                given = coefficients(parameters.string_or("coef", ""))?;
                &given
            }
            other => {
                return Err(Failure::parameters(format!(
                    "parameter \"method\" should be one of Haar, DB4, DB6, DB8: `{other}` is not"
                )));
            }
        };
        Ok(Self::new(average, layers))
    }

    /// How long what the layers work on is, the first one first.
    fn lengths(&self, count: usize) -> Result<Vec<usize>, Failure> {
        if !count.is_power_of_two() {
            return Err(Failure::new(format!(
                "the length of the series should be a power of 2: {count} is not"
            )));
        }
        if count < self.average.len() {
            return Err(Failure::new(format!(
                "the series should be at least as long as the wavelet: {count} is less than {}",
                self.average.len()
            )));
        }
        Ok((0..self.layers)
            .map_while(|layer| {
                count.checked_shr(layer as u32).filter(|&len| len >= self.average.len().max(2))
            })
            .collect())
    }

    /// The place of the first value that a pair of results is made of: filters are centered on it.
    fn place(&self, pair: usize, at: usize, len: usize) -> usize {
        let half = self.average.len() / 2;
        (2 * pair + 1 + at + len * half - half) % len
    }

    /// Averages of each layer's averages, in the first half, then details.
    pub(crate) fn forward(&self, values: &mut [f64]) -> Result<(), Failure> {
        for len in self.lengths(values.len())? {
            let mut results = vec![0.0; len];
            for pair in 0..len / 2 {
                for (at, (average, detail)) in self.average.iter().zip(&self.detail).enumerate() {
                    let value = values[self.place(pair, at, len)];
                    results[pair] += average * value;
                    results[pair + len / 2] += detail * value;
                }
            }
            values[..len].copy_from_slice(&results);
        }
        Ok(())
    }

    pub(crate) fn backward(&self, values: &mut [f64]) -> Result<(), Failure> {
        for len in self.lengths(values.len())?.into_iter().rev() {
            let mut results = vec![0.0; len];
            for pair in 0..len / 2 {
                for (at, (average, detail)) in self.average.iter().zip(&self.detail).enumerate() {
                    results[self.place(pair, at, len)] +=
                        average * values[pair] + detail * values[pair + len / 2];
                }
            }
            values[..len].copy_from_slice(&results);
        }
        Ok(())
    }
}

fn coefficients(text: &str) -> Result<Vec<f64>, Failure> {
    let all: Option<Vec<f64>> = text
        .split(',')
        .map(|each| each.trim().parse().ok().filter(|value: &f64| value.is_finite()))
        .collect();
    match all {
        Some(all) if all.len() % 2 == 0 => Ok(all),
        _ => Err(Failure::parameters(format!(
            "give a \"method\", or an even number of coefficients with commas between them as \"coef\": `{text}` is not that"
        ))),
    }
}

type Step = fn(&Wavelet, &mut [f64]) -> Result<(), Failure>;

fn transformed(parameters: &UdfParameters, step: Step) -> Result<Box<dyn Work>, Failure> {
    let wavelet = Wavelet::read(parameters)?;
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, move |series, points| {
        let mut values = series.values().to_vec();
        if !values.is_empty() {
            step(&wavelet, &mut values)?;
        }
        series.times.iter().zip(values).try_for_each(|(&time, value)| points.put(time, value))
    }))
}

pub(super) fn forward(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    transformed(parameters, Wavelet::forward)
}

pub(super) fn backward(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    transformed(parameters, Wavelet::backward)
}
