//! `leasehold verify`

use std::path::{Path, PathBuf};

use leasehold_hub::{
    Found, StoreError, Unused, Verified,
    backup::{self, BackupError, PoolCensus},
    verify_store,
};
use serde::Serialize;

use crate::{
    args::VerifyArgs,
    backup::Progress,
    exit::{Failure, complain},
    output::{
        self,
        table::{Lean, Table},
        words::{count, size},
    },
};

/// The states in the order of a task's life.
const STATES: [&str; 6] = [
    "ready",
    "scheduled",
    "claimed",
    "completed",
    "cancelled",
    "dead",
];

/// What was looked at, and what became of it.
#[derive(Serialize)]
struct Document {
    folder: String,
    /// "store" or "backup"
    kind: &'static str,
    engine: Option<&'static str>,
    taken_at: Option<String>,
    ok: bool,
    pools: Vec<Pool>,
    /// Of a store: what is no damage, and is free to be written over.
    unused: Option<Unused>,
    found: Vec<Flaw>,
}

#[derive(Serialize)]
struct Pool {
    #[serde(flatten)]
    census: PoolCensus,
    /// Of a store: records of its log, and those of the first and the last.
    records: Option<u64>,
    sequences: Option<(u64, u64)>,
}

#[derive(Serialize)]
struct Flaw {
    what: String,
    why: String,
}

/// Looks at every record.
pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let folder = args.folder.display().to_string();
    let document = if backup::is_backup(&args.folder) {
        of_backup(folder, &args.folder)?
    } else {
        of_store(folder, args)?
    };
    if args.json {
        output::document(&document)?;
    } else {
        output::write(text(&document).as_bytes())?;
    }
    if document.ok {
        return Ok(());
    }
    for Flaw { what, why } in &document.found {
        complain(format!("{what} is damaged: {why}"));
    }
    complain(advice(document.kind));
    Err(Failure::Told)
}

const fn advice(kind: &str) -> &'static str {
    match kind.as_bytes() {
        b"backup" => "do not rely on this backup: verify an older one",
        _ => {
            "keep a copy of the folder as it is, and restore the last good backup into a new one with \
             leasehold restore; docs/OPERATIONS.md says more"
        }
    }
}

fn of_backup(folder: String, path: &Path) -> Result<Document, Failure> {
    let progress = Progress::new("checking");
    let read = backup::read_back(path, &mut |done, of| progress.tell(done, of));
    let (taken_at, pools, found) = match read {
        Ok((manifest, census)) => (Some(manifest.taken_at), census.pools, Vec::new()),
        Err(error) => (None, Vec::new(), vec![flaw_of(path, error)?]),
    };
    let pool = |census| Pool {
        census,
        records: None,
        sequences: None,
    };
    Ok(Document {
        folder,
        kind: "backup",
        engine: None,
        taken_at,
        ok: found.is_empty(),
        pools: pools.into_iter().map(pool).collect(),
        unused: None,
        found,
    })
}

/// Damage is what was looked for; anything else kept the look from being taken.
fn flaw_of(path: &Path, error: BackupError) -> Result<Flaw, Failure> {
    match error {
        BackupError::Damaged { what, why } => Ok(Flaw { what, why }),
        cut @ BackupError::CutShort { .. } => Ok(Flaw {
            what: format!("the backup {}", path.display()),
            why: cut.to_string(),
        }),
        other @ (BackupError::Store(_)
        | BackupError::Read(_)
        | BackupError::Write { .. }
        | BackupError::Taken(_)
        | BackupError::NotABackup { .. }
        | BackupError::Version(_)
        | BackupError::NoEpoch(_)) => {
            Err(Failure::failed(format!("verify {}", path.display()), other))
        }
    }
}

