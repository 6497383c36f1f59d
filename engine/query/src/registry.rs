//! What functions there are: one registry for functions of rows, of series and aggregates.
//!
//! ```text
//!   name, in any case ─▶ FunctionDefinition ─▶ kind        which operator runs it
//!                                              binder      checks a Call, gives what computes it
//!                                              signature,  `show functions`, the reference
//!                                              summary
//! ```
//!
//! A registry does not change: who adds a function makes a registry with it and puts it in the place of the old one, so
//! a query has the functions that there were when it was planned. What is here knows no function; the built-in ones are
//! put together in `builtin`.

mod aggregate;
mod call;
mod definition;
mod reference;

use std::{cmp::Ordering, fmt, ops::Range, sync::Arc};

use arrow_array::ArrayRef;
use levada_model::StatusCode;

pub(crate) use aggregate::AggregateDefinition;
pub use call::Call;
pub(crate) use call::{ANY, NUMERIC, TEXT, TRUTH_OR_NUMERIC};
pub(crate) use definition::{Binder, Listing};
pub use definition::{FunctionDefinition, FunctionKind};

use crate::{QueryError, chunk::Chunk};

/// A function of a series, while it runs: each call in a query has one of its own. Dropped when the query ends, early or
/// not.
pub trait SeriesFunction: fmt::Debug + Send {
    /// Takes more rows, oldest first, or in the one order or the other where it [takes any](SeriesFunction::takes_any_order); gives those that are ready, with one column.
    ///
    /// # Errors
    /// A value cannot be computed; the query ends.
    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError>;

    /// Whether rows may also come newest first; what it gives is then in that order too.
    fn takes_any_order(&self) -> bool {
        false
    }

    /// As [`SeriesFunction::rows`], of rows that it may keep.
    ///
    /// # Errors
    /// As [`SeriesFunction::rows`].
    fn chunk(&mut self, rows: Chunk) -> Result<Chunk, QueryError> {
        self.rows(rows.times.values(), &rows.columns)
    }

    /// Gives more of what is ready. Asked behind each call of the other methods, until there is nothing.
    ///
    /// # Errors
    /// As [`SeriesFunction::rows`].
    fn more(&mut self) -> Result<Option<Chunk>, QueryError> {
        Ok(None)
    }

    /// Whether rows that it was given wait in it for others, so that they would be lost if the program ended between two calls.
    fn holds_rows(&self) -> bool {
        true
    }

    /// Whether [`SeriesFunction::save`] gives those rows too.
    fn saves_rows(&self) -> bool {
        false
    }

    /// Bytes of the rows that wait in it, as [`SeriesFunction::save`] stores them.
    fn waiting_bytes(&self) -> usize {
        0
    }

    /// Which of these rows, if they came next, would have to wait in it with more than `most` bytes of rows; the others would not, if
    /// these are not given.
    ///
    /// # Errors
    /// The columns are not those of the inputs.
    fn without_room(&self, rows: Chunk, most: usize) -> Result<Range<usize>, QueryError> {
        let _ = (rows, most);
        Ok(0..0)
    }

    /// Says that rows come without an end, with times that may be anything: what would be given between two rows that are far apart
    /// is left out where there would be very much of it. Called before the first row.
    fn leave_gaps_out(&mut self) {}

    /// What it remembers of the rows so far, to go on from in another process; `None` where it does not say. Asked between two
    /// calls of the other methods, when nothing more is ready.
    ///
    /// # Errors
    /// As [`SeriesFunction::rows`].
    fn save(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(None)
    }

    /// What has changed since it was last saved, by [`SeriesFunction::save`] or by this, where that is less; `None` where it is to be
    /// saved whole.
    ///
    /// # Errors
    /// As [`SeriesFunction::rows`].
    fn save_change(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(None)
    }

    /// As [`SeriesFunction::restore`], and from what [`SeriesFunction::save_change`] gave since, in its order.
    ///
    /// # Errors
    /// As [`SeriesFunction::restore`].
    fn restore_with(&mut self, saved: &[u8], changes: &[Vec<u8>]) -> Result<(), QueryError> {
        match changes {
            [] => self.restore(saved),
            _ => Err(QueryError::semantic("it does not save what has changed")),
        }
    }

    /// Goes on from what [`SeriesFunction::save`] gave. Called before the first row.
    ///
    /// # Errors
    /// It does not save, or this is not what it saved.
    fn restore(&mut self, saved: &[u8]) -> Result<(), QueryError> {
        let _ = saved;
        Err(QueryError::semantic("it does not save what it remembers"))
    }

