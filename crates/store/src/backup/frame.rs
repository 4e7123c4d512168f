//! The bytes of a backup: frames behind a title.
//!
//! ```text
//! backup  "leasehold backup 1\n", then frames
//! frame   kind u8, pool u32 LE, length u32 LE, value
//! value   as the store seals its records, under the key: kind, pool u32 BE, number of the frame from
//!         0, u64 BE
//! ```
//!
//! | kind | value |
//! |---|---|
//! | `P` | a pool: its name, its epoch, how many notes it has. The last one of a pool counts |
//! | `E` | entries of its log, in their order: states, payloads, results, and what is forgotten |
//! | `N` | a note of it: its policy, or a schedule |
//! | `Z` | the end: of each pool the newest time, and how many tasks and notes it has |
//!
//! The number in the key says that no frame is missing, twice there, or in another's place.

use std::io::{self, Read};

use leasehold_core::{Note, PoolId};

use super::BackupError;
use crate::record::{
    self, LogDraft, LogHead, PoolRecord, PoolSum, READABLE, Sealed, Unreadable, seal_note,
    seal_pool, seal_sums,
};

/// What a backup begins with; the number is its format.
pub(crate) const TITLE: &[u8] = b"leasehold backup 1\n";

/// What the title begins with whatever the format.
const TITLE_STEM: &[u8] = b"leasehold backup ";

/// Bytes of a frame before its value.
const HEAD_BYTES: usize = 9;

/// The longest value, in bytes: the longest payload, and what a record may have before it.
const VALUE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pool.
    Pool,
    /// Entries of a log.
    Entries,
    /// A note.
    Note,
    /// The end.
    End,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Pool, Self::Entries, Self::Note, Self::End];

    const fn letter(self) -> u8 {
        match self {
            Self::Pool => b'P',
            Self::Entries => b'E',
            Self::Note => b'N',
            Self::End => b'Z',
        }
    }
}

fn key(kind: u8, pool: PoolId, number: u64) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = kind;
    key[1..5].copy_from_slice(&pool.0.to_be_bytes());
    key[5..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Puts frames behind one another.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    number: u64,
}

impl FrameWriter {
    pub(crate) fn title(to: &mut Vec<u8>) {
        to.extend_from_slice(TITLE);
    }

    pub(crate) fn pool(&mut self, id: PoolId, pool: &PoolRecord, notes: u32, to: &mut Vec<u8>) {
        self.frame(Kind::Pool, id, to, |key| seal_pool(key, pool, Some(notes)));
    }

    pub(crate) fn entries(
        &mut self,
        id: PoolId,
        draft: LogDraft,
        head: &LogHead,
        to: &mut Vec<u8>,
    ) {
        self.frame(Kind::Entries, id, to, |key| draft.seal(key, head));
    }

    pub(crate) fn note(&mut self, id: PoolId, note: &Note, to: &mut Vec<u8>) {
        self.frame(Kind::Note, id, to, |key| {
            seal_note(key, note).expect("it was short enough to be stored")
        });
    }

    pub(crate) fn end(&mut self, sums: &[PoolSum], to: &mut Vec<u8>) {
        self.frame(Kind::End, PoolId(0), to, |key| seal_sums(key, sums));
    }

    fn frame(
        &mut self,
        kind: Kind,
        id: PoolId,
        to: &mut Vec<u8>,
        seal: impl FnOnce(&[u8]) -> Vec<u8>,
    ) {
        let value = seal(&key(kind.letter(), id, self.number));
        let len = u32::try_from(value.len()).expect("a frame is far shorter than 4 GiB");
        self.number += 1;
        to.push(kind.letter());
        to.extend_from_slice(&id.0.to_le_bytes());
        to.extend_from_slice(&len.to_le_bytes());
        to.extend_from_slice(&value);
    }
}

/// A frame that was found whole.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) pool: PoolId,
    number: u64,
    at: u64,
    value: Vec<u8>,
}

