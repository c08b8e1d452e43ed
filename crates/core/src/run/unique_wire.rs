//! Uniqueness as it travels: a text if it is of the default kind, else a map (docs/WIRE.md).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::unique::{OnConflict, Unique, UniqueScope};
use crate::key::Key;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum UniqueWire {
    Plain(Key),
    Full(Full),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Full {
    key: Key,
    #[serde(default)]
    scope: Scope,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    #[serde(default)]
    on_conflict: Conflict,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put_off_at_most: Option<u64>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    Queued,
    #[default]
    UntilFinished,
    Window,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Conflict {
    #[default]
    ReturnExisting,
    Replace,
    Refuse,
}

impl From<Unique> for UniqueWire {
    fn from(unique: Unique) -> Self {
        if unique == Unique::new(unique.key.clone()) {
            return Self::Plain(unique.key);
        }
        let (scope, window) = match unique.scope {
            UniqueScope::Queued => (Scope::Queued, None),
            UniqueScope::UntilFinished => (Scope::UntilFinished, None),
            UniqueScope::Window(window) => (Scope::Window, Some(in_millis(window))),
        };
        let on_conflict = match unique.on_conflict {
            OnConflict::ReturnExisting => Conflict::ReturnExisting,
            OnConflict::Replace => Conflict::Replace,
            OnConflict::Refuse => Conflict::Refuse,
        };
        Self::Full(Full {
            key: unique.key,
            scope,
            window,
            on_conflict,
            put_off_at_most: unique.put_off_at_most.map(in_millis),
        })
    }
}

impl From<UniqueWire> for Unique {
    fn from(wire: UniqueWire) -> Self {
        let full = match wire {
            UniqueWire::Plain(key) => return Self::new(key),
            UniqueWire::Full(full) => full,
        };
        let scope = match full.scope {
            Scope::Queued => UniqueScope::Queued,
            Scope::UntilFinished => UniqueScope::UntilFinished,
            Scope::Window => {
                UniqueScope::Window(Duration::from_millis(full.window.unwrap_or_default()))
            }
        };
        let on_conflict = match full.on_conflict {
            Conflict::ReturnExisting => OnConflict::ReturnExisting,
            Conflict::Replace => OnConflict::Replace,
            Conflict::Refuse => OnConflict::Refuse,
        };
        Self {
            scope,
            on_conflict,
            put_off_at_most: full.put_off_at_most.map(Duration::from_millis),
            ..Self::new(full.key)
        }
    }
}

/// A duration as whole milliseconds.
pub(super) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(super::in_millis(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

fn in_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
