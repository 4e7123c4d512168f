//! From a store to lines.

use std::io::{self, Write};

use leasehold_core::{Note, PoolName};

use super::{
    Tally, TransferError,
    line::{EndLine, FORMAT, HeaderLine, Line, PoolLine, TaskLine, VERSION},
    notes::NoteLine,
};
use crate::{Blob, Store};

/// Tasks after which it is told how far it is.
const TELL_AFTER: u64 = 1024;

/// Writes all that a store holds. Each pool is opened, which makes its epoch one more; nothing else
/// changes.
///
/// # Errors
/// When the store cannot be read or the lines cannot be written. What was written by then has no
/// end, and is refused by [`super::import`].
pub fn export(
    store: &mut dyn Store,
    to: &mut dyn Write,
    tell: &mut dyn FnMut(&Tally),
) -> Result<Tally, TransferError> {
    let mut writer = Writer {
        to,
        tell,
        tally: Tally::default(),
    };
    writer.line(&Line::Header(HeaderLine {
        format: FORMAT.to_owned(),
        version: VERSION,
        latest_at: store.latest(),
    }))?;
    for name in store.pools() {
        writer.pool(store, name)?;
    }
    let Tally {
        pools,
        tasks,
        notes,
        bytes: _,
    } = writer.tally;
    let end = EndLine {
        pools,
        tasks,
        notes,
    };
    writer.line(&Line::End(end))?;
    writer.to.flush().map_err(TransferError::Write)?;
    Ok(writer.tally)
}

struct Writer<'a> {
    to: &'a mut dyn Write,
    tell: &'a mut dyn FnMut(&Tally),
    tally: Tally,
}

impl Writer<'_> {
    fn pool(&mut self, store: &mut dyn Store, name: PoolName) -> Result<(), TransferError> {
        let opened = store.open_pool(&name)?;
        let pool = PoolLine {
            id: opened.id,
            name,
            epoch: opened.epoch,
        };
        let mut notes = opened.notes;
        notes.sort_by_key(Note::name);
        let mut tasks = opened.tasks.all()?;
        // For who reads it, and so that two exports of one store are the same.
        tasks.sort_unstable_by_key(|task| (task.place, task.id));
        let name = pool.name.clone();
        self.line(&Line::Pool(pool))?;
        for note in notes {
            self.line(&Line::Note(Box::new(NoteLine::new(name.clone(), note))))?;
            self.tally.notes += 1;
        }
        for task in tasks {
            let payload = store.blob(opened.id, task.id, Blob::Payload)?;
            let result = store.blob(opened.id, task.id, Blob::Result)?;
            let bytes = [&payload, &result].into_iter().flatten();
            self.tally.bytes += bytes.map(|blob| blob.len() as u64).sum::<u64>();
            self.task(TaskLine::new(name.clone(), task, payload, result))?;
        }
        self.tally.pools += 1;
        (self.tell)(&self.tally);
        Ok(())
    }

    fn task(&mut self, task: TaskLine) -> Result<(), TransferError> {
        self.line(&Line::Task(Box::new(task)))?;
        self.tally.tasks += 1;
        if self.tally.tasks.is_multiple_of(TELL_AFTER) {
            (self.tell)(&self.tally);
        }
        Ok(())
    }

    fn line(&mut self, line: &Line) -> Result<(), TransferError> {
        serde_json::to_writer(&mut *self.to, line)
            .map_err(io::Error::from)
            .and_then(|()| self.to.write_all(b"\n"))
            .map_err(TransferError::Write)
    }
}
