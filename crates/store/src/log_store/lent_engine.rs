//! An engine from which other threads read while it is written to.

use std::{
    ops::Deref,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use super::engine::Engine;

/// Whoever reads from it is waited for before it is closed.
#[derive(Debug)]
pub(super) struct LentEngine {
    engine: Arc<Box<dyn Engine>>,
    /// Held by those who read, while they do.
    reads: Arc<RwLock<()>>,
}

/// A way to it, for as long as it is open.
#[derive(Debug, Clone)]
pub(super) struct EngineReader {
    engine: Weak<Box<dyn Engine>>,
    reads: Arc<RwLock<()>>,
}

impl LentEngine {
    pub(super) fn new(engine: Box<dyn Engine>) -> Self {
        let (engine, reads) = (Arc::new(engine), Arc::default());
        Self { engine, reads }
    }

    pub(super) fn reader(&self) -> EngineReader {
        EngineReader {
            engine: Arc::downgrade(&self.engine),
            reads: Arc::clone(&self.reads),
        }
    }

    /// Returns when it can be opened again.
    pub(super) fn close(self) {
        let _no_reads = self.reads.write().unwrap_or_else(PoisonError::into_inner);
        Arc::into_inner(self.engine)
            .expect("it is held by those who read, and nobody does")
            .close();
    }
}

impl Deref for LentEngine {
    type Target = dyn Engine;

    fn deref(&self) -> &(dyn Engine + 'static) {
        &**self.engine
    }
}

impl EngineReader {
    /// Nothing if it is closed.
    pub(super) fn read<T>(&self, read: impl FnOnce(&dyn Engine) -> T) -> Option<T> {
        let _reads = self.reads.read().unwrap_or_else(PoisonError::into_inner);
        let engine = self.engine.upgrade()?;
        Some(read(&**engine))
    }
}
