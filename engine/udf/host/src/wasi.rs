//! What a component gets of what it imports: its messages go to the log, its environment is empty, its random numbers are the same in
//! each run. It may import the rest of WASI, as languages' runtimes do, and calling it ends the call by name.

use wasmtime::{
    Engine, Error, Result, StoreContextMut,
    component::{
        Component, Linker, LinkerInstance, Resource, ResourceType, Val,
        types::{ComponentFunc, ComponentItem},
    },
};

use crate::{options::Level, outside::Outside, pages, wit};

/// All resources of WASI: nothing is behind them.
struct Stub;

/// The most bytes of random numbers in one call.
const MOST_RANDOM: u64 = 1 << 20;

/// Defines all that a component imports.
///
/// Names are taken as the component has them, since interfaces of another patch version are other interfaces.
pub(crate) fn link(engine: &Engine, component: &Component) -> Result<Linker<Outside>> {
    let mut linker = Linker::new(engine);
    for (name, import) in component.component_type().imports(engine) {
        if name.starts_with("levada:udf/host@") {
            let mut host = linker.instance(name)?;
            host.func_wrap(
                "log",
                |mut store: StoreContextMut<'_, Outside>, (level, text): (wit::Level, String)| {
                    let level = match level {
                        wit::Level::Debug => Level::Debug,
                        wit::Level::Info => Level::Info,
                        wit::Level::Warning => Level::Warning,
                        wit::Level::Error => Level::Error,
                    };
                    store.data_mut().say(level, &text);
                    Ok(())
                },
            )?;
            continue;
        }
        if name.starts_with(pages::INTERFACE) {
            pages::define(&mut linker.instance(name)?)?;
            continue;
        }
        match import.ty {
            ComponentItem::ComponentInstance(instance) if name.starts_with("wasi:") => {
                let mut to = linker.instance(name)?;
                for (item, export) in instance.exports(engine) {
                    define(&mut to, name, item, &export.ty)?;
                }
            }
            // Types alone give it nothing.
            ComponentItem::ComponentInstance(instance)
                if instance
                    .exports(engine)
                    .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))) => {}
            _ => return Err(Error::msg(format!("it imports `{name}`, which is not granted"))),
        }
    }
    Ok(linker)
}

fn define(
    to: &mut LinkerInstance<'_, Outside>,
    interface: &str,
    item: &str,
    kind: &ComponentItem,
) -> Result<()> {
    match kind {
        ComponentItem::Resource(_) => to.resource(item, ResourceType::host::<Stub>(), |_, _| Ok(())),
        ComponentItem::ComponentFunc(_) => {
            // `wasi:cli/exit@0.2.6` without the version.
            let interface = interface.split('@').next().unwrap_or(interface).to_owned();
            let function = item.to_owned();
            to.func_new(item, move |store, _: ComponentFunc, given, results| {
                let answer = answer(store, &interface, &function, given)?;
                if let (Some(result), Some(answer)) = (results.first_mut(), answer) {
                    *result = answer;
                }
                Ok(())
            })
        }
        _ => Ok(()),
    }
}

/// What a function of WASI gives; nothing where it has no result.
fn answer(
    mut store: StoreContextMut<'_, Outside>,
    interface: &str,
    function: &str,
    given: &[Val],
) -> Result<Option<Val>> {
    let fine = |value: Option<Val>| Ok(Some(Val::Result(Ok(value.map(Box::new)))));
    match (interface, function) {
        ("wasi:cli/environment", "initial-cwd") | ("wasi:cli/terminal-stdin", _) => {
            Ok(Some(Val::Option(None)))
        }
        ("wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr", _) => Ok(Some(Val::Option(None))),
        ("wasi:cli/environment", _) | ("wasi:filesystem/preopens", _) => Ok(Some(Val::List(Vec::new()))),
        ("wasi:cli/exit", _) => Err(Error::msg("it ended itself")),
        ("wasi:cli/stdin", _) => stub(&mut store, 0),
        ("wasi:cli/stdout", _) => stub(&mut store, 1),
        ("wasi:cli/stderr", _) => stub(&mut store, 2),
        ("wasi:io/streams", "[method]output-stream.check-write") => fine(Some(Val::U64(64 << 10))),
        (
            "wasi:io/streams",
            "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush",
        ) => {
            write(&mut store, given)?;
            fine(None)
        }
        ("wasi:io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            fine(None)
        }
        ("wasi:io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            Ok(Some(Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None)))))))
        }
        ("wasi:random/random" | "wasi:random/insecure", "get-random-u64" | "get-insecure-random-u64") => {
            Ok(Some(Val::U64(store.data_mut().next_random())))
        }
        ("wasi:random/random" | "wasi:random/insecure", _) => {
            let Some(Val::U64(wanted @ 0..=MOST_RANDOM)) = given.first() else {
                return Err(Error::msg("it asked for more random bytes than it may have"));
            };
            let bytes = (0..*wanted).map(|_| Val::U8(store.data_mut().next_random() as u8));
            Ok(Some(Val::List(bytes.collect())))
        }
        ("wasi:random/insecure-seed", _) => {
            let mut next = || Val::U64(store.data_mut().next_random());
            Ok(Some(Val::Tuple(vec![next(), next()])))
        }
        ("wasi:io/error", _) => Ok(Some(Val::String("a stream's error".to_owned()))),
        _ => Err(Error::msg(format!("it called `{function}` of `{interface}`, which is not granted"))),
    }
}

fn stub(store: &mut StoreContextMut<'_, Outside>, number: u32) -> Result<Option<Val>> {
    let resource = Resource::<Stub>::new_own(number).try_into_resource_any(&mut *store)?;
    Ok(Some(Val::Resource(resource)))
}

/// Text for standard output or error: to the log.
fn write(store: &mut StoreContextMut<'_, Outside>, given: &[Val]) -> Result<()> {
    let [Val::Resource(stream), Val::List(bytes)] = given else { return Ok(()) };
    let bytes: Vec<u8> =
        bytes.iter().filter_map(|byte| if let Val::U8(byte) = byte { Some(*byte) } else { None }).collect();
    let stream = stream.try_into_resource::<Stub>(&mut *store)?;
    let level = if stream.rep() == 2 { Level::Error } else { Level::Info };
    store.data_mut().say(level, &String::from_utf8_lossy(&bytes));
    Ok(())
}
