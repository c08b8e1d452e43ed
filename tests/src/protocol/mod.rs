//! The protocol as a small model: two runs, two consumers, a network that loses and doubles, leases that pass, crashes,
//! and a failover that drops the last writes. Every state that it can be in is looked at.
//!
//! An attempt here always succeeds, and a consumer has one at a time; time is not counted: a lease may pass whenever its
//! consumer does not trust it any more, which is what the margin is for. How much may go wrong is bounded.

mod broker;
mod client;
pub mod search;

use std::collections::BTreeSet;

use broker::{Broker, Exchange, Place, RUNS, Who};
use client::{Client, Work};
use search::Model;

/// What is simplified away, to show that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Without {
    /// Whoever holds or held a run can settle it.
    Fence,
    /// A consumer can settle a run that it holds again, with the token of its first attempt.
    AttemptInFence,
    /// A repeated exchange is done again.
    Replay,
    /// A repeated enqueue is done again.
    ReplayOfEnqueues,
    /// A lease may pass while its consumer trusts it.
    Margin,
    /// What the dead hold is not taken back.
    Reclaim,
    /// What a consumer does not know of is not given back.
    GivingBack,
}

/// How much may go wrong.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a table of bounds")]
pub struct Bounds {
    /// How many runs there are: one or two.
    pub runs: usize,
    /// Requests and answers that are lost, and requests that come once more later.
    pub faults: u8,
    /// How often a consumer may stop trusting its lease.
    pub stalls: u8,
    /// How often a consumer may die.
    pub crashes: u8,
    /// How often the broker may be replaced by a replica that lacks its last writes.
    pub failovers: u8,
}

/// The protocol.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Protocol {
    /// How much may go wrong.
    pub bounds: Bounds,
    /// What is left out.
    pub without: Option<Without>,
    /// Whether the promises that a failover ends are looked at all the same.
    pub is_strict: bool,
}

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    broker: Broker,
    replica: Broker,
    clients: [Client; 2],
    network: BTreeSet<Request>,
    accepted: [bool; RUNS],
    /// How often each success was recorded.
    recorded: [u8; RUNS],
    /// Whether a success was refused although its lease was trusted all the time.
    is_wasted: bool,
    left: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Request {
    Enqueue(usize),
    Exchange(Who, Exchange),
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The producer sends, or sends again.
    Queue(usize),
    /// A consumer sends what it has to say, or sends it again.
    Send(usize),
    /// A request arrives: its answer does or does not, and it comes once more or does not.
    Arrive(Parcel),
    /// A request is lost.
    Lose(Parcel),
    /// An attempt succeeds.
    Succeed(usize),
    /// A consumer beats.
    Beat(usize),
    /// A consumer stops trusting its lease, and its attempt.
    Distrust(usize),
    /// A consumer dies.
    Crash(usize),
    /// A lease passes.
    Pass(usize, u8),
    /// What the dead hold is taken back.
    Reclaim,
    /// The replica is up to date.
    Replicate,
    /// The replica takes over.
    Failover,
}

/// What is on its way, by its place, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Parcel {
    request: Request,
    is_answered: bool,
    comes_again: bool,
}

/// Where in [`State::left`] it stands how much of what may still go wrong.
const FAULTS: usize = 0;
const STALLS: usize = 1;
const CRASHES: usize = 2;
const FAILOVERS: usize = 3;

impl Protocol {
    /// Makes the model.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            without: None,
            is_strict: false,
        }
    }

    /// Leaves something out.
    #[must_use]
    pub fn without(mut self, without: Without) -> Self {
        self.without = Some(without);
        self
    }

    fn lacks(&self, part: Without) -> bool {
        self.without == Some(part)
    }
}

