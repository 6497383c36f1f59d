//! Metrics that are looked at when somebody asks: of each thing of a kind, by its name.

use std::{collections::HashMap, fmt};

use prometheus::{
    Registry,
    core::{Collector, Desc},
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

/// One number of each thing.
pub(crate) struct Family<T> {
    /// The name of the metric.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) help: &'static str,
    /// Whether it only grows.
    pub(crate) grows: bool,
    /// Where it is.
    pub(crate) value: fn(&T) -> f64,
}

/// The things of a kind.
struct Families<T: 'static> {
    label: &'static str,
    families: &'static [Family<T>],
    /// All there are now.
    list: Box<dyn Fn() -> Vec<T> + Send + Sync>,
    name: fn(&T) -> &str,
    descriptions: Vec<Desc>,
}

/// Registers the metrics of things: `list` says which there are, and each has its name as `label`.
///
/// # Errors
/// They are registered already.
pub(crate) fn register<T: fmt::Debug + 'static>(
    registry: &Registry,
    label: &'static str,
    families: &'static [Family<T>],
    name: fn(&T) -> &str,
    list: impl Fn() -> Vec<T> + Send + Sync + 'static,
) -> prometheus::Result<()> {
    let describe = |family: &Family<T>| {
        let (name, help) = (family.name.to_owned(), family.help.to_owned());
        Desc::new(name, help, vec![label.to_owned()], HashMap::new())
    };
    let descriptions = families.iter().map(describe).collect::<prometheus::Result<_>>()?;
    registry.register(Box::new(Families { label, families, list: Box::new(list), name, descriptions }))
}

impl<T> Collector for Families<T> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let things = (self.list)();
        if things.is_empty() {
            return Vec::new();
        }
        let family = |Family { name, help, grows, value }: &Family<T>| {
            let metric = |thing: &T| {
                let mut label = LabelPair::default();
                label.set_name(self.label.to_owned());
                label.set_value((self.name)(thing).to_owned());
                let mut metric = Metric::from_label(vec![label]);
                if *grows {
                    let mut counter = Counter::default();
                    counter.set_value(value(thing));
                    metric.set_counter(counter);
                } else {
                    let mut gauge = Gauge::default();
                    gauge.set_value(value(thing));
                    metric.set_gauge(gauge);
                }
                metric
            };
            let mut family = MetricFamily::default();
            family.set_name((*name).to_owned());
            family.set_help((*help).to_owned());
            family.set_field_type(if *grows { MetricType::COUNTER } else { MetricType::GAUGE });
            family.set_metric(things.iter().map(metric).collect());
            family
        };
        self.families.iter().map(family).collect()
    }
}
