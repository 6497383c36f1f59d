//! `limit` and `offset`.

use crate::chunk::Chunks;

/// Leaves out the first rows, and ends after so many; what is not needed is not pulled.
pub(crate) fn limit(mut input: Chunks, offset: usize, limit: Option<usize>) -> Chunks {
    let mut skip = offset;
    let mut left = limit.unwrap_or(usize::MAX);
    Box::new(std::iter::from_fn(move || {
        while left > 0 {
            let chunk = match input.next()? {
                Ok(chunk) => chunk,
                Err(error) => {
                    left = 0;
                    return Some(Err(error));
                }
            };
            let from = skip.min(chunk.rows());
            skip -= from;
            let rows = (chunk.rows() - from).min(left);
            if rows > 0 {
                left -= rows;
                return Some(Ok(chunk.slice(from, rows)));
            }
        }
        None
    }))
}
