//! Where in a statement an error is.

/// The line that a message names (`line 2:14`: lines from 1, characters from 0), with a mark below the word; `None` where it names none,
/// or none of the statement.
pub(super) fn underlined(statement: &str, message: &str) -> Option<String> {
    let (line, at) =
        message.match_indices("line ").find_map(|(start, word)| place(&message[start + word.len()..]))?;
    let text = statement.lines().nth(line.checked_sub(1)?)?;
    let before: String = text.chars().take(at).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    if before.chars().count() < at {
        return None;
    }
    let word = text.chars().skip(at).take_while(|c| c.is_alphanumeric() || *c == '_').count().max(1);
    Some(format!("  {text}\n  {before}{}", "^".repeat(word)))
}

/// `LINE:CHARACTER` at the beginning of a text.
fn place(text: &str) -> Option<(usize, usize)> {
    let (line, rest) = text.split_once(':')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((line.parse().ok()?, rest[..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::underlined;

    #[test]
    fn the_word_that_is_wrong_is_marked() {
        let statement = "select s\nfrom root.x wheree s > 1";
        let message = "Error occurred while parsing SQL to physical plan: line 2:12 unexpected 'wheree'";
        let shown = underlined(statement, message).expect("a place");
        assert_eq!(shown, "  from root.x wheree s > 1\n              ^^^^^^");
        assert_eq!(underlined(statement, "line 3:0 is not there"), None);
        assert_eq!(underlined(statement, "line 1:99 is not there"), None);
        assert_eq!(underlined(statement, "no line at all"), None);
        assert_eq!(
            underlined("select", "line 1:6 unexpected the end").expect("a place"),
            "  select\n        ^"
        );
    }
}
