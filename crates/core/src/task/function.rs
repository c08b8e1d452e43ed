//! A task made from a closure, for tests and for tasks that are defined at run time.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::definition::TaskDefinition;
use super::params::{InvalidParams, decode};
use super::result::{IntoTaskError, Returned, ViaResult};
use super::{Task, TaskFuture};
use crate::context::TaskContext;
use crate::payload::Payload;

/// A task whose body is an async closure over one parameter struct.
///
/// ```
/// use aqueduct_core::task::{FunctionTask, TaskDefinition};
/// use aqueduct_core::{TaskError, TaskName};
///
/// #[derive(serde::Deserialize)]
/// struct Params { url: String }
///
/// let definition = TaskDefinition::new(TaskName::from_static("fetch"));
/// let task = FunctionTask::new(definition, |_context, params: Params| async move {
///     Ok::<usize, TaskError>(params.url.len())
/// });
/// ```
pub struct FunctionTask<P> {
    definition: TaskDefinition,
    body: Box<dyn Fn(TaskContext, P) -> TaskFuture + Send + Sync>,
    params: PhantomData<fn(P)>,
}

impl<P: DeserializeOwned + 'static> FunctionTask<P> {
    /// Creates a task from its definition and an async closure.
    pub fn new<F, Fut, T, E>(definition: TaskDefinition, body: F) -> Self
    where
        F: Fn(TaskContext, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: IntoTaskError + 'static,
    {
        let body = move |context: TaskContext, params: P| -> TaskFuture {
            let keep = context.keeps_result();
            let attempt = body(context, params);
            Box::pin(async move { (&mut &mut Returned::new(attempt.await)).finish::<T>(keep) })
        };
        Self {
            definition,
            body: Box::new(body),
            params: PhantomData,
        }
    }
}

impl<P: DeserializeOwned + 'static> Task for FunctionTask<P> {
    fn definition(&self) -> &TaskDefinition {
        &self.definition
    }

    fn check(&self, params: &Payload) -> Result<(), InvalidParams> {
        decode::<P>(&self.definition, params).map(drop)
    }

    fn start(&self, context: TaskContext) -> Result<TaskFuture, InvalidParams> {
        let params = decode::<P>(&self.definition, &context.run().payload)?;
        Ok((self.body)(context, params))
    }
}

impl<P> fmt::Debug for FunctionTask<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTask")
            .field("definition", &self.definition)
            .finish_non_exhaustive()
    }
}
