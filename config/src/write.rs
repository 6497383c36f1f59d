//! Values as YAML: blocks, short values on one line, strings quoted where they would be read as something else.

use serde_json::Value;

/// How long a mapping or list may be, in bytes, to be written on one line.
const MAX_INLINE_BYTES: usize = 72;

/// How a `${` or `$$` in a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dollars {
    /// As the string of a document that was read: escaped, so that it is read as the same string.
    Literal,
    /// As a variable of a document yet to be read, such as an option's example.
    Variables,
}

/// Writes a value as a document.
pub(crate) fn to_yaml(value: &Value, dollars: Dollars) -> String {
    let mut out = String::new();
    block(value, 0, dollars, &mut out);
    out
}

/// A value on one line.
pub(crate) fn inline(value: &Value, dollars: Dollars) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => scalar(text, dollars),
        Value::Array(items) => {
            let items = items.iter().map(|item| inline(item, dollars));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key, Dollars::Literal), inline(value, dollars)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn block(value: &Value, indent: usize, dollars: Dollars, out: &mut String) {
    let blanks = " ".repeat(indent);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                out.push_str(&format!("{blanks}{}:", scalar(key, Dollars::Literal)));
                nested(value, indent, indent < 6, dollars, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let begin = out.len();
                out.push_str(&format!("{blanks}-"));
                nested(item, indent, false, dollars, out);
                // A block begins on the line of its dash.
                let deeper = format!("{blanks}-\n{blanks}  ");
                if out[begin..].starts_with(&deeper) {
                    out.replace_range(begin..begin + deeper.len(), &format!("{blanks}- "));
                }
            }
        }
        other => out.push_str(&format!("{blanks}{}\n", inline(other, dollars))),
    }
}

/// The value after a key or a dash: on the same line if it is short.
fn nested(value: &Value, indent: usize, open: bool, dollars: Dollars, out: &mut String) {
    let holds = match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    let line = inline(value, dollars);
    // Nodes and their components are always blocks; values within them may be on one line.
    let short = line.len() + indent <= MAX_INLINE_BYTES && !(open && value.is_object());
    if !holds || short {
        out.push_str(&format!(" {line}\n"));
    } else {
        out.push('\n');
        block(value, indent + 2, dollars, out);
    }
}

/// A string, written so that it is read as the same string.
fn scalar(text: &str, dollars: Dollars) -> String {
    let safe = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$' | '+' | '(' | ')' | '^' | ' ' | ':')
    };
    let special = matches!(
        text.to_lowercase().as_str(),
        "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    let numeric = text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o");
    let blanks = text.starts_with(' ')
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.starts_with([':', '-']);
    // A `$` would begin a variable.
    let variable = text.contains("${") || text.contains("$$");
    if text.chars().all(safe) && !special && !numeric && !blanks && !variable {
        return text.to_owned();
    }
    let text = match dollars {
        Dollars::Literal => text.replace("$$", "$$$$").replace("${", "$${"),
        Dollars::Variables => text.to_owned(),
    };
    if text.chars().any(char::is_control) {
        // JSON's notation is valid YAML.
        return Value::String(text).to_string();
    }
    if text.contains('\'') && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_quoted_where_they_have_to_be() {
        for (text, written) in [
            ("plant-a", "plant-a"),
            ("127.0.0.1:9092", "127.0.0.1:9092"),
            ("5", "'5'"),
            ("true", "'true'"),
            ("", "''"),
            ("a: b", "'a: b'"),
            ("it's", "\"it's\""),
            ("a\nb", "\"a\\nb\""),
            ("$.device", "$.device"),
            ("${x}", "'$${x}'"),
            ("***", "'***'"),
        ] {
            assert_eq!(scalar(text, Dollars::Literal), written);
        }
    }

    #[test]
    fn variables_stay_variables_in_an_example() {
        for (text, written) in [
            ("${x}", "'${x}'"),
            ("${HOST:-localhost}:${PORT:-6667}", "'${HOST:-localhost}:${PORT:-6667}'"),
            ("it's ${x}", "\"it's ${x}\""),
            ("$$", "'$$'"),
        ] {
            assert_eq!(inline(&json!([text]), Dollars::Variables), format!("[{written}]"));
        }
    }

    #[test]
    fn blocks_hold_what_is_long() {
        let value = json!({"a": {"b": {"c": [1, 2]}}, "d": [], "e": {}, "f": [{"path": "x".repeat(80)}]});
        let long = "x".repeat(80);
        let written = format!("a:\n  b:\n    c: [1, 2]\nd: []\ne: {{}}\nf:\n  - path: {long}\n");
        assert_eq!(to_yaml(&value, Dollars::Literal), written);
    }
}