fn of_store(folder: String, args: &VerifyArgs) -> Result<Document, Failure> {
    let progress = Progress::new("reading");
    let mut tell = |done| progress.say(|doing| format!("{doing}: {}", count(done, "record")));
    let scratch = args.scratch.clone().unwrap_or_else(|| beside(&args.folder));
    let verified = verify_store(&args.folder, &scratch, &mut tell);
    let failed = |error| {
        let advice = match error {
            StoreError::InUse(_) => {
                "\nstop that hub, or take a backup of it with leasehold backup and verify that"
            }
            StoreError::Taken(_)
            | StoreError::NotAStore { .. }
            | StoreError::OtherEngine { .. }
            | StoreError::Incompatible { .. }
            | StoreError::Damaged { .. }
            | StoreError::Fenced { .. }
            | StoreError::NotOpen(_)
            | StoreError::Io { .. }
            | StoreError::NoBackup
            | StoreError::Poisoned => "",
        };
        Failure::failed(format!("verify {folder}"), format!("{error}{advice}"))
    };
    let Verified {
        engine,
        pools,
        unused,
        found,
    } = verified.map_err(failed)?;
    let flaw = |Found { what, why }| Flaw { what, why };
    Ok(Document {
        kind: "store",
        engine: Some(engine.name()),
        taken_at: None,
        ok: found.is_empty(),
        pools: pools
            .into_iter()
            .map(|pool| Pool {
                census: pool.census,
                records: Some(pool.records),
                sequences: Some(pool.sequences),
            })
            .collect(),
        unused: Some(unused),
        found: found.into_iter().map(flaw).collect(),
        folder,
    })
}

fn beside(folder: &Path) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    whole.parent().map_or_else(|| ".".into(), Path::to_owned)
}

fn text(document: &Document) -> String {
    let kind = match (document.kind, document.engine, &document.taken_at) {
        (_, Some(engine), _) => format!("a data folder of {engine}"),
        (_, None, Some(taken_at)) => format!("a backup as of {taken_at}"),
        (kind, None, None) => format!("a {kind}"),
    };
    let tasks = document.pools.iter().map(|pool| pool.census.tasks).sum();
    let verdict = if document.ok {
        let (tasks, pools) = (
            count(tasks, "task"),
            count(document.pools.len() as u64, "pool"),
        );
        format!("ok: {tasks} of {pools}, every record read\n")
    } else {
        format!(
            "NOT ok: {}\n",
            count(document.found.len() as u64, "finding")
        )
    };
    let table = if document.ok && !document.pools.is_empty() {
        format!("{}\n", table(document))
    } else {
        String::new()
    };
    let unused = document.unused.filter(|unused| unused.slots > 0);
    let unused = unused.map_or_else(String::new, |unused| {
        format!(
            "not in use: {} in {}, of payloads that are gone; the next ones take their room\n",
            size(unused.bytes),
            count(unused.slots, "slot")
        )
    });
    format!("{}: {kind}\n\n{table}{verdict}{unused}", document.folder)
}

fn table(document: &Document) -> String {
    let mut heads = vec![("POOL", Lean::Left)];
    heads.extend(
        [
            "READY",
            "SCHEDULED",
            "CLAIMED",
            "COMPLETED",
            "CANCELLED",
            "DEAD",
        ]
        .map(|head| (head, Lean::Right)),
    );
    heads.extend([
        ("NOTES", Lean::Right),
        ("PAYLOADS", Lean::Right),
        ("RESULTS", Lean::Right),
        ("RECORDS", Lean::Left),
    ]);
    let rows: Vec<_> = document.pools.iter().map(row).collect();
    Table::new(&heads).page(&rows)
}

fn row(pool: &Pool) -> Vec<String> {
    let census = &pool.census;
    let of = |state: &str| census.by_state.get(state).copied().unwrap_or(0).to_string();
    let records = match (pool.records, pool.sequences) {
        (Some(0), _) => "none".to_owned(),
        (Some(_), Some((first, last))) => format!("{first} to {last}"),
        (_, _) => "-".to_owned(),
    };
    let mut row = vec![census.name.to_string()];
    row.extend(STATES.map(of));
    row.extend([
        census.notes.to_string(),
        size(census.payload_bytes),
        size(census.result_bytes),
        records,
    ]);
    row
}
