//! Bodies with a minimum rate going in, and a note when they end going out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a body can't be read.
#[derive(Debug)]
pub enum BodyFault {
    /// It came too slowly.
    TooSlow,
    /// The connection broke, or its framing did.
    Broken(axum::Error),
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSlow => f.write_str("the body came too slowly"),
            Self::Broken(error) => write!(f, "the body broke off: {error}"),
        }
    }
}

impl std::error::Error for BodyFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooSlow => None,
            Self::Broken(error) => Some(error),
        }
    }
}

/// Whether a failure to read a body was [`BodyFault::TooSlow`], however deep it is wrapped.
#[must_use]
pub fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(BodyFault::TooSlow)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// A body that must come at a minimum rate, once it is asked for.
pub struct RatedBody {
    inner: axum::body::Body,
    grace: Duration,
    rate: u64,
    received: u64,
    started: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl RatedBody {
    /// At least `rate` bytes in a second, after `grace`.
    #[must_use]
    pub fn new(inner: axum::body::Body, grace: Duration, rate: u64) -> Self {
        Self { inner, grace, rate: rate.max(1), received: 0, started: None, timer: None }
    }
}

impl Body for RatedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            if let Some(Ok(frame)) = &frame {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyFault::Broken)));
        }
        let started = *this.started.get_or_insert_with(Instant::now);
        let deadline = started + this.grace + Duration::from_millis(this.received * 1000 / this.rate);
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(BodyFault::TooSlow)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Keeps `token` until the body has been sent, or given up.
pub(super) fn holding<T: Send + Unpin + 'static>(body: axum::body::Body, token: T) -> axum::body::Body {
    let mut token = Some(token);
    axum::body::Body::new(Holding { body, release: Box::new(move || drop(token.take())) })
}

struct Holding {
    body: axum::body::Body,
    release: Box<dyn FnMut() + Send>,
}

impl Body for Holding {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            (self.release)();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is read ahead.
pub struct Ahead {
    rest: axum::body::Body,
    read: Vec<u8>,
    whole: bool,
}

impl Ahead {
    /// Nothing read yet.
    #[must_use]
    pub fn new(rest: axum::body::Body) -> Self {
        Self { rest, read: Vec::new(), whole: false }
    }

    /// Reads on until the body is whole, or has more than `limit` bytes; answers whether it is whole.
    pub async fn read_to(&mut self, limit: usize) -> Result<bool, axum::Error> {
        while !self.whole && self.read.len() <= limit {
            match self.rest.frame().await {
                None => self.whole = true,
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
            }
        }
        Ok(self.whole)
    }

    /// What was read.
    pub fn into_body(self) -> axum::body::Body {
        self.read.into()
    }
}
