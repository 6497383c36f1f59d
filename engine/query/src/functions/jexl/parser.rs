//! Scripts from text: recursive descent, the loosest operators first.

use super::{
    lexer::{self, Token},
    script::{Binary, Expression, Script, Statement, Unary},
    value::Value,
};
use crate::expression::pattern::Pattern;

// A script is read and run by recursive functions: these limits bound their stack.
/// How deep brackets and statements may be nested.
const MOST_DEPTH: usize = 40;
/// How deep operations may be nested: `a + b + c` is 3 deep.
const MOST_HEIGHT: usize = 100;
/// How many words a script may have.
const MOST_WORDS: usize = 1_000;

/// A script of the form `x -> {x * 2}`.
///
/// # Errors
/// What is not understood.
pub(super) fn parse(text: &str) -> Parsed<Script> {
    Parser::new(text)?.script()
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// The variables in sight, innermost last, each with its number.
    names: Vec<(String, usize)>,
    variables: usize,
    depth: usize,
}

type Parsed<T = Expression> = Result<T, String>;

impl Parser {
    fn new(text: &str) -> Parsed<Self> {
        let tokens = lexer::tokens(text)?;
        if tokens.len() > MOST_WORDS {
            return Err(format!("it has more than {MOST_WORDS} words"));
        }
        Ok(Self { tokens, at: 0, names: Vec::new(), variables: 0, depth: 0 })
    }

    /// `x -> {x * 2}`, `(x, y) -> x + y`
    fn script(mut self) -> Parsed<Script> {
        let brackets = self.takes("(");
        loop {
            let name = self.name()?;
            self.declare(name);
            if !self.takes(",") {
                break;
            }
        }
        if brackets {
            self.expect(")")?;
        } else if self.variables > 1 {
            return Err("several parameters stand in brackets: `(x, y) -> …`".to_owned());
        }
        let parameters = self.variables;
        self.expect("->")?;
        let body = match self.takes("{") {
            true => self.block()?,
            false => vec![Statement::Give(self.expression()?)],
        };
        self.takes(";");
        match self.tokens.get(self.at) {
            None => Ok(Script { parameters, variables: self.variables, body }),
            Some(token) => Err(format!("{} is too much", shown(token))),
        }
    }

    fn declare(&mut self, name: String) -> usize {
        self.names.push((name, self.variables));
        self.variables += 1;
        self.variables - 1
    }

    /// The statements up to the bracket that closes.
    fn block(&mut self) -> Parsed<Vec<Statement>> {
        let outside = self.names.len();
        let mut statements = Vec::new();
        while !self.takes("}") {
            if self.at == self.tokens.len() {
                return Err("`}` is missing".to_owned());
            }
            if !self.takes(";") {
                statements.push(self.statement()?);
            }
        }
        self.names.truncate(outside);
        Ok(statements)
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.deeper(|parser| parser.shallow_statement())
    }

    fn shallow_statement(&mut self) -> Parsed<Statement> {
        if self.takes("{") {
            return self.block().map(Statement::Block);
        }
        let word = match self.tokens.get(self.at) {
            Some(Token::Name(name)) => name.clone(),
            _ => String::new(),
        };
        let known = ["var", "let", "const", "if", "while", "do", "for", "return", "break", "continue"];
        if !known.contains(&word.as_str()) {
            let given = self.expression()?;
            self.end()?;
            return Ok(Statement::Give(given));
        }
        self.at += 1;
        match word.as_str() {
            "if" => {
                let condition = self.in_brackets()?;
                let then = Box::new(self.statement()?);
                let otherwise =
                    if self.takes_word("else") { Some(Box::new(self.statement()?)) } else { None };
                Ok(Statement::If(condition, then, otherwise))
            }
            "while" => Ok(Statement::While(self.in_brackets()?, Box::new(self.statement()?))),
            "do" => {
                let body = Box::new(self.statement()?);
                if !self.takes_word("while") {
                    return Err("`while` is missing behind `do`".to_owned());
                }
                let condition = self.in_brackets()?;
                self.end()?;
                Ok(Statement::DoWhile(body, condition))
            }
            "for" => self.each(),
            "return" => {
                let given = if self.is_end() { None } else { Some(self.expression()?) };
                self.end()?;
                Ok(Statement::Return(given))
            }
            "break" => self.end().map(|()| Statement::Break),
            "continue" => self.end().map(|()| Statement::Continue),
            _ => {
                let name = self.name()?;
                // What it begins with does not see it yet.
                let value = if self.takes("=") { Some(self.expression()?) } else { None };
                self.end()?;
                Ok(Statement::Declare(self.declare(name), value))
            }
        }
    }

