//! Clocks: time passes, and the clock of the broker jumps.

use std::sync::Arc;
use std::time::Duration;

use super::{Act, Concern, PLAIN};
use crate::simulation::world::World;

pub(super) const CLOCKS: Concern = Concern {
    acts: &[
        (12, |dice| Arc::new(Pass(dice.u64(..700)))),
        (2, |dice| Arc::new(Pass(dice.u64(700..5000)))),
        (1, |dice| {
            let (by, back) = (dice.u64(..6000), dice.bool());
            Arc::new(Jump { by, back })
        }),
    ],
    ..PLAIN
};

/// So many milliseconds pass.
#[derive(Debug)]
struct Pass(u64);

/// The clock of the broker is set by so many milliseconds.
#[derive(Debug)]
struct Jump {
    by: u64,
    back: bool,
}

impl Act for Pass {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.clock.advance(Duration::from_millis(self.0));
    }
}

impl Act for Jump {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.jump(Duration::from_millis(self.by), self.back);
    }
}
