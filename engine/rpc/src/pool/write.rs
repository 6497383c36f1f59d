//! Writing: requests, and what happens when one is rejected.

use std::{collections::HashSet, sync::Arc};

use levada_model::{Path, RejectedRows, SessionError, StatusCode, Tablet, Write, WriteReport};
use tokio::time::Instant;

use super::{
    Pool,
    join::{Joined, Share, join},
    node::Node,
    piece::{Making, Piece, rejection, within},
};
use crate::client::{ClientError, Generation};

/// After this many parts in doubt in a row, with none stored, failing parts are no longer divided: the server fails at nearly
/// everything, and trying each value would take forever.
const MAX_FRUITLESS_PARTS: usize = 256;
/// The most tablets of one request. More would only enlarge what is repeated after a rejection.
const MAX_REQUEST_TABLETS: usize = 1_000;

/// Pieces that are sent together.
#[derive(Debug, Default)]
struct Group {
    node: Option<Arc<Node>>,
    pieces: Vec<Piece>,
    bytes: usize,
    devices: HashSet<Path>,
}

/// Pieces to be sent together.
struct Request {
    pieces: Vec<Piece>,
    /// They are part of a request at which a server failed each time.
    doubted: bool,
}

/// Why a request was not stored.
struct Failed {
    error: SessionError,
    /// A server that was reached failed at it; the request may be the cause.
    doubtful: bool,
    /// No server could be reached since.
    gone: bool,
    /// It was never sent: whoever it is from is let in by no server, whatever they send.
    shut_out: bool,
}

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Self { error, doubtful: false, gone: false, shut_out: false }
    }
}

impl Pool {
    /// Stores rows.
    pub(super) async fn write(&self, write: Write) -> Result<WriteReport, SessionError> {
        let lanes = &self.0.lanes;
        let mut shares: Vec<Share> = (0..lanes.count()).map(|_| Vec::new()).collect();
        for (index, tablet) in write.tablets.into_iter().enumerate() {
            shares[lanes.of(tablet.device())].push((index, tablet));
        }
        let shares = shares.into_iter().enumerate().filter(|(_, share)| !share.is_empty());
        let work = shares.map(|(lane, share)| self.lane(lane, share, write.coerce));
        // Every future runs to its end: dropping a request costs its connection.
        let reports = futures::future::join_all(work).await;
        let mut all = WriteReport::default();
        for report in reports {
            all.rejected.extend(report?.rejected);
        }
        Ok(all)
    }

    /// Writes a lane's share when its turn comes. The first poll takes a place in the queue.
    async fn lane(&self, lane: usize, share: Share, coerce: bool) -> Result<WriteReport, SessionError> {
        let _turn = self.0.lanes.lock(lane).lock().await;
        let server = self.server().await?;
        let bytes = self.0.options.request_bytes.min(server.frame_bytes / 2);
        let joined = join(share, server.generation >= Generation::V0_13);
        let making = Making { coerce, server, bytes };
        let mut report = WriteReport::default();
        let mut groups: Vec<Group> = Vec::new();
        for (index, Joined { tablet, .. }) in joined.iter().enumerate() {
            // Types are asked for when the server has the device's rows from before, which may create series.
            if let Some(at) = groups.iter().position(|group| group.devices.contains(tablet.device())) {
                self.send(groups.swap_remove(at), &joined, &making, &mut report).await?;
            }
            for piece in self.pieces(index, tablet, &making, &mut report).await? {
                self.gather(piece, &mut groups, bytes, &joined, &making, &mut report).await?;
            }
        }
        for group in groups {
            self.send(group, &joined, &making, &mut report).await?;
        }
        if !self.0.doubts.is_empty() {
            self.0.doubts.forget(self.key_of(&joined));
        }
        let told =
            report.rejected.iter().filter_map(|rejected| Some(joined.get(rejected.tablet)?.tell(rejected)));
        Ok(WriteReport { rejected: told.flatten().collect() })
    }

