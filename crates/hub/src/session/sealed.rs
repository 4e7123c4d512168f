//! The half of a TLS connection that is written to.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

/// Takes bytes only when the socket has taken what became of them. TLS itself takes them sooner and
/// keeps them until somebody flushes: to a session they would be said, and nobody would hear them.
pub(super) struct Sealed<W> {
    inner: W,
    /// Bytes that TLS has, and the socket not yet. Whoever wrote them does so again.
    kept: usize,
}

impl<W> Sealed<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self { inner, kept: 0 }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Sealed<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.kept == 0 {
            self.kept = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        }
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        Poll::Ready(Ok(std::mem::take(&mut self.kept)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// Takes everything at once, and passes on a byte for each flush.
    #[derive(Default)]
    struct Hoard {
        held: Vec<u8>,
        passed: Vec<u8>,
    }

    impl AsyncWrite for Hoard {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.held.extend(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.held.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let byte = self.held.remove(0);
            self.passed.push(byte);
            cx.waker().wake_by_ref();
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_written_has_left_and_once() {
        let mut sealed = Sealed::new(Hoard::default());
        let written = sealed.write(b"first").await.unwrap();
        assert_eq!((written, &sealed.inner.passed[..]), (5, &b"first"[..]));
        sealed.write_all(b" second").await.unwrap();
        assert_eq!(sealed.inner.passed, b"first second");
    }

    #[tokio::test]
    async fn a_write_that_was_given_up_goes_on_where_it_was() {
        let mut sealed = Sealed::new(Hoard::default());
        for _ in 0..3 {
            let write = sealed.write(b"abcde");
            assert!(futures_util::FutureExt::now_or_never(write).is_none());
        }
        // More has come behind it meanwhile.
        assert_eq!(sealed.write(b"abcdefgh").await.unwrap(), 5);
        assert_eq!(sealed.inner.passed, b"abcde");
    }
}
