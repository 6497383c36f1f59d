//! Runs a function of a series over its inputs' rows.

use crate::{
    Cancellation, QueryError,
    chunk::{Chunk, Chunks, made_by},
    registry::SeriesFunction,
};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// More rows.
    Rows,
    /// More of what the function has made of the last ones, and rows again behind it.
    More,
    /// More of what it has made of all, and nothing behind it.
    Rest,
}

/// The function's rows: one column. The function is dropped with the last of them.
pub(crate) fn series_function(
    mut input: Chunks,
    function: Box<dyn SeriesFunction>,
    cancellation: Cancellation,
) -> Chunks {
    // Dropped at the end, or by an error.
    let mut function = Some(function);
    let mut step = Step::Rows;
    made_by(move || {
        let next = function
            .as_mut()
            .map_or(Ok(None), |running| next(&mut **running, &mut input, &mut step, &cancellation));
        if !matches!(next, Ok(Some(_))) {
            function = None;
        }
        next
    })
}

/// The next rows that there are.
fn next(
    function: &mut dyn SeriesFunction,
    input: &mut Chunks,
    step: &mut Step,
    cancellation: &Cancellation,
) -> Result<Option<Chunk>, QueryError> {
    loop {
        // A function may take long to give nothing.
        cancellation.check()?;
        let made = match *step {
            Step::Rows => match input.next().transpose()? {
                Some(rows) => {
                    *step = Step::More;
                    Some(function.chunk(rows)?)
                }
                None => {
                    *step = Step::Rest;
                    function.finish()?
                }
            },
            Step::More | Step::Rest => {
                let more = function.more()?;
                match (&more, *step) {
                    (None, Step::Rest) => return Ok(None),
                    (None, _) => *step = Step::Rows,
                    _ => {}
                }
                more
            }
        };
        if let Some(chunk) = made.filter(|chunk| !chunk.is_empty()) {
            return Ok(Some(chunk));
        }
    }
}
