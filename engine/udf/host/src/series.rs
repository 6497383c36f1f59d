//! Instances of UDTFs.

use levada_udf::{
    Batch, Configuration, DataType, Fault, FaultKind, KeptWindow, Points, UdfParameters, UdtfInstance, Window,
};
use wasmtime::{
    Result, Store,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, Func, Instance, Lift, Lower, ResourceAny,
        TypedFunc,
    },
};

use crate::{
    call::Guest,
    outside::Outside,
    values::{buffer, configuration, failure, with_batch, with_parameters},
    wit::{self, BatchIn, PointsOut},
};

/// Where a component has the methods of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    make: ComponentExportIndex,
    validate: ComponentExportIndex,
    before_start: ComponentExportIndex,
    rows: ComponentExportIndex,
    windows: ComponentExportIndex,
    terminate: ComponentExportIndex,
    save: ComponentExportIndex,
    restore: ComponentExportIndex,
    before_destroy: ComponentExportIndex,
}

/// The method's answer, or the author's failure.
type Answer<T> = (Result<T, wit::Failure>,);

impl Exports {
    /// Those of a component; `None` where it has none.
    pub(crate) fn of(component: &Component) -> Option<Self> {
        let udtf = component.get_export_index(None, "levada:udf/udtf@0.1.0")?;
        let method = |name: &str| component.get_export_index(Some(&udtf), name);
        Some(Self {
            make: method("[static]instance.make")?,
            validate: method("[method]instance.validate")?,
            before_start: method("[method]instance.before-start")?,
            rows: method("[method]instance.rows")?,
            windows: method("[method]instance.windows")?,
            terminate: method("[method]instance.terminate")?,
            save: method("[method]instance.save")?,
            restore: method("[method]instance.restore")?,
            before_destroy: method("[method]instance.before-destroy")?,
        })
    }
}

/// An instance's methods. Each was looked up with the type that it is called with.
struct Methods {
    make: Func,
    validate: TypedFunc<(ResourceAny,), Answer<()>>,
    before_start: TypedFunc<(ResourceAny,), Answer<wit::Configuration>>,
    rows: Func,
    windows: Func,
    terminate: TypedFunc<(ResourceAny,), Answer<PointsOut>>,
    save: TypedFunc<(ResourceAny,), (Option<Vec<u8>>,)>,
    restore: Func,
    before_destroy: TypedFunc<(ResourceAny,), ()>,
}

type Make<'a> = (&'a str, wit::Parameters<'a>);
type Rows<'a> = (ResourceAny, BatchIn<'a>);
type Windows<'a> = (ResourceAny, BatchIn<'a>, &'a [wit::Window]);
type Restore<'a> = (ResourceAny, &'a [u8]);

impl Methods {
    fn new(store: &mut Store<Outside>, instance: &Instance, exports: &Exports) -> Result<Self> {
        Ok(Self {
            make: *instance
                .get_typed_func::<Make<'_>, Answer<ResourceAny>>(&mut *store, exports.make)?
                .func(),
            validate: instance.get_typed_func(&mut *store, exports.validate)?,
            before_start: instance.get_typed_func(&mut *store, exports.before_start)?,
            rows: *instance.get_typed_func::<Rows<'_>, Answer<PointsOut>>(&mut *store, exports.rows)?.func(),
            windows: *instance
                .get_typed_func::<Windows<'_>, Answer<PointsOut>>(&mut *store, exports.windows)?
                .func(),
            terminate: instance.get_typed_func(&mut *store, exports.terminate)?,
            save: instance.get_typed_func(&mut *store, exports.save)?,
            restore: *instance
                .get_typed_func::<Restore<'_>, Answer<()>>(&mut *store, exports.restore)?
                .func(),
            before_destroy: instance.get_typed_func(&mut *store, exports.before_destroy)?,
        })
    }
}

/// A method whose parameters borrow.
///
/// # Safety
/// The function was looked up with these types, with any lifetimes: the border does not know of lifetimes.
pub(crate) unsafe fn borrowing<P, R>(method: Func) -> TypedFunc<P, R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    // SAFETY: the caller's.
    unsafe { TypedFunc::new_unchecked(method) }
}

/// An instance of a UDTF.
pub(crate) struct WasmUdtf {
    id: String,
    guest: Guest,
    methods: Methods,
    /// From `validate` on.
    resource: Option<ResourceAny>,
    /// From the start on.
    output: DataType,
    reads_pages: bool,
}

impl WasmUdtf {
    pub(crate) fn new(
        id: &str,
        mut guest: Guest,
        instance: Instance,
        exports: &Exports,
        reads_pages: bool,
    ) -> Result<Self, Fault> {
        let methods = guest.call(|store| Methods::new(store, &instance, exports))?;
        Ok(Self { id: id.to_owned(), guest, methods, resource: None, output: DataType::Double, reads_pages })
    }

