//! Panics of tasks: caught in each poll, and in the drop.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use aqueduct_core::task::{TaskFuture, TaskResult};

/// What a task panicked with.
pub(super) type Panic = Box<dyn Any + Send>;

/// Runs code of the user; a panic of it is a value.
pub(super) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code))
}

/// Drops a value of the user. What its drop panics with is leaked: dropping that may panic again.
pub(super) fn discard<T>(value: T) {
    if let Err(panic) = caught(|| drop(value)) {
        std::mem::forget(panic);
    }
}

/// A future whose panics are values.
///
/// After a panic it is not polled again, and its drop is caught too: that is why unwinding through
/// it is safe for everybody else.
pub(super) struct Caught(Option<TaskFuture>);

impl Caught {
    pub(super) fn new(future: TaskFuture) -> Self {
        Self(Some(future))
    }

    /// Polls the task without waiting.
    pub(super) fn poll_once(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<<Self as Future>::Output> {
        Pin::new(self).poll(context)
    }

    /// Drops the future; returns what its drop panicked with.
    pub(super) fn dispose(&mut self) -> Result<(), Panic> {
        self.drop_future()
    }

    fn drop_future(&mut self) -> Result<(), Panic> {
        let future = self.0.take();
        caught(|| drop(future))
    }
}

impl Future for Caught {
    type Output = Result<TaskResult, Panic>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.0.as_mut() else {
            return Poll::Pending;
        };
        match caught(|| future.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(match self.drop_future() {
                Ok(()) => Ok(result),
                Err(panic) => {
                    discard(result);
                    Err(panic)
                }
            }),
            Err(panic) => {
                // A second panic, in the drop, has nothing to add to the first.
                discard(self.drop_future());
                Poll::Ready(Err(panic))
            }
        }
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // The runtime drops tasks when it shuts down; a panic then concerns nobody.
        discard(self.drop_future());
    }
}
