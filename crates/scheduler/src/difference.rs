//! Where the definitions of this process differ from those that are stored, which fire. Pure.

use std::fmt;

use aqueduct_broker_api::{ScheduleDefinition, ScheduleSnapshot};

/// A schedule of this process that is not stored as it is defined here: the stored one fires, or nothing does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleDifference {
    /// The definition of this process.
    pub here: ScheduleDefinition,
    /// What is stored; `None` if the schedule was removed, or never stored.
    pub stored: Option<ScheduleDefinition>,
}

/// Returns the differences, by name.
pub(crate) fn differences(
    definitions: &[ScheduleDefinition],
    snapshot: &ScheduleSnapshot,
) -> Vec<ScheduleDifference> {
    let stored_of = |here: &ScheduleDefinition| {
        let mut entries = snapshot.entries.iter();
        let entry = entries.find(|entry| entry.definition.name == here.name);
        entry.map(|entry| entry.definition.clone())
    };
    let difference = |here: &ScheduleDefinition| {
        let stored = stored_of(here);
        (stored.as_ref() != Some(here)).then(|| ScheduleDifference {
            here: here.clone(),
            stored,
        })
    };
    definitions.iter().filter_map(difference).collect()
}

impl fmt::Display for ScheduleDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { here, stored } = self;
        write!(f, "the schedule `{}` is here ", here.name)?;
        show(here, f)?;
        match stored {
            None => f.write_str(
                ", but it was removed: only a higher version (`deploy`, or `with_version`) brings it back",
            ),
            Some(stored) => {
                f.write_str(", but stored, and firing, is ")?;
                show(stored, f)
            }
        }
    }
}

/// Writes what tells one definition from another.
fn show(definition: &ScheduleDefinition, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let ScheduleDefinition {
        version,
        schedule,
        task,
        queue,
        overlap,
        ..
    } = definition;
    let version = version.number();
    write!(
        f,
        "version {version}: `{schedule}`, task `{task}` in queue `{queue}`"
    )?;
    if overlap.is_allowed() {
        return Ok(());
    }
    write!(f, ", overlap {overlap}")
}