    fn resource(&self) -> ResourceAny {
        self.resource.expect("`validate` comes first")
    }

    fn points(&self, points: PointsOut) -> Result<Points, Fault> {
        let values = buffer(points.values, points.times.len());
        Points::new(points.times, values, self.output)
    }
}

impl UdtfInstance for WasmUdtf {
    fn validate(&mut self, parameters: &UdfParameters) -> Result<(), Fault> {
        let (make, id) = (self.methods.make, &self.id);
        let (made,) = with_parameters(parameters, |parameters| {
            self.guest.call(|store| {
                // SAFETY: `Methods::new` looked it up with these types.
                let make = unsafe { borrowing::<Make<'_>, Answer<ResourceAny>>(make) };
                make.call(store, (id, parameters))
            })
        })?;
        let resource = made.map_err(failure)?;
        self.resource = Some(resource);
        let (valid,) = self.guest.call(|store| self.methods.validate.call(store, (resource,)))?;
        valid.map_err(failure)
    }

    fn before_start(&mut self, _: &UdfParameters) -> Result<Configuration, Fault> {
        let resource = self.resource();
        let (started,) = self.guest.call(|store| self.methods.before_start.call(store, (resource,)))?;
        let configuration = configuration(started.map_err(failure)?);
        self.output = configuration.output;
        Ok(configuration)
    }

    fn rows(&mut self, batch: &Batch) -> Result<Points, Fault> {
        let (resource, rows) = (self.resource(), self.methods.rows);
        let (points,) = with_batch(batch, |batch| {
            self.guest.call(|store| {
                // SAFETY: `Methods::new` looked it up with these types.
                let rows = unsafe { borrowing::<Rows<'_>, Answer<PointsOut>>(rows) };
                rows.call(store, (resource, batch))
            })
        })?;
        self.points(points.map_err(failure)?)
    }

    fn windows(&mut self, batch: &Batch, windows: &[Window]) -> Result<Points, Fault> {
        let row = |row: usize| u32::try_from(row).expect("a batch has fewer rows than Arrow's offsets");
        let ranges: Vec<wit::Window> = windows
            .iter()
            .map(|window| wit::Window {
                first: row(window.first),
                last: row(window.last),
                begin: window.begin,
                end: window.end,
            })
            .collect();
        let (resource, windows) = (self.resource(), self.methods.windows);
        let (points,) = with_batch(batch, |batch| {
            self.guest.call(|store| {
                // SAFETY: `Methods::new` looked it up with these types.
                let windows = unsafe { borrowing::<Windows<'_>, Answer<PointsOut>>(windows) };
                windows.call(store, (resource, batch, &ranges))
            })
        })?;
        self.points(points.map_err(failure)?)
    }

    fn reads_pages(&self) -> bool {
        self.reads_pages
    }

    fn kept_window(&mut self, window: &KeptWindow) -> Result<Points, Fault> {
        if u32::try_from(window.len()).is_err() {
            let message = format!("a window has {} rows, more than a module can count", window.len());
            return Err(Fault::new(FaultKind::SizeLimit, message));
        }
        let range = [wit::Window { first: 0, last: 0, begin: window.begin(), end: window.end() }];
        let (resource, windows) = (self.resource(), self.methods.windows);
        let (points,) = self.guest.call_with_window(window, |store| {
            // SAFETY: `Methods::new` looked it up with these types.
            let windows = unsafe { borrowing::<Windows<'_>, Answer<PointsOut>>(windows) };
            windows.call(store, (resource, BatchIn { times: &[], columns: &[] }, &range))
        })?;
        self.points(points.map_err(failure)?)
    }

    fn terminate(&mut self) -> Result<Points, Fault> {
        let resource = self.resource();
        let (points,) = self.guest.call(|store| self.methods.terminate.call(store, (resource,)))?;
        self.points(points.map_err(failure)?)
    }

    fn before_destroy(&mut self) -> Result<(), Fault> {
        // After a trap nothing of it can be called; its memory goes with the store.
        if self.guest.has_crashed() {
            return Ok(());
        }
        let resource = self.resource();
        self.guest.call(|store| {
            self.methods.before_destroy.call(&mut *store, (resource,))?;
            resource.resource_drop(store)
        })
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let resource = self.resource();
        let (saved,) = self.guest.call(|store| self.methods.save.call(store, (resource,)))?;
        Ok(saved)
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), Fault> {
        let (resource, restore) = (self.resource(), self.methods.restore);
        let (restored,) = self.guest.call(|store| {
            // SAFETY: `Methods::new` looked it up with these types.
            let restore = unsafe { borrowing::<Restore<'_>, Answer<()>>(restore) };
            restore.call(store, (resource, saved))
        })?;
        restored.map_err(failure)
    }
}
