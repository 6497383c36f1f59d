//! The one gate before statements and tablets: who may do what, whether the store takes writes, which queries run.
//!
//! ```text
//!   statement ─► admit ─┬─ what it does (Effect) and takes (Need), as the syntax tree says
//!                       ├─ the caller's rights ─► rejected, or what of the store may be seen
//!                       └─ read-only mode
//!   tablets ───► admit_tablets                    the same, column by column
//!   query ─────► begin ─► Ticket                  its number, its start, its end by cancelling
//! ```
//!
//! Nothing reaches rows or names around it. What is rejected for want of a privilege is logged under the target `audit`.
//!
//! # Invariants
//! * The user `root`, whom an embedded session has unless it logs in as another, costs nothing but a comparison.
//! * Where somebody may read is decided before anything is looked up; what they may not see is as if it were not there.

mod creation;
mod queries;
mod scope;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use levada_model::{Path, PathPattern, QueryId, Series, SessionError, StatusCode, Tablet};
use levada_sql::ast::{Effect, Need, Privilege, Statement};
use tracing::warn;

use self::queries::Queries;
pub(crate) use self::{
    creation::Creation,
    queries::{Running, Ticket, parse_id, text_of},
    scope::Scope,
};
use crate::users::{Identity, Rights, Users};

/// The gate of an engine.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `set system to readonly`
    read_only: AtomicBool,
    pub(crate) users: Arc<Users>,
    queries: Arc<Queries>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    /// From where, where that is known.
    pub(crate) address: Option<Arc<str>>,
    /// Whose rows they are that come by a pipe.
    pub(crate) pipe: Option<Arc<str>>,
}

impl Caller {
    /// Somebody in this process, who may do everything.
    pub(crate) fn root() -> Self {
        Self { identity: Identity::root(), address: None, pipe: None }
    }
}

/// What an admitted statement may see and make.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pass {
    /// What it may see.
    pub(crate) scope: Scope,
    /// Which databases and series its rows may make.
    pub(crate) creation: Creation,
}

impl Gate {
    pub(crate) fn new(users: Users) -> Self {
        Self { read_only: AtomicBool::new(false), users: Arc::new(users), queries: Arc::default() }
    }

    /// `set system to readonly`, and back.
    pub(crate) fn set_read_only(&self, read_only: bool) {
        self.read_only.store(read_only, Ordering::Release);
    }

    /// Whether the store takes no writes.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }

    /// Lets a statement pass.
    ///
    /// # Errors
    /// The caller may not do this, or it writes and the system is read-only.
    pub(crate) fn admit(&self, caller: &Caller, statement: &Statement) -> Result<Pass, SessionError> {
        let effect = statement.effect();
        let allowed = self.allowed(caller, statement);
        let pass = allowed.inspect_err(|error| audit(caller, &format!("{effect:?}"), error))?;
        self.in_mode(statement, pass)
    }

    /// The pass of a statement that is still to be admitted by itself if it gets none here: nothing is logged.
    pub(crate) fn would_admit(&self, caller: &Caller, statement: &Statement) -> Option<Pass> {
        let allowed = self.allowed(caller, statement);
        allowed.and_then(|pass| self.in_mode(statement, pass)).ok()
    }

    fn allowed(&self, caller: &Caller, statement: &Statement) -> Result<Pass, SessionError> {
        if caller.identity.is_root() { Ok(Pass::default()) } else { self.check(caller, statement) }
    }

    fn in_mode(&self, statement: &Statement, pass: Pass) -> Result<Pass, SessionError> {
        match statement.effect() {
            Effect::WritesRows | Effect::ChangesSchema if self.is_read_only() => {
                // Of series that go, the peer says that names could not be changed.
                let of_names = matches!(statement, Statement::DeleteTimeseries { .. });
                let code = if of_names { StatusCode::METADATA_ERROR } else { StatusCode::SYSTEM_READ_ONLY };
                Err(SessionError::new(code, READ_ONLY))
            }
            Effect::WritesRows | Effect::ChangesSchema | Effect::Reads | Effect::Administers => Ok(pass),
        }
    }

