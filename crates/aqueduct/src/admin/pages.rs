//! Reading long lists of runs, a page at a time.

use aqueduct_broker_api::{BrokerAdmin, RunFilter};
use aqueduct_core::TaskRun;

use super::{Admin, AdminError};

/// The runs that pass a filter, a page at a time, in the order of their ids.
///
/// It holds one page at most. A run that moves while the list is read may be seen as it was, as it is,
/// or not at all; none is seen twice.
#[derive(Debug)]
#[must_use = "nothing is read until the first page is asked for"]
pub struct RunPages {
    admin: Admin,
    filter: RunFilter,
    is_over: bool,
}

impl RunPages {
    pub(super) fn new(admin: Admin, filter: RunFilter) -> Self {
        Self {
            admin,
            filter,
            is_over: false,
        }
    }

    /// Returns the next page, or `None` after the last one; no page is empty.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer; the next call asks for the same page.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; the next call asks for the same page.
    pub async fn next_page(&mut self) -> Result<Option<Vec<TaskRun>>, AdminError> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.admin.seam().list(&self.filter).await?;
        self.is_over = page.next.is_none();
        self.filter.after = page.next;
        Ok((!page.runs.is_empty()).then_some(page.runs))
    }
}
