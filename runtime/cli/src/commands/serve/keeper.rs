//! What a server does beside serving: it reads its settings anew when a signal or a statement says so, and keeps the pipelines as their folder says.

use std::{sync::Arc, time::Duration};

use levada_engine::Engine;
use levada_runtime::{
    NodePipes, Runtime,
    http::{Answer, Desk, Order},
};
use levada_server::Server;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    super::pipelines::Folder,
    ServeArgs, files,
    host::Loaded,
    settings::{LIVE, Settings},
};
use crate::interrupt::Hangups;

/// A server that runs, and what it was started with.
pub(super) struct Keeper {
    pub(super) args: ServeArgs,
    /// The settings that count now.
    pub(super) settings: Settings,
    pub(super) server: Server,
    pub(super) engine: Engine,
    pub(super) pipes: NodePipes,
    pub(super) runtime: Runtime,
    pub(super) folder: Option<Folder>,
    /// Who asks for the settings to be read anew.
    pub(super) asked: mpsc::Receiver<oneshot::Sender<Loaded>>,
    /// The settings that count now, as others see them.
    pub(super) told: Arc<Mutex<Settings>>,
    /// What is ordered over HTTP.
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) desk: Desk,
}

impl Keeper {
    /// Keeps until `stop` is cancelled, and all pipelines have ended then.
    pub(super) async fn keep(mut self, mut hangups: Hangups, stop: CancellationToken) {
        loop {
            let interval =
                self.folder.as_ref().map_or(Duration::ZERO, |_| self.settings.pipelines_interval.0);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = hangups.received() => self.reload().await,
                Some(answer) = self.asked.recv() => {
                    let loaded = self.load_settings();
                    match &loaded {
                        Ok(done) => info!("{done}"),
                        Err(error) => error!("{error}"),
                    }
                    // Who asked may be gone.
                    answer.send(loaded).unwrap_or_default();
                }
                Some(order) = self.orders.recv() => self.carry_out(order).await,
                () = tokio::time::sleep(interval), if !interval.is_zero() => self.look(false).await,
            }
        }
        if let Some(folder) = self.folder {
            folder.stop().await;
        }
    }

    async fn carry_out(&mut self, order: Order) {
        match &mut self.folder {
            Some(folder) => folder.carry_out(order, &self.runtime).await,
            None => {
                drop(order.answer.send(Answer::told(405, "start the server with `--pipelines DIR` for this")))
            }
        }
    }

    async fn look(&mut self, at_once: bool) {
        if let Some(folder) = &mut self.folder {
            folder.look(&self.runtime, at_once).await;
        }
    }

    /// SIGHUP: settings and pipelines, at once.
    async fn reload(&mut self) {
        match self.load_settings() {
            Ok(done) => info!("{done}"),
            Err(error) => error!("{error}"),
        }
        self.look(true).await;
    }

    /// Reads the settings anew; what can change while the server runs counts from now on. Says which did, and which will.
    ///
    /// # Errors
    /// The settings are wrong: those before count.
    fn load_settings(&mut self) -> Result<String, String> {
        let new = files::settings(&self.args).map_err(|error| {
            format!("the settings before count, as those that were read are wrong: {error:#}")
        })?;
        let (live, later): (Vec<String>, Vec<String>) =
            new.differing(&self.settings).into_iter().partition(|name| LIVE.contains(&name.as_str()));
        let white_list = new.white_list().map_err(|error| format!("{error:#}"))?;
        self.server.set_query_timeout(new.query_timeout_threshold.0);
        self.server.set_ip_white_list(white_list);
        self.pipes.set_retries(new.max_number_of_sync_file_retry);
        if live.iter().any(|name| name == "enable_auto_create_schema") {
            self.engine.set_auto_create_schema(new.enable_auto_create_schema);
        }
        self.settings = Settings {
            query_timeout_threshold: new.query_timeout_threshold,
            enable_auto_create_schema: new.enable_auto_create_schema,
            ip_white_list: new.ip_white_list,
            max_number_of_sync_file_retry: new.max_number_of_sync_file_retry,
            pipelines_interval: new.pipelines_interval,
            ..self.settings.clone()
        };
        self.told.lock().clone_from(&self.settings);
        let told = |names: Vec<String>, what: &str| match names.is_empty() {
            true => String::new(),
            false => format!("; {what}: {}", names.join(", ")),
        };
        let (live, later) = (told(live, "changed"), told(later, "to count at the next start"));
        Ok(format!("the settings were read anew{live}{later}"))
    }
}
