//! Instances of UDAFs.

use arrow_array::ArrayRef;
use levada_udf::{Batch, DataType, Fault, GroupRows, UdafInstance, UdfParameters, values_array};
use wasmtime::{
    Result, Store,
    component::{Component, ComponentExportIndex, Func, Instance, ResourceAny, TypedFunc},
};

use crate::{
    call::Guest,
    outside::Outside,
    series::borrowing,
    values::{buffer, failure, from_wit, with_batch, with_parameters},
    wit::{self, BatchIn, ColumnOut},
};

/// Where a component has the methods of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    make: ComponentExportIndex,
    validate: ComponentExportIndex,
    before_start: ComponentExportIndex,
    add: ComponentExportIndex,
    combine: ComponentExportIndex,
    save: ComponentExportIndex,
    output: ComponentExportIndex,
    before_destroy: ComponentExportIndex,
}

/// The method's answer, or the author's failure.
type Answer<T> = (Result<T, wit::Failure>,);

impl Exports {
    /// Those of a component; `None` where it has none.
    pub(crate) fn of(component: &Component) -> Option<Self> {
        let udaf = component.get_export_index(None, "levada:udf/udaf@0.1.0")?;
        let method = |name: &str| component.get_export_index(Some(&udaf), name);
        Some(Self {
            make: method("[static]states.make")?,
            validate: method("[method]states.validate")?,
            before_start: method("[method]states.before-start")?,
            add: method("[method]states.add")?,
            combine: method("[method]states.combine")?,
            save: method("[method]states.save")?,
            output: method("[method]states.output")?,
            before_destroy: method("[method]states.before-destroy")?,
        })
    }
}

/// An instance's methods. Each was looked up with the type that it is called with.
struct Methods {
    make: Func,
    validate: TypedFunc<(ResourceAny,), Answer<()>>,
    before_start: TypedFunc<(ResourceAny,), Answer<wit::DataType>>,
    add: Func,
    combine: Func,
    save: TypedFunc<(ResourceAny, u32), (Option<Vec<u8>>,)>,
    output: TypedFunc<(ResourceAny, u32), Answer<ColumnOut>>,
    before_destroy: TypedFunc<(ResourceAny,), ()>,
}

type Make<'a> = (&'a str, wit::Parameters<'a>);
type Add<'a> = (ResourceAny, BatchIn<'a>, &'a [wit::GroupRows]);
type Combine<'a> = (ResourceAny, u32, &'a [u8]);

impl Methods {
    fn new(store: &mut Store<Outside>, instance: &Instance, exports: &Exports) -> Result<Self> {
        Ok(Self {
            make: *instance
                .get_typed_func::<Make<'_>, Answer<ResourceAny>>(&mut *store, exports.make)?
                .func(),
            validate: instance.get_typed_func(&mut *store, exports.validate)?,
            before_start: instance.get_typed_func(&mut *store, exports.before_start)?,
            add: *instance.get_typed_func::<Add<'_>, Answer<()>>(&mut *store, exports.add)?.func(),
            combine: *instance
                .get_typed_func::<Combine<'_>, Answer<()>>(&mut *store, exports.combine)?
                .func(),
            save: instance.get_typed_func(&mut *store, exports.save)?,
            output: instance.get_typed_func(&mut *store, exports.output)?,
            before_destroy: instance.get_typed_func(&mut *store, exports.before_destroy)?,
        })
    }
}

/// An instance of a UDAF.
pub(crate) struct WasmUdaf {
    id: String,
    guest: Guest,
    methods: Methods,
    /// From `validate` on.
    resource: Option<ResourceAny>,
    /// From the start on.
    output: DataType,
}

impl WasmUdaf {
    pub(crate) fn new(
        id: &str,
        mut guest: Guest,
        instance: Instance,
        exports: &Exports,
    ) -> Result<Self, Fault> {
        let methods = guest.call(|store| Methods::new(store, &instance, exports))?;
        Ok(Self { id: id.to_owned(), guest, methods, resource: None, output: DataType::Double })
    }

    fn resource(&self) -> ResourceAny {
        self.resource.expect("`validate` comes first")
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("groups and rows of a call are fewer than 2^32")
}

impl UdafInstance for WasmUdaf {
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

    fn before_start(&mut self, _: &UdfParameters) -> Result<DataType, Fault> {
        let resource = self.resource();
        let (started,) = self.guest.call(|store| self.methods.before_start.call(store, (resource,)))?;
        self.output = from_wit(started.map_err(failure)?);
        Ok(self.output)
    }

    fn add(&mut self, batch: &Batch, rows: &[GroupRows]) -> Result<(), Fault> {
        let ranges: Vec<wit::GroupRows> = rows
            .iter()
            .map(|rows| wit::GroupRows {
                group: number(rows.group),
                first: number(rows.first),
                last: number(rows.last),
            })
            .collect();
        let (resource, add) = (self.resource(), self.methods.add);
        let (added,) = with_batch(batch, |batch| {
            self.guest.call(|store| {
                // SAFETY: `Methods::new` looked it up with these types.
                let add = unsafe { borrowing::<Add<'_>, Answer<()>>(add) };
                add.call(store, (resource, batch, &ranges))
            })
        })?;
        added.map_err(failure)
    }

    fn combine(&mut self, group: usize, saved: &[u8]) -> Result<(), Fault> {
        let (resource, combine) = (self.resource(), self.methods.combine);
        let (combined,) = self.guest.call(|store| {
            // SAFETY: `Methods::new` looked it up with these types.
            let combine = unsafe { borrowing::<Combine<'_>, Answer<()>>(combine) };
            combine.call(store, (resource, number(group), saved))
        })?;
        combined.map_err(failure)
    }

    fn save(&mut self, group: usize) -> Result<Option<Vec<u8>>, Fault> {
        let resource = self.resource();
        let (saved,) = self.guest.call(|store| self.methods.save.call(store, (resource, number(group))))?;
        Ok(saved)
    }

    fn output(&mut self, groups: usize) -> Result<ArrayRef, Fault> {
        let resource = self.resource();
        let (column,) =
            self.guest.call(|store| self.methods.output.call(store, (resource, number(groups))))?;
        let column = column.map_err(failure)?;
        values_array(buffer(column.values, groups), column.validity, self.output)
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
}
