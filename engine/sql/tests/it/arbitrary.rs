//! Random texts and random expressions.

use levada_model::{DataType, PathPattern};
use levada_sql::{
    ast::{BinaryOperator, Case, Constant, Expression, ExpressionKind, Function, SeriesName, UnaryOperator},
    parse_expression,
};
use proptest::prelude::*;

use super::{context, parse};

const ACCEPTED: &str = include_str!("../data/accepted.sql");

fn constant() -> impl Strategy<Value = Constant> {
    prop_oneof![
        Just(Constant::Null),
        any::<bool>().prop_map(Constant::Boolean),
        any::<i64>().prop_map(|value| Constant::Integer { value, text: value.to_string() }),
        (-1e9..1e9).prop_map(|value: f64| Constant::Real { value, text: format!("{value:?}") }),
        ".{0,8}".prop_map(Constant::Text),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Constant::Blob),
        (-60_000_000_000_000_i64..250_000_000_000_000).prop_map(Constant::Time),
    ]
}

fn series() -> impl Strategy<Value = SeriesName> {
    let node = prop_oneof![
        4 => "[a-z][a-z0-9_]{0,3}",
        1 => Just("*".to_owned()),
        1 => Just("**".to_owned()),
        1 => Just("s*".to_owned()),
        1 => Just("*x".to_owned()),
        1 => Just("`a.b``c`".to_owned()),
        1 => Just("`time`".to_owned()),
        1 => Just("`root`".to_owned()),
        1 => Just("`1d`".to_owned()),
        1 => prop::sample::select(vec!["from", "and", "true", "null", "case", "not", "end"]).prop_map(str::to_owned),
    ];
    let pattern = |nodes: &[String]| PathPattern::parse(&nodes.join(".")).expect("legal");
    (prop::collection::vec(node, 1..4), any::<bool>()).prop_map(move |(nodes, is_whole)| match is_whole {
        true => SeriesName::whole(pattern(&["root".to_owned()]).join(&pattern(&nodes))),
        false => SeriesName::suffix(pattern(&nodes)),
    })
}

fn negate(operand: Expression) -> ExpressionKind {
    match operand.kind {
        // A sign before a number is read as part of it.
        ExpressionKind::Constant(Constant::Integer { ref text, .. } | Constant::Real { ref text, .. })
            if !text.starts_with('-') =>
        {
            operand.kind
        }
        _ => ExpressionKind::Unary { operator: UnaryOperator::Negate, operand: Box::new(operand) },
    }
}

fn operator() -> impl Strategy<Value = BinaryOperator> {
    use BinaryOperator::*;
    prop::sample::select(vec![
        Multiply,
        Divide,
        Modulo,
        Add,
        Subtract,
        Greater,
        GreaterOrEqual,
        Less,
        LessOrEqual,
        Equal,
        NotEqual,
        And,
        Or,
    ])
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        constant().prop_map(ExpressionKind::Constant),
        series().prop_map(ExpressionKind::Series),
        Just(ExpressionKind::Time),
    ]
    .prop_map(Expression::synthetic);
    leaf.prop_recursive(5, 40, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            (operator(), boxed(), boxed()).prop_map(|(operator, left, right)| ExpressionKind::Binary {
                operator,
                left,
                right
            }),
            inner.clone().prop_map(negate),
            boxed().prop_map(|operand| ExpressionKind::Unary { operator: UnaryOperator::Not, operand }),
            (
                "[a-z_]{1,6}",
                prop::collection::vec(inner.clone(), 1..3),
                prop::collection::vec((".{0,3}", ".{0,3}"), 0..2)
            )
                .prop_map(|(name, arguments, attributes)| {
                    ExpressionKind::Function(Function { name, arguments, attributes, from_for: false })
                }),
            (
                prop::option::of(boxed()),
                prop::collection::vec((inner.clone(), inner.clone()), 1..3),
                prop::option::of(boxed())
            )
                .prop_map(|(operand, branches, otherwise)| {
                    ExpressionKind::Case(Case { operand, branches, otherwise })
                }),
            (boxed(), prop::sample::select(DataType::ALL.to_vec()))
                .prop_map(|(operand, data_type)| ExpressionKind::Cast { operand, data_type }),
            (boxed(), ".{0,5}", any::<bool>()).prop_map(|(operand, pattern, negated)| ExpressionKind::Like {
                operand,
                pattern,
                negated
            }),
            (boxed(), ".{0,5}", any::<bool>())
                .prop_map(|(operand, pattern, negated)| ExpressionKind::Regexp { operand, pattern, negated }),
            (boxed(), boxed(), boxed(), any::<bool>()).prop_map(|(operand, low, high, negated)| {
                ExpressionKind::Between { operand, low, high, negated }
            }),
            (boxed(), any::<bool>())
                .prop_map(|(operand, negated)| ExpressionKind::IsNull { operand, negated }),
            (boxed(), prop::collection::vec(constant(), 1..4), any::<bool>())
                .prop_map(|(operand, values, negated)| ExpressionKind::In { operand, values, negated }),
        ]
        .prop_map(Expression::synthetic)
    })
}

fn cut(text: &str, at: prop::sample::Index) -> usize {
    let mut at = at.index(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_expression_reads_back(expression in expression()) {
        let text = expression.to_string();
        let back = parse_expression(&text, &context());
        prop_assert_eq!(back.as_ref().ok(), Some(&expression), "{} {:?}", text, back);
        expression.column_name();
    }

    #[test]
    fn any_text_gives_a_statement_or_an_error(text in ".{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
        }
    }

    #[test]
    fn spliced_statements_give_a_statement_or_an_error(
        (a, b) in (0..ACCEPTED.lines().count(), 0..ACCEPTED.lines().count()),
        (end, start) in any::<(prop::sample::Index, prop::sample::Index)>(),
        between in "[-`'\"*.()\\[\\]0-9a-z,;=<> ]{0,4}",
    ) {
        let line = |at| ACCEPTED.lines().nth(at).expect("within the file");
        let (a, b) = (line(a), line(b));
        let text = format!("{}{between}{}", &a[..cut(a, end)], &b[cut(b, start)..]);
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.end <= text.len() && !error.to_string().is_empty());
        }
    }
}
