//! Receivers and networks in trouble: each heals, and then both ends are equal.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use levada_engine::{Disk, LockOutcome, ReadFile, StorageOptions, SystemDisk, WriteFile};

use super::{
    equal,
    proxy::Proxy,
    sender,
    servers::{Served, eventually},
};

/// A disk that takes nothing while it is full.
#[derive(Clone, Debug, Default)]
struct Fillable(Arc<AtomicBool>);

impl Fillable {
    fn fill(&self, full: bool) {
        self.0.store(full, Ordering::Release);
    }

    fn room(&self) -> io::Result<()> {
        match self.0.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Written(Fillable, Box<dyn WriteFile>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.room()?;
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

impl WriteFile for Written {
    fn sync(&mut self) -> io::Result<()> {
        self.0.room()?;
        self.1.sync()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.1.cut(len)
    }
}

impl Disk for Fillable {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.room()?;
        Ok(Box::new(Written(self.clone(), SystemDisk.create(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        SystemDisk.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        SystemDisk.files(dir)
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        SystemDisk.folders(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<LockOutcome> {
        SystemDisk.lock(path, holder)
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome> {
        SystemDisk.lock_to_read(path)
    }
}

async fn write(sender: &Served, times: std::ops::Range<i64>) {
    for time in times {
        sender.run(&format!("insert into root.a.d{}(time, s) values ({time}, {time}.5)", time % 5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_whose_disk_is_full_gets_all_when_there_is_room_again() {
    let disk = Fillable::default();
    let of_disk = disk.clone();
    let receiver = Served::start_with(|storage| StorageOptions { disk: Arc::new(of_disk), ..storage }).await;
    let sender = sender(&receiver.address).await;
    sender.run("create pipe p to cloud with SyncDelOp=true").await;
    sender.run("start pipe p").await;
    write(&sender, 0..20).await;
    equal(&sender, &receiver).await;
    for round in 1..3 {
        disk.fill(true);
        write(&sender, round * 100..round * 100 + 50).await;
        sender.run(&format!("delete from root.a.d0.s where time = {}", round * 100)).await;
        eventually("it is told", async || !sender.rows("show pipes p").await[0].ends_with("|NORMAL")).await;
        disk.fill(false);
        equal(&sender, &receiver).await;
        eventually("all is well", async || sender.rows("show pipes p").await[0].ends_with("|NORMAL")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_delivers_all_of_it() {
    let receiver = Served::start().await;
    let proxy = Proxy::start(receiver.address.clone()).await;
    proxy.slow_down();
    let sender = sender(&proxy.address).await;
    write(&sender, 0..300).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    for round in 1..4 {
        write(&sender, round * 1_000..round * 1_000 + 300).await;
        proxy.cut();
    }
    equal(&sender, &receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_white_list_that_changes_midway_loses_nothing() {
    let receiver = Served::start().await;
    let sender = sender(&receiver.address).await;
    write(&sender, 0..300).await;
    sender.run("create pipe p to cloud").await;
    sender.run("start pipe p").await;
    for round in 1..6 {
        let list = if round % 2 == 0 { "127.0.0.0/8" } else { "10.0.0.0/8" };
        receiver.server.set_ip_white_list(list.parse().expect("a network"));
        write(&sender, round * 1_000..round * 1_000 + 100).await;
    }
    receiver.server.set_ip_white_list("127.0.0.0/8".parse().expect("a network"));
    equal(&sender, &receiver).await;
}

/// As the page on circles says: each pipe of a ring but the first without what was stored before.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_of_a_ring_had_stored_goes_round_once() {
    let ring = [Served::start().await, Served::start().await, Served::start().await];
    ring[0].run("insert into root.a.d(time, s) values (1, 1.5), (2, 2.5)").await;
    for at in [1, 2, 0] {
        let (address, source) = (&ring[(at + 1) % 3].address, format!("'history.enable'='{}'", at == 0));
        ring[at]
            .run(&format!("create pipe p with source ({source}) with sink ('node-urls'='{address}')"))
            .await;
    }
    for engine in &ring[1..] {
        let all = ["1|1.5", "2|2.5"];
        eventually("all is there", async || engine.rows("select s from root.a.d").await == all).await;
    }
    ring[0].run("insert into root.a.d(time, s) values (1, 7.5)").await;
    ring[2].run("insert into root.a.d(time, s) values (2, 8.5)").await;
    for engine in &ring {
        let all = ["1|7.5", "2|8.5"];
        eventually("all is there", async || engine.rows("select s from root.a.d").await == all).await;
    }
    // Two rows of the first, one new one of it and one of the last, at each once.
    for engine in &ring {
        assert_eq!(engine.engine.stats().inserted_points, 4);
    }
}
