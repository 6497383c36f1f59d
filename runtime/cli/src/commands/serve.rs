//! `levada serve`: a data folder for clients of IoTDB, and pipelines beside it, until a signal comes.
//!
//! ```text
//!   settings    files and the command line: one declaration
//!   properties  iotdb-*.properties as such a file
//!   host        the server as the engine's statements know it
//!   keeper      while it serves: SIGHUP, LOAD CONFIGURATION, settings that change, the folder of pipelines
//!   guard       who may change pipelines over HTTP
//!   open_files  how many connections the system has room for
//! ```

mod files;
mod guard;
mod host;
mod keeper;
mod open_files;
mod properties;
mod proportion;
mod settings;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use levada_connector_api::{ByteSize, EngineTuning, Interval, SyncMode};
use levada_engine::{Engine, EngineOptions};
use levada_runtime::{
    Chance, EngineStores, NodePipes, Runtime, RuntimeOptions, count_continuous_queries, count_pipes,
    http::{self, Desk, Order},
    tune,
};
use levada_server::{Server, ServerFiles, ServerOptions, ServerTls};
use parking_lot::Mutex;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{guard::Maintainers, host::ServeHost, keeper::Keeper, settings::Settings};
use super::pipelines::Folder;
use crate::{
    exit::{self, Failure},
    functions,
    interrupt::{Hangups, Signals},
    registry,
};

/// Options of `serve`. What is not given is as `--config` says, or else the default.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Settings: a YAML file, as config/levada.yaml, or `iotdb-*.properties` of an IoTDB; of several, a later one comes before an
    /// earlier one, and options before all
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// The data folder; it is made where there is none
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub(crate) data: Option<PathBuf>,
    /// Serve clients of IoTDB on this address; 127.0.0.1:6667 if not given
    #[arg(long, value_name = "ADDR")]
    pub(crate) rpc: Option<SocketAddr>,
    /// Serve IoTDB's REST interface on this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) rest: Option<SocketAddr>,
    /// Serve /metrics, /ping, /ready and /streams on this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// Encrypt all connections of --rpc and --rest with this certificate (PEM, with those between it and an authority); read anew when
    /// it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM, not encrypted)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Run the pipelines of this folder too, all files `*.yaml` and `*.yml` of it but hidden ones, also those that come, change or go
    /// later; those that store into the data folder share its engine
    #[arg(long, value_name = "DIR")]
    pub(crate) pipelines: Option<PathBuf>,
    /// Folder for what a pipeline remembers from one run to the next; .levada if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// The password of the user `root`, where none has been set in this folder yet; it is `root` without, or where this is
    /// empty. From the environment, others on this machine do not see it
    #[arg(long, value_name = "TEXT", env = "LEVADA_ROOT_PASSWORD", hide_env_values = true)]
    pub(crate) root_password: Option<String>,
    /// How many clients may be connected at once; 10000 if not given
    #[arg(long, value_name = "COUNT")]
    pub(crate) connections: Option<usize>,
    /// The longest request that is read; 128MiB if not given
    #[arg(long, value_name = "SIZE")]
    pub(crate) frame: Option<ByteSize>,
    /// How much all requests that are under way may have together; 512MiB if not given
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,
    /// How long a query may compute, where its client does not say; 60s if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) query_timeout: Option<Interval>,
    /// When a write is acknowledged: `always` and `group` (if not given) when it is on disk, `interval` when it is with the operating
    /// system, which loses up to a second of writes where the power fails
    #[arg(long, value_enum)]
    pub(crate) sync: Option<SyncArg>,
    /// How long a stop waits for what is under way; 10s if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) grace: Option<Interval>,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SyncArg {
    /// On disk, each by itself.
    Always,
    /// On disk, with others.
    Group,
    /// Written, and on disk within a second.
    Interval,
}

