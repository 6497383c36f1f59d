//! The bucket itself.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use levada_connector_api::{Error, ErrorKind, Result};
use levada_net::ClientFiles;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, RetryConfig, UpdateVersion,
    aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};

use crate::{fault::fault, http::Connector};

/// Where the bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A bucket of S3, or of what speaks like it.
    S3 {
        /// Its name.
        bucket: String,
    },
    /// A folder of this machine, which is made where it is missing.
    Folder(PathBuf),
}

/// How the bucket is reached; what is not said is taken from the environment, as AWS's own programs do.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where it is.
    pub scheme: Scheme,
    /// The region.
    pub region: Option<String>,
    /// The address of the service, where it is not AWS's.
    pub endpoint: Option<String>,
    /// The key that names the user, and the secret that goes with it.
    pub keys: Option<(String, String)>,
    /// What goes with keys that are valid for some time.
    pub session: Option<String>,
    /// Whether the connection may be without encryption.
    pub allow_http: bool,
    /// Whom an encrypted connection trusts.
    pub tls: ClientFiles,
    /// How long a request may take.
    pub timeout: Duration,
    /// Objects larger than this are put in parts of this size.
    pub part: usize,
    /// How many parts of an object may be under way at once.
    pub parts_at_once: usize,
}

/// Which state of an object was seen.
#[derive(Clone, Debug)]
pub struct Version(UpdateVersion);

/// A bucket that is open.
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    name: String,
    part: usize,
    parts_at_once: usize,
}

impl Bucket {
    /// Opens a bucket. Of S3, nothing is asked yet.
    ///
    /// # Errors
    /// The access cannot work; the folder cannot be made.
    pub fn open(access: &Access) -> Result<Self> {
        let (store, name): (Arc<dyn ObjectStore>, _) = match &access.scheme {
            Scheme::S3 { bucket } => (Arc::new(s3(access, bucket)?), format!("the bucket `{bucket}`")),
            Scheme::Folder(folder) => {
                let shown = folder.display();
                std::fs::create_dir_all(folder)
                    .map_err(|error| Error::io(format!("cannot make the folder {shown}"), error))?;
                let store = LocalFileSystem::new_with_prefix(folder);
                let store = store.map_err(|error| fault(&format!("open the folder {shown}"), error))?;
                (Arc::new(store.with_fsync(true)), format!("the folder {shown}"))
            }
        };
        Ok(Self { store, name, part: access.part, parts_at_once: access.parts_at_once })
    }

    fn fault(&self, what: &str, name: &str, error: object_store::Error) -> Error {
        fault(&format!("{what} `{name}` in {}", self.name), error)
    }

    /// Whether an object of so many bytes is put in parts.
    pub fn is_large(&self, bytes: usize) -> bool {
        bytes > self.part
    }

    /// Puts an object, in place of one that is there. It is there wholly when this returns, and wholly or not at all before.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<()> {
        let failed = |error| self.fault("put", name, error);
        let path = path(name)?;
        if !self.is_large(bytes.len()) {
            return self.store.put(&path, bytes.into()).await.map(drop).map_err(failed);
        }
        let begun = self.store.put_multipart_opts(&path, PutMultipartOptions::default()).await;
        let mut upload = begun.map_err(failed)?;
        let parts = (0..bytes.len()).step_by(self.part);
        let mut parts = parts.map(|from| bytes.slice(from..bytes.len().min(from + self.part)));
        loop {
            let some: Vec<_> = parts.by_ref().take(self.parts_at_once).collect();
            if some.is_empty() {
                break;
            }
            let some = some.into_iter().map(|part| upload.put_part(part.into()));
            if let Err(error) = futures::future::try_join_all(some.collect::<Vec<_>>()).await {
                // Parts that stay behind are no object. Where this fails, too, the first failure is the one to tell of.
                let _aborted = upload.abort().await;
                return Err(failed(error));
            }
        }
        match upload.complete().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let _aborted = upload.abort().await;
                Err(failed(error))
            }
        }
    }

    /// Puts a small object if it is still in the state that was seen, or still missing. A store that cannot see to that
    /// replaces it in any case. `None` where it is in another state.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn replace(&self, name: &str, bytes: Bytes, seen: Option<&Version>) -> Result<Option<Version>> {
        let path = path(name)?;
        let mode = match seen {
            Some(Version(version)) => PutMode::Update(version.clone()),
            None => PutMode::Create,
        };
        let put = |mode| self.store.put_opts(&path, bytes.clone().into(), PutOptions::from(mode));
        let put = match put(mode).await {
            Err(object_store::Error::NotImplemented { .. }) => put(PutMode::Overwrite).await,
            put => put,
        };
        match put {
            Ok(put) => Ok(Some(Version(put.into()))),
            Err(object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. }) => {
                Ok(None)
            }
            // S3 says so where an object is to be as it was, and is gone; or where the bucket is missing.
            Err(error) => Err(self.fault("put", name, error)),
        }
    }

    /// An object and its state; `None` where there is none.
    ///
    /// # Errors
    /// The store does not give it.
    pub async fn get(&self, name: &str) -> Result<Option<(Bytes, Version)>> {
        let got = match self.store.get(&path(name)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|error| self.fault("get", name, error))?,
        };
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|error| self.fault("get", name, error))?;
        Ok(Some((bytes, Version(version))))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// The store does not remove it.
    pub async fn remove(&self, name: &str) -> Result<()> {
        match self.store.delete(&path(name)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fault("remove", name, error)),
        }
    }
}

fn s3(access: &Access, bucket: &str) -> Result<object_store::aws::AmazonS3> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let env = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
    let endpoint = access.endpoint.clone();
    let endpoint = endpoint.or_else(|| env("AWS_ENDPOINT_URL_S3")).or_else(|| env("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.or_else(|| env("AWS_ENDPOINT"));
    let plain = endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    if plain && !access.allow_http {
        let message = "the endpoint is not encrypted: write https://, or set `allow_http: true`";
        return Err(Error::config(message).with("option", "endpoint"));
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &access.region {
        builder = builder.with_region(region);
    }
    if let Some((access_key, secret_key)) = &access.keys {
        builder = builder.with_access_key_id(access_key).with_secret_access_key(secret_key);
        if let Some(token) = &access.session {
            builder = builder.with_token(token);
        }
    }
    let files = (!plain).then(|| access.tls.clone());
    let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let builder = builder
        .with_allow_http(access.allow_http)
        .with_disable_bulk_delete(true)
        .with_retry(once)
        .with_http_connector(Connector::new(files, access.timeout)?);
    builder.build().map_err(|error| {
        let error = fault("open the bucket", error);
        match error.kind() {
            ErrorKind::Config => error,
            _ => Error::config(error.to_string()),
        }
    })
}

fn path(name: &str) -> Result<Path> {
    Path::parse(name).map_err(|error| Error::config(format!("`{name}` is no name of an object: {error}")))
}
