//! What statements do, and what somebody must be allowed to for that.
//!
//! Every variant stands here by itself, so that a new kind of statement is not forgotten.

use levada_model::{Path, PathPattern};

use super::{
    Absent, ChangeAuthority, ChangeCq, ChangeTemplate, ChangeView, Count, Holder, Insert, IntoTarget,
    ListAuthority, Privilege, Select, Show, ShowTemplates, Statement, ViewDefinition, ViewSource,
    ViewTargets,
};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It gives rows and changes nothing.
    Reads,
    /// It writes, deletes or rewrites rows.
    WritesRows,
    /// It changes databases, series, or how long rows live.
    ChangesSchema,
    /// It changes the server, its users, their functions or their queries, and no rows or series.
    Administers,
}

/// What somebody must be allowed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// Nothing that others may not know is seen or changed.
    Nothing,
    /// What is seen is what the privilege is held for; the rest is as if it were not there.
    See(Privilege),
    /// The privilege, for all of some paths.
    Paths(Privilege, Vec<PathPattern>),
    /// The privilege, for any path: for which ones shows only while the statement runs.
    Anywhere(Privilege),
    /// The privilege, which is of the whole server.
    Server(Privilege),
    /// To be that user, or to have the privilege.
    BeOr(String, Privilege),
    /// To have that role, or the privilege.
    HaveRoleOr(String, Privilege),
    /// Privileges for paths that may be given to others.
    GrantOption(Vec<Privilege>, Vec<PathPattern>),
    /// To be the user `root`.
    Root,
}

/// A statement that gives rows of what is stored.
#[derive(Clone, Copy, Debug)]
pub enum Query<'a> {
    /// `select`
    Select(&'a Select),
    /// `explain`, `explain analyze`
    Explain {
        /// The query.
        select: &'a Select,
        /// Whether it is run.
        analyze: bool,
    },
    /// `show`
    Show(&'a Show),
    /// `count`
    Count(&'a Count),
}

impl Statement {
    /// What it does.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Select(select) if select.into.is_some() => Effect::WritesRows,
            Self::Select(_)
            | Self::Explain { .. }
            | Self::Show(_)
            | Self::Count(_)
            | Self::ShowQueries
            | Self::ListAuthority(_)
            | Self::ShowPipes(_)
            | Self::ShowCqs
            | Self::ShowTemplates(_) => Effect::Reads,
            Self::Insert(_) | Self::Delete(_) | Self::Load(_) | Self::Merge | Self::Repair { .. } => {
                Effect::WritesRows
            }
            Self::CreateDatabase(_)
            | Self::DeleteDatabases { .. }
            | Self::CreateTimeseries(_)
            | Self::CreateAlignedTimeseries(_)
            | Self::DeleteTimeseries { .. }
            | Self::AlterTimeseries(_)
            | Self::AlterStored(_)
            | Self::SetTtl { .. }
            | Self::UnsetTtl { .. }
            | Self::ChangeView(_)
            | Self::ChangeTemplate(_) => Effect::ChangesSchema,
            Self::Flush { .. }
            | Self::ClearCache
            | Self::SetSystem(_)
            | Self::SetConfiguration(_)
            | Self::LoadConfiguration
            | Self::KillQuery { .. }
            | Self::ChangeAuthority(_)
            | Self::CreateFunction(_)
            | Self::DropFunction { .. }
            | Self::ChangePipe(_)
            | Self::ChangeCq(_)
            | Self::ChangeTrigger(_)
            | Self::Unsupported { .. } => Effect::Administers,
        }
    }

    /// The query that it is, where it asks for what is stored.
    pub fn as_query(&self) -> Option<Query<'_>> {
        match self {
            Self::Select(select) => Some(Query::Select(select)),
            Self::Explain { select, analyze, .. } => Some(Query::Explain { select, analyze: *analyze }),
            Self::Show(what) => Some(Query::Show(what)),
            Self::Count(what) => Some(Query::Count(what)),
            Self::ShowQueries
            | Self::ListAuthority(_)
            | Self::Insert(_)
            | Self::Delete(_)
            | Self::Load(_)
            | Self::Merge
            | Self::CreateDatabase(_)
            | Self::DeleteDatabases { .. }
            | Self::CreateTimeseries(_)
            | Self::CreateAlignedTimeseries(_)
            | Self::DeleteTimeseries { .. }
            | Self::AlterTimeseries(_)
            | Self::AlterStored(_)
            | Self::SetTtl { .. }
            | Self::UnsetTtl { .. }
            | Self::Flush { .. }
            | Self::ClearCache
            | Self::SetSystem(_)
            | Self::SetConfiguration(_)
            | Self::LoadConfiguration
            | Self::Repair { .. }
            | Self::KillQuery { .. }
            | Self::ChangeAuthority(_)
            | Self::CreateFunction(_)
            | Self::DropFunction { .. }
            | Self::ChangePipe(_)
            | Self::ShowPipes(_)
            | Self::ChangeCq(_)
            | Self::ShowCqs
            | Self::ChangeTemplate(_)
            | Self::ShowTemplates(_)
            | Self::ChangeView(_)
            | Self::ChangeTrigger(_)
            | Self::Unsupported { .. } => None,
        }
    }

    /// What somebody must be allowed to for it: all of these.
    pub fn needs(&self) -> Vec<Need> {
        let one = match self {
            Self::Select(select) => return of_select(select),
            Self::ChangeView(change) => return of_view(change),
            Self::Explain { select, .. } => return of_select(select),
            Self::Show(what) => of_show(what),
            Self::Count(_) => Need::See(Privilege::ReadSchema),
            Self::ShowQueries | Self::KillQuery { .. } | Self::LoadConfiguration => {
                Need::Server(Privilege::Maintain)
            }
            Self::Insert(insert) => Need::Paths(Privilege::WriteData, series_of(insert)),
            Self::Delete(delete) => Need::Paths(Privilege::WriteData, delete.patterns.clone()),
            Self::Load(_) => Need::Anywhere(Privilege::WriteData),
            Self::CreateDatabase(_) | Self::DeleteDatabases { .. } => Need::Server(Privilege::ManageDatabase),
            Self::CreateTimeseries(create) => {
                Need::Paths(Privilege::WriteSchema, vec![PathPattern::from(&create.path)])
            }
            Self::CreateAlignedTimeseries(create) => {
                let names = create.series.iter().map(|(name, _)| name);
                Need::Paths(Privilege::WriteSchema, below(&create.device, names))
            }
            Self::DeleteTimeseries { patterns } => Need::Paths(Privilege::WriteSchema, patterns.clone()),
            Self::AlterTimeseries(alter) => {
                Need::Paths(Privilege::WriteSchema, vec![PathPattern::from(&alter.path)])
            }
            Self::AlterStored(alter) if alter.if_permitted => Need::Nothing,
            Self::AlterStored(alter) => Need::Paths(Privilege::WriteSchema, alter.patterns.clone()),
            Self::SetTtl { pattern, .. } | Self::UnsetTtl { pattern } => {
                Need::Paths(Privilege::WriteSchema, vec![pattern.clone()])
            }
            Self::Flush { .. }
            | Self::Merge
            | Self::Repair { .. }
            | Self::ClearCache
            | Self::SetSystem(_)
            | Self::SetConfiguration(_) => Need::Root,
            Self::ChangeTemplate(change) => of_template(change),
            Self::ShowTemplates(ShowTemplates::Using { .. }) => Need::See(Privilege::ReadSchema),
            Self::ShowTemplates(_) => Need::Root,
            Self::ChangeTrigger(_) => Need::Server(Privilege::UseTrigger),
            Self::CreateFunction(_) | Self::DropFunction { .. } => Need::Server(Privilege::UseUdf),
            Self::ChangeAuthority(change) => of_change(change),
            Self::ListAuthority(list) => of_list(list),
            Self::ChangePipe(_) | Self::ShowPipes(_) => Need::Server(Privilege::UsePipe),
            // What its runs read and write is asked for each time, of the user who made it; and now, so that they hear of it.
            Self::ChangeCq(ChangeCq::Create(create)) => {
                let mut needs = vec![Need::Server(Privilege::UseCq)];
                needs.extend(of_select(&create.select));
                return needs;
            }
            Self::ChangeCq(ChangeCq::Drop { .. }) | Self::ShowCqs => Need::Server(Privilege::UseCq),
            // It is rejected, whoever asks for it.
            Self::Unsupported { .. } => Need::Nothing,
        };
        vec![one]
    }
}

