//! Where a run comes from: the run that queued it, and the run that started it all.

use crate::id::RunId;

/// The parent and the root of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a run has one parent and one root, on the wire too"
)]
pub struct Lineage {
    /// The run whose task queued this one; `None` if it was queued from outside.
    pub parent: Option<RunId>,
    /// The first run of the family; a run without a parent is its own root.
    pub root: RunId,
}

impl Lineage {
    /// Returns the lineage of a run that nobody's task queued.
    #[must_use]
    pub const fn root_of(run: RunId) -> Self {
        Self {
            parent: None,
            root: run,
        }
    }

    /// Returns the lineage of a run that the task of `parent` queues.
    #[must_use]
    pub const fn child_of(parent: RunId, root: RunId) -> Self {
        Self {
            parent: Some(parent),
            root,
        }
    }
}
