//! The newest states of a pool's tasks, as they are stored: kept while a log is read, so that it is
//! read once, and until the pool is opened.

use leasehold_core::{Task, TaskId};

use crate::record::{self, StateBytes, Unreadable};

/// Bytes of states that are kept, and given back, together.
const CHUNK_BYTES: usize = 256 * 1024;

/// States, by the numbers that [`super::tasks::Tasks`] gives.
#[derive(Debug, Default)]
pub(super) struct States {
    chunks: Vec<Chunk>,
    at: Vec<At>,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// States in it that are the newest of their tasks.
    newest: u32,
}

/// Where a state is: chunk, start and length.
#[derive(Debug, Clone, Copy)]
struct At {
    chunk: u32,
    start: u32,
    len: u32,
}

impl At {
    const NOWHERE: Self = Self {
        chunk: u32::MAX,
        start: 0,
        len: 0,
    };
}

impl States {
    /// Takes the newest state of a task.
    pub(super) fn put(&mut self, number: u32, task: TaskId, state: StateBytes<'_>) {
        let number = number as usize;
        if number >= self.at.len() {
            self.at.resize(number + 1, At::NOWHERE);
        }
        let at = self.add(task, state);
        let old = std::mem::replace(&mut self.at[number], at);
        self.release(old);
    }

    /// Follows [`super::tasks::Tasks::remove`].
    pub(super) fn remove(&mut self, number: u32, tasks_left: usize) {
        self.at.resize(tasks_left + 1, At::NOWHERE);
        let old = self.at.swap_remove(number as usize);
        self.release(old);
    }

    /// Reads the states of all tasks, and gives each back as it is read. What does not read is said
    /// with its task.
    pub(super) fn into_tasks(mut self) -> impl Iterator<Item = Result<Task, (TaskId, Unreadable)>> {
        let at = std::mem::take(&mut self.at);
        at.into_iter().filter_map(move |at| {
            let chunk = self.chunks.get(at.chunk as usize)?;
            let (start, end) = (at.start as usize, (at.start + at.len) as usize);
            let ([has_extras], rest) = chunk.bytes[start..end].split_first_chunk()?;
            let (id, bytes) = rest.split_first_chunk()?;
            let has_extras = *has_extras > 0;
            let task = read(TaskId::from_bytes(*id), StateBytes { bytes, has_extras });
            self.release(at);
            Some(task)
        })
    }

    fn add(&mut self, task: TaskId, state: StateBytes<'_>) -> At {
        let len = 1 + task.as_bytes().len() + state.bytes.len();
        let has_room = |chunk: &Chunk| chunk.bytes.len() + len <= chunk.bytes.capacity();
        if !self.chunks.last().is_some_and(has_room) {
            self.chunks.push(Chunk {
                bytes: Vec::with_capacity(CHUNK_BYTES.max(len)),
                newest: 0,
            });
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let start = chunk.bytes.len();
        chunk.bytes.push(u8::from(state.has_extras));
        chunk.bytes.extend_from_slice(task.as_bytes());
        chunk.bytes.extend_from_slice(state.bytes);
        chunk.newest += 1;
        let [chunk, start, len] =
            [number, start, len].map(|number| u32::try_from(number).expect("it is in memory"));
        At { chunk, start, len }
    }

    fn release(&mut self, at: At) {
        let is_last = at.chunk as usize + 1 == self.chunks.len();
        if let Some(chunk) = self.chunks.get_mut(at.chunk as usize) {
            chunk.newest -= 1;
            if chunk.newest == 0 && !is_last {
                chunk.bytes = Vec::new();
            }
        }
    }
}

fn read(task: TaskId, state: StateBytes<'_>) -> Result<Task, (TaskId, Unreadable)> {
    match record::decode_task(state) {
        Ok(found) if found.id == task => Ok(found),
        Ok(_) => Err((task, Unreadable::Damaged("it is of another task"))),
        Err(error) => Err((task, error)),
    }
}