impl From<SyncArg> for SyncMode {
    fn from(given: SyncArg) -> Self {
        match given {
            SyncArg::Always => Self::Always,
            SyncArg::Group => Self::Group,
            SyncArg::Interval => Self::Interval,
        }
    }
}

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = files::settings(args)?;
    let Some(data) = settings.data_dir.clone() else {
        let message = "which data folder is missing: give --data DIR, or `data_dir` in a file of --config";
        return Err(Failure::invalid(message).into());
    };
    let root_password = root_password(args)?;
    open_files::allow(settings.dn_rpc_max_concurrent_client_num);
    let folder = settings.pipelines_dir.as_deref().map(|dir| Folder::open(dir, registry::all()));
    let mut folder = folder.transpose()?;
    let tls = tls(&settings)?;
    let stores = Arc::new(EngineStores::new().with_loader(functions::loader()));
    let options = RuntimeOptions {
        state_dir: settings.state_dir.clone(),
        grace: Some(settings.grace.0),
        ..RuntimeOptions::default()
    };
    let metrics = prometheus::Registry::new();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let hangups = Hangups::listen();
        let listeners = Listeners::bind(args, &settings).await?;
        let engine = open(&settings, &data, listeners.rpc.local_addr()?).await?;
        stores.adopt(data, tuning(&settings), engine.clone()).await?;
        // Pipelines may call the functions of the engine that serves them.
        let registry = registry::all().lending(engine.clone());
        let runtime = Runtime::new(registry, Arc::clone(&stores) as _, metrics.clone(), options)?;
        set_first_password(&engine, root_password).await?;
        let mut server = Server::new(engine.clone(), server_options(&settings)?);
        if let Some(tls) = tls {
            server = server.with_tls(tls);
        }
        count_clients(&metrics, &server)?;
        count_pipes(&metrics, &engine)?;
        count_continuous_queries(&metrics, &engine)?;
        if let Some(folder) = &mut folder {
            folder.look(&runtime, true).await;
        }
        let pipes = NodePipes::new(settings.max_number_of_sync_file_retry, chance());
        engine.run_pipes(Arc::new(pipes.clone())).await?;
        engine.run_continuous_queries();
        let (ask, asked) = mpsc::channel(1);
        let told = Arc::new(Mutex::new(settings.clone()));
        let address = reachable(listeners.rpc.local_addr()?);
        engine.set_host(Arc::new(ServeHost { address, ask, settings: Arc::clone(&told) }));
        let (desk, orders) = desk(&server, folder.as_ref());
        let args = args.clone();
        let keeper =
            Keeper { args, settings, server, engine, pipes, runtime, folder, asked, told, orders, desk };
        let code = until_stopped(listeners, keeper, hangups).await?;
        close(&stores).await?;
        Ok(code)
    })
}

fn tls(settings: &Settings) -> anyhow::Result<Option<ServerTls>> {
    let files = settings.tls_cert_file.as_deref().zip(settings.tls_key_file.as_deref());
    let files = files.map(|(certificate, key)| ServerFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        authorities: None,
    });
    let tls = files.map(ServerTls::load).transpose();
    Ok(tls.map_err(|error| Failure::invalid(format!("the certificate cannot be used: {error}")))?)
}

/// Where pipelines are looked into and changed; without a folder there are none.
fn desk(server: &Server, folder: Option<&Folder>) -> (Desk, mpsc::Receiver<Order>) {
    let (mut desk, orders) = Desk::open(Maintainers(server.clone()));
    match folder {
        Some(folder) => desk.idle = folder.idle(),
        None => desk.orders = None,
    }
    (desk, orders)
}

fn count_clients(metrics: &prometheus::Registry, server: &Server) -> anyhow::Result<()> {
    let server = server.clone();
    let clients = Box::new(move || server.clients() as f64);
    let help = "Clients that are logged in.";
    metrics.register(Box::new(prometheus::PullingGauge::new("levada_clients", help, clients)?))?;
    Ok(())
}

/// Opens the engine; who finds the folder in use is told the address where it is served.
async fn open(settings: &Settings, data: &Path, rpc: SocketAddr) -> anyhow::Result<Engine> {
    let mut options = EngineOptions::new(data);
    tune(&mut options, tuning(settings));
    options.query_memory = bytes(settings.query_memory);
    options.storage.changes_bytes = settings.pipe_log_retention.0;
    options.auto_create_schema = settings.enable_auto_create_schema;
    options.udf_loader = Some(functions::loader());
    options.udf_root_dir.clone_from(&settings.udf_root_dir);
    options.udf_memory = bytes(settings.udf_memory_budget);
    let proportion = settings.udf_reader_transformer_collector_memory_proportion;
    options.udf_rows_memory = proportion.of_reader(options.udf_memory);
    options.udf_disk = settings.udf_disk_budget.0;
    let rpc = reachable(rpc);
    options.storage.note = Some(format!("it is served at {rpc}, ask there (--node {rpc})"));
    Ok(tokio::task::spawn_blocking(move || Engine::open(options)).await??)
}

/// Where somebody on this machine reaches who listens at an address: all addresses are none to connect with.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The password that `root` is to have; an empty one is none, as of a variable that is set to nothing.
fn root_password(args: &ServeArgs) -> anyhow::Result<Option<String>> {
    let Some(password) = args.root_password.clone().filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    Engine::check_password(&password)
        .map_err(|error| Failure::invalid(format!("the password of `root`: {}", error.message)))?;
    Ok(Some(password))
}

