//! Which store a connector talks to, as users say it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{EngineTuning, Interval, Problem, Secret, StoreTarget, TlsOptions, port_of};

/// Which store: the embedded engine in a folder, or nodes of a running IoTDB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreOptions {
    /// The folder of the embedded engine, which has to be there. Either this or `nodes`.
    #[schemars(example = &"./data")]
    pub embedded: Option<PathBuf>,
    /// `host:port` of each node of a running IoTDB, one an entry or several with commas. Either this or `embedded`. A node that does not answer is left out, for a
    /// second at first and for 30s at most, and taken back when it answers.
    #[schemars(example = ["10.0.0.5:6667"])]
    pub nodes: Vec<String>,
    /// Who logs in at the nodes; `root` where nothing is said.
    pub user: Option<String>,
    /// The user's password; `root` where nothing is said. A login that a node rejects ends the pipeline.
    pub password: Option<Secret>,
    /// Encrypts the connections with the nodes; `{}` where the system's authorities vouch for their certificates. A certificate
    /// that is rejected ends the pipeline.
    #[schemars(example = serde_json::json!({"ca_file": "ca.pem"}))]
    pub tls: Option<TlsOptions>,
    /// How long a node may take to answer (60s where nothing is said).
    pub timeout: Option<Interval>,
}

impl StoreOptions {
    /// The store that the options name, with this many sessions if it is at nodes. `None` if they name none, or both kinds.
    pub fn target(&self, tuning: EngineTuning, sessions: usize) -> Option<StoreTarget> {
        match (&self.embedded, self.nodes.as_slice()) {
            (Some(folder), []) => Some(StoreTarget::Embedded { folder: folder.clone(), tuning }),
            (None, nodes @ [_, ..]) => Some(StoreTarget::Nodes {
                nodes: nodes.iter().flat_map(|entry| addresses(entry)).map(str::to_owned).collect(),
                user: self.user.clone().unwrap_or_else(|| "root".to_owned()),
                password: self.password.clone().unwrap_or_else(|| Secret::new("root")),
                sessions,
                timeout: self.timeout,
                zone: None,
                tls: self.tls.clone(),
                fetch_size: None,
            }),
            _ => None,
        }
    }

    /// What cannot work.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.embedded, self.nodes.as_slice()) {
            (Some(_), [_, ..]) => problems.push(Problem::new(
                "embedded",
                "a store is either embedded or at nodes: take `embedded` or `nodes` away",
            )),
            (None, []) => problems.push(Problem::new(
                "embedded",
                "which store is missing: give `embedded` a folder, or `nodes` a list of host:port",
            )),
            _ => {}
        }
        if self.embedded.is_some() && (self.user.is_some() || self.password.is_some()) {
            let option = if self.user.is_some() { "user" } else { "password" };
            problems.push(Problem::new(option, "the embedded store knows no users: this is for `nodes`"));
        }
        if self.embedded.is_some() && self.timeout.is_some() {
            problems.push(Problem::new("timeout", "the embedded store always answers: this is for `nodes`"));
        }
        if self.embedded.is_some() && self.tls.is_some() {
            problems.push(Problem::new("tls", "the embedded store has no connections: this is for `nodes`"));
        }
        problems.extend(self.tls.iter().flat_map(|tls| tls.problems("tls")));
        if self.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            problems.push(Problem::new("timeout", "no node answers in no time: say how long, as in 60s"));
        }
        let nodes = self.nodes.iter().enumerate();
        for (index, node) in nodes.flat_map(|(index, entry)| addresses(entry).map(move |node| (index, node)))
        {
            let nobody = || format!("`{node}` is no address: port 0 is nobody's");
            if let Err(message) = port_of(node).and_then(|port| if port > 0 { Ok(()) } else { Err(nobody()) })
            {
                problems.push(Problem::new(format!("nodes[{index}]"), message));
            }
        }
        problems
    }
}

/// The addresses of an entry, separated by commas, as one variable may hold several.
fn addresses(entry: &str) -> impl Iterator<Item = &str> {
    entry.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_nodes_may_stand_in_one_entry() {
        let options =
            StoreOptions { nodes: vec!["a:1, b:2".to_owned(), "c:3".to_owned()], ..StoreOptions::default() };
        assert_eq!(options.problems(), []);
        let Some(StoreTarget::Nodes { nodes, .. }) = options.target(EngineTuning::default(), 1) else {
            panic!("nodes are meant");
        };
        assert_eq!(nodes, ["a:1", "b:2", "c:3"]);
        let wrong =
            StoreOptions { nodes: vec!["a:1,b".to_owned(), "a:1,".to_owned()], ..StoreOptions::default() };
        let paths: Vec<_> = wrong.problems().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["nodes[0]", "nodes[1]"]);
    }
}
