//! A broker of one's own: three methods, and the rest of the app does not notice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use aqueduct::broker_api::{BrokerError, BrokerErrorKind, LaneWant, SimpleBroker};
use aqueduct::memory::SimpleBrokerExt;
use aqueduct::{App, Broker, QueueName, State, TaskRun, task, tasks};
use tokio::sync::Notify;

/// A shelf that runs lie on, in this process; a real one would be a table or a topic.
#[derive(Debug, Default)]
struct Shelf(Mutex<VecDeque<TaskRun>>);

/// The most runs on the shelf.
const ROOM: usize = 10_000;

impl Shelf {
    fn with<T>(&self, look: impl FnOnce(&mut VecDeque<TaskRun>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SimpleBroker for Shelf {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        self.with(|shelf| {
            if run.tally.attempt > 0 {
                shelf.push_front(run); // given back by a consumer that stops
            } else if shelf.len() < ROOM {
                shelf.push_back(run);
            } else {
                let message = format!("there are {ROOM} runs already");
                let kind = BrokerErrorKind::LimitExceeded; // nothing was stored
                return Err(BrokerError::new(kind, "queue a task", message));
            }
            Ok(())
        })
    }

    async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
        Ok(self.with(|shelf| {
            let oldest = shelf.iter().position(|run| want.accepts(run))?;
            shelf.remove(oldest)
        }))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        let mut lengths = BTreeMap::new();
        self.with(|shelf| {
            for run in shelf.iter() {
                *lengths.entry(run.queue.clone()).or_default() += 1;
            }
        });
        Ok(lengths)
    }
}

#[task]
async fn greet(done: State<Notify>, name: String) -> Result<(), std::io::Error> {
    use std::io::Write;
    writeln!(std::io::stdout(), "hello, {name}")?;
    done.notify_one();
    Ok(())
}

#[task]
async fn wait_for_greeting(done: State<Notify>) {
    done.notified().await;
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    let broker = Broker::from(Shelf::default().into_broker());
    let app = App::new(broker)
        .tasks(tasks![greet, wait_for_greeting])
        .state(Notify::new());
    let app = app.start().await?;
    let manager = app.task_manager();
    greet::queue(manager, "shelf".to_owned()).await?;
    manager.run(wait_for_greeting::with()).await?; // inline, for the sake of waiting
    app.stop().await?;
    Ok(())
}
