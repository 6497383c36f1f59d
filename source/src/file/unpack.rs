//! Files packed with gzip: one member or several, one after another, unpacked as one file.
//!
//! ```text
//!   member  member  …  zeros up to a whole block       what tapes and some programs leave: passed over
//!                      anything else than a member     passed over as `gzip` does it, and said
//! ```
//! A member that breaks off, or whose sum is wrong, is an error; so is what comes first and is no member.

use std::{
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read},
};

use flate2::bufread::GzDecoder;

/// How a member begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The unpacked bytes of a file.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// Unpacks the member that is being read; `None` behind the last.
    member: Option<Box<GzDecoder<BufReader<File>>>>,
    /// The packed file, where no member is being read.
    behind: Option<BufReader<File>>,
    /// Bytes behind the last member that belong to none and are not all zero.
    trailing: bool,
}

impl Unpacked {
    /// Of a file that stands at its start. An empty one holds nothing.
    pub(super) fn new(mut file: BufReader<File>) -> io::Result<Self> {
        let mut unpacked = Self { member: None, behind: None, trailing: false };
        if file.fill_buf()?.is_empty() {
            unpacked.behind = Some(file);
        } else {
            unpacked.begin(file);
        }
        Ok(unpacked)
    }

    /// Of the packed file.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        let file = self.member.as_ref().map(|member| member.get_ref()).or(self.behind.as_ref());
        file.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?.get_ref().metadata()
    }

    /// Whether bytes were passed over that belong to no member and are not all zero.
    pub(super) fn has_trailing(&self) -> bool {
        self.trailing
    }

    fn begin(&mut self, file: BufReader<File>) {
        self.member = Some(Box::new(GzDecoder::new(file)));
    }

    /// What comes behind a member: the next, or the end.
    fn go_on(&mut self, mut file: BufReader<File>) -> io::Result<()> {
        let next = file.fill_buf()?;
        // One byte of a member may be all that has come of it.
        if !next.is_empty() && MAGIC.starts_with(&next[..next.len().min(MAGIC.len())]) {
            self.begin(file);
            return Ok(());
        }
        loop {
            let bytes = file.fill_buf()?;
            let read = bytes.len();
            self.trailing = bytes.iter().any(|&byte| byte != 0);
            if read == 0 || self.trailing {
                break;
            }
            file.consume(read);
        }
        self.behind = Some(file);
        Ok(())
    }
}

impl Read for Unpacked {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let read = member.read(bytes)?;
            if read > 0 {
                return Ok(read);
            }
            if let Some(member) = self.member.take() {
                self.go_on(member.into_inner())?;
            }
        }
    }
}