impl Frame {
    /// What is in it.
    pub(crate) fn sealed(&self) -> Sealed<'_> {
        let key = key(self.kind.letter(), self.pool, self.number);
        Sealed::open(&key, &self.value).expect("it was found whole")
    }

    /// Bytes of what is in it.
    pub(crate) fn len(&self) -> usize {
        self.value.len()
    }

    /// It does not say what it should.
    pub(crate) fn unreadable(&self, error: &Unreadable) -> BackupError {
        unreadable(&self.what(), error)
    }

    /// Which it is, for people.
    pub(crate) fn what(&self) -> String {
        named(self.number, self.at, self.pool)
    }
}

fn named(number: u64, at: u64, pool: PoolId) -> String {
    format!(
        "record {number} of the backup, of pool number {}, at byte {at}",
        pool.0
    )
}

pub(crate) fn unreadable(what: &str, error: &Unreadable) -> BackupError {
    match error {
        Unreadable::Damaged(why) => BackupError::damaged(what, *why),
        Unreadable::Version(found) => BackupError::damaged(
            what,
            format!(
                "it has format version {found}, and this version reads {READABLE}: use the version \
                 that took the backup, or a newer one"
            ),
        ),
    }
}

/// Reads frames one behind the other.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    from: R,
    number: u64,
    /// Bytes that were read.
    at: u64,
    has_ended: bool,
}

impl<R: Read> FrameReader<R> {
    /// Begins with the title.
    pub(crate) fn begin(mut from: R) -> Result<Self, BackupError> {
        let mut title = Vec::new();
        let wanted = TITLE.len() as u64;
        let read = (&mut from).take(wanted).read_to_end(&mut title);
        read.map_err(BackupError::Read)?;
        if title != TITLE {
            return Err(wrong_title(&title));
        }
        Ok(Self {
            from,
            number: 0,
            at: wanted,
            has_ended: false,
        })
    }

    /// Bytes that were read.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// The next frame; nothing behind the last, behind which nothing is.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, BackupError> {
        let (at, number) = (self.at, self.number);
        let mut head = [0; HEAD_BYTES];
        let found = self.fill(&mut head)?;
        if self.has_ended {
            return match found {
                0 => Ok(None),
                _ => Err(BackupError::damaged(
                    "the end of the backup",
                    "there is more behind it",
                )),
            };
        }
        if found < HEAD_BYTES {
            return Err(BackupError::CutShort { at, number });
        }
        let (letter, pool, len) = parse_head(head);
        let what = named(number, at, pool);
        let kind = Kind::ALL.into_iter().find(|kind| kind.letter() == letter);
        let kind = kind.ok_or_else(|| BackupError::damaged(&what, "it is of no known kind"))?;
        if len > VALUE_BYTES_MAX {
            return Err(BackupError::damaged(&what, "it is longer than any can be"));
        }
        let mut value = Vec::new();
        let read = (&mut self.from).take(len.into()).read_to_end(&mut value);
        self.at += read.map_err(BackupError::Read)? as u64;
        if value.len() < len as usize {
            return Err(BackupError::CutShort { at, number });
        }
        let opened = Sealed::open(&key(letter, pool, number), &value);
        opened.map_err(|error| unreadable(&what, &error))?;
        self.number += 1;
        self.has_ended = kind == Kind::End;
        Ok(Some(Frame {
            kind,
            pool,
            number,
            at,
            value,
        }))
    }

    /// As many bytes as there are.
    fn fill(&mut self, head: &mut [u8]) -> Result<usize, BackupError> {
        let mut found = 0;
        while found < head.len() {
            match self.from.read(&mut head[found..]) {
                Ok(0) => break,
                Ok(read) => found += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BackupError::Read(error)),
            }
        }
        self.at += found as u64;
        Ok(found)
    }
}

fn parse_head(head: [u8; HEAD_BYTES]) -> (u8, PoolId, u32) {
    let [kind, a, b, c, d, len @ ..] = head;
    let pool = PoolId(u32::from_le_bytes([a, b, c, d]));
    (kind, pool, u32::from_le_bytes(len))
}

