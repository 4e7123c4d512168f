//! Long commits under way: one thread waits for the disk, another one makes the next commit ready.
//!
//! A commit of hundreds of changes takes about as long to be made ready as to be written. One of a
//! few is not worth a second thread, and no commit goes before one that began earlier.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use super::{Done, writing::Flight};

/// One is written, and one is made ready behind it: a third would only be shorter than it could be.
const COMMITS_MAX: usize = 2;

/// How many there are, and whether one has failed.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    state: Mutex<State>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    commits: usize,
    has_failed: bool,
}

impl UnderWay {
    pub(super) fn are_none(&self) -> bool {
        self.lock().commits == 0
    }

    /// Returns when another one may begin.
    pub(super) fn wait_for_room(&self) {
        self.wait_while(|state| state.commits >= COMMITS_MAX);
    }

    /// Returns when those concerned have been told of all.
    pub(super) fn wait_for_all(&self) {
        self.wait_while(|state| state.commits > 0);
    }

    /// Whether one has failed since this was asked last.
    pub(super) fn take_failure(&self) -> bool {
        std::mem::take(&mut self.lock().has_failed)
    }

    pub(super) fn begins(&self) {
        self.lock().commits += 1;
    }

    fn fails(&self) {
        self.lock().has_failed = true;
    }

    fn ends(&self) {
        self.lock().commits -= 1;
        self.fewer.notify_all();
    }

    fn wait_while(&self, is_early: impl Fn(&State) -> bool) {
        let waited = self.fewer.wait_while(self.lock(), |state| is_early(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that waits for the disk; it ends with this.
pub(super) struct Syncer(Sender<Flight<Done>>);

impl Syncer {
    pub(super) fn spawn(under_way: Arc<UnderWay>) -> io::Result<Self> {
        let (flights, inbox) = mpsc::channel();
        let thread = thread::Builder::new().name("store-sync".to_owned());
        thread.spawn(move || run(&inbox, &under_way))?;
        Ok(Self(flights))
    }

    /// Ends a commit that [began](UnderWay::begins), after those before it.
    pub(super) fn end(&self, flight: Flight<Done>) {
        self.0.send(flight).expect("the thread lives as long");
    }
}

fn run(inbox: &Receiver<Flight<Done>>, under_way: &UnderWay) {
    while let Ok(flight) = inbox.recv() {
        let (ended, landed) = flight.end();
        if ended.is_err() {
            // Before anybody asks for what is durable.
            under_way.fails();
        }
        landed.into_iter().for_each(|(done, outcome)| done(outcome));
        under_way.ends();
    }
}
