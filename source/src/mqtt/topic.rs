//! The device of a message, made of its topic.

use levada_connector_api::model::{Path, quote_node};

/// A name with places for a topic's levels: `root.{topic}`, `root.plant.{2}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceName {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Fixed(String),
    /// All levels.
    Topic,
    /// One level, from 0 on.
    Level(usize),
}

impl DeviceName {
    /// Reads a name.
    ///
    /// # Errors
    /// A node is neither a name nor a place; the message says what may stand there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let node = |node: &str| match node.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some("topic") => Ok(Node::Topic),
            Some(level) => match level.parse::<usize>().ok().and_then(|level| level.checked_sub(1)) {
                Some(level) => Ok(Node::Level(level)),
                None => {
                    Err(format!("`{node}` is no part of a topic: write {{topic}}, {{1}}, {{2}} and so on"))
                }
            },
            None if node.is_empty() => Err(format!("`{text}` has an empty node")),
            None if node.contains(['{', '}']) => Err(format!(
                "`{node}`: what stands for a part of the topic is a whole node, as in root.{{topic}}"
            )),
            None => Ok(Node::Fixed(node.to_owned())),
        };
        let nodes = text.split('.').map(node).collect::<Result<Vec<_>, _>>()?;
        let fixed: Vec<&str> = nodes
            .iter()
            .map(|node| match node {
                Node::Fixed(name) => name.as_str(),
                _ => "x",
            })
            .collect();
        Path::parse(&fixed.join(".")).map_err(|error| error.to_string())?;
        Ok(Self { nodes })
    }

    /// Writes the device of a topic.
    ///
    /// # Errors
    /// The topic has fewer levels, or an empty one.
    pub(super) fn write(&self, topic: &str, name: &mut String) -> Result<(), String> {
        name.clear();
        let mut push = |level: Option<&str>| {
            let level = level.filter(|level| !level.is_empty());
            let level = level
                .ok_or_else(|| format!("the topic `{topic}` lacks a level that is a part of the device"))?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&quote_node(level));
            Ok::<(), String>(())
        };
        for node in &self.nodes {
            match node {
                // It may be between backquotes as it is.
                Node::Fixed(node) => push(Some(&levada_connector_api::model::unquote_node(node)))?,
                Node::Topic => topic.split('/').try_for_each(|level| push(Some(level)))?,
                Node::Level(at) => push(topic.split('/').nth(*at))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(device: &str, topic: &str) -> Result<String, String> {
        let mut name = "before".to_owned();
        DeviceName::parse(device)?.write(topic, &mut name).map(|()| name)
    }

    #[test]
    fn levels_are_nodes() {
        assert_eq!(made("root.{topic}", "plant/line1/d7").as_deref(), Ok("root.plant.line1.d7"));
        assert_eq!(made("root.`a b`.{3}.{1}", "plant/x/d.7").as_deref(), Ok("root.`a b`.`d.7`.plant"));
        assert!(made("root.{2}", "plant").expect_err("missing").contains("lacks a level"));
        assert!(made("root.{topic}", "plant//d").is_err());
        for wrong in ["root.{tpoic}", "root.{0}", "root..a", "root.x{1}", "root.{"] {
            assert!(DeviceName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
