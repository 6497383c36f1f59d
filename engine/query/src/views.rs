//! Logical views, as queries see them: series like any other, whose rows come from elsewhere.
//!
//! ```text
//!   select max_value(temp) from root.v.d        root.v.d.temp  =  root.a.d.s1          another name: all that is asked is asked of s1
//!   select level from root.v.d                  root.v.d.level =  root.a.d.s2 * 100    computed: the rows of select root.a.d.s2 * 100
//! ```
//! A store is looked at through [`with_views`] and no statement knows of views further down: whoever looks a name up or reads rows
//! gets those of views as well. Views do not depend on views, so that what is below is never one.

mod define;
mod names;
mod rows;
mod source;

use std::sync::Arc;

use levada_storage::{Catalog, LogicalViews, View};

pub use self::define::define_views;
use crate::QueryContext;

/// A store, or its catalog, with its logical views. What rows are computed with is `C`.
#[derive(Debug)]
struct Viewed<V: ?Sized, C> {
    inner: Arc<V>,
    views: Arc<LogicalViews>,
    context: C,
}

/// A store with its logical views among its series. What is computed for them counts as the query's own, and ends with it.
pub fn with_views(view: Arc<dyn View>, context: &QueryContext) -> Arc<dyn View> {
    let views = view.views();
    if views.is_empty() {
        return view;
    }
    Arc::new(Viewed { inner: view, views, context: context.clone() })
}

/// A catalog with its logical views among its series.
pub fn names_with_views(catalog: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
    let views = catalog.views();
    if views.is_empty() {
        return catalog;
    }
    Arc::new(Viewed { inner: catalog, views, context: () })
}
