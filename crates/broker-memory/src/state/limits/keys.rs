//! The limits that are in use, by name.

use std::collections::HashMap;

use aqueduct_core::run::LimitKey;

use super::key::{Key, Name};

/// The limits that are in use.
#[derive(Debug, Default)]
pub(super) struct Keys {
    concurrency: HashMap<LimitKey, Key>,
    rate: HashMap<LimitKey, Key>,
}

impl Keys {
    pub(super) fn of(&mut self, is_rate: bool) -> &mut HashMap<LimitKey, Key> {
        if is_rate {
            &mut self.rate
        } else {
            &mut self.concurrency
        }
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Key> {
        if name.is_rate {
            self.rate.get(&name.key)
        } else {
            self.concurrency.get(&name.key)
        }
    }

    pub(super) fn get_mut(&mut self, name: &Name) -> Option<&mut Key> {
        self.of(name.is_rate).get_mut(&name.key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, &Key)> {
        let named = |is_rate| {
            move |(key, it)| {
                let key = LimitKey::clone(key);
                (Name { is_rate, key }, it)
            }
        };
        let concurrency = self.concurrency.iter().map(named(false));
        concurrency.chain(self.rate.iter().map(named(true)))
    }
}
