//! Work that is shared out a step at a time.

use std::{future::poll_fn, pin::pin, task::ready};

use tokio::sync::Semaphore;

/// Polls `work` only with one of `turns`, and gives that back between two polls. So no more threads
/// than there are turns are ever busy with such work, and work that waits has none.
pub(super) async fn in_turn<F: Future>(turns: &Semaphore, work: F) -> F::Output {
    let mut work = pin!(work);
    let mut turn = pin!(turns.acquire());
    poll_fn(|cx| {
        // It is never closed; were it, there would be no bound, and that would be all.
        let held = ready!(turn.as_mut().poll(cx));
        let polled = work.as_mut().poll(cx);
        drop(held);
        turn.set(turns.acquire());
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
    };

    use super::*;

    #[tokio::test]
    async fn work_that_waits_holds_nobody_up() {
        let turns = Arc::new(Semaphore::new(1));
        let stuck: Vec<_> = (0..100)
            .map(|_| {
                let turns = turns.clone();
                tokio::spawn(async move { in_turn(&turns, pending::<()>()).await })
            })
            .collect();
        let done = in_turn(&turns, async {
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(done.await, 7);
        stuck.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_are_busy_than_there_are_turns() {
        let turns = Arc::new(Semaphore::new(2));
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work: Vec<_> = (0..64)
            .map(|_| {
                let (turns, busy, most) = (turns.clone(), busy.clone(), most.clone());
                let mut steps = 10;
                tokio::spawn(async move {
                    let steps = poll_fn(move |cx| {
                        most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                        std::thread::yield_now();
                        busy.fetch_sub(1, SeqCst);
                        steps -= 1;
                        if steps == 0 {
                            return std::task::Poll::Ready(());
                        }
                        cx.waker().wake_by_ref();
                        std::task::Poll::Pending
                    });
                    in_turn(&turns, steps).await;
                })
            })
            .collect();
        for work in work {
            work.await.unwrap();
        }
        assert!(most.load(SeqCst) <= 2, "{most:?}");
    }
}