impl Model for Protocol {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        let Bounds {
            runs,
            faults,
            stalls,
            crashes,
            failovers,
        } = self.bounds;
        let broker = Broker::of(runs);
        State {
            replica: broker.clone(),
            accepted: broker.runs.map(|place| place == Place::Done),
            broker,
            clients: Default::default(),
            network: BTreeSet::new(),
            recorded: [0; RUNS],
            is_wasted: false,
            left: [faults, stalls, crashes, failovers],
        }
    }

    fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        for run in 0..RUNS {
            if !state.accepted[run] && !state.network.contains(&Request::Enqueue(run)) {
                steps.push(Step::Queue(run));
            }
        }
        for (place, client) in state.clients.iter().enumerate() {
            state.steps_of(place, client, steps);
        }
        for request in &state.network {
            let parcel = |is_answered, comes_again| Parcel {
                request: *request,
                is_answered,
                comes_again,
            };
            steps.push(Step::Arrive(parcel(true, false)));
            if state.left[FAULTS] > 0 {
                steps.push(Step::Arrive(parcel(false, false)));
                steps.push(Step::Arrive(parcel(true, true)));
                steps.push(Step::Lose(parcel(false, false)));
            }
        }
        for (who, lives) in state.broker.leases() {
            let client = &state.clients[who.place];
            let is_it = client.incarnation == who.incarnation;
            let is_trusted = is_it && client.trusts && !self.lacks(Without::Margin);
            if lives && !is_trusted {
                steps.push(Step::Pass(who.place, who.incarnation));
            }
        }
        if state.broker.leases().any(|(_, lives)| !lives) && !self.lacks(Without::Reclaim) {
            steps.push(Step::Reclaim);
        }
        if state.left[FAILOVERS] > 0 {
            steps.push(Step::Replicate);
            steps.push(Step::Failover);
        }
    }

    fn take(&self, state: &State, step: &Step) -> State {
        let mut next = state.clone();
        match *step {
            Step::Queue(run) => {
                next.network.insert(Request::Enqueue(run));
            }
            Step::Send(place) => next.send(place),
            Step::Arrive(parcel) => self.arrive(&mut next, parcel),
            Step::Lose(parcel) => {
                next.network.remove(&parcel.request);
                next.left[FAULTS] -= 1;
            }
            Step::Succeed(place) => {
                if let Some(work) = &mut next.clients[place].work {
                    work.has_ended = true;
                }
            }
            Step::Beat(place) => self.beat(&mut next, place),
            Step::Distrust(place) => {
                next.left[STALLS] -= 1;
                let client = &mut next.clients[place];
                client.trusts = false;
                client.work = client.work.filter(|work| work.has_ended);
                if let Some(work) = &mut client.work {
                    work.is_whole = false;
                }
            }
            Step::Crash(place) => {
                next.left[CRASHES] -= 1;
                let incarnation = next.clients[place].incarnation + 1;
                next.clients[place] = Client {
                    incarnation,
                    ..Client::default()
                };
            }
            Step::Pass(place, incarnation) => next.broker.pass(Who { place, incarnation }),
            Step::Reclaim => next.broker.reclaim(),
            Step::Replicate => next.replica = next.broker.clone(),
            Step::Failover => {
                next.left[FAILOVERS] -= 1;
                next.broker = next.replica.clone();
            }
        }
        next
    }

    fn broken(&self, state: &State) -> Option<&'static str> {
        if state.left[FAILOVERS] < self.bounds.failovers && !self.is_strict {
            return None;
        }
        let lost = |run: usize| state.accepted[run] && state.broker.runs[run] == Place::Absent;
        let running = state.clients.iter().filter(|client| client.trusts);
        let running: Vec<usize> = running
            .filter_map(|client| client.work.filter(|work| !work.has_ended))
            .map(|work| work.run)
            .collect();
        if state.recorded.iter().any(|count| *count > 1) {
            Some("a success is recorded once")
        } else if (0..RUNS).any(lost) {
            Some("what is accepted is not lost")
        } else if state.is_wasted {
            Some("a success whose lease was trusted all the time is recorded")
        } else if running.len() == 2 && running[0] == running[1] {
            Some("two that trust their lease do not run the same")
        } else {
            None
        }
    }

    fn is_over(&self, state: &State) -> bool {
        let is_over = |place: &Place| matches!(place, Place::Done);
        let failed_over = state.left[FAILOVERS] < self.bounds.failovers;
        let mut runs = state.broker.runs.iter().zip(state.accepted);
        // What a failover has dropped after it was accepted is gone.
        runs.all(|(place, accepted)| {
            is_over(place) || (failed_over && accepted && *place == Place::Absent)
        })
    }
}

impl Protocol {
    fn arrive(&self, state: &mut State, parcel: Parcel) {
        let Parcel {
            request,
            is_answered,
            comes_again,
        } = parcel;
        state.left[FAULTS] -= u8::from(!is_answered || comes_again);
        if !comes_again {
            state.network.remove(&request);
        }
        match request {
            Request::Enqueue(run) => {
                let replays = !self.lacks(Without::ReplayOfEnqueues);
                state.broker.enqueue(run, replays);
                state.accepted[run] |= is_answered;
            }
            Request::Exchange(who, exchange) => {
                let reply = state.broker.exchange(who, exchange, self.without);
                if let (Some((run, _)), Some(true), true) =
                    (exchange.settle, reply.settled, reply.is_new)
                {
                    state.recorded[run] += 1;
                }
                if is_answered {
                    state.answered(who, exchange, reply);
                }
            }
        }
    }

    fn beat(&self, state: &mut State, place: usize) {
        let client = &mut state.clients[place];
        let known = client.work.map(|work| work.run);
        let answered = if self.lacks(Without::GivingBack) {
            0
        } else {
            client.answered
        };
        let who = client.who(place);
        state.broker.beat(who, known, answered);
        client.trusts = true;
        let holds = |work: &Work| state.broker.is_held(work.run, who, work.attempt);
        client.work = client.work.filter(|work| work.has_ended || holds(work));
    }
}
