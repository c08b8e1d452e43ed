//! Everything on one runtime, for tests in virtual time: the engine beside the tasks, CPU tasks too.
//!
//! There a consumer can crash: nothing of it goes on, and nobody is told.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// What a consumer has under way on the runtime that started it.
#[derive(Debug, Default)]
pub(crate) struct InPlace(Mutex<Vec<AbortHandle>>);

impl InPlace {
    /// Starts the engine.
    pub(crate) fn spawn_engine(&self, engine: impl Future<Output = ()> + Send + 'static) {
        let engine = Handle::current().spawn(engine);
        self.under_way().push(engine.abort_handle());
    }

    /// Notes an attempt.
    pub(crate) fn note(&self, attempt: AbortHandle) {
        let mut under_way = self.under_way();
        under_way.retain(|it| !it.is_finished());
        under_way.push(attempt);
    }

    /// Ends everything where it is.
    #[cfg(feature = "test-util")]
    pub(crate) fn crash(&self) {
        for it in self.under_way().drain(..) {
            it.abort();
        }
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