    /// Gives what is left behind the last row. Called once, and not after an error.
    ///
    /// # Errors
    /// As [`SeriesFunction::rows`].
    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        Ok(None)
    }
}

/// The functions that a query may call, by name.
#[derive(Clone, Debug, Default)]
pub struct FunctionRegistry {
    definitions: Vec<Arc<FunctionDefinition>>,
    /// Every name in lower case and whose it is, in order.
    names: Vec<(Box<str>, usize)>,
    /// Functions that are found where no other has the name, by name: added ones may take it.
    library: Arc<[Arc<FunctionDefinition>]>,
}

impl FunctionRegistry {
    /// The function of a name, in any case.
    pub fn find(&self, name: &str) -> Option<&FunctionDefinition> {
        let in_library = || {
            let at = self.library.binary_search_by(|each| in_any_case(each.name(), name)).ok()?;
            Some(&*self.library[at])
        };
        self.own(name).or_else(in_library)
    }

    /// As [`FunctionRegistry::find`], without the library.
    fn own(&self, name: &str) -> Option<&FunctionDefinition> {
        let at = self.names.binary_search_by(|(each, _)| in_any_case(each, name)).ok()?;
        self.definitions.get(self.names[at].1).map(|found| &**found)
    }

    /// All functions, in the order in which they are listed: the built-in ones first, by kind, then the others as they
    /// were added, then those of the library that no other has the name of.
    pub fn definitions(&self) -> impl Iterator<Item = &FunctionDefinition> {
        let library = self.library.iter().filter(|each| self.own(each.name()).is_none());
        self.definitions.iter().chain(library).map(|each| &**each)
    }

    /// These functions and a library, whose functions are called where no other has the name. They take no name: one that is
    /// added goes before.
    #[must_use]
    pub fn with_library(&self, library: impl IntoIterator<Item = FunctionDefinition>) -> Self {
        let mut library: Vec<Arc<FunctionDefinition>> = library.into_iter().map(Arc::new).collect();
        library.sort_by(|a, b| a.name().cmp(b.name()));
        Self { library: library.into(), ..self.clone() }
    }

    /// These functions and one more.
    ///
    /// # Errors
    /// A built-in function (1204) or an added one (301) has the name already, in whatever case.
    pub fn with(&self, definition: FunctionDefinition) -> Result<Self, QueryError> {
        definition.names().try_for_each(|name| self.check_free(name))?;
        let mut more = self.clone();
        more.put(definition);
        Ok(more)
    }

    /// That no function has a name.
    ///
    /// # Errors
    /// As [`FunctionRegistry::with`].
    pub fn check_free(&self, name: &str) -> Result<(), QueryError> {
        let Some(taken) = self.own(name) else { return Ok(()) };
        let upper = name.to_uppercase();
        Err(if taken.is_builtin() {
            QueryError::Rejected {
                code: StatusCode::CREATE_UDF_ERROR,
                message: format!(
                    "Failed to create UDF [{upper}], the given function name conflicts with the built-in function name."
                ),
            }
        } else {
            QueryError::Rejected {
                code: StatusCode::EXECUTE_STATEMENT_ERROR,
                message: format!("Failed to create UDF [{upper}], the same name UDF has been created"),
            }
        })
    }

    /// These functions without one that was added; `None` where none was added under the name.
    pub fn without(&self, name: &str) -> Option<Self> {
        let gone = self.own(name).filter(|found| !found.is_builtin())?;
        let mut fewer = Self { library: Arc::clone(&self.library), ..Self::default() };
        for each in self.definitions.iter().filter(|each| !std::ptr::eq(&***each, gone)) {
            fewer.put_shared(Arc::clone(each));
        }
        Some(fewer)
    }

    /// The aggregate of a name, in any case.
    pub(crate) fn aggregate(&self, name: &str) -> Option<&AggregateDefinition> {
        match self.find(name)?.binder() {
            Binder::Aggregate(definition) => Some(definition),
            _ => None,
        }
    }

    /// Adds a function whose name is free.
    pub(crate) fn put(&mut self, definition: FunctionDefinition) {
        self.put_shared(Arc::new(definition));
    }

    fn put_shared(&mut self, definition: Arc<FunctionDefinition>) {
        for name in definition.names() {
            if let Err(at) = self.names.binary_search_by(|(each, _)| in_any_case(each, name)) {
                self.names.insert(at, (name.to_ascii_lowercase().into(), self.definitions.len()));
            }
        }
        self.definitions.push(definition);
    }
}

/// How a name in lower case compares with another in any case.
fn in_any_case(lower: &str, name: &str) -> Ordering {
    lower.bytes().cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
