//! The search: every state that a model can be in, each looked at once, the nearest first.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

/// Something with states, and steps between them.
pub trait Model {
    /// A state.
    type State: Clone + Eq + Hash;
    /// A step.
    type Step: Clone + Debug;

    /// Returns the state that it begins in.
    fn start(&self) -> Self::State;

    /// Adds the steps that can be taken in a state.
    fn steps(&self, state: &Self::State, steps: &mut Vec<Self::Step>);

    /// Takes a step.
    fn take(&self, state: &Self::State, step: &Self::Step) -> Self::State;

    /// Returns the promise that a state breaks.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;

    /// Returns whether everything has come to its end.
    fn is_over(&self, state: &Self::State) -> bool;
}

/// What the search has found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// How many states there are; as far as it was looked, if something is wrong.
    pub states: usize,
    /// How many steps there are between them.
    pub steps: usize,
    /// The first promise that is broken, and the fewest steps that break it.
    pub broken: Option<(&'static str, Vec<String>)>,
}

/// The promise that from wherever it is, everything can come to its end.
pub const NOT_STUCK: &str = "everything can still come to its end";

/// Looks at every state.
///
/// # Panics
///
/// Panics if there are more states than a model should have.
pub fn search<M: Model>(model: &M) -> Found {
    let mut search = Search::<M> {
        index: HashMap::new(),
        states: Vec::new(),
        came_from: Vec::new(),
        before: Vec::new(),
    };
    search.number_of(model.start(), None);
    let (mut at, mut count, mut steps) = (0, 0, Vec::new());
    while at < search.states.len() {
        let state = search.states[at].clone();
        if let Some(promise) = model.broken(&state) {
            return search.found(count, Some((promise, at)));
        }
        steps.clear();
        model.steps(&state, &mut steps);
        for step in steps.drain(..) {
            let next = search.number_of(model.take(&state, &step), Some((at, step)));
            search.before[next].push(at);
            count += 1;
        }
        at += 1;
        assert!(at < MOST, "there are more than {MOST} states");
    }
    let stuck = search.stuck(model);
    search.found(count, stuck.map(|at| (NOT_STUCK, at)))
}

/// More states than a test should look at.
const MOST: usize = 3_000_000;

struct Search<M: Model> {
    index: HashMap<M::State, usize>,
    states: Vec<M::State>,
    /// How each state was come to first.
    came_from: Vec<Option<(usize, M::Step)>>,
    /// The states from which a step leads to each.
    before: Vec<Vec<usize>>,
}

impl<M: Model> Search<M> {
    fn number_of(&mut self, state: M::State, came_from: Option<(usize, M::Step)>) -> usize {
        if let Some(number) = self.index.get(&state) {
            return *number;
        }
        let number = self.states.len();
        self.index.insert(state.clone(), number);
        self.states.push(state);
        self.came_from.push(came_from);
        self.before.push(Vec::new());
        number
    }

    /// Returns the first state that no end can be reached from.
    fn stuck(&self, model: &M) -> Option<usize> {
        let is_over = |at: &usize| model.is_over(&self.states[*at]);
        let mut open: Vec<usize> = (0..self.states.len()).filter(is_over).collect();
        let mut can_end = vec![false; self.states.len()];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut can_end[at], true) {
                open.extend(&self.before[at]);
            }
        }
        can_end.iter().position(|can_end| !can_end)
    }

    fn found(&self, steps: usize, broken: Option<(&'static str, usize)>) -> Found {
        let states = self.states.len();
        let broken = broken.map(|(promise, at)| (promise, self.way_to(at)));
        Found {
            states,
            steps,
            broken,
        }
    }

    fn way_to(&self, mut at: usize) -> Vec<String> {
        let mut way = Vec::new();
        while let Some((before, step)) = &self.came_from[at] {
            way.push(format!("{step:?}"));
            at = *before;
        }
        way.reverse();
        way
    }
}
