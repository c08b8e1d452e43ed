//! What fails, and when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The server does it; the connection is cut instead of the reply.
    LostReply,
    /// The server never hears of it; the connection is cut.
    LostRequest,
    /// The server is asked twice; the second reply is swallowed.
    Twice,
    /// The server does it; the reply never comes, and none after it.
    Silence,
}

/// A fault of some calls.
#[derive(Clone, Debug)]
pub struct Rule {
    word: String,
    every: usize,
    fault: Fault,
    left: usize,
    seen: usize,
}

/// The faults of a proxy.
#[derive(Debug)]
pub(super) struct Rules {
    state: Mutex<State>,
    cuts: watch::Sender<u64>,
    silent: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    injected: usize,
    connections: usize,
}

impl Rule {
    /// Lets every so many calls fail whose first or second word is this, such as the digest of a script.
    #[must_use]
    pub fn every(every: usize, word: &str, fault: Fault) -> Self {
        Self {
            word: word.to_owned(),
            every: every.max(1),
            fault,
            left: usize::MAX,
            seen: 0,
        }
    }

    /// Lets only so many calls fail in all.
    #[must_use]
    pub fn at_most(mut self, times: usize) -> Self {
        self.left = times;
        self
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            cuts: watch::Sender::new(0),
            silent: watch::Sender::new(false),
        }
    }
}

impl Rules {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    pub(super) fn clear(&self) {
        self.state().rules.clear();
    }

    pub(super) fn injected(&self) -> usize {
        self.state().injected
    }

    pub(super) fn connections(&self) -> usize {
        self.state().connections
    }

    pub(super) fn count_connection(&self) {
        self.state().connections += 1;
    }

    pub(super) fn cut_all(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn set_silent(&self, is_silent: bool) {
        self.silent.send_replace(is_silent);
    }

    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    pub(super) fn is_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// Returns what happens to a call with these words.
    pub(super) fn next_fault(&self, words: &[String]) -> Option<Fault> {
        let mut state = self.state();
        for rule in &mut state.rules {
            if rule.left == 0
                || !words
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(&rule.word))
            {
                continue;
            }
            rule.seen += 1;
            if rule.seen % rule.every == 0 {
                rule.left -= 1;
                let fault = rule.fault;
                state.injected += 1;
                return Some(fault);
            }
        }
        None
    }
}
