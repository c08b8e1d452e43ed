//! The parts by hand: manager, consumer, scheduler, observers, metrics.
//!
//! [`App`](crate::App) only wires these. Build them yourself when they belong into different processes,
//! or into a program that has its own way to start and stop things.
//!
//! # Manager, consumer, scheduler
//!
//! ```
//! use std::sync::Arc;
//!
//! use aqueduct::broker_api::Producer;
//! use aqueduct::state::States;
//! use aqueduct::{
//!     Broker, State, TaskConsumer, TaskManager, TaskRegistry, TaskScheduler, task, tasks,
//! };
//! use tokio::sync::Notify;
//!
//! #[task]
//! async fn greet(greeted: State<Notify>, name: String) {
//!     println!("hello, {name}");
//!     greeted.notify_one();
//! }
//!
//! #[task(schedule = every("30s"))]
//! async fn heartbeat() {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let broker = Broker::memory();
//! let mut registry = TaskRegistry::new();
//! for task in tasks![greet, heartbeat] {
//!     registry.register(&task)?; // an error if two tasks have one name
//! }
//! let registry = Arc::new(registry);
//!
//! // Queues. A producer has an identity of its own, and repeats requests whose answer was lost.
//! let producer = Producer::new(broker.handle().clone());
//! let manager = TaskManager::new(Arc::clone(&registry), Arc::new(producer));
//!
//! // Executes.
//! let mut states = States::default();
//! states.insert(Notify::new());
//! let greeted = states.get::<Notify>().expect("just inserted");
//! let consumer = TaskConsumer::builder(broker.handle().clone(), Arc::clone(&registry))
//!     .states(Arc::new(states))
//!     .concurrency(8)
//!     .build()?; // an error that names each violated bound and each missing state
//! let metrics = consumer.metrics();
//!
//! // Fires.
//! let scheduler = TaskScheduler::builder(broker.handle().clone())
//!     .schedules_of(&registry)
//!     .build()?;
//!
//! // Each runs until its future completes.
//! let stop = Arc::new(Notify::new());
//! let work = async {
//!     greet::queue(&manager, "world".to_owned()).await?;
//!     greeted.notified().await;
//!     stop.notify_waiters();
//!     Ok::<(), aqueduct::QueueError>(())
//! };
//! let (consumed, fired, worked) = tokio::join!(
//!     consumer.run(Arc::clone(&stop).notified_owned()),
//!     scheduler.run(stop.notified()),
//!     work,
//! );
//! worked?;
//! assert_eq!(consumed?.unsettled, 0);
//! println!("{} ticks", fired?.fired);
//! assert_eq!(metrics.snapshot().succeeded, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Both `run`s are futures: dropping that of a consumer lets it drain by itself, unseen, so
//! complete its `shutdown` instead. `TaskConsumer::start` starts it at once, and looks at `shutdown` on a
//! thread that no task can block. Neither ends because a broker cannot be reached; they end with an
//! error when the broker refuses them for good. Several consumers in one process are fine, each with an
//! identity of its own.
//!
//! The checks that `App` makes of the broker, for instance whether it keeps schedules at all, are made
//! here by the builders and, for each call, by the producer.
//!
//! # Steering schedules
//!
//! A [`ScheduleControl`](crate::scheduler::ScheduleControl) works from any process, with or without a
//! scheduler in it. A running app has one in [`RunningApp::schedules`](crate::RunningApp::schedules).
//!
//! ```
//! use std::time::Duration;
//!
//! use aqueduct::scheduler::{ScheduleDefinition, ScheduleVersion, Upserted};
//! use aqueduct::{Broker, Schedule, ScheduleName, task};
//!
//! #[task(queue = "reports", unique = "report:{city}")]
//! async fn report(city: String) {
//!     println!("a report on {city}");
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let broker = Broker::memory();
//! let control = broker.schedules()?;
//! let name: ScheduleName = "report-rome".parse()?;
//! let definition = ScheduleDefinition::from_call(
//!     name.clone(),
//!     Schedule::cron("0 7 * * MON-FRI")?.time_zone("Europe/Rome")?,
//!     report::with("Rome".to_owned()).keep_result(Duration::from_hours(1)),
//! )?;
//! assert_eq!(control.upsert(definition.clone()).await?, Upserted::Created);
//!
//! for status in control.list(3).await? {
//!     println!("{}: {}, next {:?}", status.entry.definition.name, status.description, status.upcoming);
//! }
//! control.pause(&name).await?; // ticks meanwhile stay missed
//! control.resume(&name).await?;
//! control.run_now(&name).await?; // one run, beside the ticks
//! control.edit(&name, |report| {
//!     report.schedule = Schedule::every(Duration::from_mins(20)).unwrap();
//! }).await?; // the next version: no process changes it back
//! control.remove(&name).await?;
//!
//! // A removed schedule comes back with a higher version only.
//! assert_eq!(control.upsert(definition.clone()).await?, Upserted::Outdated);
//! let again = definition.with_version(ScheduleVersion::from_number(2));
//! assert_eq!(control.upsert(again).await?, Upserted::Created);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A schedule that is made of a call queues just what the call would: the parameters, the queue, the lane, the unique key, the
//! limits and whatever else the call or the attribute of its task asks for. `ScheduleDefinition::new` is for tasks that this
//! program does not have: it takes the bare name, and whoever makes it says the rest. `edit` changes what is stored as it
//! is, whatever tasks there are: neither the name of a task nor its parameters are checked, and a key that was made of
//! parameters does not follow them. The name of a schedule cannot be edited.
//!
//! The schedules of `#[task(schedule = …)]` are named after their tasks, and have the version that
//! `.deploy(…)` of the scheduler sets, 0 by default.
//!
//! # Observers
//!
//! ```
//! use aqueduct::observe::{AsyncObserver, Observer, RunEvent, RunEventKind};
//! use aqueduct::{App, Broker};
//!
//! /// Has a thread of its own, and may block it.
//! struct Audit(Vec<RunEvent>);
//!
//! impl Observer for Audit {
//!     fn on_event(&mut self, event: RunEvent) {
//!         self.0.push(event);
//!     }
//! }
//!
//! /// Is called on the runtime, one event at a time.
//! struct Alarm;
//!
//! impl AsyncObserver for Alarm {
//!     async fn on_event(&self, event: RunEvent) {
//!         if let RunEventKind::Ended { failure: Some(failure), .. } = event.kind {
//!             notify(event.run, failure.message()).await;
//!         }
//!     }
//! }
//! # async fn notify(_: aqueduct::RunId, _: &str) {}
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let app = App::new(Broker::memory())
//!     .observe(Audit(Vec::new()))
//!     .observe(|event: RunEvent| println!("{} {:?}", event.task, event.kind))
//!     .observe_async(Alarm)
//!     .start()
//!     .await?;
//! let summary = app.stop().await?;
//! assert_eq!(summary.observers.len(), 3); // delivered, dropped, panicked, timed out
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Up to 4096 events wait for each observer; further ones are dropped and counted. An async observer
//! has 10 s for an event. At the stop, observers have 2 s for what waits. An app hears of the runs
//! that it queues and executes itself, not of those of other processes.
//!
//! Parts by hand take an [`EventSink`](crate::event::EventSink), which must not block: give it to the
//! manager and the consumer as [`Events::to(…)`](crate::event::Events::to).
//!
//! # Metrics
//!
//! [`RunningApp::metrics`](crate::RunningApp::metrics) and `TaskConsumer::metrics` return a handle;
//! each `snapshot()` is a plain struct of counters, to be copied into whatever collects your metrics.
//!
//! ```
//! use aqueduct::consumer::{ConsumerMetrics, MetricsHandle};
//!
//! fn export(metrics: &MetricsHandle) -> [(&'static str, u64); 4] {
//!     let ConsumerMetrics { claimed, running, stuck, broker_errors, .. } = metrics.snapshot();
//!     [("claimed", claimed), ("running", running), ("stuck", stuck), ("broker_errors", broker_errors)]
//! }
//! ```
//!
//! `running` and `stuck` are what is now; all others only grow. `stuck` over 0 means that a task blocks
//! a thread past its time limit: it takes a place until it returns. `broker_errors` that grows means
//! that the broker does not answer; the log says why.
