//! Panics of engines, which are caught and told as errors, and need not be told twice.

use std::{cell::Cell, panic, sync::Once, thread};

thread_local! {
    /// How many calls of engines this thread is in.
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// What threads of sled's own have at the beginning of their names.
const THREADS: [&str; 2] = ["sled-io", "log flusher"];

/// A call of an engine, until it is dropped.
#[derive(Debug)]
pub(super) struct Call(());

impl Call {
    pub(super) fn begin() -> Self {
        CALLS.set(CALLS.get() + 1);
        Self(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.set(CALLS.get() - 1);
    }
}

/// Lets no panic that an engine is known to have, and that becomes an error, be printed on standard
/// error: it goes to the log at level `debug`. All other panics are printed as before. For a program,
/// once, before it opens a store; a library leaves the hook of its program alone.
pub fn hush_engine_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if is_of_an_engine() {
                tracing::debug!(%panic, "an engine panicked");
            } else {
                others(panic);
            }
        }));
    });
}

fn is_of_an_engine() -> bool {
    let is_called = CALLS.try_with(|calls| calls.get() > 0);
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    is_called.unwrap_or(false) || THREADS.iter().any(|of| name.starts_with(of))
}