/// Sets the password of `root` where nobody has, and says so where it is the one that everybody knows.
async fn set_first_password(engine: &Engine, password: Option<String>) -> anyhow::Result<()> {
    if let Some(password) = password
        && !engine.set_first_root_password(password).await.context("the password of `root`")?
    {
        info!("the password of `root` has been set before and stays as it is: ALTER USER changes it");
    }
    if engine.has_first_root_password() {
        warn!(
            "the password of `root` is `root`: set another one with ALTER USER root SET PASSWORD, or start with LEVADA_ROOT_PASSWORD, before others can reach this address"
        );
    }
    Ok(())
}

/// Addresses, taken before anything starts.
struct Listeners {
    rpc: TcpListener,
    rest: Option<TcpListener>,
    http: Option<TcpListener>,
}

impl Listeners {
    async fn bind(args: &ServeArgs, settings: &Settings) -> anyhow::Result<Self> {
        let at = |port| SocketAddr::new(settings.dn_rpc_address, port);
        let rest = settings.enable_rest_service.then(|| at(settings.rest_service_port));
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))
        };
        let rpc = bind(args.rpc.unwrap_or_else(|| at(settings.dn_rpc_port))).await?;
        let rest = match args.rest.or(rest) {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let http = match settings.http {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { rpc, rest, http })
    }
}

async fn until_stopped(listeners: Listeners, keeper: Keeper, hangups: Hangups) -> anyhow::Result<ExitCode> {
    let data = keeper.settings.data_dir.as_deref().map(PathBuf::from).unwrap_or_default();
    info!(address = %listeners.rpc.local_addr()?, data = %data.display(), "serving clients of IoTDB");
    let (stop, given_up) = (CancellationToken::new(), CancellationToken::new());
    // Before anybody is answered: who was may ask for the end.
    let signals = Signals::listen_but_to_hangups();
    let signals = tokio::spawn(stop_on_signals(signals, stop.clone(), given_up.clone()));
    let server = keeper.server.clone();
    let rest = listeners.rest.map(|listener| {
        let (server, stop) = (server.clone(), stop.clone());
        tokio::spawn(async move { server.serve_rest(listener, stop).await })
    });
    let http = listeners.http.map(|listener| {
        tokio::spawn(http::serve(
            listener,
            keeper.runtime.clone(),
            Some(keeper.desk.clone()),
            stop.clone().cancelled_owned(),
        ))
    });
    let keeping = tokio::spawn(keeper.keep(hangups, stop.clone()));
    let stopped = stop.clone();
    let all = async {
        server.serve(listeners.rpc, stopped).await;
        keeping.await?;
        if let Some(rest) = rest {
            rest.await??;
        }
        if let Some(http) = http {
            http.await??;
        }
        anyhow::Ok(ExitCode::SUCCESS)
    };
    let code = tokio::select! {
        code = all => code?,
        () = given_up.cancelled() => ExitCode::from(exit::INTERRUPTED),
    };
    signals.abort();
    Ok(code)
}

fn tuning(settings: &Settings) -> EngineTuning {
    EngineTuning {
        sync: Some(settings.sync),
        delay: settings.sync_delay,
        bytes: settings.sync_bytes,
        memory: settings.memory,
    }
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

/// Chance for the waits between attempts: another in each process.
fn chance() -> Chance {
    use std::hash::{BuildHasher, Hasher};
    Chance::seeded(std::collections::hash_map::RandomState::new().build_hasher().finish())
}

fn server_options(settings: &Settings) -> anyhow::Result<ServerOptions> {
    Ok(ServerOptions {
        connections: settings.dn_rpc_max_concurrent_client_num,
        frame_bytes: bytes(settings.dn_thrift_max_frame_size),
        memory_bytes: bytes(settings.request_memory),
        query_timeout: settings.query_timeout_threshold.0,
        idle: settings.rest_idle_timeout.0,
        grace: settings.grace.0,
        ip_white_list: settings.white_list()?,
        pipe_received_bytes: settings.pipe_received_bytes.0,
        ..ServerOptions::default()
    })
}

/// Closes the engine. A signal that comes meanwhile ends the process at once, whatever the engine waits for: what was acknowledged is in
/// its log.
async fn close(stores: &EngineStores) -> anyhow::Result<()> {
    let signal = async {
        match Signals::listen_but_to_hangups() {
            Some(mut signals) => signals.received().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        closed = stores.close() => closed.context("the engine did not close as it should"),
        () = signal => {
            warn!("the engine is not waited for: the next start reads its log");
            std::process::exit(i32::from(exit::INTERRUPTED))
        }
    }
}

/// The first signal stops with grace, the second gives up.
async fn stop_on_signals(signals: Option<Signals>, stop: CancellationToken, given_up: CancellationToken) {
    let Some(mut signals) = signals else {
        warn!("signals cannot be listened for: the process can only be killed");
        return;
    };
    for token in [stop, given_up] {
        signals.received().await;
        info!("stopping: what is under way is finished first; a second signal gives up");
        token.cancel();
    }
}
