//! How the runs of a task are unique: the template of the key, and the rest of it.

use std::time::Duration;

use crate::key::{Key, KeyError, KeyTemplate};
use crate::payload::Payload;
use crate::run::{OnConflict, Unique, UniqueScope};

/// How the runs of a task are unique: [`Unique`], with a template in place of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueTemplate {
    template: KeyTemplate,
    scope: UniqueScope,
    on_conflict: OnConflict,
    put_off_at_most: Option<Duration>,
    wait: Option<Duration>,
}

impl UniqueTemplate {
    /// Creates the default kind: the key is held until the run has ended, another run with it adds nothing.
    #[must_use]
    pub fn new(template: KeyTemplate) -> Self {
        Self {
            template,
            scope: UniqueScope::default(),
            on_conflict: OnConflict::default(),
            put_off_at_most: None,
            wait: None,
        }
    }

    /// Makes runs start `wait` after the last call with the same key, with the parameters of that call.
    #[must_use]
    pub fn debounce(template: KeyTemplate, wait: Duration) -> Self {
        let unique = Self::new(template)
            .scope(UniqueScope::Queued)
            .on_conflict(OnConflict::Replace);
        Self {
            wait: Some(wait),
            ..unique
        }
    }

    /// Lets one run with a key be queued within the time after it; others add nothing.
    #[must_use]
    pub fn throttle(template: KeyTemplate, window: Duration) -> Self {
        Self::new(template).scope(UniqueScope::Window(window))
    }

    /// Sets how long a run holds its key.
    #[must_use]
    pub fn scope(mut self, scope: UniqueScope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets what becomes of a run that finds its key held.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Bounds how long after the first call calls that replace each other can put the run off.
    #[must_use]
    pub fn put_off_at_most(mut self, longest: Duration) -> Self {
        self.put_off_at_most = Some(longest);
        self
    }

    /// Returns the template of the key.
    #[must_use]
    pub fn template(&self) -> &KeyTemplate {
        &self.template
    }

    /// Returns how long after its call a run is due, if it is debounced.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// Returns what a run with these parameters asks for.
    ///
    /// # Errors
    ///
    /// Returns an error if the parameters make no key.
    pub fn render(&self, params: &Payload) -> Result<Unique, KeyError> {
        let key = Key::rendered(&self.template, params)?;
        let unique = Unique::new(key)
            .scope(self.scope)
            .on_conflict(self.on_conflict);
        Ok(match self.put_off_at_most {
            Some(longest) => unique.put_off_at_most(longest),
            None => unique,
        })
    }
}
