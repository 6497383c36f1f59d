//! `fft` and `ifft`: the Fourier transform there and back.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};
use rustfft::num_complex::Complex;

use crate::{
    fourier::{complex, transform},
    gather::{Keep, Series, Whole},
    read::{choice, duration, instant, number},
    work::Work,
};

pub(super) fn forward(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let key = if parameters.has("type") { "type" } else { "method" };
    choice(parameters, key, &["uniform"])?;
    let part: fn(Complex<f64>) -> f64 = match choice(parameters, "result", &["abs", "real", "imag", "angle"])?
    {
        0 => |value| value.norm(),
        1 => |value| value.re,
        2 => |value| value.im,
        _ => |value| value.arg(),
    };
    let compress = number(parameters, "compress", 1.0, "above 0 and at most 1", |compress| {
        compress > 0.0 && compress <= 1.0
    })?;
    let compressed = parameters.has("compress");
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, move |series, points| {
        let mut spectrum = complex(series.values());
        transform(&mut spectrum, false);
        let kept = if compressed { kept(&spectrum, compress) } else { spectrum.len() };
        let last = spectrum.len().saturating_sub(1);
        for (at, &value) in spectrum.iter().enumerate() {
            // The last one tells how many there were.
            if at < kept || at == last {
                points.put(at as i64, part(value))?;
            }
        }
        Ok(())
    }))
}

/// How many of the lowest frequencies have more than a part of the energy; of the second half, which mirrors the first, none.
fn kept(spectrum: &[Complex<f64>], part: f64) -> usize {
    let all: f64 = spectrum.iter().map(Complex::norm_sqr).sum();
    let mut sum = 0.0;
    let half = spectrum.len() / 2;
    for (at, value) in spectrum.iter().enumerate().take(half + 1) {
        sum += value.norm_sqr() * if at == 0 { 1.0 } else { 2.0 };
        if at > 0 && sum > part * all {
            return at + 1;
        }
    }
    half + 1
}

struct Backward {
    start: i64,
    interval: i64,
    series: Series,
}

/// Longer transforms are no series that somebody transformed, but times that are no places.
const MAX_LENGTH: i64 = 1 << 26;

pub(super) fn backward(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let start = instant(parameters, "start")?.unwrap_or(0);
    let interval = duration(parameters, "interval")?.unwrap_or(1000);
    Ok(Box::new(Backward { start, interval, series: Series::new(2) }))
}

impl Work for Backward {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        if let Some(time) = rows.times().iter().find(|time| !(0..MAX_LENGTH).contains(*time)) {
            return Err(Failure::new(format!(
                "the times of a Fourier transform are places from 0 up to {MAX_LENGTH}: {time} is not"
            )));
        }
        self.series.add(rows, Keep::Finite)
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let Some(&last) = self.series.times.last() else { return Ok(()) };
        let count = last as usize + 1;
        let mut spectrum = vec![Complex::default(); count];
        // The second half mirrors the first; of a compressed transform it is missing, and of the two values of a pair the
        // later one counts.
        for (row, &time) in self.series.times.iter().enumerate() {
            let at = time as usize;
            let value = Complex::new(self.series.columns[0][row], self.series.columns[1][row]);
            spectrum[at] = value;
            if at > 0 {
                spectrum[count - at] = value.conj();
            }
        }
        transform(&mut spectrum, true);
        for (at, value) in (0..).zip(&spectrum) {
            let time = i64::checked_mul(at, self.interval).and_then(|offset| self.start.checked_add(offset));
            let time =
                time.ok_or_else(|| Failure::new("the series would end behind the last time that there is"))?;
            points.put(time, value.re / count as f64)?;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.series.memory()
    }
}
