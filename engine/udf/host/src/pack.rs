//! Makes modules of what compilers and tools of other languages give: a component that says which functions it has.
//!
//! ```text
//!   library.wasm:  core module of examples │ types of udf.wit, what lifts and lowers
//!                  └── the compiled one ──▶┘
//! ```
//!
//! What is around a core module depends on its imports and exports alone, and those are the same for every module that keeps the
//! world `library` in C, or `series` where its SDK has no aggregates. So it is made once, and a module put into its place.

use std::{collections::BTreeSet, fmt, ops::Range, str::FromStr};

use levada_udf::UdfKind;
use wasmparser::{Parser, Payload, Validator};

use crate::declared;

/// A component around a core module that has functions of series alone. Made by `components.sh` beside it.
const SERIES: &[u8] = include_bytes!("../../sdk-c/series.wasm");
/// A component around one that has aggregates too.
const LIBRARY: &[u8] = include_bytes!("../../sdk-c/library.wasm");
/// How the exports of aggregates begin.
const OF_AGGREGATES: &str = "levada:udf/udaf@";

/// A function that a module is to declare: its kind and its id, as in `udtf org.example.Adder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Which contract the function keeps.
    pub kind: UdfKind,
    /// What `CREATE FUNCTION … AS` names.
    pub id: String,
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.to_string().to_lowercase(), self.id)
    }
}

