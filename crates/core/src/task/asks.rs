//! What each run of a task asks for beyond the plain: the one place where a definition becomes options.

use super::definition::TaskDefinition;
use crate::key::KeyError;
use crate::payload::Payload;
use crate::run::RunOptions;

impl TaskDefinition {
    /// Returns what a run with these parameters asks for; `None` if it is a plain one.
    ///
    /// Whoever queues a run of the task begins with this: a call, a queueing by name, a schedule.
    ///
    /// # Errors
    ///
    /// Returns an error if the parameters make no key of a template that the task has.
    pub fn options_for(&self, params: &Payload) -> Result<Option<Box<RunOptions>>, KeyError> {
        let unique = self.unique();
        let options = RunOptions {
            keep_result: self.keep_result(),
            total_timeout: self.total_timeout(),
            unique: unique.map(|unique| unique.render(params)).transpose()?,
            limits: self.limits_for(params)?,
            fair: self.fair_for(params)?,
            ..RunOptions::default()
        };
        Ok((!options.is_plain()).then(|| Box::new(options)))
    }
}
