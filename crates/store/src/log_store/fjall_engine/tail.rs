//! The end of fjall's journal after a power cut.
//!
//! fjall writes a batch in several writes, and then syncs. Of those a power cut may leave any blocks:
//! also the last ones, without those before them. The end of the batch is there then and its checksum
//! is wrong, and fjall 3.1 takes this for damage and refuses to open (found by cutting the power of
//! `tests/power_cut.rs`: one of 40 images with blocks missing). Other torn ends it cuts off, and
//! everything after a broken entry with them, be it ever so whole (fjall issue 311).
//!
//! A commit begins when the one before it is durable, so only the last batch can be torn. It is cut
//! off here, before fjall sees it; a broken batch before a whole one is damage, and is named.
//!
//! The layout of fjall 3.1's journal, with numbers little-endian: batches, of
//! ```text
//! start  1, items u32, seqno u64
//! item   2, kind u8, compression u8, keyspace u64, key length u16, length u32, length on disk u32,
//!        key, value; or 4, keyspace u64
//! end    3, xxh3 u64 over the items, "FJL" 3
//! ```

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64;

use super::super::damage;
use crate::StoreError;

#[cfg(test)]
mod tests;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

const START_BYTES: usize = 13;
const ITEM_HEAD_BYTES: usize = 21;
const CLEAR_BYTES: usize = 9;
const END_BYTES: usize = 13;
const MAGIC: [u8; 4] = *b"FJL\x03";

/// How far numbers of batches that follow each other are apart, at the most: memory tables take some.
const SEQNO_STEP: u64 = 1 << 20;

static EMPTY: [u8; 4096] = [0; 4096];

/// Cuts off a torn batch at the end of the newest journal in the folder, if there is one.
pub(super) fn cut_off(path: &Path) -> Result<(), StoreError> {
    let fail = |source| super::failed("read", path, source);
    let journals = journals(path).map_err(fail)?;
    let Some((newest, sealed)) = journals.split_last() else {
        return Ok(());
    };
    for journal in sealed {
        let bytes = fs::read(journal).map_err(fail)?;
        let end = whole(&bytes).0;
        if !is_empty(&bytes[end..]) {
            return Err(broken(journal, end));
        }
    }
    let bytes = fs::read(newest).map_err(fail)?;
    let (end, seqno) = whole(&bytes);
    let rest = &bytes[end..];
    if is_empty(rest) {
        return Ok(());
    }
    if has_batch(rest, seqno) {
        return Err(broken(newest, end));
    }
    tracing::warn!(journal = %newest.display(), byte = end, "cut off a commit that the power went in");
    cut(newest, end).map_err(|source| super::failed("write to", newest, source))
}

fn journals(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_suffix(".jnl"));
        // What has another name fjall will speak of.
        if let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn broken(journal: &Path, at: usize) -> StoreError {
    let what = format!("the journal {}", journal.display());
    damage::damaged(
        what,
        format!("the batch at byte {at} does not read, and there are others after it"),
    )
}

fn cut(journal: &Path, end: usize) -> io::Result<()> {
    let file = File::options().write(true).open(journal)?;
    file.set_len(end as u64)?;
    file.sync_all()
}

/// Where the whole batches at the beginning end, and the number of the last one.
fn whole(bytes: &[u8]) -> (usize, Option<u64>) {
    let (mut at, mut last) = (0, None);
    while let Some((len, seqno)) = batch(&bytes[at..]) {
        at += len;
        last = Some(seqno);
    }
    (at, last)
}

/// Whether it is what fjall laid out ahead.
fn is_empty(bytes: &[u8]) -> bool {
    let mut blocks = bytes.chunks(EMPTY.len());
    blocks.all(|block| *block == EMPTY[..block.len()])
}

/// Whether a whole batch begins anywhere in it that can be a later one than this.
fn has_batch(bytes: &[u8], after: Option<u64>) -> bool {
    let after = after.unwrap_or(0);
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == START);
    let mut batches = starts.filter_map(|(at, _)| batch(&bytes[at..]));
    batches.any(|(_, seqno)| seqno > after && seqno - after < SEQNO_STEP)
}

/// The length of the batch that begins here and is whole, and its number.
fn batch(bytes: &[u8]) -> Option<(usize, u64)> {
    let start = bytes.get(..START_BYTES).filter(|of| of[0] == START)?;
    let items = u32::from_le_bytes(start[1..5].try_into().ok()?);
    let seqno = u64::from_le_bytes(start[5..].try_into().ok()?);
    let mut at = START_BYTES;
    for _ in 0..items {
        at += item(bytes.get(at..)?)?;
    }
    let end = bytes.get(at..at + END_BYTES).filter(|of| of[0] == END)?;
    let sum = u64::from_le_bytes(end[1..9].try_into().ok()?);
    let is_whole = end[9..] == MAGIC && sum == xxh3_64(&bytes[START_BYTES..at]);
    is_whole.then_some((at + END_BYTES, seqno))
}

fn item(bytes: &[u8]) -> Option<usize> {
    match *bytes.first()? {
        ITEM => {
            let head = bytes.get(..ITEM_HEAD_BYTES)?;
            let key = u16::from_le_bytes(head[11..13].try_into().ok()?);
            let value = u32::from_le_bytes(head[17..21].try_into().ok()?);
            let len = ITEM_HEAD_BYTES + usize::from(key) + usize::try_from(value).ok()?;
            (len <= bytes.len()).then_some(len)
        }
        CLEAR => (bytes.len() >= CLEAR_BYTES).then_some(CLEAR_BYTES),
        _ => None,
    }
}
