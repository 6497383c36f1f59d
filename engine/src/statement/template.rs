//! Statements about templates.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use levada_model::{DataType, Path, Rows, SeriesSchema, SessionError, StatusCode};
use levada_sql::ast::{ChangeTemplate, SeriesDefinition, ShowTemplates};
use levada_storage::{Catalog, DeviceInfo, TemplateInfo};

use super::{Request, apply};
use crate::{
    engine::Shared,
    gate::Caller,
    rows::{column, ready},
};

pub(super) async fn change(
    shared: &Shared,
    caller: &Caller,
    change: ChangeTemplate,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    apply(shared, move |storage| {
        let applied = match change {
            ChangeTemplate::Create { name, aligned, series } => {
                storage.create_template(&name, aligned, &schemas(series))
            }
            ChangeTemplate::Extend { name, series } => storage.extend_template(&name, &schemas(series)),
            ChangeTemplate::Drop { name } => storage.drop_template(&name),
            ChangeTemplate::Set { name, path } => storage.set_template(&name, &path),
            ChangeTemplate::Unset { name, path } => storage.unset_template(&name, &path),
            ChangeTemplate::Activate { device } => storage.activate_template(&device),
            ChangeTemplate::Deactivate { name, patterns } => {
                storage.deactivate_template(owner, name.as_deref(), &patterns)
            }
        };
        Ok(applied?)
    })
    .await?;
    Ok(String::new())
}

fn schemas(series: Vec<(String, SeriesDefinition)>) -> Vec<(Arc<str>, SeriesSchema)> {
    let schema = |(name, definition): (String, SeriesDefinition)| {
        let usual = SeriesSchema::default_for(definition.data_type);
        let schema = SeriesSchema {
            data_type: definition.data_type,
            encoding: definition.encoding.unwrap_or(usual.encoding),
            compressor: definition.compressor.unwrap_or(usual.compressor),
        };
        (name.into(), schema)
    };
    series.into_iter().map(schema).collect()
}

/// Answers what is asked of templates.
pub(super) fn show(request: &Request<'_>, show: &ShowTemplates) -> Result<Rows, SessionError> {
    let catalog = request.pass.scope.of_catalog(request.shared.storage.catalog());
    match show {
        ShowTemplates::All => {
            let names = catalog.templates().into_iter().map(|template| Some(template.name.to_string()));
            texts(&["TemplateName"], vec![names.collect()])
        }
        ShowTemplates::Nodes { name } => nodes(&template(&*catalog, name)?),
        ShowTemplates::Set { name } => paths(template(&*catalog, name)?.set.iter()),
        ShowTemplates::Using { name, pattern } => {
            let mut devices = catalog.devices(pattern);
            devices.retain(|device: &DeviceInfo| device.template.as_deref() == Some(name));
            paths(devices.iter().map(|device| &device.path))
        }
    }
}

fn template(catalog: &dyn Catalog, name: &str) -> Result<TemplateInfo, SessionError> {
    let found = catalog.templates().into_iter().find(|template| *template.name == *name);
    let missing = || SessionError::new(StatusCode::METADATA_ERROR, format!("Template {name} does not exist"));
    found.ok_or_else(missing)
}

fn nodes(template: &TemplateInfo) -> Result<Rows, SessionError> {
    let of = |text: fn(&(Arc<str>, SeriesSchema)) -> String| {
        template.series.iter().map(|series| Some(text(series))).collect::<StringArray>()
    };
    texts(
        &["ChildNodes", "DataType", "Encoding", "Compression"],
        vec![
            of(|(name, _)| name.to_string()),
            of(|(_, schema)| schema.data_type.to_string()),
            of(|(_, schema)| schema.encoding.to_string()),
            of(|(_, schema)| schema.compressor.to_string()),
        ],
    )
}

fn paths<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Rows, SessionError> {
    texts(&["Paths"], vec![paths.map(|path| Some(path.as_str())).collect()])
}

fn texts(names: &[&str], columns: Vec<StringArray>) -> Result<Rows, SessionError> {
    let heads = names.iter().map(|name| column(name, DataType::Text)).collect();
    ready(false, heads, columns.into_iter().map(|texts| Arc::new(texts) as ArrayRef).collect())
}
