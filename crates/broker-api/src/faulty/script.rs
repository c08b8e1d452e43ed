//! When which call fails.

use std::collections::HashMap;

use fastrand::Rng;

use super::twice::Twice;
use super::{Fault, Operation};

/// What goes wrong, and what was asked for so far.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) faults: Faults,
    pub(super) twice: Twice,
    calls: HashMap<Operation, u64>,
    injected: u64,
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    once: Vec<(Operation, Fault)>,
    rules: Vec<(Option<Operation>, u64, Fault)>,
    random: Option<Random>,
}

#[derive(Debug)]
struct Random {
    share: f64,
    faults: Vec<Fault>,
    dice: Rng,
}

impl Script {
    /// Counts a call, and returns what goes wrong with it.
    pub(super) fn next_fault(&mut self, operation: Operation) -> Option<Fault> {
        let calls = self.calls.entry(operation).or_default();
        let number = *calls;
        *calls += 1;
        let fault = self.faults.take(operation, number);
        self.injected += u64::from(fault.is_some());
        fault
    }

    pub(super) fn calls(&self, operation: Operation) -> u64 {
        self.calls.get(&operation).copied().unwrap_or(0)
    }

    pub(super) fn injected(&self) -> u64 {
        self.injected
    }
}

impl Faults {
    pub(super) fn every(&mut self, operation: Option<Operation>, calls: u64, fault: Fault) {
        self.rules.push((operation, calls.max(1), fault));
    }

    pub(super) fn next(&mut self, operation: Operation, fault: Fault) {
        self.once.push((operation, fault));
    }

    pub(super) fn at_random(&mut self, share: f64, faults: Vec<Fault>, seed: u64) {
        let dice = Rng::with_seed(seed);
        self.random = Some(Random {
            share,
            faults,
            dice,
        });
    }

    fn take(&mut self, operation: Operation, number: u64) -> Option<Fault> {
        if let Some(at) = self.once.iter().position(|(of, _)| *of == operation) {
            return Some(self.once.remove(at).1);
        }
        let applies = |(of, every, _): &&(Option<Operation>, u64, Fault)| {
            of.is_none_or(|of| of == operation) && number.is_multiple_of(*every)
        };
        let by_rule = self.rules.iter().find(applies).map(|(.., fault)| *fault);
        by_rule.or_else(|| self.random.as_mut()?.take())
    }
}

impl Random {
    fn take(&mut self) -> Option<Fault> {
        let is_hit = self.dice.f64() < self.share;
        let fault = self.dice.choice(&self.faults).copied();
        fault.filter(|_| is_hit)
    }
}
