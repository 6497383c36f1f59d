//! What a function does with its rows, behind the checks that its declaration makes.

use levada_udf::{
    Access, Columns, Configuration, DataType, Failure, PointCollector, RowWindow, UdfParameters, Udtf,
    Validator,
};

use crate::declaration::Declaration;

/// A call of a function that has read its attributes.
pub(crate) trait Work: Send {
    /// The type of its points.
    fn output(&self) -> DataType {
        DataType::Double
    }

    /// How it wants its rows.
    fn access(&self) -> Access {
        Access::RowByRow
    }

    /// Works on some rows. How they are split into calls has no meaning.
    fn rows(&mut self, _rows: Columns<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Works on a window, where it asked for windows.
    fn window(&mut self, _window: RowWindow<'_>, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Gives the points that need all rows.
    fn finish(&mut self, _points: &mut PointCollector) -> Result<(), Failure> {
        Ok(())
    }

    /// Bytes of what it holds.
    fn memory(&self) -> usize {
        0
    }
}

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
