//! Statements that change pipes, where they are cut off or fail.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use levada_engine::{Engine, EngineOptions, PipeDefinition, PipeRunner, PipeWork};
use levada_model::Session;
use parking_lot::Mutex;
use tokio::{sync::watch, task::yield_now, time::timeout};

use crate::{
    disk::ToldDisk,
    store::{done, rejection, rows},
};

/// Nothing that a test waits for takes so long.
const LONG: Duration = Duration::from_secs(60);

/// Counts the tasks that it runs. Each blocks its thread until the gate is gone, and then never ends.
#[derive(Debug)]
struct Counts {
    begun: watch::Sender<usize>,
    gate: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl PipeRunner for Counts {
    fn run(&self, _: PipeWork) -> BoxFuture<'static, ()> {
        let (begun, gate) = (self.begun.clone(), Arc::clone(&self.gate));
        async move {
            begun.send_modify(|begun| *begun += 1);
            // It fails when the other end is gone.
            assert!(gate.lock().recv().is_err());
            futures::future::pending().await
        }
        .boxed()
    }

    fn reach(&self, _: PipeDefinition) -> BoxFuture<'static, Result<(), String>> {
        futures::future::ready(Ok(())).boxed()
    }
}

/// Runs an engine's pipes; how many tasks have begun, and what ends their blocking.
async fn run_pipes(engine: &Engine) -> (watch::Receiver<usize>, mpsc::Sender<()>) {
    let (open, gate) = mpsc::channel();
    let (begun, count) = watch::channel(0);
    let runner = Counts { begun, gate: Arc::new(Mutex::new(gate)) };
    engine.run_pipes(Arc::new(runner)).await.expect("they run");
    (count, open)
}

fn open(disk: &ToldDisk) -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = EngineOptions::new(folder.path());
    options.storage.disk = Arc::new(disk.clone());
    let engine = Engine::open(options).expect("the folder opens");
    (folder, engine)
}

async fn shown(engine: &Engine) -> String {
    rows(&engine.session(None).expect("UTC"), "show pipes").await.join("\n")
}

const CREATE: &str = "create pipe p with sink ('node-urls'='127.0.0.1:1')";
const ALTER: &str = "alter pipe p modify sink ('node-urls'='127.0.0.1:2')";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pipe_runs_again_also_where_whoever_alters_it_goes_away_meanwhile() {
    let (_folder, engine) = open(&ToldDisk::default());
    let (mut begun, open) = run_pipes(&engine).await;
    let session = engine.session(None).expect("UTC");
    done(&session, CREATE).await;
    timeout(LONG, begun.wait_for(|count| *count == 1)).await.expect("it runs").expect("counted");
    {
        // The task that runs cannot end yet, and what it is to become is stored.
        let is_stored = async {
            while !shown(&engine).await.contains("127.0.0.1:2") {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            altered = session.execute(ALTER) => panic!("the task goes on: {altered:?}"),
            () = is_stored => {}
        }
    }
    drop(open);
    timeout(LONG, begun.wait_for(|count| *count == 2)).await.expect("it runs again").expect("counted");
    engine.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_for_a_pipe_whose_making_or_start_cannot_be_stored() {
    let disk = ToldDisk::default();
    let (_folder, engine) = open(&disk);
    let (_begun, open) = run_pipes(&engine).await;
    drop(open);
    let session = engine.session(None).expect("UTC");
    done(&session, "insert into root.a.d(time, s) values (1, 1)").await;
    done(&session, "create pipesink s as IoTDB (ip='127.0.0.1', port='1')").await;
    done(&session, "create pipe later to s").await;
    disk.reject(Some("pipes.json"));
    for statement in [CREATE, "start pipe later"] {
        let error = rejection(&session, statement).await;
        assert!(format!("{error:?}").contains("pipes.json"), "{statement}: {error:?}");
        assert_eq!(engine.change_readers(), [], "{statement}");
    }
    assert!(!shown(&engine).await.contains("RUNNING"));
    disk.reject(None);
    for (statement, readers) in [(CREATE, 1), ("start pipe later", 2), ("drop pipe p", 1)] {
        done(&session, statement).await;
        assert_eq!(engine.change_readers().len(), readers, "{statement}");
    }
    engine.close().await.expect("closed");
}

#[tokio::test]
async fn a_pipe_is_altered_where_nothing_runs_it_and_nothing_is_changed_once_the_engine_is_closed() {
    let (_folder, engine) = open(&ToldDisk::default());
    let session = engine.session(None).expect("UTC");
    done(&session, CREATE).await;
    done(&session, ALTER).await;
    assert!(shown(&engine).await.contains("127.0.0.1:2"));
    engine.close().await.expect("closed");
    let error = rejection(&session, "drop pipe p").await;
    assert!(format!("{error:?}").contains("the store is closed"), "{error:?}");
}
