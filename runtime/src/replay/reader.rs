//! Reads a file of dead letters, and says of each what is to become of it.

use std::{
    collections::HashSet,
    fs::File,
    hash::Hasher,
    io::{self, BufRead, BufReader, Read, Take},
    sync::Arc,
};

use twox_hash::XxHash64;

use super::{
    Job,
    letter::{Content, Letter},
};

/// What stands in a line.
pub(super) enum Entry {
    Letter(Box<Judged>),
    Unreadable { line: u64, reason: String },
}

/// A letter, and what is to become of it.
pub(super) struct Judged {
    /// Tells it from all others, by its whole line.
    pub(super) id: u128,
    pub(super) letter: Letter,
    pub(super) verdict: Verdict,
}

/// What is to become of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// A letter before it says the same of the same record, as a crash between the letter and its settlement leaves it: settled with
    /// that one.
    Repeat,
    /// It was replayed before.
    Settled,
    Unselected,
    /// It is not of this pipeline, for this reason.
    Foreign(String),
}

/// Reads letters in their order. Two readers of one job judge alike.
pub(super) struct Reader {
    job: Arc<Job>,
    input: Take<BufReader<File>>,
    line: Vec<u8>,
    number: u64,
    /// Which records were sent already, and where to.
    sent: HashSet<u128>,
}

impl Reader {
    pub(super) fn open(job: &Arc<Job>) -> io::Result<Self> {
        let input = BufReader::new(File::open(&job.file)?).take(job.length);
        Ok(Self { job: Arc::clone(job), input, line: Vec::new(), number: 0, sent: HashSet::new() })
    }

    /// The next line that is not blank; `None` at the end. A last line without an end that cannot be read is none: its record is
    /// not settled, and comes again.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        loop {
            self.line.clear();
            self.number += 1;
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let letter = match Letter::read(line) {
                Ok(letter) => letter,
                Err(_) if !self.line.ends_with(b"\n") => return Ok(None),
                Err(reason) => return Ok(Some(Entry::Unreadable { line: self.number, reason })),
            };
            let id = digest(|hasher| hasher.write(line));
            let verdict = self.judge(id, &letter);
            return Ok(Some(Entry::Letter(Box::new(Judged { id, letter, verdict }))));
        }
    }

    fn judge(&mut self, id: u128, letter: &Letter) -> Verdict {
        let Job { selection, done, pipeline, .. } = &*self.job;
        if letter.pipeline != *pipeline {
            return Verdict::Foreign(format!("it is of the pipeline `{}`", letter.pipeline));
        }
        if done.contains(&id) {
            return Verdict::Settled;
        }
        let is_selected = selection.reason.as_ref().is_none_or(|reason| letter.error.contains(reason))
            && selection.node.as_ref().is_none_or(|node| letter.node == *node)
            && selection.since.is_none_or(|since| letter.time >= since)
            && selection.until.is_none_or(|until| letter.time < until);
        if !is_selected {
            return Verdict::Unselected;
        }
        let same = match &letter.content {
            Content::Record(record) => digest(|hasher| {
                for part in [letter.node.as_bytes(), record.split.as_str().as_bytes(), &record.bytes] {
                    hasher.write(part);
                    hasher.write_u8(0);
                }
                hasher.write_u64(record.position);
            }),
            Content::Row(_) => id,
        };
        if self.sent.contains(&same) {
            return Verdict::Repeat;
        }
        if selection.limit.is_some_and(|limit| self.sent.len() as u64 >= limit) {
            return Verdict::Unselected;
        }
        self.sent.insert(same);
        Verdict::Send
    }
}

fn digest(write: impl Fn(&mut XxHash64)) -> u128 {
    let half = |seed| {
        let mut hasher = XxHash64::with_seed(seed);
        write(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
