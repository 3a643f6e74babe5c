//! A connection, as long as whoever is at the other end takes what is sent to it.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::pace::Timer;
use crate::{PeerLimits, metrics};

/// A stream whose reader must keep the pace. It is one of the connections that are counted, also when it goes on as a
/// WebSocket.
#[derive(Debug)]
pub(super) struct PacedStream<S> {
    stream: S,
    timer: Timer,
    _one_of: OwnedSemaphorePermit,
}

impl<S> PacedStream<S> {
    pub(super) const fn new(stream: S, limits: PeerLimits, one_of: OwnedSemaphorePermit) -> Self {
        Self { stream, timer: Timer::new(limits), _one_of: one_of }
    }

    /// What a write came to; a reader that has been waited for too long ends it.
    fn written(&mut self, written: Poll<Result<usize>>, context: &mut Context<'_>) -> Poll<Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.timer.moved(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.timer.poll_late(context).map(|()| {
                metrics::refused("slow");
                tracing::debug!(target: "rpc", "a connection whose reader is too slow is closed");
                Err(Error::new(ErrorKind::TimedOut, "the other end reads too slowly"))
            }),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when all that there was to send is with the system: until there is more, nobody is waited for.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.timer.rest();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;

    use super::*;

    /// A stream with room for 1 KiB, and its other end.
    fn stream(bytes_min: u64) -> (PacedStream<DuplexStream>, DuplexStream) {
        let (one, other) = duplex(1024);
        let limits = PeerLimits { idle: Duration::from_millis(50), bytes_min, ..PeerLimits::default() };
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (PacedStream::new(one, limits, permit), other)
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (mut stream, other) = stream(1);
        let error = stream.write_all(&[0; 2048]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(other);
    }

    #[tokio::test]
    async fn a_reader_that_takes_too_little_is_given_up() {
        let (mut stream, mut other) = stream(1 << 30);
        let reader = tokio::spawn(async move {
            let mut read = 0;
            // One byte a turn, for as long as there is somebody to send it.
            while let Ok(1) = other.read(&mut [0]).await {
                read += 1;
                tokio::task::yield_now().await;
            }
            read
        });
        let error = stream.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(stream);
        assert!(reader.await.unwrap() > 1024);
    }

    #[tokio::test]
    async fn who_has_nothing_to_take_has_time() {
        let (mut stream, mut other) = stream(4096);
        for _ in 0..3 {
            let (mut taken, sent) = ([0; 7 * 1024], [1; 7 * 1024]);
            let (written, read) = tokio::join!(stream.write_all(&sent), other.read_exact(&mut taken));
            assert!(written.is_ok() && read.is_ok());
            assert!(!stream.timer.rests(), "the reader was waited for, and has taken less than 4 KiB since");
            stream.flush().await.unwrap();
            assert!(stream.timer.rests(), "however long it takes until there is more to send");
        }
    }
}
