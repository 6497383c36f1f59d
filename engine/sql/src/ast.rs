//! The syntax tree.
//!
//! ```text
//!   Statement ─┬─ CreateDatabase, CreateTimeseries, …      schema.rs    what changes the catalog
//!              ├─ Insert, Delete, Load                     data.rs      what changes rows
//!              ├─ Select ── Expression, GroupBy, Fill, …   select.rs, expression.rs, window.rs
//!              ├─ Show, Count                              show.rs      what asks for the catalog
//!              ├─ ChangeAuthority, ListAuthority           authority.rs users, roles and their privileges
//!              ├─ CreateFunction, DropFunction             function.rs  what queries may call
//!              ├─ ChangePipe, ShowPipes                   pipe.rs      what is sent to other servers
//!              ├─ ChangeTemplate, ShowTemplates           template.rs  series that many devices have alike
//!              ├─ ChangeView                              view.rs      names for series, or for what is computed from some
//!              ├─ ChangeCq, ShowCqs                       continuous.rs queries that run again and again
//!              ├─ ChangeTrigger                           trigger.rs   recognised to say what to do instead
//!              └─ Unsupported                              statement.rs recognised, not carried out
//! ```
//!
//! [`Statement::effect`] and [`Statement::needs`] say what each does and what somebody must be allowed to for it (effect.rs).
//!
//! The tree says what is written and nothing of what exists: names are not looked up, wildcards are not expanded and
//! types are not checked. Numbers of time are milliseconds since 1970 UTC; literals of time have been computed with the
//! session's time zone. Two expressions are equal when they say the same, wherever they stand.

mod authority;
mod constant;
mod continuous;
mod data;
mod duration;
mod effect;
mod expression;
mod function;
mod pipe;
mod privilege;
mod schema;
mod select;
mod series_name;
mod show;
mod statement;
mod template;
mod trigger;
mod view;
mod window;

pub use authority::{ChangeAuthority, Grant, Holder, ListAuthority, Password};
pub use constant::Constant;
pub use continuous::{ChangeCq, CqPolicy, CqSchedule, CreateCq};
pub use data::{Delete, Insert, InsertRow, InsertValue, Load};
pub use duration::Duration;
pub use effect::{Effect, Need, Query};
pub use expression::{BinaryOperator, Case, Expression, ExpressionKind, Function, UnaryOperator};
pub use function::CreateFunction;
pub use pipe::{AlterAttributes, Attributes, ChangePipe, CreatePipe, PipeBody, PipeGrammar, ShowPipes};
pub use privilege::Privilege;
pub use schema::{
    AlterStored, AlterTimeseries, Alteration, CreateAlignedTimeseries, CreateDatabase, CreateTimeseries,
    DatabaseProperties, SeriesDefinition,
};
pub use select::{
    Alignment, Fill, FromPath, IntoTarget, NullOrder, OrderKey, Projection, Select, SelectColumn, SelectInto,
    SortBy, TypedFill, TypedFillMethod, WithoutNull,
};
pub use series_name::SeriesName;
pub use show::{Absent, Count, Regions, SchemaFilter, Show, ShowDevices, ShowTimeseries};
pub use statement::{Statement, SystemStatus};
pub use template::{ChangeTemplate, ShowTemplates};
pub use trigger::ChangeTrigger;
pub use view::{ChangeView, ViewDefinition, ViewSource, ViewTargets};
pub use window::{GroupBy, Keep, RowWindows, TimeWindows, WindowBounds};
