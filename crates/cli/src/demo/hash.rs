//! What a worker of the demonstration runs for each task.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::{
    input::Range,
    ledger::{self, Mark},
};
use crate::{exit::Failure, output};

/// Hashes what the payload on standard input names, rests, prints the hash; and tells the ledger
/// of its beginning and its end.
pub(super) async fn run(rest: Duration) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed("hash a file", error);
    ledger::append(Mark::Begun).map_err(failed)?;
    let mut payload = Vec::new();
    io::stdin().read_to_end(&mut payload).map_err(failed)?;
    let range =
        Range::from_payload(&payload).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    let hash = digest_or_why_not(&range);
    sleep(rest).await;
    output::write(hash.as_bytes())?;
    ledger::append(Mark::Ended).map_err(failed)
}

/// A file that cannot be read is a result too: the demonstration is about what becomes of tasks.
pub(super) fn digest_or_why_not(range: &Range) -> String {
    digest(&range.path, range.offset, range.bytes)
        .unwrap_or_else(|error| format!("unreadable: {}", error.kind()))
}

fn digest(path: &Path, offset: u64, bytes: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut hasher = Sha256::new();
    io::copy(&mut file.take(bytes), &mut hasher)?;
    let hex = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_hashed_as_sha256sum_would() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "xxabcxx").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(&path, 2, 3).unwrap(), abc);
    }

    #[test]
    fn a_file_that_is_gone_has_a_result_too() {
        let range = Range {
            path: "/no/such/file".into(),
            offset: 0,
            bytes: 1,
        };
        assert_eq!(digest_or_why_not(&range), "unreadable: entity not found");
    }
}
