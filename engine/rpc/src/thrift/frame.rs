//! Frames on a connection: four bytes of length, then that many bytes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// How many bytes are read at once.
const READ_BYTES: usize = 16 << 10;

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The connection ended within a frame, or where a reply was due.
    #[error("the other side hung up")]
    Ended,
    /// The length is negative or above the limit.
    #[error(
        "a frame of {length} bytes, where {most} is the most: the other side speaks another protocol, or the limit is too low"
    )]
    Length {
        /// The stated length, in bytes.
        length: i32,
        /// The limit, in bytes.
        most: usize,
    },
}

/// A message ready to be sent, in pieces.
#[derive(Clone, Debug)]
pub struct Frame {
    parts: VecDeque<Bytes>,
    bytes: usize,
}

impl Frame {
    pub(super) fn new(mut parts: VecDeque<Bytes>) -> Self {
        let bytes: usize = parts.iter().map(Bytes::len).sum();
        let length = u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
        parts.push_front(Bytes::copy_from_slice(&length));
        Self { parts, bytes }
    }

    /// The length of the message, without the four bytes before it. A frame of more than [`i32::MAX`] cannot be sent.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The message in one piece, without the four bytes before it.
    pub fn payload(&self) -> Bytes {
        let mut all = self.clone();
        all.copy_to_bytes(all.remaining()).split_off(4)
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.parts.iter().find(|part| !part.is_empty()).map_or(&[], |part| part)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.parts.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.parts.pop_front();
        }
        assert_eq!(count, 0, "no more than there is");
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.parts.iter().filter(|part| !part.is_empty());
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }
}

/// Sends a frame. If the future is dropped, a part may have been sent, and the connection is unusable.
///
/// # Errors
/// The connection failed, or the frame is too long for the length field.
pub async fn write_frame(to: &mut (impl AsyncWrite + Unpin), mut frame: Frame) -> io::Result<()> {
    if i32::try_from(frame.bytes).is_err() {
        let message = format!("a message of {} bytes: 2 GiB is the most", frame.bytes);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    to.write_all_buf(&mut frame).await?;
    to.flush().await
}

/// Reads frames. Dropping a future loses nothing that has arrived.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    most: usize,
}

impl FrameReader {
    /// Reads frames of at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { buffer: BytesMut::new(), most }
    }

    /// Limits the frames from now on to `most` bytes.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// Waits for the beginning of the next frame and returns its length without consuming anything; `None` if the other side
    /// hung up between frames.
    ///
    /// # Errors
    /// As [`FrameReader::next`].
    pub async fn length(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<Option<usize>, FrameError> {
        loop {
            if let Some(head) = self.buffer.first_chunk::<4>() {
                return self.checked(i32::from_be_bytes(*head)).map(Some);
            }
            if self.first(from).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Ended) };
            }
        }
    }

    /// Waits for the first bytes of a frame without memory for them, since that may take days: they are copied when they come.
    async fn first(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        poll_fn(|context| {
            let mut bytes = [const { MaybeUninit::uninit() }; READ_BYTES];
            let mut read = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut *from).poll_read(context, &mut read))?;
            self.buffer.extend_from_slice(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
        .await
    }

    fn checked(&self, length: i32) -> Result<usize, FrameError> {
        let bytes = usize::try_from(length).ok().filter(|bytes| *bytes <= self.most);
        bytes.ok_or(FrameError::Length { length, most: self.most })
    }

    /// The next frame's payload; `None` if the other side hung up between frames.
    ///
    /// # Errors
    /// The connection failed or ended within a frame, or the frame is too long.
    pub async fn next(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Bytes>, FrameError> {
        loop {
            let mut wanted = 4;
            if let Some(head) = self.buffer.first_chunk::<4>() {
                wanted += self.checked(i32::from_be_bytes(*head))?;
                if self.buffer.len() >= wanted {
                    let mut frame = self.buffer.split_to(wanted).freeze();
                    frame.advance(4);
                    return Ok(Some(frame));
                }
            }
            // Room grows with what has arrived, not with the stated length.
            let most = self.buffer.len().max(READ_BYTES);
            self.buffer.reserve((wanted - self.buffer.len()).clamp(READ_BYTES, most));
            if from.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Ended) };
            }
        }
    }
}
