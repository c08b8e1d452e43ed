//! Wake-ups without polling: connections of their own that block at the server while somebody waits.

mod bells;
mod changes;
mod endings;
mod listening;

pub(crate) use bells::Bells;
pub(crate) use changes::Changes;
pub(crate) use endings::{Endings, News};
