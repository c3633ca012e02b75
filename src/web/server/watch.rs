//! The watch beside a connection: what it is doing, since when, and how long that may take.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::web::server::ServerOptions;

/// Why a connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    FirstByte,
    Head,
    Idle,
    Write,
}

#[derive(Debug)]
struct State {
    /// Nothing has been read yet.
    untouched: bool,
    /// Since when no request is under way.
    idle_since: Instant,
    /// Since when a head is being read; HTTP/1 only, where one head follows the other.
    head_since: Option<Instant>,
    /// Since when the client takes nothing.
    write_since: Option<Instant>,
    in_flight: usize,
}

/// What one connection is doing, shared by its socket, its requests and its watch.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    state: Arc<Mutex<State>>,
    one_by_one: bool,
}

impl Watch {
    /// Of a connection that has just been opened. `one_by_one`: requests follow each other, as in HTTP/1.
    pub(super) fn new(one_by_one: bool) -> Self {
        let state = State {
            untouched: true,
            idle_since: Instant::now(),
            head_since: None,
            write_since: None,
            in_flight: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), one_by_one }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_read(&self) {
        let mut state = self.state();
        state.untouched = false;
        if self.one_by_one && state.in_flight == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    fn has_written(&self, stalled: bool) {
        let mut state = self.state();
        if !stalled {
            state.write_since = None;
        } else if state.write_since.is_none() {
            state.write_since = Some(Instant::now());
        }
    }

    /// A request begins; it ends when what this gives is dropped.
    pub(super) fn begin(&self) -> UnderWay {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_since = None;
        drop(state);
        UnderWay(self.clone())
    }

    /// Waits until the connection takes too long over something, and says over what.
    pub(super) async fn overdue(&self, options: &ServerOptions) -> Overdue {
        loop {
            let now = Instant::now();
            let (deadline, what) = self.deadline(options);
            if let (true, Some(what)) = (deadline <= now, what) {
                return what;
            }
            // What it does may change unseen, so look again before the shortest deadline could pass.
            sleep_until(deadline.min(now + options.head.min(options.first_byte))).await;
        }
    }

    fn deadline(&self, options: &ServerOptions) -> (Instant, Option<Overdue>) {
        let state = self.state();
        let mut deadlines = Vec::with_capacity(2);
        if let Some(since) = state.write_since {
            deadlines.push((since + options.write_stall, Some(Overdue::Write)));
        }
        if state.in_flight == 0 {
            deadlines.push(match state.head_since {
                _ if state.untouched => (state.idle_since + options.first_byte, Some(Overdue::FirstByte)),
                Some(since) => (since + options.head, Some(Overdue::Head)),
                None => (state.idle_since + options.idle, Some(Overdue::Idle)),
            });
        }
        deadlines.into_iter().min_by_key(|(at, _)| *at).unwrap_or((Instant::now() + options.head, None))
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct UnderWay(Watch);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.idle_since = Instant::now();
        }
    }
}

/// A stream whose reads and writes the watch sees. What was read ahead comes first.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) ahead: Vec<u8>,
    pub(super) watch: Watch,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(out.remaining());
            out.put_slice(&self.ahead[..count]);
            self.ahead.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let before = out.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, out);
        if out.filled().len() > before {
            self.watch.has_read();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch.has_written(result.is_pending());
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch.has_written(result.is_pending());
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
