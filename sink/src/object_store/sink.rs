//! The sink: a batch is encoded, put, and counted in the log.

use std::{fmt, path::Path};

use async_trait::async_trait;
use futures::future::try_join_all;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Error, ErrorKind, Result, Sink, SinkCapabilities, model::Checkpoint,
};
use levada_objects::{Access, Bucket, ClientFiles, Scheme};
use tokio::sync::Mutex;

use super::{
    contents::{Contents, Form, Object, name_of},
    log::{Entry, Log},
    options::{ObjectOptions, Store},
};
use crate::{
    file::{encoder_of, put_name},
    lines::LineOptions,
    template::Template,
};

/// Puts rows into a bucket. See the [module](super) for what it promises.
pub struct ObjectSink {
    access: Access,
    form: Form,
    log: String,
    uploads: usize,
    open: Mutex<Option<Open>>,
}

struct Open {
    bucket: Bucket,
    log: Log,
    /// What is stored when rejected rows of the last batch are safe.
    held: Option<Entry>,
    /// The batch whose count was not answered, if there is one.
    last: Option<Counted>,
}

/// By what a batch that comes again is known.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    entry: Entry,
    objects: Vec<(String, u32, usize)>,
}

impl ObjectSink {
    /// A sink. Touches nothing yet.
    ///
    /// # Errors
    /// The options cannot work; the first problem is the message.
    pub fn new(options: &ObjectOptions, lines: &LineOptions, context: &BuildContext) -> Result<Self> {
        if let Some(problem) = options.problems(lines).into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let place = options.place().map_err(Error::config)?;
        let format = options.format();
        let (encoder, columns) = match &context.encoder {
            // An encoder was said: it stands in place of the format.
            Some(encoder) => (encoder.clone().of_lines()?, None),
            None => (encoder_of(format, lines), format.is_of_columns().then_some(format)),
        };
        let log = log_of(&place.names, context, options.writer.as_deref());
        let access = access(options, place.store);
        let form = Form { names: place.names, encoder, columns };
        Ok(Self { access, form, log, uploads: options.uploads, open: Mutex::default() })
    }

    async fn contents(&self, batch: &Batch) -> Result<Contents> {
        let (form, batch) = (self.form.clone(), batch.clone());
        let made = tokio::task::spawn_blocking(move || form.contents(&batch)).await;
        made.unwrap_or_else(|error| Err(Error::bug(error.to_string())))
    }

    /// Removes what an earlier process put and did not count.
    async fn clear(&self, bucket: &Bucket, log: &mut Log) -> Result<()> {
        let now = log.now().clone();
        if let Some(path) = self.form.names.fixed() {
            // The name is known without the log. Who may not remove it puts another in its place.
            let name = name_of(&path.to_string_lossy(), &now.identity, now.batch + 1);
            match bucket.remove(&name).await {
                Err(error) if error.kind() == ErrorKind::Auth => {}
                removed => removed?,
            }
        }
        for some in now.pending.chunks(self.uploads) {
            try_join_all(some.iter().map(|name| bucket.remove(name))).await?;
        }
        log.store(Entry { pending: Vec::new(), ..now }).await
    }

    /// Puts the objects of a batch; gives what the log says when they count.
    async fn put(&self, open: &mut Open, objects: &[(String, &Object)], batch: &Batch) -> Result<Entry> {
        let now = open.log.now().clone();
        let is_of_batch = |name: &String| objects.iter().any(|(known, _)| known == name);
        let stale: Vec<_> = now.pending.iter().filter(|name| !is_of_batch(name)).cloned().collect();
        let mut counted = Entry { pending: Vec::new(), ..now.clone() };
        counted.advance(&batch.positions);
        if objects.is_empty() {
            counted.pending = now.pending;
            return Ok(counted);
        }
        counted.batch += 1;
        if self.form.names.fixed().is_none() {
            let pending = stale.iter().chain(objects.iter().map(|(name, _)| name)).cloned().collect();
            open.log.store(Entry { pending, ..now }).await?;
        }
        let (large, small): (Vec<_>, Vec<_>) =
            objects.iter().partition(|(_, object)| open.bucket.is_large(object.bytes.len()));
        for some in small.chunks(self.uploads) {
            try_join_all(some.iter().map(|(name, object)| open.bucket.put(name, object.bytes.clone())))
                .await?;
        }
        for (name, object) in large {
            open.bucket.put(name, object.bytes.clone()).await?;
        }
        for some in stale.chunks(self.uploads) {
            try_join_all(some.iter().map(|name| open.bucket.remove(name))).await?;
        }
        Ok(counted)
    }

