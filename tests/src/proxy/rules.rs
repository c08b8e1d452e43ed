//! What fails, and when.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// The server hears of it when it is released, and of nothing behind it on the connection before.
    Held,
    /// The server hears of it, and of what is behind it on the connection, so much later.
    Delay(Duration),
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
    understands: bool,
    state: Mutex<State>,
    cuts: watch::Sender<u64>,
    silent: watch::Sender<bool>,
    releases: watch::Sender<u64>,
    /// Rings for every change of the state.
    changes: watch::Sender<()>,
}

#[derive(Debug)]
pub(super) struct State {
    target: u16,
    rules: Vec<Rule>,
    pub(super) injected: usize,
    pub(super) connections: usize,
    pub(super) held: usize,
    pace: Option<Pace>,
    answers: BTreeMap<String, usize>,
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

/// So many bytes at a time, and how long nothing comes behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) bytes: usize,
    pub(super) pause: Duration,
}

impl State {
    fn next_fault(&mut self, words: &[String]) -> Option<Fault> {
        for rule in &mut self.rules {
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
                self.injected += 1;
                return Some(fault);
            }
        }
        None
    }

    /// Returns how many replies to a call have gone through.
    pub(super) fn answers(&self, call: &str) -> usize {
        self.answers.get(call).copied().unwrap_or(0)
    }
}

impl Rules {
    /// Begins without faults, in front of a port; `understands` if the protocol is that of commands.
    pub(super) fn new(target: u16, understands: bool) -> Self {
        let state = State {
            target,
            rules: Vec::new(),
            injected: 0,
            connections: 0,
            held: 0,
            pace: None,
            answers: BTreeMap::new(),
        };
        Self {
            understands,
            state: Mutex::new(state),
            cuts: watch::Sender::new(0),
            silent: watch::Sender::new(false),
            releases: watch::Sender::new(0),
            changes: watch::Sender::new(()),
        }
    }

    pub(super) fn understands(&self) -> bool {
        self.understands
    }

    pub(super) fn target(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.state().target))
    }

    pub(super) fn set_target(&self, target: u16) {
        self.state().target = target;
    }

    /// Reads the state.
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state())
    }

    /// Waits until the state is such.
    pub(super) async fn until(&self, is_such: impl Fn(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        while !self.read(&is_such) {
            // The sender is here.
            let _ = changes.changed().await;
        }
    }

    /// Holds a request back until it is released.
    pub(super) async fn hold(&self) {
        let mut releases = self.releases.subscribe();
        self.change(|state| state.held += 1);
        // The sender is here.
        let _ = releases.changed().await;
        self.change(|state| state.held -= 1);
    }

    pub(super) fn release(&self) {
        self.releases.send_modify(|releases| *releases += 1);
    }

    pub(super) fn count_answer(&self, call: String) {
        self.change(|state| *state.answers.entry(call).or_default() += 1);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changes.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    pub(super) fn clear(&self) {
        self.state().rules.clear();
    }

    pub(super) fn count_connection(&self) {
        self.change(|state| state.connections += 1);
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
        let fault = self.state().next_fault(words);
        if fault.is_some() {
            self.changes.send_replace(());
        }
        fault
    }

    /// Lets bytes through so many at a time, with a pause behind each, or as they come.
    pub(super) fn set_pace(&self, pace: Option<Pace>) {
        self.state().pace = pace;
    }

    pub(super) fn pace(&self) -> Option<Pace> {
        self.state().pace
    }
}
