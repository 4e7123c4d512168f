//! How far tasks have come, in few requests: the last word wins, and the last comes before the
//! outcome.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use leasehold_core::{LeaseRef, Rejection, Revocation};
use leasehold_wire::{ProgressItem, Request, Response};
use tokio::{sync::mpsc, time::Instant};

use super::{Task, actor::Actor, sent::Sent};

/// No task's progress is sent more often than this.
const EVERY: Duration = Duration::from_millis(500);

/// All of a task, as the hub counts.
const WHOLE: f64 = 10_000.0;

impl Task {
    /// Tells the hub how far the handler has come, as a fraction of 1, with a note for people of
    /// which 256 bytes are kept. It is seen in what is known of the task, and extends its lease. At
    /// most two words a second are sent, and the last before the outcome always is; a hub that
    /// speaks version 1 of the protocol is told nothing.
    pub fn progress(&self, fraction: f64, note: impl Into<String>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within 0 to 10,000; what is no number is 0"
        )]
        let fraction = (fraction.clamp(0.0, 1.0) * WHOLE).round() as u16;
        let note = note.into();
        let proof = self.lease;
        // Fails only if the worker has ended.
        let _ = self.words.send(ProgressItem {
            proof,
            fraction,
            note,
        });
    }
}

/// What handlers have said and the hub has yet to hear.
#[derive(Debug)]
pub(super) struct Words {
    sender: mpsc::UnboundedSender<ProgressItem>,
    receiver: mpsc::UnboundedReceiver<ProgressItem>,
    /// Of each task that ever said something: what is yet to be sent, and when it may be.
    of: HashMap<LeaseRef, (Option<ProgressItem>, Instant)>,
    /// What is to be sent, by when.
    due: BTreeSet<(Instant, LeaseRef)>,
}

impl Default for Words {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            receiver,
            of: HashMap::new(),
            due: BTreeSet::new(),
        }
    }
}

impl Words {
    pub(super) fn sender(&self) -> mpsc::UnboundedSender<ProgressItem> {
        self.sender.clone()
    }

    /// Waits for a word, and takes what else there is.
    pub(super) async fn hear(&mut self) {
        if let Some(word) = self.receiver.recv().await {
            self.take(word);
        }
        self.hear_all();
    }

    fn hear_all(&mut self) {
        while let Ok(word) = self.receiver.try_recv() {
            self.take(word);
        }
    }

    fn take(&mut self, word: ProgressItem) {
        let proof = word.proof;
        let of = self.of.entry(proof).or_insert((None, Instant::now()));
        of.0 = Some(word);
        self.due.insert((of.1, proof));
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self, now: Instant) -> Vec<ProgressItem> {
        let mut words = Vec::new();
        while self.next_deadline().is_some_and(|at| at <= now)
            && let Some((_, proof)) = self.due.pop_first()
        {
            if let Some((word, next)) = self.of.get_mut(&proof) {
                words.extend(word.take());
                *next = now + EVERY;
            }
        }
        words
    }

    /// The handler has ended: what it said last, if that is yet to be sent.
    pub(super) fn take_last(&mut self, proof: LeaseRef) -> Option<ProgressItem> {
        self.hear_all();
        let (word, at) = self.of.remove(&proof)?;
        self.due.remove(&(at, proof));
        word
    }
}

impl Actor {
    pub(super) fn send_words(&mut self) {
        let words = self.words.take_due(Instant::now());
        // A handler's copy of its task may speak after its end.
        for word in words.iter().filter(|of| !self.leases.holds(of.proof)) {
            self.words.of.remove(&word.proof);
        }
        self.tell_progress(words);
    }

    /// What is said of leases that are lost is not sent.
    pub(super) fn tell_progress(&mut self, mut items: Vec<ProgressItem>) {
        items.retain(|item| self.leases.holds(item.proof));
        let Some(welcome) = self.link.welcome() else {
            return;
        };
        if welcome.version < 2 {
            return;
        }
        let batch_max = welcome.batch_max.max(1) as usize;
        for items in items.chunks(batch_max) {
            let proofs = items.iter().map(|item| item.proof).collect();
            let items = items.to_vec();
            self.request(Request::Progress { items }, Sent::Progress(proofs));
        }
    }

    pub(super) fn on_progressed(&mut self, proofs: Vec<LeaseRef>, response: Response) {
        // Refused as a whole it was not heard, and the lease is as it was.
        let Response::Extended(items) = response else {
            return;
        };
        for (proof, item) in proofs.into_iter().zip(items) {
            match item {
                Ok(ms) => self.leases.extended(proof, Duration::from_millis(ms)),
                Err(Rejection::LeaseLost) => _ = self.lose(proof, Revocation::Lost),
                Err(rejection) => tracing::debug!(%rejection, "progress was refused"),
            }
        }
    }
}
