//! A call of a function, as whoever runs it sees it: the checks of its declaration, then its work.

use levada_udf::{
    Columns, Configuration, Failure, PointCollector, RowWindow, UdfParameters, Udtf, Validator,
};

use crate::{declaration::Declaration, work::Work};

/// A call of a function of the library.
pub(crate) struct Call {
    declaration: &'static Declaration,
    work: Option<Box<dyn Work>>,
}

impl Call {
    pub(crate) fn new(declaration: &'static Declaration) -> Self {
        Self { declaration, work: None }
    }

    fn work(&mut self) -> &mut dyn Work {
        self.work.as_deref_mut().expect("rows come behind `before_start`")
    }
}

impl Udtf for Call {
    fn validate(&self, validator: &Validator<'_>) -> Result<(), Failure> {
        self.declaration.inputs.check(validator)?;
        for parameter in self.declaration.parameters.iter().filter(|each| each.default.is_none()) {
            validator.required(parameter.name)?;
        }
        // Reading the attributes is their check.
        (self.declaration.start)(validator.parameters()).map(drop)
    }

    fn before_start(&mut self, parameters: &UdfParameters) -> Result<Configuration, Failure> {
        let work = self.work.insert((self.declaration.start)(parameters)?);
        Ok(Configuration::new(work.access(), work.output()))
    }

    fn columns(&mut self, columns: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        self.work().rows(columns, points)
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        self.work().window(window, points)
    }

    fn needs_whole_windows(&self) -> bool {
        self.work.as_ref().is_none_or(|work| work.needs_whole_windows())
    }

    fn terminate(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.work().finish(points)
    }

    fn before_destroy(&mut self) {
        self.work = None;
    }

    fn memory(&self) -> usize {
        self.work.as_ref().map_or(0, |work| work.memory())
    }
}
