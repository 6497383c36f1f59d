//! The words of a script.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Whole(i64),
    Double(f64),
    Text(String),
    /// A template between backquotes. Each `${…}` in it is replaced by the value of its expression.
    Template(String),
    /// An operator, a bracket or a mark.
    Mark(&'static str),
}

/// Longer ones first: the first that fits is taken.
const MARKS: [&str; 54] = [
    "<<", ">>", "<=", ">=", "==", "!=", "=~", "!~", "=^", "!^", "=$", "!$", "&&", "||", "?:", "??", "++",
    "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->", "..", "+", "-", "*", "/", "%", "<", ">", "=",
    "!", "~", "&", "|", "^", "?", ":", ".", ",", ";", "(", ")", "{", "}", "[", "]", "@", "#",
];

/// The words of a text.
///
/// # Errors
/// What is no word, and where.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = past_blanks(rest)?;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (token, after) = match first {
            '"' | '\'' | '`' => quoted(rest, first)?,
            '0'..='9' => number(rest)?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => number(rest)?,
            _ if first.is_alphabetic() || matches!(first, '_' | '$') => {
                let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                (Token::Name(rest[..end].to_owned()), &rest[end..])
            }
            _ => {
                let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark));
                let mark = mark.ok_or_else(|| format!("there is no `{first}`"))?;
                (Token::Mark(mark), &rest[mark.len()..])
            }
        };
        tokens.push(token);
        rest = after;
    }
}

/// Past blanks and comments.
fn past_blanks(mut rest: &str) -> Result<&str, String> {
    loop {
        rest = rest.trim_start();
        if rest.starts_with("//") || rest.starts_with("##") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let closed = comment.split_once("*/");
            rest = closed.ok_or("a comment does not end: `*/` is missing")?.1;
        } else {
            return Ok(rest);
        }
    }
}

fn quoted(text: &str, quote: char) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, each)) = chars.next() {
        match each {
            _ if each == quote => {
                let token = if quote == '`' { Token::Template(value) } else { Token::Text(value) };
                return Ok((token, &text[at + 1..]));
            }
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    value.push(code.ok_or_else(|| format!("`\\u{digits}` is no character"))?);
                }
                // A pattern's own escapes stay: `\d`.
                Some(escaped) => {
                    if !matches!(escaped, '\\' | '"' | '\'' | '`') {
                        value.push('\\');
                    }
                    value.push(escaped);
                }
                None => break,
            },
            _ => value.push(each),
        }
    }
    Err(format!("a text does not end: {quote} is missing"))
}

fn number(text: &str) -> Result<(Token, &str), String> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        let whole = i64::from_str_radix(&digits[..end], 16);
        let whole = whole.map_err(|_| format!("`0x{}` is no whole number of 64 bits", &digits[..end]))?;
        return Ok((Token::Whole(whole), digits[end..].trim_start_matches(['l', 'L', 'h', 'H'])));
    }
    let digits =
        |from: usize| text[from..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| from + at);
    let mut end = digits(0);
    let mut is_whole = true;
    // `1..3` is a range.
    if text[end..].starts_with('.') && text[end + 1..].starts_with(|next: char| next.is_ascii_digit()) {
        (end, is_whole) = (digits(end + 1), false);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = end + 1 + usize::from(text[end + 1..].starts_with(['+', '-']));
        if text[sign..].starts_with(|next: char| next.is_ascii_digit()) {
            (end, is_whole) = (digits(sign), false);
        }
    }
    let (number, rest) = text.split_at(end);
    let rest_of = |suffixes: &[char]| rest.strip_prefix(suffixes);
    if is_whole && let Ok(whole) = number.parse() {
        match rest_of(&['l', 'L', 'h', 'H']) {
            Some(after) => return Ok((Token::Whole(whole), after)),
            None if rest_of(&['f', 'F', 'd', 'D', 'b', 'B']).is_none() => {
                return Ok((Token::Whole(whole), rest));
            }
            None => {}
        }
    }
    let double = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    Ok((Token::Double(double), rest_of(&['f', 'F', 'd', 'D', 'b', 'B']).unwrap_or(rest)))
}
