//! What a module says it has, and what compiling it would cost: read without running anything.

use levada_udf::{Fault, FaultKind, UdfKind};
use wasmparser::{Encoding, Parser, Payload};

/// The section that names a module's functions.
pub(crate) const SECTION: &str = "levada-udf";
/// The largest product of a function's locals and the bytes of its body. Honest modules are below a fifth of it; above, a
/// compiler takes minutes and gigabytes.
const WORST_FUNCTION: u64 = 50_000_000;
/// The largest module.
const MAX_MODULE_BYTES: usize = 64 << 20;
/// The most functions of a module.
const MOST_FUNCTIONS: usize = 4096;

/// A function that a module declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) id: String,
    pub(crate) kind: UdfKind,
}

fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Module, message)
}

/// The functions of a component.
///
/// # Errors
/// The bytes are no component, have no functions, or would cost too much to compile.
pub(crate) fn declared(bytes: &[u8]) -> Result<Vec<Declared>, Fault> {
    if bytes.len() > MAX_MODULE_BYTES {
        return Err(wrong(format!("the module has {} bytes, more than {MAX_MODULE_BYTES}", bytes.len())));
    }
    let mut found = Vec::new();
    let mut is_component = false;
    for (at, payload) in Parser::new(0).parse_all(bytes).enumerate() {
        match payload.map_err(|error| wrong(format!("it is no WASM component: {error}")))? {
            Payload::Version { encoding, .. } if at == 0 => is_component = encoding == Encoding::Component,
            Payload::CodeSectionEntry(body) => {
                let locals = body.get_locals_reader().and_then(|locals| {
                    locals
                        .into_iter()
                        .try_fold(0_u64, |sum, group| group.map(|(count, _)| sum + u64::from(count)))
                });
                let locals =
                    locals.map_err(|error| wrong(format!("a function of it is damaged: {error}")))?;
                let bytes = (body.range().end - body.range().start) as u64;
                if locals.saturating_mul(bytes) > WORST_FUNCTION {
                    return Err(wrong(format!(
                        "a function of it has {locals} locals and {bytes} bytes: compiling it would take too much time and memory"
                    )));
                }
            }
            Payload::CustomSection(section) if section.name() == SECTION => {
                records(section.data(), &mut found)?;
            }
            _ => {}
        }
    }
    if !is_component {
        return Err(wrong(
            "it is a core WASM module and no component: build it for the target wasm32-wasip2",
        ));
    }
    if found.is_empty() {
        return Err(wrong(format!("it declares no functions (section `{SECTION}`)")));
    }
    for (at, one) in found.iter().enumerate() {
        if found[..at].iter().any(|other| other.id == one.id) {
            return Err(wrong(format!("it declares `{}` twice", one.id)));
        }
    }
    Ok(found)
}

/// Records: version, kind, length of the id, id.
fn records(mut data: &[u8], found: &mut Vec<Declared>) -> Result<(), Fault> {
    let damaged = || wrong(format!("its section `{SECTION}` is damaged"));
    while !data.is_empty() {
        let (head, rest) = data.split_first_chunk::<4>().ok_or_else(damaged)?;
        let [version, kind, low, high] = *head;
        if version != 1 {
            return Err(wrong(format!("it declares functions in version {version}; version 1 is known")));
        }
        let kind = match kind {
            0 => UdfKind::Udtf,
            1 => UdfKind::Udaf,
            other => return Err(wrong(format!("it declares a function of kind {other}; 0 and 1 are known"))),
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        let (id, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let id = std::str::from_utf8(id).ok().filter(|id| !id.is_empty()).ok_or_else(damaged)?;
        if found.len() == MOST_FUNCTIONS {
            return Err(wrong(format!("it declares more than {MOST_FUNCTIONS} functions")));
        }
        found.push(Declared { id: id.to_owned(), kind });
        data = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: u8, kind: u8, id: &[u8]) -> Vec<u8> {
        let mut record = vec![version, kind];
        record.extend_from_slice(&u16::try_from(id.len()).expect("it is short").to_le_bytes());
        record.extend_from_slice(id);
        record
    }

    fn read(data: &[u8]) -> Result<Vec<Declared>, String> {
        let mut found = Vec::new();
        records(data, &mut found).map(|()| found).map_err(|fault| fault.message)
    }

    #[test]
    fn records_stand_one_behind_the_other() {
        let data = [record(1, 0, b"a.B"), record(1, 1, b"c")].concat();
        let ids: Vec<_> = read(&data).expect("two").into_iter().map(|each| (each.id, each.kind)).collect();
        assert_eq!(ids, [("a.B".to_owned(), UdfKind::Udtf), ("c".to_owned(), UdfKind::Udaf)]);
    }

    #[test]
    fn damaged_records_are_rejected() {
        let whole = record(1, 0, b"a.B");
        for cut in 1..whole.len() {
            assert_eq!(read(&whole[..cut]).expect_err("it is cut"), "its section `levada-udf` is damaged");
        }
        assert!(read(&record(2, 0, b"a")).expect_err("a later version").contains("version 2"));
        assert!(read(&record(1, 7, b"a")).expect_err("another kind").contains("kind 7"));
        assert!(read(&record(1, 0, b"\xff")).is_err() && read(&record(1, 0, b"")).is_err());
    }

    #[test]
    fn what_is_no_component_of_functions_is_rejected() {
        for (bytes, what) in [
            (&b""[..], "it is no WASM component"),
            (b"hello", "it is no WASM component"),
            (b"\0asm\x01\0\0\0", "it is a core WASM module"),
            (b"\0asm\x0d\0\x01\0", "it declares no functions"),
        ] {
            let fault = declared(bytes).expect_err(what);
            assert!(fault.message.starts_with(what), "{}", fault.message);
        }
    }
}
