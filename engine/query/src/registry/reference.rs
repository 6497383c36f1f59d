//! The reference of functions, made from the registry.

use super::{FunctionDefinition, FunctionKind, FunctionRegistry};

impl FunctionRegistry {
    /// A page in Markdown on all functions: for each kind a table of calls and what they give.
    ///
    /// ```
    /// let page = levada_query::FunctionRegistry::builtin().reference();
    /// assert!(page.contains("| `sin(number): DOUBLE` |"));
    /// ```
    pub fn reference(&self) -> String {
        let mut page = String::from(
            "# Functions\n\nNames are written in any case. `'name'='value'` is an attribute; those in brackets may be left out. \
             `number` is INT32, INT64, FLOAT or DOUBLE, `text` is TEXT or STRING, `any` is every type; `like x` is the type of \
             `x`.\n",
        );
        for kind in FunctionKind::ALL {
            let (heading, what) = match kind {
                FunctionKind::Row => (
                    "Functions of a row",
                    "A value for each row. They stand in SELECT and WHERE, in each other, and in a pipeline's `sql` transform.",
                ),
                FunctionKind::Series => (
                    "Functions of a series",
                    "Rows of their own, joined by time with what stands beside them. They stand in SELECT.",
                ),
                FunctionKind::Aggregate => (
                    "Aggregates",
                    "One value for each group of rows; null is passed over. They stand in SELECT, HAVING and ORDER BY.",
                ),
            };
            page.push_str(&format!("\n## {heading}\n\n{what}\n\n| call | what it gives |\n| --- | --- |\n"));
            self.definitions().filter(|each| each.kind() == kind).for_each(|each| row(&mut page, each));
        }
        page
    }
}

fn row(page: &mut String, definition: &FunctionDefinition) {
    let call = format!("{}{}", definition.name(), definition.signature());
    page.push_str(&format!("| `{call}` | {}", definition.summary()));
    let aliases: Vec<String> = definition.names().skip(1).map(|name| format!("`{name}`")).collect();
    if !aliases.is_empty() {
        page.push_str(&format!(" Also {}.", aliases.join(", ")));
    }
    page.push_str(" |\n");
}
