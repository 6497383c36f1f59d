//! Statements apart: at semicolons outside quotes and comments. A command behind a backslash, where a statement could begin, is a
//! line of its own.

/// Where a reader stands within a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Plain,
    Quote(char),
    Comment,
}

/// The whole statements of a text and what is left behind the last semicolon.
pub(super) fn split(text: &str) -> (Vec<String>, String) {
    let mut statements = Vec::new();
    let mut current = String::new();
    let mut within = Within::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if within == Within::Plain && c == '\\' && current.trim().is_empty() {
            let line: String = std::iter::once(c).chain(chars.by_ref().take_while(|c| *c != '\n')).collect();
            statements.push(line);
            current.clear();
            continue;
        }
        within = match (within, c) {
            (Within::Plain, ';') => {
                statements.push(std::mem::take(&mut current));
                continue;
            }
            (Within::Plain, '\'' | '"' | '`') => Within::Quote(c),
            (Within::Plain, '-') if chars.peek() == Some(&'-') => Within::Comment,
            (Within::Comment, '\n') => Within::Plain,
            // A doubled quote closes and opens again, which comes to the same.
            (Within::Quote(quote), _) if c == quote => Within::Plain,
            (within, _) => within,
        };
        if within != Within::Comment {
            current.push(c);
        }
    }
    statements.retain(|statement| !statement.trim().is_empty());
    (statements.iter().map(|statement| statement.trim().to_owned()).collect(), current)
}

/// All statements of a text; the last needs no semicolon.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let (mut statements, rest) = split(text);
    let rest = rest.trim();
    if !rest.is_empty() {
        statements.push(rest.to_owned());
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_end_a_statement() {
        let text = "select 'a;b', `c;d` from root.x; -- not; this\nshow \"e;\"\"f\";  ; flush";
        assert_eq!(statements(text), ["select 'a;b', `c;d` from root.x", "show \"e;\"\"f\"", "flush"]);
        assert_eq!(split("select 'open;").0, Vec::<String>::new());
    }

    #[test]
    fn a_command_is_a_line_of_its_own() {
        let text = "flush; \\timing off\nselect '\\d'\n from root.x;\n\\d root.x";
        assert_eq!(statements(text), ["flush", "\\timing off", "select '\\d'\n from root.x", "\\d root.x"]);
    }
}