fn wrong_title(found: &[u8]) -> BackupError {
    if found.starts_with(TITLE_STEM) {
        let version = String::from_utf8_lossy(&found[TITLE_STEM.len()..]);
        return BackupError::Version(version.trim_end().to_owned());
    }
    BackupError::damaged("the data", "it does not begin as a backup does")
}

/// A state that is in a frame, decoded.
pub(crate) fn task_of(
    entry: &record::Entry<'_>,
    state: record::StateBytes<'_>,
) -> Result<leasehold_core::Task, Unreadable> {
    match record::decode_task(state) {
        Ok(task) if task.id == entry.task => Ok(task),
        Ok(_) => Err(Unreadable::Damaged("a state in it is of another task")),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use leasehold_core::{Change, Epoch, TaskId, Timestamp};

    use super::*;
    use crate::{
        Blob,
        conformance::sample,
        record::{Entry, What},
    };

    /// A backup of a pool with two tasks and a note, as it was first written.
    const GOLDEN: &str = include_str!("../../tests/golden/backup-v1.hex");

    const POOL: PoolId = PoolId(1);

    fn backup() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut frames = FrameWriter::default();
        FrameWriter::title(&mut bytes);
        let record = PoolRecord {
            name: "mail".parse().unwrap(),
            epoch: Epoch(7),
        };
        let at = Timestamp::from_millis(1_700_000_005_000);
        frames.pool(POOL, &record, 0, &mut bytes);
        let mut draft = LogDraft::new();
        let (one, other) = (TaskId::from_u128(1), TaskId::from_u128(2));
        for (task, forgotten) in [(one, false), (other, true)] {
            let payload = b"to: ada";
            let what = What::Inline(Blob::Payload, payload);
            draft.push(&Entry { task, what });
            if let Change::Put { task, .. } = sample::enqueued(task, payload) {
                draft.push_task(&task);
            }
            if forgotten {
                let what = What::Forget;
                draft.push(&Entry { task, what });
            }
        }
        let head = LogHead {
            head: 3,
            at,
            epoch: Epoch(7),
            first: None,
        };
        frames.entries(POOL, draft, &head, &mut bytes);
        frames.pool(POOL, &record, 1, &mut bytes);
        frames.note(POOL, &sample::notes()[1], &mut bytes);
        let sum = PoolSum {
            pool: 1,
            at: at.as_millis(),
            tasks: 1,
            notes: 1,
        };
        frames.end(&[sum], &mut bytes);
        bytes
    }

    #[test]
    fn the_bytes_of_a_backup_are_for_ever() {
        let hex: String = backup().iter().map(|byte| format!("{byte:02x}")).collect();
        let golden: String = GOLDEN.split_whitespace().collect();
        assert_eq!(hex, golden);
    }

    #[test]
    fn frames_come_back_in_their_order_and_no_other() {
        let bytes = backup();
        let read = |bytes: &[u8]| {
            let mut frames = FrameReader::begin(bytes)?;
            let mut kinds = Vec::new();
            while let Some(frame) = frames.next()? {
                kinds.push((frame.kind, frame.len()));
            }
            Ok::<_, BackupError>(kinds)
        };
        let frames = read(&bytes).unwrap();
        let kinds: Vec<_> = frames.iter().map(|(kind, _)| *kind).collect();
        use Kind::{End, Entries, Note, Pool};
        assert_eq!(kinds, [Pool, Entries, Pool, Note, End]);
        // One that is left out, and two that change places.
        let first = TITLE.len() + HEAD_BYTES + frames[0].1;
        let second = first + HEAD_BYTES + frames[1].1;
        let third = second + HEAD_BYTES + frames[2].1;
        let without = [&bytes[..first], &bytes[second..]].concat();
        let swapped = [
            &bytes[..first],
            &bytes[second..third],
            &bytes[first..second],
            &bytes[third..],
        ];
        for wrong in [without, swapped.concat()] {
            let error = read(&wrong).unwrap_err().to_string();
            assert!(error.contains("record 1 of the backup"), "{error}");
        }
        for cut in 0..bytes.len() {
            read(&bytes[..cut]).unwrap_err();
        }
    }
}
