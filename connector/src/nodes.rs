//! Sessions with nodes of a running IoTDB.

use std::sync::Arc;

use levada_connector_api::{Error, Result, StoreTarget, TlsOptions, model::Session};
use levada_rpc::{ClientFiles, ClientOptions, ClientTls, Pool, PoolOptions};

/// A pool of sessions with the nodes of a target; `None` for an embedded store.
///
/// # Errors
/// No node answers, or the login or a certificate is rejected.
pub async fn open(target: &StoreTarget) -> Result<Option<Arc<dyn Session>>> {
    let StoreTarget::Nodes { nodes, user, password, sessions, timeout, zone, tls, fetch_size } = target
    else {
        return Ok(None);
    };
    let mut client = ClientOptions {
        user: user.clone(),
        password: password.reveal().to_owned(),
        ..ClientOptions::default()
    };
    client.call_timeout = timeout.map_or(client.call_timeout, |timeout| timeout.0);
    client.zone = zone.clone().unwrap_or(client.zone);
    client.fetch_size = fetch_size.map_or(client.fetch_size, |rows| i32::try_from(rows).unwrap_or(i32::MAX));
    client.tls = tls.as_ref().map(load).transpose()?;
    let options = PoolOptions { sessions: *sessions, ..PoolOptions::new(nodes.clone(), client) };
    let pool = Pool::new(options);
    pool.connect().await?;
    Ok(Some(Arc::new(pool)))
}

/// That the files of these options can be read and used. Connects with nobody.
///
/// # Errors
/// One is missing or is not what it should be; the message names it.
pub fn check_tls(options: &TlsOptions) -> Result<()> {
    load(options).map(drop)
}

/// Reads the files that encryption needs.
fn load(options: &TlsOptions) -> Result<ClientTls> {
    let files = ClientFiles {
        authorities: options.ca_file.clone(),
        certificate: options.crt_file.clone(),
        key: options.key_file.clone(),
        any_host: !options.verify_hostname,
    };
    ClientTls::load(files).map_err(|error| Error::config(format!("tls: {error}")).caused_by(error))
}