    /// The pieces of a tablet. If values do not fit the types that new series get, the types of the existing series are asked
    /// for.
    async fn pieces(
        &self,
        index: usize,
        tablet: &Tablet,
        making: &Making,
        report: &mut WriteReport,
    ) -> Result<Vec<Piece>, SessionError> {
        let known = self.0.types.of(tablet.device());
        let mut made = making.pieces(index, tablet, known.as_ref());
        if !made.rejected.is_empty() && known.is_none() && making.coerce {
            let types = self.learn(tablet.device()).await?;
            made = making.pieces(index, tablet, Some(&types));
        }
        report.rejected.append(&mut made.rejected);
        Ok(made.pieces)
    }

    /// Adds a piece to the group of its node; a full group is sent.
    async fn gather(
        &self,
        piece: Piece,
        groups: &mut Vec<Group>,
        most: usize,
        joined: &[Joined],
        making: &Making,
        report: &mut WriteReport,
    ) -> Result<(), SessionError> {
        let device = piece.tablet.device();
        let node = self.closest(device);
        let same = |group: &Group| {
            let node = match (&group.node, &node) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            node && group.pieces.first().is_none_or(|first| first.tablet.aligned() == piece.tablet.aligned())
        };
        let bytes = crate::columns::tablet::bytes_of(&piece.tablet);
        // Rows of one device are sent in order: a group that holds some of them is sent first.
        let holds = |group: &Group| group.devices.contains(device);
        let full = |group: &Group| group.bytes + bytes > most || group.pieces.len() >= MAX_REQUEST_TABLETS;
        if let Some(at) = groups.iter().position(|group| holds(group) || same(group) && full(group)) {
            let group = groups.swap_remove(at);
            self.send(group, joined, making, report).await?;
        }
        let at = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(Group { node: node.clone(), ..Group::default() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.devices.insert(device.clone());
        group.bytes += bytes;
        group.pieces.push(piece);
        Ok(())
    }

    /// Sends a group. If it is rejected for good, its pieces are sent alone, then their columns, then halves of their rows,
    /// until the bad values stand alone: those are rejected, and everything else is stored.
    async fn send(
        &self,
        group: Group,
        joined: &[Joined],
        making: &Making,
        report: &mut WriteReport,
    ) -> Result<(), SessionError> {
        let node = group.node;
        let mut waiting = vec![Request { pieces: group.pieces, doubted: false }];
        let mut fruitless = 0;
        while let Some(request) = waiting.pop() {
            let Some(Failed { error, doubtful, .. }) = self.attempt(node.clone(), &request, joined).await?
            else {
                fruitless = 0;
                continue;
            };
            fruitless += usize::from(doubtful);
            let part = |piece| Request { pieces: vec![piece], doubted: doubtful };
            let mut pieces = request.pieces;
            if pieces.len() > 1 {
                waiting.extend(pieces.into_iter().rev().map(part));
                continue;
            }
            let Some(piece) = pieces.pop() else { continue };
            let index = piece.index;
            let Some(Joined { tablet: original, .. }) = joined.get(index) else { continue };
            if !piece.asked && making.coerce && is_of_types(error.code, doubtful) {
                let types = self.learn(original.device()).await?;
                if let Some((rows, places)) = within(original, &piece.tablet) {
                    let made = making.pieces(index, &rows, Some(&types));
                    let rejected = made.rejected.into_iter();
                    report.rejected.extend(rejected.map(|each| of_whole(original, &places, each)));
                    let again = made.pieces.into_iter().rev();
                    waiting.extend(again.map(|piece| part(Piece { asked: true, ..piece })));
                    continue;
                }
            }
            match smaller(&piece, error.code).filter(|_| fruitless < MAX_FRUITLESS_PARTS) {
                Some(smaller) => waiting.extend(smaller.into_iter().rev().map(part)),
                None => {
                    let SessionError { code, message, .. } = error;
                    report.rejected.push(rejection(index, original, &piece.tablet, code, message));
                }
            }
        }
        Ok(())
    }

    /// Sends pieces as one request: `None` if they are stored, or why they never will be as they are.
    ///
    /// # Errors
    /// Failures that are worth a retry, and those that are not of what is sent.
    async fn attempt(
        &self,
        node: Option<Arc<Node>>,
        request: &Request,
        joined: &[Joined],
    ) -> Result<Option<Failed>, SessionError> {
        let doubts = &self.0.doubts;
        let keys = || {
            let request = request.pieces.iter().map(|piece| (piece.index, &piece.tablet));
            (self.key_of(joined), doubts.key(request))
        };
        if !doubts.is_empty() {
            let (write, request) = keys();
            if let Some(error) = doubts.given_up(write, request) {
                return Ok(Some(Failed { doubtful: true, ..error.into() }));
            }
        }
        let tablets: Vec<_> = request.pieces.iter().map(|piece| piece.tablet.clone()).collect();
        match self.request(node, &tablets, request.doubted).await {
            Ok(()) => Ok(None),
            Err(failed) if failed.doubtful => {
                let patience = self.0.options.patience;
                let (part, gone, now) = (request.doubted, failed.gone, Instant::now());
                let given_up = doubts.failed(keys(), &failed.error, part, gone, patience, now);
                if given_up {
                    Ok(Some(failed))
                } else {
                    Err(SessionError { transient: true, ..failed.error })
                }
            }
            Err(failed) if failed.error.transient || failed.shut_out => Err(failed.error),
            Err(failed) => Ok(Some(failed)),
        }
    }

    /// The key of a lane's share among the writes in doubt.
    fn key_of(&self, joined: &[Joined]) -> u64 {
        self.0.doubts.key(joined.iter().map(|each| &each.tablet).enumerate())
    }

    /// Sends one request, and repeats it on other connections and nodes if it is lost. `alive` checks idle connections first,
    /// as they may have died.
    async fn request(
        &self,
        wanted: Option<Arc<Node>>,
        tablets: &[Tablet],
        alive: bool,
    ) -> Result<(), Failed> {
        let mut attempts = self.nodes().len() + 1;
        let mut lost: Option<String> = None;
        loop {
            let lease = self.lease(wanted.clone()).await;
            let mut lease = lease.map_err(|error| match lost.take().filter(|_| error.transient) {
                // The server is gone since, so this request may be the cause.
                Some(lost) => {
                    let message = format!("{lost}; since then {}", error.message);
                    Failed {
                        error: SessionError { message, ..error },
                        doubtful: true,
                        gone: true,
                        shut_out: false,
                    }
                }
                None => Failed { shut_out: true, ..error.into() },
            })?;
            if alive && lease.used {
                if lease.client().ping().await.is_err() {
                    lease.node().forget_idle();
                    lease.discard();
                    continue;
                }
                lease.used = false;
            }
            match lease.client().insert(tablets).await {
                Ok(redirections) => {
                    for (tablet, node) in tablets.iter().zip(redirections) {
                        self.0.types.stored(tablet);
                        if let Some(node) = node {
                            self.remember(tablet.device(), &node);
                        }
                    }
                    return Ok(());
                }
                Err(error) => {
                    // An idle client may have died long ago: that is not an attempt.
                    attempts -= usize::from(!lease.used);
                    let last = attempts == 0;
                    let doubtful = match &error {
                        ClientError::Lost { timed_out, .. } => !lease.used && !timed_out,
                        ClientError::Rejected(error) => error.code.is_vague(),
                    };
                    if doubtful || matches!(error, ClientError::Lost { timed_out: false, .. }) {
                        lost = Some(error.to_string());
                    }
                    if let Some(error) = self.judge(lease, error, last) {
                        // A later answer decides about a request that was lost before.
                        let shut_out = error.code == StatusCode::PIPESERVER_ERROR;
                        return Err(Failed { doubtful, shut_out, ..error.into() });
                    }
                }
            }
        }
    }

    /// Records what an error means for the node; returns the error if the request should not be repeated.
    pub(super) fn judge(&self, lease: super::Lease, error: ClientError, last: bool) -> Option<SessionError> {
        let node = Arc::clone(lease.node());
        match error {
            ClientError::Lost { timed_out, .. } => {
                lease.discard();
                node.forget_idle();
                if timed_out {
                    self.failed(&node, &error);
                }
                (last || timed_out).then(|| error.into())
            }
            ClientError::Rejected(error) => match error.code {
                StatusCode::NOT_LOGIN => {
                    lease.discard();
                    let message = format!("the session was lost: {}", error.message);
                    last.then(|| SessionError::new(StatusCode::NOT_READY, message))
                }
                code if is_of_node(code) && self.nodes().len() > 1 && !last => {
                    lease.discard();
                    self.failed(&node, &error);
                    None
                }
                _ => Some(error),
            },
        }
    }
}

/// Whether another node may do what one cannot now.
fn is_of_node(code: StatusCode) -> bool {
    matches!(code, StatusCode::NOT_READY | StatusCode::SYSTEM_READ_ONLY | StatusCode::DISK_SPACE_INSUFFICIENT)
        || code.is_of_cluster()
}

/// Whether the types of series may be the cause, where it is in doubt whether the server is, too.
fn is_of_types(code: StatusCode, doubtful: bool) -> bool {
    match code {
        StatusCode::DATA_TYPE_MISMATCH | StatusCode::METADATA_ERROR | StatusCode::STORAGE_ENGINE_ERROR => {
            !doubtful
        }
        StatusCode::EXECUTE_STATEMENT_ERROR => true,
        _ => false,
    }
}

/// A piece's columns, or halves of its rows; `None` where it has only one.
fn smaller(piece: &Piece, code: StatusCode) -> Option<Vec<Piece>> {
    let tablet = &piece.tablet;
    let make = |tablet| Piece { index: piece.index, tablet, asked: piece.asked };
    if tablet.columns().len() > 1 {
        let columns = tablet.columns().iter();
        let each = columns.filter_map(|column| tablet.clone().with_columns(vec![column.clone()]).ok());
        return Some(each.map(make).collect());
    }
    // These codes concern a series, whatever its rows.
    let of_series = matches!(
        code,
        StatusCode::DATA_TYPE_MISMATCH
            | StatusCode::METADATA_ERROR
            | StatusCode::ALIGNED_TIMESERIES_ERROR
            | StatusCode::NO_PERMISSION
            | StatusCode::ILLEGAL_PATH
            | StatusCode::PATH_NOT_EXIST
            | StatusCode::PATH_ALREADY_EXIST
            | StatusCode::DATABASE_NOT_EXIST
            | StatusCode::DATABASE_CONFLICT
            | StatusCode::SCHEMA_QUOTA_EXCEEDED
            | StatusCode::SPACE_QUOTA_EXCEEDED
    );
    let rows = tablet.rows();
    if of_series || rows < 2 {
        return None;
    }
    Some(vec![make(tablet.slice(0, rows / 2)), make(tablet.slice(rows / 2, rows - rows / 2))])
}

/// Rejected rows of a part, as rows of the whole tablet; `places` are those of the part's rows.
fn of_whole(original: &Tablet, places: &[u32], rejected: RejectedRows) -> RejectedRows {
    let rows: Vec<u32> = match &rejected.rows {
        Some(rows) => rows.iter().filter_map(|row| places.get(*row as usize).copied()).collect(),
        None => places.to_vec(),
    };
    RejectedRows { rows: (rows.len() < original.rows()).then_some(rows), ..rejected }
}
