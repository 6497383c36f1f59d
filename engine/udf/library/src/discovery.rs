//! Series discovery: stretches of points at equal distances in which no value is missing.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    declaration::{Declaration, Group, Inputs, Parameter, option, required},
    read::duration,
    repair::most_frequent,
    work::Work,
};

const GAP: Parameter =
    option("gap", "the most frequent of the first 128", "the time between two points, with its unit");

/// The functions of this group.
pub(crate) const ALL: [Declaration; 2] = [
    Declaration {
        name: "consecutivesequences",
        class: "org.apache.iotdb.library.series.UDTFConsecutiveSequences",
        group: Group::Discovery,
        inputs: Inputs::ManyAny,
        parameters: &[GAP],
        result: "INT32: how many points each longest stretch has, from two on, at its first time",
        start: sequences,
    },
    Declaration {
        name: "consecutivewindows",
        class: "org.apache.iotdb.library.series.UDTFConsecutiveWindows",
        group: Group::Discovery,
        inputs: Inputs::ManyAny,
        parameters: &[GAP, required("length", "how long a window is, with its unit")],
        result: "INT32: how many points a window has, at the first time of each that is whole",
        start: windows,
    },
];

/// From so many points the usual distance is known.
const FIRST: usize = 128;

struct Consecutive {
    gap: Option<i64>,
    /// The length of windows; sequences have none.
    length: Option<i64>,
    /// Points whose distance is not known yet, and whether all their values are there.
    waiting: Vec<(i64, bool)>,
    /// The stretch at hand: its first and last time, and its points.
    stretch: Option<(i64, i64, i64)>,
}

fn sequences(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Consecutive {
        gap: duration(parameters, "gap")?,
        length: None,
        waiting: Vec::new(),
        stretch: None,
    }))
}

fn windows(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    parameters.required("length")?;
    let (gap, length) = (duration(parameters, "gap")?, duration(parameters, "length")?);
    Ok(Box::new(Consecutive { gap, length, waiting: Vec::new(), stretch: None }))
}

impl Consecutive {
    /// Decides which distance is usual, and works on the points that waited for it.
    fn decide(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        if self.gap.is_none() {
            let gaps = self.waiting.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0));
            self.gap = Some(most_frequent(gaps));
        }
        for (time, whole) in std::mem::take(&mut self.waiting) {
            self.point(time, whole, points)?;
        }
        Ok(())
    }

    fn point(&mut self, time: i64, whole: bool, points: &mut PointCollector) -> Result<(), Failure> {
        let gap = self.gap.unwrap_or(0);
        match &mut self.stretch {
            Some((_, last, count)) if whole && last.checked_add(gap) == Some(time) => {
                *last = time;
                *count += 1;
            }
            _ => {
                self.end(points)?;
                self.stretch = whole.then_some((time, time, 1));
            }
        }
        // The window that ends here is whole.
        if let (Some(length), Some((first, _, _))) = (self.length, self.stretch)
            && gap > 0
        {
            let begin = time.saturating_sub(length / gap * gap);
            if begin >= first {
                points.put(begin, as_count(length / gap + 1)?)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        match self.stretch.take() {
            Some((first, _, count)) if self.length.is_none() && count > 1 => {
                points.put(first, as_count(count)?)
            }
            _ => Ok(()),
        }
    }
}

fn as_count(count: i64) -> Result<i32, Failure> {
    i32::try_from(count).map_err(|_| Failure::new(format!("{count} points are no INT32")))
}

impl Work for Consecutive {
    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        for row in rows.rows() {
            let whole = (0..row.width()).all(|input| !row.is_null(input));
            if self.gap.is_some() {
                self.point(row.time(), whole, points)?;
                continue;
            }
            self.waiting.push((row.time(), whole));
            if self.waiting.len() == FIRST {
                self.decide(points)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.decide(points)?;
        self.end(points)
    }
}
