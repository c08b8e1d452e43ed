//! What clients do.

use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    ClaimRequest, EnqueueRequest, Fire, LeaseToken, ReclaimRequest, Report, ScheduleStore,
};
use aqueduct::run::Settlement;
use aqueduct::{QueuedTask, RunId};
use aqueduct_core::event::Progress;

use super::{CONSUMERS, PRODUCERS, SCHEDULERS, World};
use crate::simulation::at_once;
use crate::simulation::client::{BEAT, Consumer, LEASE};
use crate::simulation::network::{Address, Fate, Request};

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

    /// A consumer renews its lease, and passes on what an attempt reports.
    pub fn report(&mut self, place: usize, token: LeaseToken, done: u64, fate: Fate) {
        if let Some((address, consumer)) = self.consumer(place) {
            let mut progress = Progress::default();
            progress.done = done;
            let reports = vec![Report::new(token, progress)];
            let request = consumer.beat().reporting(reports);
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
        self.end_holding_back(place, pick, settlement, Duration::ZERO);
    }

    /// An attempt of a consumer ends, and lets nothing start for a time that shares its limits.
    pub fn end_holding_back(
        &mut self,
        place: usize,
        pick: usize,
        settlement: Settlement,
        time: Duration,
    ) {
        let now = self.now();
        if let Some((_, consumer)) = self.consumer(place) {
            consumer.watch(now);
            consumer.end(pick, settlement, time);
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
                let request = EnqueueRequest::new(id, last, tasks);
                producer.unanswered.insert(request).clone()
            }
        };
        self.send(Address::Producer(place), Request::Enqueue(request), fate);
    }

    /// Somebody waits for the end of a run that keeps its result, and loses so many answers.
    pub fn wait(&mut self, pick: usize, loses: u32) {
        let run = {
            let court = self.broker.court();
            let runs = court.view().runs.values();
            let kept: Vec<RunId> = runs
                .filter(|it| it.keeps_result())
                .map(|it| it.id)
                .collect();
            kept.get(pick % kept.len().max(1)).copied()
        };
        if let Some(run) = run {
            self.waiters.begin(&self.broker, run, loses);
        }
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
        let fire = Fire::tick(&entry.definition, tick);
        self.runs.extend(fire.run.as_ref().map(|run| run.id));
        self.send(Address::Scheduler(place), Request::Fire(fire), fate);
    }

    /// The clock of the broker is set forward or back.
    pub fn jump(&mut self, by: Duration, back: bool) {
        let now = self.clock.clock().now();
        self.broker.court().note_time(&self.clock.clock());
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
