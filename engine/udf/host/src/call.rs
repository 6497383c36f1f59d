//! Calls into an instance, within its limits, and what is said of one that broke them.

use std::sync::Arc;

use levada_udf::{Fault, FaultKind, KeptWindow};
use wasmtime::{
    Error, Result, Store, Trap,
    component::{Instance, InstancePre},
};

use crate::{
    outside::{Kept, Outside},
    shared::Shared,
};

/// An instance's store: its memory and what it may use.
pub(crate) struct Guest {
    store: Store<Outside>,
    shared: Arc<Shared>,
    /// After a trap it cannot be called again.
    crashed: bool,
}

impl Guest {
    /// Instantiates, and with it runs what the module runs at its start.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        module: &Arc<str>,
        code: &InstancePre<Outside>,
    ) -> Result<(Self, Instance), Fault> {
        let options = &shared.options;
        let outside = Outside::new(Arc::clone(module), options, shared.ticker.tick());
        let mut store = Store::new(&shared.engine, outside);
        store.limiter(|outside| outside);
        store.set_hostcall_fuel(options.handed_over);
        let mut guest = Self { store, shared: Arc::clone(shared), crashed: false };
        let instance = guest.call(|store| code.instantiate(store))?;
        Ok((guest, instance))
    }

    /// Whether it trapped: then nothing of it may be called.
    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed
    }

    /// Calls into the instance.
    pub(crate) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Outside>) -> Result<T>,
    ) -> Result<T, Fault> {
        if self.crashed {
            return Err(Fault::new(FaultKind::Crashed, "it crashed before"));
        }
        let ticks = self.store.data().ticks;
        self.store.set_epoch_deadline(ticks);
        self.store.data_mut().begin_call();
        call(&mut self.store).map_err(|error| {
            self.crashed = true;
            self.fault(&error)
        })
    }

    /// Calls with a window that is read by pages.
    pub(crate) fn call_with_window<T>(
        &mut self,
        window: &KeptWindow,
        call: impl FnOnce(&mut Store<Outside>) -> Result<T>,
    ) -> Result<T, Fault> {
        self.store.data_mut().kept = Some(Kept { window: window.clone(), unread: 0, fault: None });
        let called = self.call(call);
        self.store.data_mut().kept = None;
        called
    }

    fn fault(&self, error: &Error) -> Fault {
        let options = &self.shared.options;
        let outside = self.store.data();
        if let Some(fault) = outside.kept.as_ref().and_then(|kept| kept.fault.as_ref()) {
            return fault.clone();
        }
        let trap = error.downcast_ref::<Trap>().copied();
        if trap == Some(Trap::Interrupt) {
            let message = format!("it ran longer than the {:?} that a call may take", options.time);
            return Fault::new(FaultKind::TimeLimit, message);
        }
        if outside.denied {
            let message =
                format!("it needs more than the {} bytes of memory that it may have", options.memory);
            return Fault::new(FaultKind::MemoryLimit, message);
        }
        let root = error.root_cause().to_string();
        if root.contains("fuel allocated for hostcalls") {
            let message =
                format!("one call handed over more than the {} bytes that it may", options.handed_over);
            return Fault::new(FaultKind::SizeLimit, message);
        }
        let said = outside.said();
        let message = match trap {
            Some(Trap::StackOverflow) => "its calls are nested too deep: endless recursion?".to_owned(),
            Some(Trap::UnreachableCodeReached) if said.is_empty() => "it panicked".to_owned(),
            Some(Trap::UnreachableCodeReached) => format!("it panicked: {said}"),
            Some(Trap::MemoryOutOfBounds) => {
                "it read or wrote outside of its memory, as deep recursion with arrays does too".to_owned()
            }
            _ if said.is_empty() => format!("it crashed: {root}"),
            _ => format!("it crashed: {root}: {said}"),
        };
        Fault::new(FaultKind::Crashed, message)
    }
}
