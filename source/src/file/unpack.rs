//! Files packed with gzip: one member or several, one after another, unpacked as one file.
//!
//! ```text
//!   member  member  …  zeros up to a whole block       what tapes and some programs leave: passed over
//!                      anything else than a member     passed over as `gzip` does it, and said
//! ```
//! A member that breaks off, or whose sum is wrong, is an error; so is what comes first and is no member. The sum stands at a
//! member's end, and a bit that has changed may give other bytes long before: who wants bytes that are sound has each member
//! unpacked twice ([`Unpacked::checked`]). Of one that breaks off the beginning is given, as it may be on its way.

use std::{
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
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
    /// A member's sum is looked at before anything of it is given.
    checks: bool,
}

impl Unpacked {
    /// Of a file that stands at its start. An empty one holds nothing.
    pub(super) fn new(file: BufReader<File>) -> io::Result<Self> {
        Self::open(file, false)
    }

    /// The same, where nothing is given of a member that is damaged.
    pub(super) fn checked(file: BufReader<File>) -> io::Result<Self> {
        Self::open(file, true)
    }

    fn open(mut file: BufReader<File>, checks: bool) -> io::Result<Self> {
        let mut unpacked = Self { member: None, behind: None, trailing: false, checks };
        if file.fill_buf()?.is_empty() {
            unpacked.behind = Some(file);
        } else {
            unpacked.begin(file)?;
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

    fn begin(&mut self, mut file: BufReader<File>) -> io::Result<()> {
        if self.checks {
            file = looked_through(file)?;
        }
        self.member = Some(Box::new(GzDecoder::new(file)));
        Ok(())
    }

    /// What comes behind a member: the next, or the end.
    fn go_on(&mut self, mut file: BufReader<File>) -> io::Result<()> {
        let next = file.fill_buf()?;
        // One byte of a member may be all that has come of it.
        if !next.is_empty() && MAGIC.starts_with(&next[..next.len().min(MAGIC.len())]) {
            return self.begin(file);
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

/// Unpacks the member that begins here, and goes back to its beginning.
fn looked_through(mut file: BufReader<File>) -> io::Result<BufReader<File>> {
    let begin = file.stream_position()?;
    let mut member = GzDecoder::new(file);
    if let Err(error) = io::copy(&mut member, &mut io::sink())
        && error.kind() != io::ErrorKind::UnexpectedEof
    {
        let message = format!("{error}: nothing is read of what is packed from byte {begin} on");
        return Err(io::Error::new(error.kind(), message));
    }
    let mut file = member.into_inner();
    file.seek(SeekFrom::Start(begin))?;
    Ok(file)
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
