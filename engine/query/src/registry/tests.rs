use super::*;

fn nothing(name: &'static str) -> FunctionDefinition {
    FunctionDefinition::series(name, "(any): INT32", "Nothing.", |call| Err(call.reject("gives nothing")))
}

#[test]
fn a_function_is_found_by_each_of_its_names_in_any_case() {
    let functions = FunctionRegistry::builtin();
    for definition in functions.definitions() {
        for name in definition.names() {
            for name in [name.to_owned(), name.to_uppercase()] {
                let found = functions.find(&name).expect("a name of a function");
                assert!(std::ptr::eq(found, definition), "{name} is {}", found.name());
            }
        }
    }
    assert_eq!(functions.find("SubStr").map(FunctionDefinition::name), Some("substring"));
    for name in ["", "s", "sinn", "count_", "ß"] {
        assert!(functions.find(name).is_none(), "{name}");
    }
}

#[test]
fn every_function_says_how_it_is_called_and_what_it_gives() {
    let functions = FunctionRegistry::builtin();
    let page = functions.reference();
    for each in functions.definitions() {
        assert!(each.signature().starts_with('(') && each.signature().contains("): "), "{each:?}");
        assert!(each.summary().ends_with('.') && !each.summary().contains('|'), "{each:?}");
        assert!(each.is_builtin(), "{each:?}");
        let row = format!("| `{}{}` | {}", each.name(), each.signature(), each.summary());
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    assert_eq!(page.matches("\n| `").count(), functions.definitions().count());
}

#[test]
fn a_name_that_is_taken_in_any_case_is_rejected_and_a_free_one_is_added() {
    let builtin = FunctionRegistry::builtin();
    for name in ["sin", "TOP_K", "Count", "cast", "substr"] {
        let error = builtin.with(nothing(name)).expect_err(name);
        assert_eq!(error.code(), StatusCode::CREATE_UDF_ERROR, "{name}");
        assert!(error.to_string().contains(&name.to_uppercase()), "{error}");
    }
    let more = builtin.with(nothing("Adder").of_class("ex.Adder")).expect("a free name");
    assert!(builtin.find("adder").is_none(), "the registry before stays as it was");
    let added = more.find("ADDER").expect("added");
    assert_eq!((added.name(), added.type_word(), &*added.class()), ("adder", "external UDTF", "ex.Adder"));
    let error = more.with(nothing("ADDER")).expect_err("taken");
    assert_eq!(error.code(), StatusCode::EXECUTE_STATEMENT_ERROR);
}

#[test]
fn an_added_function_can_be_taken_away_and_a_built_in_one_cannot() {
    let builtin = FunctionRegistry::builtin();
    let more = builtin.with(nothing("a1")).and_then(|more| more.with(nothing("a2"))).expect("free names");
    let fewer = more.without("A1").expect("an added one");
    assert!(fewer.find("a1").is_none() && fewer.find("a2").is_some() && fewer.find("sin").is_some());
    assert_eq!(fewer.definitions().count(), builtin.definitions().count() + 1);
    for name in ["sin", "count", "m4", "a3"] {
        assert!(more.without(name).is_none(), "{name}");
    }
}

#[test]
fn a_library_takes_no_names() {
    let library = ["sin", "Median", "range"]
        .map(|name| nothing(name).of_class("lib.X").of_library("(any): any", "Nothing."));
    let functions = FunctionRegistry::builtin().with_library(library);
    let found =
        |functions: &FunctionRegistry, name: &str| functions.find(name).map(|each| each.class().into_owned());
    assert_eq!(found(&functions, "MEDIAN").as_deref(), Some("lib.X"));
    // What is built in goes before, and so does what is added; what is taken away again leaves the library's.
    assert_ne!(found(&functions, "sin").as_deref(), Some("lib.X"));
    let more = functions.with(nothing("Range").of_class("ex.Range")).expect("the name is free");
    assert_eq!(found(&more, "range").as_deref(), Some("ex.Range"));
    assert_eq!(more.definitions().count(), functions.definitions().count());
    let fewer = more.without("range").expect("it was added");
    assert_eq!(found(&fewer, "range").as_deref(), Some("lib.X"));
    assert!(fewer.without("range").is_none());
    assert_eq!(fewer.definitions().count(), FunctionRegistry::builtin().definitions().count() + 2);
}
