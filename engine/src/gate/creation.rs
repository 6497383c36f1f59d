//! Which databases and series rows may make.

use std::sync::Arc;

use levada_model::{Path, PathPattern, SessionError, Tablet};
use levada_sql::ast::Privilege;
use levada_storage::View;

use super::lacking;
use crate::users::Rights;

/// Which databases and series rows may make where they are missing; any unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Creation(Option<Arc<Rights>>);

impl Creation {
    /// What somebody may make.
    pub(super) fn of(rights: Arc<Rights>) -> Self {
        Self(Some(rights))
    }

    /// Checks that rows make nothing that they may not.
    ///
    /// # Errors
    /// They would.
    pub(crate) fn check(
        &self,
        tablets: &[Tablet],
        view: impl FnOnce() -> Arc<dyn View>,
    ) -> Result<(), SessionError> {
        let Some(rights) = &self.0 else { return Ok(()) };
        let schema = |device: &Path| rights.covers_below(Privilege::WriteSchema, device);
        let databases = rights.holds(Privilege::ManageDatabase);
        if databases && tablets.iter().all(|tablet| schema(tablet.device())) {
            return Ok(());
        }
        let view = view();
        let mut missing = Vec::new();
        for tablet in tablets.iter().filter(|tablet| !schema(tablet.device())) {
            let names: Vec<Arc<str>> =
                tablet.columns().iter().map(|column| Arc::clone(&column.name)).collect();
            let known = view.series_named(tablet.device(), &names);
            let is_known = |name: &Arc<str>| {
                known.iter().any(|each| each.measurement == *name || each.alias.as_deref() == Some(&**name))
            };
            let new = names.iter().filter(|name| !is_known(name));
            let new = new.map(|name| PathPattern::from(&tablet.device().child(name)));
            missing.extend(new.filter(|series| !rights.covers(Privilege::WriteSchema, series)));
        }
        if !missing.is_empty() {
            return Err(lacking(Privilege::WriteSchema, &missing));
        }
        let lies_in_one = |tablet: &Tablet| {
            let above = std::iter::successors(Some(tablet.device().clone()), Path::parent);
            above.into_iter().any(|path| !view.databases(&PathPattern::from(&path)).is_empty())
        };
        if !databases && !tablets.iter().all(lies_in_one) {
            return Err(lacking(Privilege::ManageDatabase, &[]));
        }
        Ok(())
    }
}
