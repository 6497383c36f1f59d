//! Which series rows may be written to, and which databases and series they may make.

use std::sync::Arc;

use levada_model::{Path, PathPattern, SessionError, Tablet};
use levada_sql::ast::Privilege;
use levada_storage::Catalog;

use super::lacking;
use crate::users::Rights;

/// Which series may be changed by whatever name, and which databases and series rows may make; any unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Creation(Option<Arc<Rights>>);

impl Creation {
    /// What somebody may make.
    pub(super) fn of(rights: Arc<Rights>) -> Self {
        Self(Some(rights))
    }

    /// Checks that a privilege is held for the series that some paths are aliases of: the paths have passed the gate, their
    /// series have not. A pattern of more than one path passes with all series of its devices.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn check_aliased(
        &self,
        privilege: Privilege,
        paths: &[PathPattern],
        catalog: &dyn Catalog,
    ) -> Result<(), SessionError> {
        let Some(rights) = &self.0 else { return Ok(()) };
        let paths = paths.iter().filter(|path| path.as_path().is_some());
        let series =
            paths.flat_map(|path| catalog.series(path)).map(|series| PathPattern::from(&series.path));
        let missing: Vec<_> = series.filter(|series| !rights.covers(privilege, series)).collect();
        if missing.is_empty() { Ok(()) } else { Err(lacking(privilege, &missing)) }
    }

    /// Checks that a privilege is held for a path.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn check_covered(&self, privilege: Privilege, path: &Path) -> Result<(), SessionError> {
        if self.covers(privilege, path) {
            Ok(())
        } else {
            Err(lacking(privilege, &[PathPattern::from(path)]))
        }
    }

    /// Whether a privilege is held for a path.
    pub(crate) fn covers(&self, privilege: Privilege, path: &Path) -> bool {
        self.0.as_ref().is_none_or(|rights| rights.covers(privilege, &PathPattern::from(path)))
    }

    /// Checks that rows are written to no series that they may not be by its own name, and, where they make what is missing, that
    /// they may.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn check(
        &self,
        tablets: &[Tablet],
        makes: bool,
        catalog: impl FnOnce() -> Arc<dyn Catalog>,
    ) -> Result<(), SessionError> {
        let Some(rights) = &self.0 else { return Ok(()) };
        let data = |device: &Path| rights.covers_below(Privilege::WriteData, device);
        let schema = |device: &Path| !makes || rights.covers_below(Privilege::WriteSchema, device);
        let databases = !makes || rights.holds(Privilege::ManageDatabase);
        let extends = !makes || rights.holds(Privilege::ExtendTemplate);
        let is_free = |tablet: &&Tablet| extends && data(tablet.device()) && schema(tablet.device());
        if databases && tablets.iter().all(|tablet| is_free(&tablet)) {
            return Ok(());
        }
        let catalog = catalog();
        let (mut unwritable, mut missing) = (Vec::new(), Vec::new());
        for tablet in tablets.iter().filter(|tablet| !is_free(tablet)) {
            let names: Vec<Arc<str>> =
                tablet.columns().iter().map(|column| Arc::clone(&column.name)).collect();
            let known = catalog.series_named(tablet.device(), &names);
            let written = known.iter().map(|series| PathPattern::from(&series.path));
            unwritable.extend(written.filter(|series| !rights.covers(Privilege::WriteData, series)));
            if !extends && let Some(template) = catalog.template_above(tablet.device()) {
                let has = |name: &Arc<str>| template.series.iter().any(|(each, _)| each == name);
                if !names.iter().all(has) {
                    return Err(lacking(Privilege::ExtendTemplate, &[]));
                }
            }
            if schema(tablet.device()) {
                continue;
            }
            let is_known = |name: &Arc<str>| {
                known.iter().any(|each| each.measurement == *name || each.alias.as_deref() == Some(&**name))
            };
            let new = names.iter().filter(|name| !is_known(name));
            let new = new.map(|name| PathPattern::from(&tablet.device().child(name)));
            missing.extend(new.filter(|series| !rights.covers(Privilege::WriteSchema, series)));
        }
        if !unwritable.is_empty() {
            return Err(lacking(Privilege::WriteData, &unwritable));
        }
        if !missing.is_empty() {
            return Err(lacking(Privilege::WriteSchema, &missing));
        }
        let lies_in_one = |tablet: &Tablet| {
            let above = std::iter::successors(Some(tablet.device().clone()), Path::parent);
            above.into_iter().any(|path| !catalog.databases(&PathPattern::from(&path)).is_empty())
        };
        if !databases && !tablets.iter().all(lies_in_one) {
            return Err(lacking(Privilege::ManageDatabase, &[]));
        }
        Ok(())
    }
}
