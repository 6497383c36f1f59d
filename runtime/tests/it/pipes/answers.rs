//! A receiver that answers some calls as one that has just begun.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use levada_rpc::{
    messages::{ExecuteStatementResp, ExecuteStatementV2, Request, Status},
    thrift::{FrameReader, open, reply, write_frame},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::{
    equal, sender,
    servers::{Served, eventually},
};

/// The most bytes of a call.
const MOST: usize = 16 << 20;

/// Leads calls on, but for the first deletions: those it answers itself, with a code that does not say why.
struct Beginning {
    address: String,
    /// How many deletions it still answers.
    left: Arc<AtomicUsize>,
}

impl Beginning {
    async fn start(target: String, code: i32, left: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let left = Arc::new(AtomicUsize::new(left));
        let counts = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let Ok(to) = TcpStream::connect(&target).await else { return };
                tokio::spawn(lead(from, to, code, Arc::clone(&counts)));
            }
        });
        Self { address, left }
    }
}

async fn lead(mut from: TcpStream, mut to: TcpStream, code: i32, left: Arc<AtomicUsize>) {
    let (mut calls, mut replies) = (FrameReader::new(MOST), FrameReader::new(MOST));
    while let Ok(Some(call)) = calls.next(&mut from).await {
        let (head, mut body) = open(call.clone()).expect("a call");
        let request = Request::read(&head.name, &mut body).expect("readable");
        let deletes = matches!(&request, Some(Request::ExecuteStatementV2(ExecuteStatementV2 { req }))
            if req.statement.starts_with("delete"));
        let take = |left: usize| left.checked_sub(1);
        if deletes && left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok() {
            let status =
                Status { code, message: Some("it waits for its parts".to_owned()), ..Status::default() };
            let answer = ExecuteStatementResp { status, ..ExecuteStatementResp::default() };
            if write_frame(&mut from, reply(body.protocol(), &head, answer)).await.is_err() {
                return;
            }
            continue;
        }
        if framed(&mut to, &call).await.is_none() {
            return;
        }
        let Ok(Some(answer)) = replies.next(&mut to).await else { return };
        if framed(&mut from, &answer).await.is_none() {
            return;
        }
    }
}

async fn framed(to: &mut TcpStream, payload: &[u8]) -> Option<()> {
    let length = u32::try_from(payload.len()).ok()?;
    to.write_all(&length.to_be_bytes()).await.ok()?;
    to.write_all(payload).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_fails_at_without_saying_why_is_sent_again() {
    // The last is of a version that is not known here.
    for code in [301, 9_999] {
        let receiver = Served::start().await;
        let beginning = Beginning::start(receiver.address.clone(), code, 3).await;
        let sender = sender(&beginning.address).await;
        sender.run("create pipe p to cloud with SyncDelOp=true").await;
        sender.run("start pipe p").await;
        sender.run("insert into root.a.d(time, s) values (1, 1.5), (2, 2.5)").await;
        equal(&sender, &receiver).await;
        sender.run("delete from root.a.d.s where time = 1").await;
        eventually("the receiver has answered", async || beginning.left.load(Ordering::Acquire) == 0).await;
        equal(&sender, &receiver).await;
        assert_eq!(receiver.rows("select s from root.a.d").await, ["2|2.5"]);
        eventually("all is well", async || sender.rows("show pipes").await[0].ends_with("|NORMAL")).await;
    }
}
