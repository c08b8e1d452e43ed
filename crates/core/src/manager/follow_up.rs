//! A call of a task that takes what ran before it as its input.

use std::fmt;
use std::marker::PhantomData;

use super::call::TaskCall;

/// A call of a task that takes the value of what ran before it: `FollowUp<fn(In) -> Out>`.
///
/// It is made by `name::after(…)`, for a task with a parameter `#[input]`, and queued as a part of a
/// workflow; it has the options of a [`TaskCall`].
#[must_use = "a follow-up does nothing until it is queued in a workflow"]
pub struct FollowUp<F> {
    call: TaskCall<()>,
    takes_input: bool,
    signature: PhantomData<fn() -> F>,
}

/// What can follow something that returns `In`: `name::after(…)`, or any call, which takes nothing of it.
#[diagnostic::on_unimplemented(
    message = "this cannot follow what returns `{In}`",
    label = "its `#[input]` is of another type",
    note = "what follows one run takes its value; what follows a group takes a `Vec` of the values; with \
            `then_anyway` each of them is a `Result<_, Unsuccessful>`"
)]
pub trait NextStep<In> {
    /// What its task returns.
    type Out;

    /// Returns it as a follow-up.
    fn into_follow_up(self) -> FollowUp<fn(In) -> Self::Out>;
}

impl<In, Out> FollowUp<fn(In) -> Out> {
    /// Creates the follow-up whose task takes its input beside the parameters of a call.
    pub fn new(call: TaskCall<Out>) -> Self {
        Self {
            call: call.untyped(),
            takes_input: true,
            signature: PhantomData,
        }
    }
}

impl<F> FollowUp<F> {
    pub(super) fn map(mut self, change: impl FnOnce(TaskCall<()>) -> TaskCall<()>) -> Self {
        self.call = change(self.call);
        self
    }

    pub(crate) fn into_parts(self) -> (TaskCall<()>, bool) {
        (self.call, self.takes_input)
    }
}

impl<In, Out> NextStep<In> for FollowUp<fn(In) -> Out> {
    type Out = Out;

    fn into_follow_up(self) -> Self {
        self
    }
}

impl<In, Out> NextStep<In> for TaskCall<Out> {
    type Out = Out;

    fn into_follow_up(self) -> FollowUp<fn(In) -> Out> {
        FollowUp {
            call: self.untyped(),
            takes_input: false,
            signature: PhantomData,
        }
    }
}

impl<F> fmt::Debug for FollowUp<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowUp")
            .field("call", &self.call)
            .field("takes_input", &self.takes_input)
            .finish()
    }
}
