//! Bounded pools of threads for work that keeps a core busy: RSA, XML, pictures, password hashes. Work queues at the pool
//! itself, so that under load a thread takes the next piece without going to sleep in between; and what a piece needs of
//! memory is needed once for each of a few threads.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use tokio::sync::oneshot;

use crate::base::{Error, Result};

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    idle: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, work: Work) {
        let mut queue = self.queue();
        queue.waiting.push_back(work);
        let wake = queue.idle > 0;
        drop(queue);
        if wake {
            self.more.notify_one();
        }
    }
}

/// The threads. They end when this is dropped and the work that waits is done.
pub struct CpuPool(Arc<Shared>);

impl std::fmt::Debug for CpuPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CpuPool")
    }
}

impl CpuPool {
    /// Starts so many threads.
    pub fn start(threads: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("cpu".to_owned()).spawn(move || serve(&shared))?;
        }
        Ok(Self(shared))
    }

    /// Has a thread of the pool do the work, after what waits there already.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.0.add(Box::new(work));
    }

    /// Has a thread of the pool do the work and answers what came out.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (done, answer) = oneshot::channel();
        self.spawn(move || {
            // Who went away meanwhile needs no answer, and no work either.
            if !done.is_closed() {
                let _ = done.send(work());
            }
        });
        answer.await.map_err(|_| Error::internal("work on the pool of cores has panicked"))
    }
}

impl Drop for CpuPool {
    fn drop(&mut self) {
        self.0.queue().closed = true;
        self.0.more.notify_all();
    }
}

fn serve(shared: &Shared) {
    let mut queue = shared.queue();
    loop {
        if let Some(work) = queue.waiting.pop_front() {
            drop(queue);
            // A panic ends the piece of work: its caller hears of it by the channel that closes, and the panic hook
            // has written it to the log.
            let _ = catch_unwind(AssertUnwindSafe(work));
            queue = shared.queue();
        } else if queue.closed {
            return;
        } else {
            queue.idle += 1;
            queue = shared.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_and_a_panic_ends_only_its_own_piece() {
        let pool = CpuPool::start(1).unwrap();
        assert_eq!(pool.run(|| 6 * 7).await.unwrap(), 42);
        let lost: Result<()> = pool.run(|| panic!("on purpose")).await;
        assert_eq!(lost.unwrap_err().kind, crate::base::Kind::Internal);
        assert_eq!(pool.run(|| "still there").await.unwrap(), "still there");
    }

    #[tokio::test]
    async fn no_more_pieces_at_once_than_threads() {
        let pool = Arc::new(CpuPool::start(2).unwrap());
        let at_once = Arc::new(Mutex::new((0, 0)));
        let pieces = (0..32).map(|_| {
            let (pool, at_once) = (Arc::clone(&pool), Arc::clone(&at_once));
            tokio::spawn(async move {
                let piece = move || {
                    let mut now = at_once.lock().unwrap();
                    now.0 += 1;
                    now.1 = now.0.max(now.1);
                    drop(now);
                    thread::yield_now();
                    at_once.lock().unwrap().0 -= 1;
                };
                pool.run(piece).await.unwrap();
            })
        });
        let most = Arc::clone(&at_once);
        for piece in pieces.collect::<Vec<_>>() {
            piece.await.unwrap();
        }
        assert!(most.lock().unwrap().1 <= 2);
    }
}