    /// `(var each : list) …`
    fn each(&mut self) -> Parsed<Statement> {
        self.expect("(")?;
        if !self.takes_word("var") {
            self.takes_word("let");
        }
        let name = self.name()?;
        self.expect(":")?;
        let list = self.expression()?;
        self.expect(")")?;
        let outside = self.names.len();
        let variable = self.declare(name);
        let body = self.statement();
        self.names.truncate(outside);
        Ok(Statement::For(variable, list, Box::new(body?)))
    }

    fn in_brackets(&mut self) -> Parsed {
        self.expect("(")?;
        let expression = self.expression()?;
        self.expect(")")?;
        Ok(expression)
    }

    fn is_end(&self) -> bool {
        matches!(self.tokens.get(self.at), None | Some(Token::Mark(";" | "}")))
    }

    /// The end of a statement: `;`, or what closes the block, which stays.
    fn end(&mut self) -> Parsed<()> {
        match self.takes(";") || self.is_end() {
            true => Ok(()),
            false => Err(format!("`;` is missing before {}", self.next_shown())),
        }
    }

    fn expression(&mut self) -> Parsed {
        let expression = self.deeper(|parser| parser.assignment())?;
        match height(&expression) <= MOST_HEIGHT {
            true => Ok(expression),
            false => Err(format!("more than {MOST_HEIGHT} operations build on each other: use variables")),
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MOST_DEPTH {
            return Err(format!("more than {MOST_DEPTH} brackets or conditions stand in each other"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn assignment(&mut self) -> Parsed {
        let target = self.conditional()?;
        const OPERATORS: [(&str, Option<Binary>); 9] = [
            ("=", None),
            ("+=", Some(Binary::Add)),
            ("-=", Some(Binary::Subtract)),
            ("*=", Some(Binary::Multiply)),
            ("/=", Some(Binary::Divide)),
            ("%=", Some(Binary::Modulo)),
            ("&=", Some(Binary::BitAnd)),
            ("|=", Some(Binary::BitOr)),
            ("^=", Some(Binary::BitXor)),
        ];
        let Some((mark, operator)) = OPERATORS.into_iter().find(|(mark, _)| self.takes(mark)) else {
            return Ok(target);
        };
        let Expression::Variable(variable) = target else {
            return Err(format!("only a variable stands before `{mark}`"));
        };
        Ok(Expression::Assign(variable, operator, Box::new(self.expression()?)))
    }

    fn conditional(&mut self) -> Parsed {
        let condition = self.binary(0)?;
        if self.takes("?") {
            let then = self.expression()?;
            self.expect(":")?;
            let otherwise = self.deeper(Self::conditional)?;
            return Ok(Expression::Choice(Box::new(condition), Box::new(then), Box::new(otherwise)));
        }
        if self.takes("?:") {
            return Ok(Expression::Elvis(Box::new(condition), Box::new(self.deeper(Self::conditional)?)));
        }
        if self.takes("??") {
            return Ok(Expression::Present(Box::new(condition), Box::new(self.deeper(Self::conditional)?)));
        }
        Ok(condition)
    }

    /// Operators of two sides, from a level on; those of a level belong together from the left.
    fn binary(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(joint) = self.joint(operators) {
            let right = self.binary(level + 1)?;
            left = joint.join(left, right)?;
        }
        Ok(left)
    }

    fn joint(&mut self, operators: &[(&str, Joint)]) -> Option<Joint> {
        let next = match self.tokens.get(self.at)? {
            Token::Mark(mark) => mark,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        let joint = operators.iter().find(|(operator, _)| *operator == next)?.1;
        self.at += 1;
        Some(joint)
    }

    fn unary(&mut self) -> Parsed {
        const OPERATORS: [(&str, Unary); 4] =
            [("-", Unary::Minus), ("+", Unary::Plus), ("~", Unary::Complement), ("!", Unary::Not)];
        let mark = OPERATORS.into_iter().find(|(mark, _)| self.takes(mark));
        let operator = match mark {
            Some((_, operator)) => operator,
            None if self.takes_word("not") => Unary::Not,
            None if self.takes_word("empty") => Unary::IsEmpty,
            None if self.takes_word("size") => Unary::Size,
            None => return self.postfix(),
        };
        Ok(Expression::Unary(operator, Box::new(self.deeper(Self::unary)?)))
    }

    fn postfix(&mut self) -> Parsed {
        let mut value = self.primary()?;
        loop {
            if self.takes(".") {
                let name = self.name()?;
                if !self.takes("(") {
                    return Err(format!("there is no property `{name}`; a method is called `{name}()`"));
                }
                value = Expression::Method(Box::new(value), name, self.items(")")?);
            } else if self.takes("[") {
                let item = self.expression()?;
                self.expect("]")?;
                value = Expression::Item(Box::new(value), Box::new(item));
            } else if let Expression::Variable(variable) = value
                && (self.takes("++") || self.takes("--"))
            {
                let is_more = self.tokens.get(self.at - 1) == Some(&Token::Mark("++"));
                value = Expression::After(variable, if is_more { Binary::Add } else { Binary::Subtract });
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends where a value should be")?;
        self.at += 1;
        Ok(match token {
            Token::Whole(whole) => Expression::Constant(Value::Whole(whole)),
            Token::Double(double) => Expression::Constant(Value::Double(double)),
            Token::Text(text) => Expression::Constant(Value::Text(text.into())),
            Token::Template(text) => self.template(&text)?,
            Token::Mark("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Mark("[") => Expression::List(self.items("]")?),
            Token::Name(name) => match name.as_str() {
                "true" => Expression::Constant(Value::Truth(true)),
                "false" => Expression::Constant(Value::Truth(false)),
                "null" => Expression::Constant(Value::Null),
                "NaN" => Expression::Constant(Value::Double(f64::NAN)),
                _ => Expression::Variable(self.variable(&name)?),
            },
            Token::Mark(_) => return Err(format!("{} stands where a value should be", shown(&token))),
        })
    }

    fn variable(&self, name: &str) -> Parsed<usize> {
        let found = self.names.iter().rev().find(|(each, _)| each == name);
        found.map(|(_, number)| *number).ok_or_else(|| format!("there is no variable `{name}`"))
    }

    /// Expressions with commas between them, up to a bracket.
    fn items(&mut self, close: &str) -> Parsed<Vec<Expression>> {
        let mut items = Vec::new();
        if self.takes(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.takes(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    /// A text with `${…}` in it.
    fn template(&mut self, text: &str) -> Parsed {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (inner, behind) = after.split_once('}').ok_or("`}` is missing behind `${`")?;
            parts.push(Expression::Constant(Value::Text(before.into())));
            let tokens = std::mem::replace(&mut self.tokens, lexer::tokens(inner)?);
            let at = std::mem::replace(&mut self.at, 0);
            let part = self.expression();
            let is_whole = self.at == self.tokens.len();
            (self.tokens, self.at) = (tokens, at);
            parts.push(part?);
            if !is_whole {
                return Err(format!("`{inner}` is not one expression"));
            }
            rest = behind;
        }
        parts.push(Expression::Constant(Value::Text(rest.into())));
        Ok(Expression::Joined(parts))
    }

    fn takes(&mut self, mark: &str) -> bool {
        let takes = matches!(self.tokens.get(self.at), Some(Token::Mark(next)) if *next == mark);
        self.at += usize::from(takes);
        takes
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let takes = matches!(self.tokens.get(self.at), Some(Token::Name(next)) if next == word);
        self.at += usize::from(takes);
        takes
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        match self.takes(mark) {
            true => Ok(()),
            false => Err(format!("`{mark}` is missing before {}", self.next_shown())),
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.tokens.get(self.at) {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err(format!("a name is missing before {}", self.next_shown())),
        }
    }

    fn next_shown(&self) -> String {
        self.tokens.get(self.at).map_or_else(|| "the end".to_owned(), shown)
    }
}

/// How many operations build on each other.
fn height(expression: &Expression) -> usize {
    use Expression as E;
    1 + match expression {
        E::Constant(_) | E::Variable(_) | E::After(..) => 0,
        E::List(items) | E::Joined(items) => items.iter().map(height).max().unwrap_or(0),
        E::Unary(_, of) | E::Fits(of, _) | E::Assign(_, _, of) => height(of),
        E::Binary(_, left, right)
        | E::And(left, right)
        | E::Or(left, right)
        | E::Elvis(left, right)
        | E::Present(left, right)
        | E::Item(left, right) => height(left).max(height(right)),
        E::Choice(condition, then, otherwise) => height(condition).max(height(then)).max(height(otherwise)),
        E::Method(of, _, arguments) => arguments.iter().map(height).max().unwrap_or(0).max(height(of)),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Whole(whole) => format!("`{whole}`"),
        Token::Double(double) => format!("`{double}`"),
        Token::Text(text) | Token::Template(text) => format!("the text `{text}`"),
        Token::Mark(mark) => format!("`{mark}`"),
    }
}

/// How an operator joins its two sides.
#[derive(Clone, Copy, Debug)]
enum Joint {
    And,
    Or,
    Binary(Binary),
}

/// The operators of two sides, the loosest first.
const LEVELS: [&[(&str, Joint)]; 10] = [
    &[("||", Joint::Or), ("or", Joint::Or)],
    &[("&&", Joint::And), ("and", Joint::And)],
    &[("|", Joint::Binary(Binary::BitOr))],
    &[("^", Joint::Binary(Binary::BitXor))],
    &[("&", Joint::Binary(Binary::BitAnd))],
    &[
        ("==", Joint::Binary(Binary::Equal)),
        ("eq", Joint::Binary(Binary::Equal)),
        ("!=", Joint::Binary(Binary::NotEqual)),
        ("ne", Joint::Binary(Binary::NotEqual)),
        ("=~", Joint::Binary(Binary::In)),
        ("!~", Joint::Binary(Binary::NotIn)),
        ("=^", Joint::Binary(Binary::StartsWith)),
        ("!^", Joint::Binary(Binary::StartsNotWith)),
        ("=$", Joint::Binary(Binary::EndsWith)),
        ("!$", Joint::Binary(Binary::EndsNotWith)),
    ],
    &[
        ("<", Joint::Binary(Binary::Less)),
        ("lt", Joint::Binary(Binary::Less)),
        ("<=", Joint::Binary(Binary::LessOrEqual)),
        ("le", Joint::Binary(Binary::LessOrEqual)),
        (">", Joint::Binary(Binary::Greater)),
        ("gt", Joint::Binary(Binary::Greater)),
        (">=", Joint::Binary(Binary::GreaterOrEqual)),
        ("ge", Joint::Binary(Binary::GreaterOrEqual)),
        ("..", Joint::Binary(Binary::Range)),
    ],
    &[("<<", Joint::Binary(Binary::ShiftLeft)), (">>", Joint::Binary(Binary::ShiftRight))],
    &[("+", Joint::Binary(Binary::Add)), ("-", Joint::Binary(Binary::Subtract))],
    &[
        ("*", Joint::Binary(Binary::Multiply)),
        ("/", Joint::Binary(Binary::Divide)),
        ("div", Joint::Binary(Binary::Divide)),
        ("%", Joint::Binary(Binary::Modulo)),
        ("mod", Joint::Binary(Binary::Modulo)),
    ],
];

impl Joint {
    fn join(self, left: Expression, right: Expression) -> Parsed {
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(match self {
            Self::And => Expression::And(left, right),
            Self::Or => Expression::Or(left, right),
            Self::Binary(operator) => match (operator, &*right) {
                (Binary::In | Binary::NotIn, Expression::Constant(Value::Text(text))) => {
                    let pattern = Pattern::of_whole_text(text).map_err(|error| error.to_string())?;
                    let fits = Expression::Fits(left, pattern);
                    match operator {
                        Binary::NotIn => Expression::Unary(Unary::Not, Box::new(fits)),
                        _ => fits,
                    }
                }
                _ => Expression::Binary(operator, left, right),
            },
        })
    }
}
