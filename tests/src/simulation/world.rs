//! The world of one simulation: the broker, its clock, the clients, the network between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, BrokerAdmin, ClaimRequest, Fired, LeaseToken, ReclaimRequest, ScheduleStore,
};
use aqueduct::run::Settlement;
use aqueduct::{QueueName, QueuedTask, RunId};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::time::Monotonic;

use super::at_once;
use super::client::{BEAT, Consumer, LEASE, Producer, Scheduler, Weakness};
use super::network::{Address, Answer, Fate, Network, Parcel, Request};
use super::observed::Observed;

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
    queues: Arc<[QueueName]>,
    weakness: Option<Weakness>,
}

/// How many clients there are of each kind.
const CONSUMERS: usize = 3;
const PRODUCERS: usize = 2;
const SCHEDULERS: usize = 2;

/// How long it may take until everything has ended after everything has healed, in rounds of a second.
const ROUNDS: u64 = 400;

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
        let court = self.broker.court();
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

/// What clients do.
impl World {
    /// A consumer settles what has ended and claims up to so many runs, or repeats the request that did.
    pub fn exchange(&mut self, place: usize, most: usize, fate: Fate) {
        let queues = Arc::clone(&self.queues);
        if let Some((address, consumer)) = self.consumer(place) {
            let request: ClaimRequest = consumer.exchange(most, &queues);
            self.send(address, Request::Claim(request), fate);
        }
    }

    /// A consumer renews its lease.
    pub fn beat(&mut self, place: usize, fate: Fate) {
        if let Some((address, consumer)) = self.consumer(place) {
            let request = consumer.beat();
            self.send(address, Request::Extend(request), fate);
        }
    }

    /// A consumer takes back what the dead hold.
    pub fn reclaim(&mut self, place: usize, crash_budget: u32, fate: Fate) {
        if let Some((address, _)) = self.consumer(place) {
            let request = ReclaimRequest::new(BEAT, LEASE).with_crash_budget(crash_budget);
            self.send(address, Request::Reclaim(request), fate);
        }
    }

    /// An attempt of a consumer ends.
    pub fn end(&mut self, place: usize, pick: usize, settlement: Settlement) {
        let now = self.now();
        if let Some((_, consumer)) = self.consumer(place) {
            consumer.watch(now);
            consumer.end(pick, settlement);
        }
    }

    /// Returns the token of an attempt of a consumer, for what it does beside its exchanges.
    pub fn token(&mut self, place: usize, pick: usize) -> Option<LeaseToken> {
        let (_, consumer) = self.consumer(place)?;
        consumer.token(pick)
    }

    /// A consumer looks whether its lease is to be trusted.
    pub fn watch(&mut self, place: usize) {
        let now = self.now();
        if let Some((_, consumer)) = self.consumer(place) {
            consumer.watch(now);
        }
    }

    /// A consumer dies, and another takes its place.
    pub fn crash(&mut self, place: usize) {
        let weakness = self.weakness;
        let consumer = &mut self.consumers[place % CONSUMERS];
        *consumer = Consumer::new(consumer.generation + 1, weakness);
    }

    /// A consumer stands still for so many steps.
    pub fn stall(&mut self, place: usize, steps: u64) {
        self.consumers[place % CONSUMERS].stands_until = self.step + steps;
    }

    /// A producer queues, or repeats the request whose answer it lacks.
    pub fn produce(&mut self, place: usize, tasks: Vec<QueuedTask>, gives_up: bool, fate: Fate) {
        let place = place % PRODUCERS;
        let producer = &mut self.producers[place];
        if gives_up {
            producer.unanswered = None;
        }
        let request = match &producer.unanswered {
            Some(unanswered) => unanswered.clone(),
            None => {
                producer.last = producer.last.next();
                self.runs.extend(tasks.iter().map(|task| task.id));
                let (id, last) = (producer.id, producer.last);
                let request = aqueduct::broker_api::EnqueueRequest::new(id, last, tasks);
                producer.unanswered.insert(request).clone()
            }
        };
        self.send(Address::Producer(place), Request::Enqueue(request), fate);
    }

    /// A scheduler fires the latest tick of a schedule, as far as it knows.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not answer at once.
    pub fn fire(&mut self, place: usize, pick: usize, lists: bool, fate: Fate) {
        let place = place % SCHEDULERS;
        if lists || self.schedulers[place].snapshot.is_none() {
            let listed = at_once(ScheduleStore::list(&self.broker)).expect("the schedules");
            self.schedulers[place].snapshot = Some(listed);
        }
        let now = self.clock.clock().now();
        let snapshot = self.schedulers[place].snapshot.as_ref();
        let entries = snapshot.map(|it| &*it.entries).unwrap_or_default();
        let Some(entry) = entries.get(pick % entries.len().max(1)) else {
            return;
        };
        let latest = entry.definition.schedule.latest_at(now);
        let Some(tick) = latest.filter(|tick| entry.enabled && *tick > entry.last_tick) else {
            return;
        };
        let fire = aqueduct::broker_api::Fire::tick(&entry.definition, tick);
        self.runs.extend(fire.run.as_ref().map(|run| run.id));
        self.send(Address::Scheduler(place), Request::Fire(fire), fate);
    }

    /// The clock of the broker is set forward or back.
    pub fn jump(&mut self, by: Duration, back: bool) {
        let now = self.clock.clock().now();
        self.clock.set_wall(if back {
            now.saturating_sub(by)
        } else {
            now.saturating_add(by)
        });
        let jumped_at = self.now();
        for consumer in &mut self.consumers {
            consumer.note_jump(jumped_at);
        }
    }
}

/// The end: everything heals, and everything ends.
impl World {
    /// Lets everything heal, and every run come to its end.
    ///
    /// # Errors
    ///
    /// Returns what is wrong: a run that does not end, or a law that was broken on the way.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.step = u64::MAX / 2;
        self.begin_step();
        for scope in at_once(self.broker.paused()).expect("what is paused") {
            at_once(self.broker.set_paused(&scope, false)).expect("an answer");
        }
        for _ in 0..ROUNDS {
            self.round()?;
            let is_over = self.broker.court().view().unfinished() == 0;
            if is_over && self.producers.iter().all(|it| it.unanswered.is_none()) {
                break;
            }
        }
        self.broker.court().rest()
    }

    fn round(&mut self) -> Result<(), String> {
        for place in 0..PRODUCERS {
            if self.producers[place].unanswered.is_some() {
                self.produce(place, Vec::new(), false, Fate::Arrives);
            }
        }
        for place in 0..CONSUMERS {
            self.watch(place);
            self.beat(place, Fate::Arrives);
            self.reclaim(place, 3, Fate::Arrives);
            self.exchange(place, usize::MAX, Fate::Arrives);
            for _ in 0..8 {
                self.end(place, 0, Settlement::Succeed { result: None });
            }
            self.exchange(place, usize::MAX, Fate::Arrives);
        }
        self.clock.advance(Duration::from_secs(1));
        self.end_step()
    }
}
