//! Queueing from synchronous code: waits on the spot.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::call::Queue;
use super::error::QueueError;
use super::handle::RunHandle;

impl<Out> Queue<'_, Out> {
    /// Queues the call, and waits on this thread until the broker has answered.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task
    /// it holds up all others of the same thread: `.await` the call there.
    ///
    /// # Errors
    ///
    /// Returns an error if the call cannot be encoded, or the broker refused it or did not answer.
    pub fn blocking(self) -> Result<RunHandle<Out>, QueueError> {
        wait_for(self.into_future())
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => {
                #[cfg(feature = "test-util")]
                assert!(!crate::testing::is_seeded(), "{ONE_THREAD}");
                thread::park();
            }
        }
    }
}

#[cfg(feature = "test-util")]
const ONE_THREAD: &str = "`blocking()` would wait for ever here: the test kit has one thread, and what is \
                          waited for needs it";