fn of_select(select: &Select) -> Vec<Need> {
    let mut needs = vec![Need::See(Privilege::ReadData)];
    if let Some(into) = &select.into {
        let targets = into.targets.iter().flat_map(targets).collect();
        needs.push(Need::Paths(Privilege::WriteData, targets));
    }
    needs
}

/// Series that a query's rows may be written to: a node that is made of the source's may be any.
fn targets(target: &IntoTarget) -> Vec<PathPattern> {
    let node = |node: &String| {
        let made = node.contains("::") || node.contains("${");
        if made { PathPattern::parse("*").ok() } else { Some(PathPattern::of_node(node)) }
    };
    // `::` alone stands for all nodes of the source's device.
    let device = target.device.iter().filter_map(|each| match each.as_str() {
        "::" => PathPattern::parse("**").ok(),
        _ => node(each),
    });
    let Some(device) = device.reduce(|front, node| front.join(&node)) else { return Vec::new() };
    target.measurements.iter().filter_map(node).map(|measurement| device.join(&measurement)).collect()
}

fn of_show(what: &Show) -> Need {
    match what {
        Show::Databases { .. }
        | Show::Devices(_)
        | Show::Timeseries(_)
        | Show::Views(_)
        | Show::ChildPaths { .. }
        | Show::ChildNodes { .. }
        | Show::Ttl { .. } => Need::See(Privilege::ReadSchema),
        // Clients ask for the nodes by themselves, whoever their user is.
        Show::Version
        | Show::Functions
        | Show::Variables
        | Show::ClusterId
        | Show::DataNodes
        | Show::CurrentTimestamp => Need::Nothing,
        Show::Cluster { .. } => Need::Server(Privilege::Maintain),
        Show::ConfigNodes | Show::Regions(_) => Need::Root,
        Show::Triggers => Need::Server(Privilege::UseTrigger),
        Show::PipePlugins | Show::Absent(Absent::Topics | Absent::Subscriptions) => {
            Need::Server(Privilege::UsePipe)
        }
        Show::Absent(Absent::Models) => Need::Server(Privilege::UseModel),
        Show::Absent(Absent::AiNodes) => Need::Server(Privilege::Maintain),
    }
}

