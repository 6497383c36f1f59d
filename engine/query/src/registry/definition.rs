//! One function: what it is called, how it is bound, and what is said of it.

use std::{borrow::Cow, fmt, sync::Arc};

use levada_model::DataType;

use super::{AggregateDefinition, Call, SeriesFunction};
use crate::{
    QueryError,
    aggregate::AggregateFunction,
    expression::{Expr, RowFunction},
};

/// What a function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A value for each row, from that row alone.
    Row,
    /// Rows of its own, from all rows of its inputs in order of time.
    Series,
    /// One value for each group of rows.
    Aggregate,
}

impl FunctionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Row, Self::Series, Self::Aggregate];
}

/// A function that queries may call.
#[derive(Clone, Debug)]
pub struct FunctionDefinition {
    /// In lower case.
    name: Cow<'static, str>,
    /// Other names of it, which are not listed.
    aliases: &'static [&'static str],
    signature: Cow<'static, str>,
    summary: Cow<'static, str>,
    listing: Listing,
    binder: Binder,
    /// Of a function of series: it gives one value for each row that it is given.
    each_row: bool,
}

type RowBinder = dyn Fn(&Call<'_>) -> Result<(Arc<dyn RowFunction>, DataType), QueryError> + Send + Sync;
type SeriesBinder =
    dyn Fn(&Call<'_>) -> Result<(Box<dyn SeriesFunction>, DataType), QueryError> + Send + Sync;

/// What makes of a call what computes it, or says what is wrong with the call.
#[derive(Clone)]
pub(crate) enum Binder {
    /// The function.
    Row(Arc<RowBinder>),
    /// An expression, where the call is another way to write one.
    Expression(fn(&Call<'_>, Vec<Expr>) -> Result<Expr, QueryError>),
    /// The function; each call has its own.
    Series(Arc<SeriesBinder>),
    Aggregate(AggregateDefinition),
}

impl fmt::Debug for Binder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Row(_) => "Row",
            Self::Expression(_) => "Expression",
            Self::Series(_) => "Series",
            Self::Aggregate(_) => "Aggregate",
        })
    }
}

/// What `show functions` says of a function, in the peer's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// The class that the peer names.
    BuiltInSeries(&'static str),
    Native,
    BuiltInScalar,
    /// An added one, and where it is from.
    External(String),
    /// One of a library, and its class.
    Library(String),
}

impl Listing {
    /// The package of the classes that the peer names.
    const PACKAGE: &str = "org.apache.iotdb.commons.udf.builtin";
}

