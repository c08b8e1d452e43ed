//! How the runs of a task take turns: the template of the fair key, and its weight.

use super::definition::TaskDefinition;
use crate::key::{Key, KeyError, KeyTemplate};
use crate::payload::Payload;
use crate::run::{Fair, FairWeight, InvalidWeight};

/// How the runs of a task take turns: [`Fair`], with a template in place of the key.
///
/// ```
/// use aqueduct_core::key::KeyTemplate;
/// use aqueduct_core::task::FairTemplate;
/// use aqueduct_core::{TaskDefinition, TaskName};
///
/// let tenants = FairTemplate::new(KeyTemplate::new("tenant:{tenant}")?).weight(3)?;
/// let task = TaskDefinition::new(TaskName::from_static("sync")).with_fair(tenants);
/// assert_eq!(task.fair().unwrap().template().as_str(), "tenant:{tenant}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairTemplate {
    template: KeyTemplate,
    weight: FairWeight,
}

impl FairTemplate {
    /// Creates turns of one run each.
    #[must_use]
    pub fn new(template: KeyTemplate) -> Self {
        Self {
            template,
            weight: FairWeight::default(),
        }
    }

    /// Sets how many runs of a key start in one turn.
    ///
    /// # Errors
    ///
    /// Returns an error unless it is from 1 to [`MAX_FAIR_WEIGHT`](crate::run::MAX_FAIR_WEIGHT).
    pub fn weight(mut self, weight: u16) -> Result<Self, InvalidWeight> {
        self.weight = FairWeight::new(weight)?;
        Ok(self)
    }

    /// Returns the template of the key.
    #[must_use]
    pub fn template(&self) -> &KeyTemplate {
        &self.template
    }

    fn render(&self, params: &Payload) -> Result<Fair, KeyError> {
        let mut fair = Fair::new(Key::rendered(&self.template, params)?);
        fair.weight = self.weight;
        Ok(fair)
    }
}

impl TaskDefinition {
    /// Lets its runs take turns by a key.
    #[must_use]
    pub fn with_fair(mut self, fair: FairTemplate) -> Self {
        self.fair = Some(fair);
        self
    }

    /// Returns how its runs take turns, if they do.
    #[must_use]
    pub fn fair(&self) -> Option<&FairTemplate> {
        self.fair.as_ref()
    }

    /// Returns how a run with these parameters takes turns.
    pub(super) fn fair_for(&self, params: &Payload) -> Result<Option<Fair>, KeyError> {
        self.fair.as_ref().map(|it| it.render(params)).transpose()
    }
}