impl FromStr for Declaration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` declares no function: `udtf org.example.Adder` does");
        let (kind, id) = text.trim().split_once(char::is_whitespace).ok_or_else(wrong)?;
        let kind = match kind {
            "udtf" => UdfKind::Udtf,
            "udaf" => UdfKind::Udaf,
            _ => return Err(wrong()),
        };
        let id = id.trim();
        if id.is_empty() || id.contains(char::is_whitespace) || u16::try_from(id.len()).is_err() {
            return Err(wrong());
        }
        Ok(Self { kind, id: id.to_owned() })
    }
}

/// A component of a core module that keeps the world `library` by its exports, or `series`, as a C compiler makes it of the SDK
/// for C.
///
/// # Errors
/// The module lacks an export of the contract, or asks for more than it may have; in words.
pub fn component_of(core: &[u8]) -> Result<Vec<u8>, String> {
    let border = Border::of(core)?;
    let has_aggregates = border.exports.iter().any(|name| name.starts_with(OF_AGGREGATES));
    let around = if has_aggregates { LIBRARY } else { SERIES };
    let place = core_of(around).expect("the component has a core module");
    let known = Border::of(&around[place.clone()]).expect("it is a core module");
    if let Some((module, name)) = border.imports.difference(&known.imports).next() {
        return Err(match module.as_str() {
            "wasi_snapshot_preview1" => format!(
                "it calls `{name}` of the system: files, the clock, the environment and standard output are not there for functions, \
                 and what calls them has to be left out (`printf` does; `udf_log` writes to the server's log)"
            ),
            _ => format!("it imports `{name}` of `{module}`, which nothing provides"),
        });
    }
    // Names that are not of the contract are the compiler's own.
    let needed = known
        .exports
        .iter()
        .filter(|name| name.contains(':') || name.starts_with("cabi_") || *name == "memory");
    if let Some(name) = needed.filter(|name| !border.exports.contains(*name)).min() {
        return Err(format!(
            "it does not export `{name}`: the C files of the SDK have to be compiled with it"
        ));
    }
    let mut component = around[..header_of(&place)].to_vec();
    component.push(1);
    leb(core.len(), &mut component);
    component.extend_from_slice(core);
    component.extend_from_slice(&around[place.end..]);
    Validator::new()
        .validate_all(&component)
        .map_err(|error| format!("it does not keep the contract of functions: {error}"))?;
    Ok(component)
}

/// A component with the section that says which functions it has.
///
/// # Errors
/// It is no component, or declares functions already; in words.
pub fn with_declarations(mut component: Vec<u8>, functions: &[Declaration]) -> Result<Vec<u8>, String> {
    let mut content = vec![u8::try_from(declared::SECTION.len()).expect("a short name")];
    content.extend_from_slice(declared::SECTION.as_bytes());
    for Declaration { kind, id } in functions {
        let kind = match kind {
            UdfKind::Udtf => 0,
            UdfKind::Udaf => 1,
        };
        let length = u16::try_from(id.len()).map_err(|_| format!("the id {id} is too long"))?;
        content.extend_from_slice(&[1, kind]);
        content.extend_from_slice(&length.to_le_bytes());
        content.extend_from_slice(id.as_bytes());
    }
    // A custom section, which may stand at the end.
    component.push(0);
    leb(content.len(), &mut component);
    component.append(&mut content);
    let found = declared::declared(&component).map_err(|fault| fault.message)?;
    if found.len() != functions.len() {
        return Err("it declares functions already".to_owned());
    }
    Ok(component)
}

/// Where the first core module of a component stands.
fn core_of(component: &[u8]) -> Option<Range<usize>> {
    let is_core = |payload| match payload {
        Ok(Payload::ModuleSection { unchecked_range, .. }) => Some(unchecked_range),
        _ => None,
    };
    Parser::new(0).parse_all(component).find_map(is_core)
}

/// Where the section begins that has this content: its number and its length are before it.
fn header_of(content: &Range<usize>) -> usize {
    let mut length = Vec::new();
    leb(content.len(), &mut length);
    content.start - length.len() - 1
}

/// What a core module imports and exports, by name.
struct Border {
    imports: BTreeSet<(String, String)>,
    exports: BTreeSet<String>,
}

impl Border {
    fn of(core: &[u8]) -> Result<Self, String> {
        let wrong = |error: wasmparser::BinaryReaderError| format!("it is no WASM module: {error}");
        let mut border = Self { imports: BTreeSet::new(), exports: BTreeSet::new() };
        for payload in Parser::new(0).parse_all(core) {
            match payload.map_err(wrong)? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(wrong)?;
                        border.imports.insert((import.module.to_owned(), import.name.to_owned()));
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        border.exports.insert(export.map_err(wrong)?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(border)
    }
}

fn leb(mut value: usize, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read_as_they_are_written() {
        let read = |text: &str| text.parse::<Declaration>();
        let adder = Declaration { kind: UdfKind::Udtf, id: "org.example.Adder".to_owned() };
        assert_eq!(read(" udtf  org.example.Adder ").as_ref(), Ok(&adder));
        assert_eq!(read(&adder.to_string()), Ok(adder));
        for wrong in ["", "udtf", "udtf ", "uda x", "udaf a b"] {
            assert!(read(wrong).expect_err(wrong).contains("declares no function"), "{wrong}");
        }
    }

    #[test]
    fn a_component_says_which_functions_it_has_and_says_it_once() {
        let empty = b"\0asm\x0d\0\x01\0".to_vec();
        // Long enough for two bytes of length.
        let of = |id: &str| Declaration { kind: UdfKind::Udaf, id: id.repeat(100) };
        let declared = with_declarations(empty, &[of("ab"), of("cd")]).expect("a component");
        let found = declared::declared(&declared).expect("two functions");
        assert_eq!(found.iter().map(|each| each.id.len()).collect::<Vec<_>>(), [200, 200]);
        assert!(with_declarations(declared, &[of("e")]).expect_err("twice").contains("already"));
        assert!(with_declarations(b"\0asm\x01\0\0\0".to_vec(), &[of("e")]).is_err(), "a core module");
    }

    #[test]
    fn a_module_in_the_place_of_the_first_is_a_component_and_one_that_keeps_no_contract_is_rejected() {
        for whole in [SERIES, LIBRARY] {
            let place = core_of(whole).expect("it has one");
            assert_eq!(component_of(&whole[place]).as_deref(), Ok(whole));
        }
        let error = component_of(b"\0asm\x01\0\0\0").expect_err("it exports nothing");
        assert!(error.contains("it does not export `cabi_realloc`: the C files of the SDK"), "{error}");
        assert!(component_of(b"no").expect_err("a text").contains("it is no WASM module"));
        // (import "wasi_snapshot_preview1" "x" (func))
        let types: &[u8] = &[1, 4, 1, 0x60, 0, 0];
        let import = [&[1, 22][..], b"wasi_snapshot_preview1", &[1, b'x', 0, 0]].concat();
        let module = [b"\0asm\x01\0\0\0", types, &[2, import.len() as u8], &import].concat();
        let error = component_of(&module).expect_err("it calls the system");
        assert!(error.starts_with("it calls `x` of the system"), "{error}");
    }
}
