//! The world of one simulation: the broker, its clock, the clients, the network between them.

mod acts;
mod healing;

use std::collections::BTreeMap;
use std::sync::Arc;

use aqueduct::broker_api::{Broker, Fired, ScheduleStore};
use aqueduct::{QueueName, RunId};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::time::Monotonic;

use super::at_once;
use super::client::{Consumer, Producer, Scheduler, Weakness};
use super::network::{Address, Answer, Fate, Network, Parcel, Request};
use super::observed::Observed;
use super::waiters::Waiters;

/// The broker, its clock, the clients, the network between them.
#[derive(Debug)]
pub struct World {
    /// The broker, for whoever steers it without a network.
    pub broker: Observed,
    /// What goes by the clock of the broker.
    pub clock: ManualClock,
    /// The ids of all runs that were asked for.
    pub runs: Vec<RunId>,
    step: u64,
    network: Network,
    consumers: Vec<Consumer>,
    producers: Vec<Producer>,
    schedulers: Vec<Scheduler>,
    waiters: Waiters,
    queues: Arc<[QueueName]>,
    weakness: Option<Weakness>,
}

/// How many clients there are of each kind.
const CONSUMERS: usize = 3;
const PRODUCERS: usize = 2;
const SCHEDULERS: usize = 2;

impl World {
    pub(super) fn new(broker: Observed, clock: ManualClock, weakness: Option<Weakness>) -> Self {
        let queues = ["default", "other"].map(QueueName::from_static);
        let consumer = |_| Consumer::new(0, weakness);
        Self {
            broker,
            clock,
            runs: Vec::new(),
            step: 0,
            network: Network::default(),
            consumers: (0..CONSUMERS).map(consumer).collect(),
            producers: (0..PRODUCERS).map(|_| Producer::new()).collect(),
            schedulers: (0..SCHEDULERS).map(|_| Scheduler::default()).collect(),
            waiters: Waiters::default(),
            queues: Arc::from(queues),
            weakness,
        }
    }

    fn now(&self) -> Monotonic {
        self.clock.clock().monotonic()
    }

    /// Begins a step: what has arrived by then is taken in.
    pub(super) fn begin_step(&mut self) {
        self.step += 1;
        for parcel in self.network.arrived(self.step) {
            match parcel {
                Parcel::Request(request) => drop(self.execute(request)),
                Parcel::Answer { to, answer, sent } => self.take(to, answer, sent),
            }
        }
    }

    /// Ends a step.
    ///
    /// # Errors
    ///
    /// Returns what is wrong.
    pub(super) fn end_step(&mut self) -> Result<(), String> {
        let now = self.now();
        let mut trusted: BTreeMap<RunId, usize> = BTreeMap::new();
        for run in self.consumers.iter().flat_map(|it| it.trusted(now)) {
            *trusted.entry(run).or_default() += 1;
        }
        let doubled = trusted.into_iter().find(|(_, count)| *count > 1);
        if let Some((run, _)) = doubled {
            let wrong = format!("two consumers run {run}, and both trust their lease");
            self.broker.court().accuse(wrong);
        }
        self.waiters.look(&self.broker);
        let mut court = self.broker.court();
        for run in self.waiters.runs() {
            let stored = court.view().runs.get(&run);
            if stored.is_none_or(|run| run.state.is_final()) {
                court.accuse(format!("{run} is over, and whoever waits is not told"));
            }
        }
        court.wrong().map_or(Ok(()), |wrong| Err(wrong.to_owned()))
    }

    fn send(&mut self, from: Address, request: Request, fate: Fate) {
        let sent = self.now();
        match fate {
            Fate::Arrives => {
                let answer = self.execute(request);
                self.take(from, answer, sent);
            }
            Fate::Lost => {}
            Fate::AnswerLost => drop(self.execute(request)),
            Fate::Twice(later) => {
                let again = Parcel::Request(request.clone());
                self.network.send(self.step + later, again);
                let answer = self.execute(request);
                self.take(from, answer, sent);
            }
            Fate::Late(later) => {
                self.network
                    .send(self.step + later, Parcel::Request(request));
            }
            Fate::SlowAnswer(later) => {
                let answer = self.execute(request);
                let to = from;
                let parcel = Parcel::Answer { to, answer, sent };
                self.network.send(self.step + later, parcel);
            }
        }
    }

    /// Lets the broker do what a request asks for.
    fn execute(&self, request: Request) -> Answer {
        let broker = &self.broker;
        // What is refused is judged where it is refused.
        match request {
            Request::Enqueue(request) => at_once(broker.enqueue(&request))
                .map_or(Answer::Nothing, |_| Answer::Enqueued(request)),
            Request::Claim(request) => at_once(broker.claim(&request))
                .map_or(Answer::Nothing, |it| Answer::Claimed(request, it)),
            Request::Extend(request) => at_once(broker.extend(&request))
                .map_or(Answer::Nothing, |it| Answer::Extended(request, it)),
            Request::Reclaim(request) => {
                at_once(broker.reclaim(&request)).expect("the broker answers");
                Answer::Nothing
            }
            Request::Fire(fire) => {
                at_once(broker.fire(&fire)).map_or(Answer::Nothing, |it| Answer::Fired(fire, it))
            }
        }
    }

    /// Lets a client take an answer in.
    fn take(&mut self, to: Address, answer: Answer, sent: Monotonic) {
        let now = self.now();
        match (to, answer) {
            (Address::Consumer(place, generation), answer) => {
                let consumer = &mut self.consumers[place];
                if consumer.generation != generation {
                    return;
                }
                if consumer.stands_until > self.step {
                    let parcel = Parcel::Answer { to, answer, sent };
                    self.network.send(consumer.stands_until, parcel);
                    return;
                }
                match answer {
                    Answer::Claimed(request, claimed) => {
                        let verdict = consumer.claimed(&request, &claimed, sent, now);
                        if let Err(wrong) = verdict {
                            self.broker.court().accuse(wrong);
                        }
                    }
                    Answer::Extended(request, extended) => {
                        consumer.extended(&request, &extended, sent, now);
                    }
                    _ => {}
                }
            }
            (Address::Producer(place), Answer::Enqueued(request)) => {
                let unanswered = &mut self.producers[place].unanswered;
                let is_it = unanswered
                    .as_ref()
                    .is_some_and(|it| it.sequence == request.sequence);
                unanswered.take_if(|_| is_it);
            }
            (Address::Scheduler(place), Answer::Fired(fire, fired)) => {
                let scheduler = &mut self.schedulers[place];
                let entries = scheduler.snapshot.iter_mut().flat_map(|it| &mut it.entries);
                for entry in entries.filter(|it| it.definition.name == fire.schedule) {
                    match fired {
                        Fired::Fired(_) => entry.last_tick = fire.tick,
                        Fired::AlreadyDone { last_tick } => entry.last_tick = last_tick,
                        _ => entry.enabled = false, // until it is listed again
                    }
                }
            }
            _ => {}
        }
    }

    fn consumer(&mut self, place: usize) -> Option<(Address, &mut Consumer)> {
        let step = self.step;
        let consumer = &mut self.consumers[place % CONSUMERS];
        let address = Address::Consumer(place % CONSUMERS, consumer.generation);
        (consumer.stands_until <= step).then_some((address, consumer))
    }
}