    async fn deliver(&self, open: &mut Open, batch: &Batch) -> Result<Delivery> {
        open.log.settle().await?;
        if let Some(held) = open.held.clone() {
            open.log.store(held).await?;
            open.held = None;
        }
        if batch.rows() == 0 {
            let mut wanted = open.log.now().clone();
            wanted.advance(&batch.positions);
            open.log.store(wanted).await?;
            return Ok(Delivery::default());
        }
        let Contents { objects, rejected } = self.contents(batch).await?;
        let delivery = Delivery { rejected, beside: 0 };
        let print = |(name, object): &(String, &Object)| {
            (name.clone(), crc32fast::hash(&object.bytes), object.bytes.len())
        };
        let named = |number: u64, identity: &str| -> Vec<(String, &Object)> {
            objects.iter().map(|object| (name_of(&object.path, identity, number), object)).collect()
        };
        let now = open.log.now();
        // Where the count of this very batch was stored and its answer lost, it is delivered.
        if let Some(last) = open.last.take()
            && last.entry == *now
            && last.objects == named(now.batch, &now.identity).iter().map(print).collect::<Vec<_>>()
        {
            return Ok(delivery);
        }
        let objects = named(now.batch + 1, &now.identity);
        let counted = self.put(open, &objects, batch).await?;
        if !delivery.rejected.is_empty() {
            open.held = Some(counted);
            return Ok(delivery);
        }
        open.last = Some(Counted { entry: counted.clone(), objects: objects.iter().map(print).collect() });
        open.log.store(counted).await?;
        open.last = None;
        Ok(delivery)
    }
}

/// The log's name, in front of all that is filled in.
fn log_of(names: &Template, context: &BuildContext, writer: Option<&str>) -> String {
    let root = names.root();
    let mut log = match root == Path::new(".") {
        true => String::new(),
        false => root.to_string_lossy().into_owned(),
    };
    log.push_str("_levada/");
    put_name(&context.pipeline, &mut log);
    log.push('/');
    put_name(&context.node, &mut log);
    if let Some(writer) = writer {
        log.push('@');
        put_name(writer, &mut log);
    }
    log.push_str(".json");
    log
}

fn access(options: &ObjectOptions, store: Store) -> Access {
    let scheme = match store {
        Store::Bucket(bucket) => Scheme::S3 { bucket },
        Store::Folder(folder) => Scheme::Folder(folder),
    };
    let keys = options.keys.as_ref();
    let session = keys.and_then(|keys| keys.session.as_ref());
    let tls = options.tls.clone().unwrap_or_default();
    Access {
        scheme,
        region: options.region.clone(),
        endpoint: options.endpoint.clone(),
        keys: keys.map(|keys| (keys.access.clone(), keys.secret.reveal().to_owned())),
        session: session.map(|session| session.reveal().to_owned()),
        allow_http: options.allow_http,
        tls: ClientFiles {
            authorities: tls.ca_file,
            certificate: tls.crt_file,
            key: tls.key_file,
            any_host: !tls.verify_hostname,
        },
        timeout: options.timeout.0,
        part: usize::try_from(options.part_size.0).unwrap_or(usize::MAX),
        parts_at_once: options.uploads,
    }
}

impl fmt::Debug for ObjectSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSink").field("log", &self.log).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::bug("a sink that is not connected is asked")
}

#[async_trait]
impl Sink for ObjectSink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities { checkpoints: true, ..SinkCapabilities::default() }
    }

    async fn connect(&self) -> Result<()> {
        let access = self.access.clone();
        let bucket = tokio::task::spawn_blocking(move || Bucket::open(&access)).await;
        let bucket = bucket.map_err(|error| Error::bug(error.to_string()))??;
        let mut place = self.open.lock().await;
        let mut log = Log::open(bucket.clone(), self.log.clone()).await?;
        self.clear(&bucket, &mut log).await?;
        *place = Some(Open { bucket, log, held: None, last: None });
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Checkpoint> {
        let mut place = self.open.lock().await;
        let open = place.as_mut().ok_or_else(closed)?;
        open.log.settle().await?;
        Ok(open.log.now().positions.clone())
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        let mut place = self.open.lock().await;
        self.deliver(place.as_mut().ok_or_else(closed)?, batch).await
    }

    /// What rejected rows hold back stays pending: who closes does not say that they are safe.
    async fn close(&self) -> Result<()> {
        *self.open.lock().await = None;
        Ok(())
    }
}
