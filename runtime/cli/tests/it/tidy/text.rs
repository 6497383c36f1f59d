//! Rust source with what is not code taken out. Lines stay where they are.

/// The source with comments and what stands in quotes made blank.
pub(super) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let taken = match rest {
            [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => quoted(rest, 1),
            [b'b', b'"', ..] => quoted(rest, 2),
            [b'r', b'"' | b'#', ..] if !follows_a_name(bytes, at) => raw(rest, 1),
            [b'b', b'r', b'"' | b'#', ..] if !follows_a_name(bytes, at) => raw(rest, 2),
            [b'\'', ..] => character(rest),
            _ => 0,
        };
        if taken == 0 {
            code.push(bytes[at]);
            at += 1;
        } else {
            code.extend(rest[..taken].iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }));
            at += taken;
        }
    }
    String::from_utf8(code).expect("only whole characters were made blank")
}

/// The code without what is compiled for tests alone.
pub(super) fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    while let Some(from) = kept.find("#[cfg(test)]") {
        let brace = kept[from..].find(['{', ';']).map_or(kept.len(), |found| from + found);
        let to = if kept[brace..].starts_with('{') { brace + block(&kept[brace..]) } else { brace + 1 };
        let to = to.min(kept.len());
        let blank: String = kept[from..to].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        kept.replace_range(from..to, &blank);
    }
    kept
}

/// The length of a block that begins with a brace, both braces included.
pub(super) fn block(code: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Functions with a body: their name and the lines from `fn` to the last brace.
pub(super) fn functions(code: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let name: &str =
            code[at + 3..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        if name.is_empty() || at > 0 && code.as_bytes()[at - 1].is_ascii_alphanumeric() {
            continue;
        }
        // A declaration without a body ends with a semicolon; that of an array's length stands in brackets.
        let mut brackets = 0;
        let end = code[at..].bytes().position(|byte| {
            match byte {
                b'[' => brackets += 1,
                b']' => brackets -= 1,
                _ => {}
            }
            byte == b'{' || byte == b';' && brackets == 0
        });
        let Some(begin) = end.map(|end| at + end).filter(|&begin| code.as_bytes()[begin] == b'{') else {
            continue;
        };
        let end = begin + block(&code[begin..]);
        found.push((name, code[at..end].lines().count()));
    }
    found
}

fn follows_a_name(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// A text whose first character stands at `at`.
fn quoted(rest: &[u8], mut at: usize) -> usize {
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'\\' => 2,
            b'"' => return at + 1,
            _ => 1,
        };
    }
    rest.len()
}

/// A raw text whose first `#` or quote stands at `at`; 0 where it is none.
fn raw(rest: &[u8], at: usize) -> usize {
    let hashes = rest[at..].iter().take_while(|&&byte| byte == b'#').count();
    let begin = at + hashes;
    if rest.get(begin) != Some(&b'"') {
        return 0;
    }
    let mut end = begin + 1;
    while end < rest.len() {
        let closing = &rest[end..];
        if closing[0] == b'"' && closing[1..].iter().take_while(|&&byte| byte == b'#').count() >= hashes {
            return end + 1 + hashes;
        }
        end += 1;
    }
    rest.len()
}

/// A character in quotes; 0 where the quote begins a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest[3..].iter().position(|&byte| byte == b'\'').map_or(rest.len(), |found| found + 4);
    }
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]);
    let length = text.chars().next().map_or(0, char::len_utf8);
    if rest.get(1 + length) == Some(&b'\'') { length + 2 } else { 0 }
}

#[test]
fn what_is_no_code_is_made_blank() {
    let source = "let a = \"}\\\"\"; // }\nlet b = r#\"{\"#; /* { /* } */ */ let c: &'a str = '{' as x;";
    let blank = code(source);
    assert!(!blank.contains(['{', '}', '"']), "{blank}");
    assert!(blank.contains("let c: &'a str =") && blank.lines().count() == 2);
    let tests = "fn f() {}\n#[cfg(test)]\nmod tests {\n fn g() { h() }\n}\nfn k() {}\n";
    let kept = without_tests(tests);
    assert_eq!(functions(&kept), [("f", 1), ("k", 1)]);
}
