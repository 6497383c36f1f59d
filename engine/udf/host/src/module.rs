//! One module and its functions.

use std::{fmt, sync::Arc};

use levada_udf::{Fault, FaultKind, UdafInstance, UdfFactory, UdfKind, UdtfInstance};
use parking_lot::Mutex;
use wasmtime::component::InstancePre;

use crate::{
    aggregate::{self, WasmUdaf},
    cache::Key,
    call::Guest,
    compile,
    outside::Outside,
    pages,
    series::{self, WasmUdtf},
    shared::Shared,
    wasi,
};

/// A module as its file was when it was read.
pub(crate) struct Module {
    /// Its file, as messages name it.
    name: Arc<str>,
    bytes: Vec<u8>,
    key: Key,
    shared: Arc<Shared>,
    /// From the first instance on. What failed is tried again, as the machine may have been at fault.
    code: Mutex<Option<Arc<Code>>>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A module that is compiled and has all that it imports.
struct Code {
    pre: InstancePre<Outside>,
    udtf: Option<series::Exports>,
    udaf: Option<aggregate::Exports>,
    /// Whether it reads large windows by pages.
    reads_pages: bool,
}

impl Module {
    pub(crate) fn new(name: &str, bytes: Vec<u8>, key: Key, shared: Arc<Shared>) -> Self {
        Self { name: name.into(), bytes, key, shared, code: Mutex::new(None) }
    }

    /// Compiles, the first time. Who comes meanwhile waits for it.
    fn code(&self) -> Result<Arc<Code>, Fault> {
        let mut code = self.code.lock();
        if let Some(code) = &*code {
            return Ok(Arc::clone(code));
        }
        let component = compile::component(&self.shared, &self.bytes, &self.key)?;
        let linked =
            wasi::link(&self.shared.engine, &component).and_then(|linker| linker.instantiate_pre(&component));
        let pre = linked.map_err(|error| {
            Fault::new(FaultKind::Module, format!("its imports do not fit: {}", error.root_cause()))
        })?;
        let (udtf, udaf) = (series::Exports::of(&component), aggregate::Exports::of(&component));
        let reads_pages = pages::are_read_by(&self.shared.engine, &component);
        let made = Arc::new(Code { pre, udtf, udaf, reads_pages });
        *code = Some(Arc::clone(&made));
        Ok(made)
    }

    fn missing(kind: UdfKind) -> Fault {
        let name = match kind {
            UdfKind::Udtf => "levada:udf/udtf@0.1.0",
            UdfKind::Udaf => "levada:udf/udaf@0.1.0",
        };
        Fault::new(FaultKind::Module, format!("it does not export `{name}` as the contract has it"))
    }
}

/// A function of a module.
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) kind: UdfKind,
    pub(crate) module: Arc<Module>,
    pub(crate) file: String,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("id", &self.id).field("file", &self.file).finish_non_exhaustive()
    }
}

impl UdfFactory for Function {
    fn id(&self) -> &str {
        &self.id
    }

    fn kind(&self) -> UdfKind {
        self.kind
    }

    fn origin(&self) -> String {
        self.file.clone()
    }

    fn make_udtf(&self) -> Result<Box<dyn UdtfInstance>, Fault> {
        if self.kind != UdfKind::Udtf {
            return Err(Fault::new(FaultKind::Module, "it is an aggregate"));
        }
        let code = self.module.code()?;
        let exports = code.udtf.as_ref().ok_or_else(|| Module::missing(UdfKind::Udtf))?;
        let (guest, instance) = Guest::new(&self.module.shared, &self.module.name, &code.pre)?;
        Ok(Box::new(WasmUdtf::new(&self.id, guest, instance, exports, code.reads_pages)?))
    }

    fn make_udaf(&self) -> Result<Box<dyn UdafInstance>, Fault> {
        if self.kind != UdfKind::Udaf {
            return Err(Fault::new(FaultKind::Module, "it is no aggregate"));
        }
        let code = self.module.code()?;
        let exports = code.udaf.as_ref().ok_or_else(|| Module::missing(UdfKind::Udaf))?;
        let (guest, instance) = Guest::new(&self.module.shared, &self.module.name, &code.pre)?;
        Ok(Box::new(WasmUdaf::new(&self.id, guest, instance, exports)?))
    }
}