    /// Lets tablets pass; which databases and series they may make.
    ///
    /// # Errors
    /// The caller may not write some of the series, or the system is read-only: nothing is to be written then.
    pub(crate) fn admit_tablets(
        &self,
        caller: &Caller,
        tablets: &[Tablet],
    ) -> Result<Creation, SessionError> {
        let creation = if caller.identity.is_root() {
            Creation::default()
        } else {
            let admitted = self.rights(caller).and_then(|rights| {
                writes(&rights, tablets)?;
                Ok(Creation::of(rights))
            });
            admitted.inspect_err(|error| audit(caller, "WritesRows", error))?
        };
        if self.is_read_only() {
            return Err(SessionError::new(StatusCode::SYSTEM_READ_ONLY, READ_ONLY));
        }
        Ok(creation)
    }

    /// Lets values of series pass: those of some devices, each with its measurements.
    ///
    /// # Errors
    /// As [`Gate::admit_tablets`].
    pub(crate) fn admit_series<'a>(
        &self,
        caller: &Caller,
        series: impl Iterator<Item = (&'a Path, Vec<&'a Arc<str>>)>,
    ) -> Result<(), SessionError> {
        if !caller.identity.is_root() {
            let admitted = self.rights(caller).and_then(|rights| {
                let mut missing = Vec::new();
                series.for_each(|(device, names)| {
                    not_written(&rights, device, names.into_iter(), &mut missing)
                });
                if missing.is_empty() { Ok(()) } else { Err(lacking(Privilege::WriteData, &missing)) }
            });
            admitted.inspect_err(|error| audit(caller, "WritesRows", error))?;
        }
        if self.is_read_only() {
            return Err(SessionError::new(StatusCode::SYSTEM_READ_ONLY, READ_ONLY));
        }
        Ok(())
    }

    /// What a caller may see by a privilege.
    ///
    /// # Errors
    /// The user has been removed.
    pub(crate) fn scope(&self, caller: &Caller, privilege: Privilege) -> Result<Scope, SessionError> {
        if caller.identity.is_root() {
            return Ok(Scope::default());
        }
        let rights = self.rights(caller)?;
        Ok(Scope::of(&rights, privilege))
    }

    /// Whether a caller holds a privilege of the whole server.
    ///
    /// # Errors
    /// The user has been removed.
    pub(crate) fn holds(&self, caller: &Caller, privilege: Privilege) -> Result<bool, SessionError> {
        Ok(caller.identity.is_root() || self.rights(caller)?.holds(privilege))
    }

    /// That a caller may make a series.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn check_creation(&self, caller: &Caller, series: &Series) -> Result<(), SessionError> {
        if caller.identity.is_root() {
            return Ok(());
        }
        let rights = self.rights(caller)?;
        if rights.covers_below(Privilege::WriteSchema, &series.device) {
            return Ok(());
        }
        let path = PathPattern::from(&series.device.child(&series.measurement));
        all(&rights, Privilege::WriteSchema, vec![path])
    }

    /// A number for a query that begins now (milliseconds since 1970 UTC). It is listed until the ticket is dropped.
    pub(crate) fn begin(&self, caller: &Caller, statement: &str, now: i64) -> Ticket {
        Queries::begin(&self.queries, &caller.identity, statement, now)
    }

    /// The queries that run.
    pub(crate) fn running(&self) -> Vec<Running> {
        self.queries.running()
    }

    /// Ends a query.
    ///
    /// # Errors
    /// No such query runs, or it is another user's and the caller may not end those.
    pub(crate) fn cancel(&self, caller: &Caller, query: QueryId) -> Result<(), SessionError> {
        let owner = self.queries.owner(query).ok_or_else(|| queries::no_such(query))?;
        if owner != caller.identity && !self.holds(caller, Privilege::Maintain)? {
            let error = lacking(Privilege::Maintain, &[]);
            audit(caller, "Administers", &error);
            return Err(error);
        }
        self.queries.kill(query)
    }

    fn rights(&self, caller: &Caller) -> Result<Arc<Rights>, SessionError> {
        self.users.rights(&caller.identity)
    }

    fn check(&self, caller: &Caller, statement: &Statement) -> Result<Pass, SessionError> {
        let rights = self.rights(caller)?;
        let mut scope = Scope::nothing();
        for need in statement.needs() {
            match need {
                Need::Nothing => {}
                Need::See(privilege) => scope = Scope::of(&rights, privilege),
                Need::Paths(privilege, paths) => all(&rights, privilege, paths)?,
                Need::Anywhere(privilege) if rights.holds_anywhere(privilege) => {}
                Need::Server(privilege) if rights.holds(privilege) => {}
                Need::BeOr(user, privilege) if *caller.identity.user == user || rights.holds(privilege) => {}
                Need::HaveRoleOr(role, privilege) if rights.has_role(&role) || rights.holds(privilege) => {}
                Need::Anywhere(privilege)
                | Need::Server(privilege)
                | Need::BeOr(_, privilege)
                | Need::HaveRoleOr(_, privilege) => return Err(lacking(privilege, &[])),
                Need::GrantOption(privileges, paths) => {
                    let may = |path| privileges.iter().all(|privilege| rights.may_give(*privilege, path));
                    if !paths.iter().all(may) {
                        return Err(SessionError::new(StatusCode::NOT_HAS_PRIVILEGE_GRANT_OPTION, NOT_GIVEN));
                    }
                }
                Need::Root => {
                    let message = "Only the admin user can perform this operation";
                    return Err(SessionError::new(StatusCode::NO_PERMISSION, message));
                }
            }
        }
        Ok(Pass { scope, creation: Creation::of(rights) })
    }
}