impl FunctionDefinition {
    /// A function that gives a value for each row. The signature is what follows the name: `(number): DOUBLE`; the
    /// summary is one sentence.
    pub fn row(
        name: impl Into<Cow<'static, str>>,
        signature: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
        bind: impl Fn(&Call<'_>) -> Result<(Arc<dyn RowFunction>, DataType), QueryError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name.into(), signature.into(), summary.into(), Binder::Row(Arc::new(bind)))
    }

    /// A function that looks beyond one row; `bind` is called once for each call in a query.
    pub fn series(
        name: impl Into<Cow<'static, str>>,
        signature: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
        bind: impl Fn(&Call<'_>) -> Result<(Box<dyn SeriesFunction>, DataType), QueryError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self::new(name.into(), signature.into(), summary.into(), Binder::Series(Arc::new(bind)))
    }

    /// A function that gives one value for each group of rows; `bind` is called at least once for each type that it is
    /// called with in a query.
    pub fn aggregate(
        name: impl Into<Cow<'static, str>>,
        signature: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
        bind: impl Fn(&Call<'_>) -> Result<(Arc<dyn AggregateFunction>, DataType), QueryError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let binder = Binder::Aggregate(AggregateDefinition::new(bind));
        Self::new(name.into(), signature.into(), summary.into(), binder)
    }

    /// An aggregate, which is listed as the peer's own are.
    pub(crate) fn built_in_aggregate(
        name: &'static str,
        signature: &'static str,
        summary: &'static str,
        definition: AggregateDefinition,
    ) -> Self {
        Self::new(name.into(), signature.into(), summary.into(), Binder::Aggregate(definition))
            .listed(Listing::Native)
    }

    /// A call that is another way to write an expression.
    pub(crate) fn expression(
        name: &'static str,
        signature: &'static str,
        summary: &'static str,
        bind: fn(&Call<'_>, Vec<Expr>) -> Result<Expr, QueryError>,
    ) -> Self {
        Self::new(name.into(), signature.into(), summary.into(), Binder::Expression(bind))
    }

    fn new(
        name: Cow<'static, str>,
        signature: Cow<'static, str>,
        summary: Cow<'static, str>,
        binder: Binder,
    ) -> Self {
        let name = name.to_ascii_lowercase().into();
        let listing = Listing::External(String::new());
        Self { name, aliases: &[], signature, summary, listing, binder, each_row: false }
    }

    /// A function of which the name and the kind are known, and the rest when it is called: `get` is asked for each call, and
    /// what it gives is bound.
    pub fn deferred(
        name: impl Into<Cow<'static, str>>,
        kind: FunctionKind,
        get: impl Fn() -> Result<Arc<Self>, QueryError> + Send + Sync + 'static,
    ) -> Self {
        let other = move |call: &Call<'_>, found: &Self| {
            call.reject(format!(
                "it was made as a function of kind {kind:?} and is {:?} by now",
                found.kind()
            ))
        };
        let binder = match kind {
            FunctionKind::Row => Binder::Row(Arc::new(move |call| {
                let found = get()?;
                match &found.binder {
                    Binder::Row(bind) => bind(call),
                    _ => Err(other(call, &found)),
                }
            })),
            FunctionKind::Series => Binder::Series(Arc::new(move |call| {
                let found = get()?;
                match &found.binder {
                    Binder::Series(bind) => bind(call),
                    _ => Err(other(call, &found)),
                }
            })),
            FunctionKind::Aggregate => Binder::Aggregate(AggregateDefinition::new(move |call| {
                let found = get()?;
                match &found.binder {
                    Binder::Aggregate(definition) => definition.function(call),
                    _ => Err(other(call, &found)),
                }
            })),
        };
        Self::new(name.into(), "(any…): any".into(), "A function of a user's.".into(), binder)
    }

    /// The class or the file that `show functions` names.
    #[must_use]
    pub fn of_class(mut self, class: impl Into<String>) -> Self {
        self.listing = Listing::External(class.into());
        self
    }

    /// As a function of a library, which is there from the beginning: what follows its name in a call, and one sentence on what
    /// it gives. Its class is the one that it has.
    #[must_use]
    pub fn of_library(
        mut self,
        signature: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.listing = Listing::Library(self.class().into_owned());
        (self.signature, self.summary) = (signature.into(), summary.into());
        self
    }

    /// As a function that is there from the beginning.
    #[must_use]
    pub(crate) fn listed(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// As one of the peer's generating functions, of this class there.
    #[must_use]
    pub(crate) fn built_in(self, class: &'static str) -> Self {
        self.listed(Listing::BuiltInSeries(class))
    }

    /// As a function of series that gives exactly one value for each row that it is given, at once: it may stand wherever a
    /// function of rows may, and its values are those of the rows it stands beside.
    #[must_use]
    pub(crate) fn for_each_row(mut self) -> Self {
        self.each_row = true;
        self
    }

    /// Found under more names, in lower case.
    #[must_use]
    pub(crate) fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Its name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name and the others that it is found by, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.name).chain(self.aliases.iter().copied())
    }

    /// What it takes and gives.
    pub fn kind(&self) -> FunctionKind {
        match self.binder {
            Binder::Row(_) | Binder::Expression(_) => FunctionKind::Row,
            Binder::Series(_) => FunctionKind::Series,
            Binder::Aggregate(_) => FunctionKind::Aggregate,
        }
    }

    /// What follows the name in a call, and the type of its values: `(number): DOUBLE`.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// One sentence on what it gives.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Whether it is there from the beginning; such a function cannot be taken away.
    pub fn is_builtin(&self) -> bool {
        !matches!(self.listing, Listing::External(_))
    }

    /// The kind of function in the words of `show functions`: `native`, `built-in UDTF` and so on.
    pub fn type_word(&self) -> &'static str {
        match (&self.listing, self.kind()) {
            (Listing::BuiltInSeries(_) | Listing::Library(_), _) => "built-in UDTF",
            (Listing::Native, _) => "native",
            (Listing::BuiltInScalar, _) => "built-in scalar",
            (Listing::External(_), FunctionKind::Aggregate) => "external UDAF",
            (Listing::External(_), _) => "external UDTF",
        }
    }

    /// The class that `show functions` names; empty where it has none.
    pub fn class(&self) -> Cow<'_, str> {
        match &self.listing {
            Listing::BuiltInSeries(class) => format!("{}.{class}", Listing::PACKAGE).into(),
            Listing::Native | Listing::BuiltInScalar => Cow::Borrowed(""),
            Listing::External(class) | Listing::Library(class) => Cow::Borrowed(class),
        }
    }

    /// Whether it is a factory's, of a user or of a library.
    pub(crate) fn is_udf(&self) -> bool {
        matches!(self.listing, Listing::External(_) | Listing::Library(_))
    }

    /// Whether it is a function of series that gives one value [for each row](Self::for_each_row).
    pub(crate) fn is_for_each_row(&self) -> bool {
        self.each_row
    }

    pub(crate) fn listing(&self) -> &Listing {
        &self.listing
    }

    pub(crate) fn binder(&self) -> &Binder {
        &self.binder
    }
}
