//! A plan: acts drawn from a seed, taken one after the other, and made fewer when they show something wrong.

use std::sync::Arc;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::memory::MemoryBroker;
use aqueduct_broker_conformance::shrink;
use aqueduct_core::clock::ManualClock;
use aqueduct_core::testing::seed;
use fastrand::Rng;

use super::at_once;
use super::client::Weakness;
use super::concerns::{Act, Concern};
use super::court::Court;
use super::defect::Defect;
use super::observed::Observed;
use super::world::World;

/// How plans are drawn, and what is wrong with the broker or its consumers, to show that it is seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Simulation {
    /// What is simulated and judged.
    pub concerns: Vec<Concern>,
    /// How many acts a plan has.
    pub acts: usize,
    /// What the broker does wrong.
    pub defect: Option<Defect>,
    /// What consumers do wrong.
    pub weakness: Option<Weakness>,
}

/// The acts of a seed.
pub type Plan = Vec<Arc<dyn Act>>;

/// A plan that shows something wrong, as small as it can be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// Its acts.
    pub plan: Plan,
    /// What is wrong.
    pub wrong: String,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            concerns: super::concerns::all(),
            acts: 300,
            defect: None,
            weakness: None,
        }
    }
}

impl Simulation {
    /// Lets the broker do something wrong.
    #[must_use]
    pub fn with_defect(mut self, defect: Defect) -> Self {
        self.defect = Some(defect);
        self
    }

    /// Lets the consumers do something wrong.
    #[must_use]
    pub fn with_weakness(mut self, weakness: Weakness) -> Self {
        self.weakness = Some(weakness);
        self
    }

    /// Draws the acts of a seed.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Plan {
        let mut dice = Rng::with_seed(seed);
        let acts = self.concerns.iter().flat_map(|it| it.acts);
        let acts: Vec<_> = acts.collect();
        let sum: u32 = acts.iter().map(|(weight, _)| weight).sum();
        let mut draw_one = || {
            let mut left = dice.u32(..sum);
            let chosen = acts.iter().find(|(weight, _)| {
                let is_it = left < *weight;
                left = left.saturating_sub(*weight);
                is_it
            });
            chosen.map(|(_, draw)| draw(&mut dice))
        };
        (0..self.acts).filter_map(|_| draw_one()).collect()
    }

    /// Takes the acts of a plan; returns what is wrong.
    ///
    /// # Errors
    ///
    /// Returns the first thing that is wrong.
    ///
    /// # Panics
    ///
    /// Panics if there is no memory for a runtime.
    pub fn take(&self, number: u64, plan: &[Arc<dyn Act>]) -> Result<(), String> {
        let _seeded = seed(number);
        // Waits have a time limit of their own; nothing here lets that pass.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let _inside = runtime.enter();
        let clock = ManualClock::new(aqueduct_broker_conformance::START);
        let memory = BrokerHandle::new(MemoryBroker::with_clock(clock.clock()));
        let laws = self.concerns.iter().flat_map(|it| (it.laws)()).collect();
        let broker = Observed::new(memory, clock.clock(), Court::new(laws));
        let broker = broker.with_defect(self.defect);
        let mut world = World::new(broker, clock, self.weakness);
        for act in plan {
            world.begin_step();
            act.take(&mut world, &self.concerns);
            world.end_step()?;
        }
        world.heal()
    }

    /// Draws and takes the plan of a seed; makes one that fails as small as it can be.
    ///
    /// # Errors
    ///
    /// Returns the plan and what is wrong.
    pub fn run(&self, seed: u64) -> Result<(), Box<Failure>> {
        let plan = self.draw(seed);
        let Err(wrong) = self.take(seed, &plan) else {
            return Ok(());
        };
        let fails = async |plan: &[_]| self.take(seed, plan).err();
        let (plan, wrong) = at_once(shrink(plan, wrong, fails));
        Err(Box::new(Failure { seed, plan, wrong }))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, plan, wrong } = self;
        writeln!(f, "seed {seed}: {} acts show it", plan.len())?;
        plan.iter().try_for_each(|act| writeln!(f, "  {act:?}"))?;
        write!(f, "{wrong}")
    }
}