/// What a view stands for is read through it by whoever may read the view, so whoever defines it must be allowed to read that. A view
/// that gets another name is read by others, so whoever gives it one must be allowed to read it.
fn of_view(change: &ChangeView) -> Vec<Need> {
    let changes = |patterns| Need::Paths(Privilege::WriteSchema, patterns);
    match change {
        ChangeView::Create(ViewDefinition { targets: of, source })
        | ChangeView::Define(ViewDefinition { targets: of, source }) => {
            let sources = match source {
                ViewSource::Series(paths) => paths.iter().map(PathPattern::from).collect(),
                ViewSource::Select(select) => sources(select),
            };
            let views = match of {
                ViewTargets::Named(paths) => paths.iter().map(PathPattern::from).collect(),
                ViewTargets::Made(target) => targets(target),
            };
            let read = |privilege| Need::Paths(privilege, sources.clone());
            vec![read(Privilege::ReadSchema), read(Privilege::ReadData), changes(views)]
        }
        ChangeView::Alter(alter) => vec![changes(vec![PathPattern::from(&alter.path)])],
        ChangeView::Rename { from, to } => {
            let read = Need::Paths(Privilege::ReadData, vec![PathPattern::from(from)]);
            vec![read, changes([from, to].map(PathPattern::from).into())]
        }
        ChangeView::Drop { patterns } => vec![changes(patterns.clone())],
    }
}

/// All that a query may name.
fn sources(select: &Select) -> Vec<PathPattern> {
    let names = select.columns.iter().flat_map(|column| column.expression.series());
    let patterns = names.flat_map(|name| match name.is_whole() {
        true => vec![name.pattern().clone()],
        false => select.from.iter().map(|from| from.pattern.join(name.pattern())).collect(),
    });
    patterns.collect()
}

/// Templates are the server's; the series that devices have of them are as any.
fn of_template(change: &ChangeTemplate) -> Need {
    let below = |devices: &[PathPattern]| {
        let star = PathPattern::parse("*").ok();
        devices.iter().filter_map(|device| Some(device.join(star.as_ref()?))).collect()
    };
    match change {
        ChangeTemplate::Create { .. }
        | ChangeTemplate::Extend { .. }
        | ChangeTemplate::Drop { .. }
        | ChangeTemplate::Set { .. }
        | ChangeTemplate::Unset { .. } => Need::Root,
        ChangeTemplate::Activate { device } => {
            Need::Paths(Privilege::WriteSchema, below(&[PathPattern::from(device)]))
        }
        ChangeTemplate::Deactivate { patterns, .. } => Need::Paths(Privilege::WriteSchema, below(patterns)),
    }
}

fn of_change(change: &ChangeAuthority) -> Need {
    match change {
        ChangeAuthority::CreateUser { .. } | ChangeAuthority::DropUser { .. } => {
            Need::Server(Privilege::ManageUser)
        }
        ChangeAuthority::SetPassword { user, .. } => Need::BeOr(user.clone(), Privilege::ManageUser),
        ChangeAuthority::CreateRole { .. }
        | ChangeAuthority::DropRole { .. }
        | ChangeAuthority::GrantRole { .. }
        | ChangeAuthority::RevokeRole { .. } => Need::Server(Privilege::ManageRole),
        ChangeAuthority::Grant(grant) | ChangeAuthority::Revoke(grant) => {
            Need::GrantOption(grant.privileges.clone(), grant.paths.clone())
        }
    }
}

fn of_list(list: &ListAuthority) -> Need {
    match list {
        ListAuthority::Users { .. } => Need::Server(Privilege::ManageUser),
        ListAuthority::Roles { user: None } => Need::Server(Privilege::ManageRole),
        ListAuthority::Roles { user: Some(user) } => Need::BeOr(user.clone(), Privilege::ManageRole),
        ListAuthority::Privileges { holder: Holder::User(user), .. } => {
            Need::BeOr(user.clone(), Privilege::ManageUser)
        }
        ListAuthority::Privileges { holder: Holder::Role(role), .. } => {
            Need::HaveRoleOr(role.clone(), Privilege::ManageRole)
        }
    }
}

fn series_of(insert: &Insert) -> Vec<PathPattern> {
    below(&insert.device, insert.measurements.iter())
}

fn below<'a>(device: &Path, names: impl Iterator<Item = &'a String>) -> Vec<PathPattern> {
    names.map(|name| PathPattern::from(&device.child(name))).collect()
}