const READ_ONLY: &str = "Fail to do non-query operations because system is read-only.";
const NOT_GIVEN: &str = "Has no permission to execute this: privileges are given and taken only by those who hold them with the grant option";

/// That a privilege is held for all of some paths.
fn all(rights: &Rights, privilege: Privilege, mut paths: Vec<PathPattern>) -> Result<(), SessionError> {
    paths.retain(|path| !rights.covers(privilege, path));
    if paths.is_empty() { Ok(()) } else { Err(lacking(privilege, &paths)) }
}

/// That every column may be written.
fn writes(rights: &Rights, tablets: &[Tablet]) -> Result<(), SessionError> {
    let mut missing = Vec::new();
    for tablet in tablets {
        let names = tablet.columns().iter().map(|column| &column.name);
        not_written(rights, tablet.device(), names, &mut missing);
    }
    if missing.is_empty() { Ok(()) } else { Err(lacking(Privilege::WriteData, &missing)) }
}

/// Adds the series of a device that may not be written.
fn not_written<'a>(
    rights: &Rights,
    device: &Path,
    names: impl Iterator<Item = &'a Arc<str>>,
    missing: &mut Vec<PathPattern>,
) {
    // Mostly all of the device may be, and no column need be looked at.
    if rights.covers_below(Privilege::WriteData, device) {
        return;
    }
    let series = names.map(|name| PathPattern::from(&device.child(name)));
    missing.extend(series.filter(|series| !rights.covers(Privilege::WriteData, series)));
}

/// The error of somebody who lacks a privilege, for some paths.
fn lacking(privilege: Privilege, paths: &[PathPattern]) -> SessionError {
    /// So many paths are named.
    const NAMED: usize = 20;
    let mut message = format!("No permissions for this operation, please add privilege {privilege}");
    if !paths.is_empty() {
        let named: Vec<_> = paths.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if paths.len() > NAMED { ", …" } else { "" };
        message.push_str(&format!(" on [{}{more}]", named.join(", ")));
    }
    SessionError::new(StatusCode::NO_PERMISSION, message)
}

/// Logs that something was rejected.
fn audit(caller: &Caller, effect: &str, error: &SessionError) {
    warn!(
        target: "audit",
        user = &*caller.identity.user,
        address = caller.address.as_deref(),
        effect,
        code = error.code.0,
        reason = error.message,
        "a call was rejected"
    );
}
