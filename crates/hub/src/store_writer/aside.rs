//! What is asked of the store beside what pools commit: a backup, a slice at a time.

use tokio::sync::oneshot;

use super::{Job, StoreWriter, writing::Writing};

/// Something to be done between two commits, in a few milliseconds.
pub(super) type Errand = Box<dyn FnOnce(&mut Writing) + Send>;

impl StoreWriter {
    /// Begins a backup in place of one that is under way; about how many bytes it will have.
    pub(crate) async fn begin_backup(&self) -> Result<u64, String> {
        self.aside(Writing::begin_backup).await
    }

    /// Adds about so many bytes of the backup; whether that was all.
    pub(crate) async fn next_of_backup(
        &self,
        bytes: usize,
        mut to: Vec<u8>,
    ) -> Result<(Vec<u8>, bool), String> {
        let next = move |writing: &mut Writing| {
            let is_whole = writing.next_of_backup(bytes, &mut to)?;
            Ok((to, is_whole))
        };
        self.aside(next).await
    }

    /// Ends the backup that is under way, if any is.
    pub(crate) fn end_backup(&self) {
        // Without a thread there is nothing to be ended.
        _ = self.jobs.send(Job::Aside(Box::new(Writing::end_backup)));
    }

    async fn aside<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&mut Writing) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let errand = move |writing: &mut Writing| {
            // Whoever asked may have gone.
            _ = reply.send(errand(writing));
        };
        let gone = |_| "the store's thread has ended".to_owned();
        let sent = self.jobs.send(Job::Aside(Box::new(errand)));
        sent.map_err(|_| "the store's thread has ended".to_owned())?;
        answer.await.map_err(gone)?
    }
}
