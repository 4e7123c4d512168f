//! From what a journal left behind to the records that its engine lacks.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;

use super::{
    super::damage,
    disk::Disk,
    failed,
    format::{self, Mark, Nonce, Record},
};
use crate::StoreError;

/// What was found in the folder of a journal.
#[derive(Debug)]
pub(super) struct Found {
    segments: BTreeMap<u64, Segment>,
}

#[derive(Debug)]
struct Segment {
    nonce: Nonce,
    /// With the place of each.
    records: Vec<(usize, Record)>,
}

/// What is to be done with it.
#[derive(Debug)]
pub(super) struct Recovered {
    /// In their order, what has to go to the engine.
    pub(super) records: Vec<Record>,
    /// The newest record that need not be replayed.
    pub(super) covered: u64,
    /// The newest record that there is, or was.
    pub(super) newest: u64,
}

impl Recovered {
    /// The engine has all there is.
    pub(super) fn nothing(covered: u64) -> Self {
        Self {
            records: Vec::new(),
            covered,
            newest: covered,
        }
    }
}

impl Found {
    /// Reads all segments.
    pub(super) fn read(disk: &impl Disk) -> Result<Self, StoreError> {
        let fail = |source| failed("read", disk.path(), source);
        let mut segments = BTreeMap::new();
        for name in disk.names().map_err(fail)? {
            // Anything else is none of ours.
            let Ok(number) = name.parse::<u64>() else {
                continue;
            };
            let bytes = Bytes::from(disk.read(&name).map_err(fail)?);
            let nonce = format::segment_nonce(&bytes).map_err(|reason| {
                let what = format!(
                    "segment {number} of the journal in {}",
                    disk.path().display()
                );
                damage::damaged(what, reason)
            })?;
            let records = format::records(nonce, &bytes);
            segments.insert(number, Segment { nonce, records });
        }
        Ok(Self { segments })
    }

    /// Whether there are no segments.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether nothing was ever written to the journal.
    pub(super) fn is_unused(&self) -> bool {
        self.segments
            .values()
            .all(|segment| segment.records.is_empty())
    }

    /// Finds what the engine lacks, by its mark. The first record that does not read is the end of
    /// the journal if none of those after it stands anywhere: one is written when the one before it
    /// is durable, so it is the one that was under way.
    /// `values` is what the engine's are in.
    pub(super) fn beyond(
        self,
        mark: Mark,
        disk: &impl Disk,
        values: &Path,
    ) -> Result<Recovered, StoreError> {
        let mut records = BTreeMap::new();
        for (number, segment) in self.segments {
            if segment.nonce != mark.nonce && !segment.records.is_empty() {
                let what = format!(
                    "segment {number} of the journal in {}",
                    disk.path().display()
                );
                return Err(damage::damaged(what, "it is of another journal"));
            }
            let of_segment = segment.records.into_iter();
            records.extend(of_segment.map(|(at, record)| (record.head.seq, (number, at, record))));
        }
        let last = records.last_key_value();
        let newest = last.map_or(mark.seq, |(seq, _)| mark.seq.max(*seq));
        if newest < mark.newest {
            let what = format!(
                "record {} of the journal in {}",
                mark.newest,
                disk.path().display()
            );
            return Err(damage::damaged(
                what,
                "it is gone, and the engine relies on it",
            ));
        }
        let Some((_, (_, _, last))) = last else {
            return Ok(Recovered::nothing(mark.seq));
        };
        if last.head.marked > mark.seq {
            let reason = format!(
                "it has what was in the journal up to record {}, and had it up to record {}: its end is \
                 lost, or it is a copy from an earlier day",
                mark.seq, last.head.marked
            );
            return Err(damage::damaged(values.display().to_string(), reason));
        }
        let covered = mark.seq.max(last.head.covered);
        let beyond = records.split_off(&(covered + 1));
        check_whole(covered, &beyond, disk)?;
        Ok(Recovered {
            records: beyond.into_values().map(|(_, _, record)| record).collect(),
            covered,
            newest,
        })
    }
}

/// By number: segment, place in it, record.
type Places = BTreeMap<u64, (u64, usize, Record)>;

fn check_whole(covered: u64, records: &Places, disk: &impl Disk) -> Result<(), StoreError> {
    let mut expected = (covered + 1, None);
    for (seq, (segment, at, record)) in records {
        if *seq != expected.0 {
            let place = expected.1.map_or_else(String::new, |(segment, at)| {
                format!(", in segment {segment} from byte {at} on or at the beginning of another,")
            });
            let what = format!(
                "record {} of the journal in {}",
                expected.0,
                disk.path().display()
            );
            let reason = format!(
                "it is gone{place} and record {seq} is there, in segment {segment} at byte {at}"
            );
            return Err(damage::damaged(what, reason));
        }
        expected = (seq + 1, Some((*segment, at + record.bytes().len())));
    }
    Ok(())
}
